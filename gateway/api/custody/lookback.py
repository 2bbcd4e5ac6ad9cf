"""Looking back at an AI system over HTTP (R20): begin, list its cases, tick them off until every one was contacted again."""

import asyncio
from collections.abc import AsyncIterator
from contextlib import asynccontextmanager
from datetime import date, datetime
from http import HTTPStatus
from typing import Any, Final
from uuid import UUID

import orjson
from fastapi import APIRouter, Response
from pydantic import BaseModel, Field
from sqlalchemy.exc import DBAPIError
from sqlalchemy.ext.asyncio import AsyncConnection

from gateway.api.accounts import Strict
from gateway.api.dependencies import CurrentSession, Parts, TheParts, demand
from gateway.audit.batch import Write
from gateway.audit.search.index import fill
from gateway.audit.search.lookback import Lookback, Touched, all_of, check_left, contacted, found, opened, touched
from gateway.database import BROKEN, aside
from gateway.errors import AuditUnavailable
from gateway.identity.roles import Author, Right
from gateway.identity.sessions import Session
from gateway.ids import uuid7

router = APIRouter(tags=["look-back"])
_SECONDS: Final = 60.0


class LookbackBody(Strict):
    """What is looked back at: days in UTC, both included; `released`: only cases of which an answer left."""

    system: str = Field(min_length=1, max_length=64)
    version: str = Field(default="", max_length=64)
    since: date = date(2000, 1, 1)
    until: date | None = None
    released: bool = False


class TouchedView(BaseModel):
    """One case, and whether it was contacted again; people are pseudonyms of the log."""

    case: UUID
    at: datetime
    suggestion: UUID
    released_at: datetime | None
    signers: list[str]
    recipients: list[str]
    done_at: datetime | None
    done_by: str


class LookbackView(BaseModel):
    """A look-back: how many cases there are and how many are left; `cases` where one is asked for."""

    id: UUID
    system: str
    version: str
    since: date
    until: date
    released: bool
    total: int
    left: int
    cases: list[TouchedView] = []


@router.get("/lookbacks", summary="Look-backs that were begun")
async def listed(session: CurrentSession, parts: TheParts) -> list[LookbackView]:
    """The newest first, with how many cases are left of each."""
    await author(parts, session)
    return await views(parts)


@router.post("/lookbacks", status_code=201, summary="Begin a look-back", response_model=LookbackView)
async def begun(body: LookbackBody, session: CurrentSession, parts: TheParts) -> Response:
    """Its beginning is an entry of the log; the answer holds its cases."""
    identity = await begin(body, session, parts)
    return _answer(await found_of(parts, identity), HTTPStatus.CREATED)


async def begin(body: LookbackBody, session: Session, parts: Parts) -> UUID:
    """Begin one; its id. Raises Forbidden, AuditUnavailable."""
    by = await author(parts, session)
    now = parts.clock.now()
    back = Lookback(uuid7(), body.system, body.version, body.since, body.until or now.date(), body.released)
    await parts.writer.append(Write((opened(back, by, now),)))
    return back.id


@router.get("/lookbacks/{identity}", summary="The cases of a look-back", response_model=LookbackView)
async def cases(identity: UUID, session: CurrentSession, parts: TheParts) -> Response:
    """All of them, those that are left first."""
    await author(parts, session)
    return _answer(await found_of(parts, identity), HTTPStatus.OK)


@router.post("/lookbacks/{identity}/cases/{case}", status_code=204, summary="Tick a case off")
async def tick(identity: UUID, case: UUID, session: CurrentSession, parts: TheParts) -> None:
    """This case was contacted again; that is an entry, in your name."""
    by = await author(parts, session)
    name = parts.settings.establishment.id
    async with up_to_date(parts) as connection:
        await check_left(connection, name, await found(connection, name, identity), case)
    await parts.writer.append(Write((contacted(identity, case, by, parts.clock.now()),)))


async def author(parts: Parts, session: Session) -> Author:
    """Who reads log and cases. Raises Forbidden."""
    await demand(parts, session, Right.READ_LOG)
    await demand(parts, session, Right.READ_CASES)
    return session.author(parts.keys)


async def found_of(parts: Parts, identity: UUID) -> tuple[Lookback, list[Touched]]:
    """One look-back and its cases. Raises Unknown, AuditUnavailable."""
    async with up_to_date(parts) as connection:
        back = await found(connection, parts.settings.establishment.id, identity)
        return back, await touched(connection, parts.settings.establishment.id, back)


async def view_of(parts: Parts, identity: UUID, most: int) -> LookbackView:
    """One look-back with so many of its cases. Raises Unknown, AuditUnavailable."""
    back, listed = await found_of(parts, identity)
    return LookbackView(**_told(back, listed), cases=[TouchedView(**_plain(one)) for one in listed[:most]])


async def views(parts: Parts) -> list[LookbackView]:
    """Every look-back, with how many cases it has, in one reading."""
    async with up_to_date(parts) as connection:
        known = await all_of(connection, parts.settings.establishment.id)
    return [LookbackView(**_named(back), total=counted.total, left=counted.left) for back, counted in known]


@asynccontextmanager
async def up_to_date(parts: Parts) -> AsyncIterator[AsyncConnection]:
    """A connection for one long reading of the index, with all in it that was written so far; two at once. Raises AuditUnavailable."""
    try:
        async with aside(parts.url) as own, asyncio.timeout(_SECONDS):
            await fill(own, parts.settings.establishment.id)
            async with parts.database() as session:
                yield await session.connection()
    except (*BROKEN, DBAPIError) as error:
        raise AuditUnavailable("The database does not answer, so the log cannot be searched. Try again.") from error


def _answer(whole: tuple[Lookback, list[Touched]], status: int) -> Response:
    """As JSON, written at once: a look-back may have a hundred thousand cases."""
    back, listed = whole
    body = orjson.dumps(
        {**_told(back, listed), "cases": [_plain(one) for one in listed]}, default=str
    )  # the driver has an own kind of UUID
    return Response(body, status, media_type="application/json")


def _told(back: Lookback, listed: list[Touched]) -> dict[str, Any]:
    return {**_named(back), "total": len(listed), "left": sum(one.done_at is None for one in listed)}


def _named(back: Lookback) -> dict[str, Any]:
    return {name: getattr(back, name) for name in ("id", "system", "version", "since", "until", "released")}


def _plain(one: Touched) -> dict[str, Any]:
    return {name: getattr(one, name) for name in TouchedView.model_fields}
