"""Erasure by two people, legal holds, retention and keys over HTTP. What the pages call is named here."""

import asyncio
from collections.abc import Awaitable
from dataclasses import asdict
from typing import Annotated, Final, TypeVar
from uuid import UUID

from fastapi import APIRouter, Depends, Request
from pydantic import JsonValue

from gateway.api.administration.operation import operation_of
from gateway.api.custody.models import (
    Asking,
    AskingOptions,
    ClassView,
    DeathBody,
    ErasureView,
    HoldBody,
    HoldView,
    KeyView,
    Proving,
    RetentionView,
)
from gateway.api.dependencies import CurrentSession, MachineAdministrator, Parts, TheParts, demand, denied
from gateway.custody import proving
from gateway.custody.clocks.overview import overview
from gateway.custody.erasing import Destroyed
from gateway.custody.room import Custody
from gateway.custody.tables import ErasureRow
from gateway.errors import BadInput, GarantError
from gateway.identity.people import pseudonym
from gateway.identity.roles import Author, Right
from gateway.identity.sessions import Authentication, Session
from gateway.operations.rotation.listing import listed

router = APIRouter(tags=["custody"])
_T = TypeVar("_T")
_TASKS: Final[set[asyncio.Task[None]]] = set()
ASKS: Final = "erase_ask"
CONFIRMS: Final = "erase_confirm"


def custody_of(request: Request) -> Custody:
    """The custody of the running application."""
    return operation_of(request).custody


TheCustody = Annotated[Custody, Depends(custody_of)]


@router.get("/custody/erasures", summary="Requests to erase")
async def erasures(session: CurrentSession, parts: TheParts, kept: TheCustody) -> list[ErasureView]:
    """Open requests first, then what became of the others."""
    await demand(parts, session, Right.ERASE)
    return [_view(row, session, parts) for row in await kept.stock.erasures()]


@router.post("/custody/erasures", status_code=201, summary="Ask to erase a case")
async def ask(body: Asking, session: CurrentSession, parts: TheParts, kept: TheCustody) -> ErasureView:
    """The first of two people; nothing is erased yet."""
    await demand(parts, session, Right.ERASE)
    proof = await _proof(body, session, parts, body.case, {"decision": ASKS, "reason": body.basis})
    work = kept.erasing.ask(session.person, proof, body.case, body.basis)
    return _view(await _told(parts, session, work), session, parts)


@router.post("/custody/erasures/{erasure}/confirm", summary="Confirm what another person asked for: erase")
async def confirm(erasure: UUID, body: Proving, session: CurrentSession, parts: TheParts, kept: TheCustody) -> ErasureView:
    """The second of two people: the content is destroyed in this call; what is left of it is searched for afterwards."""
    await demand(parts, session, Right.ERASE)
    proof = await _proof(body, session, parts, erasure, {"decision": CONFIRMS, "reason": ""})
    _search(parts, await _told(parts, session, kept.erasing.confirm(session.person, proof, erasure)))
    return _view(await kept.stock.erasure(erasure), session, parts)


@router.post("/custody/erasures/{erasure}/withdraw", summary="Take a request to erase back")
async def withdraw(erasure: UUID, session: CurrentSession, parts: TheParts, kept: TheCustody) -> ErasureView:
    """Nothing is destroyed by it."""
    await demand(parts, session, Right.ERASE)
    return _view(await kept.erasing.withdraw(session.person, session.authentication, erasure), session, parts)


@router.post("/custody/passkey-options", summary="Begin to confirm an erasure with a passkey")
async def passkey_options(body: AskingOptions, session: CurrentSession, parts: TheParts) -> dict[str, JsonValue]:
    """Options for `navigator.credentials.get()` whose challenge is made of exactly this request, or of exactly this confirmation."""
    await demand(parts, session, Right.ERASE)
    about = body.erasure or body.case
    if about is None:
        raise BadInput("Name a case, or a request.", fr="Nommez un dossier, ou une demande.")
    said = {"decision": CONFIRMS, "reason": ""} if body.erasure else {"decision": ASKS, "reason": body.basis}
    options = await parts.passkeys.decision_options(session, about, said)
    return {name: value for name, value in options.items() if value is not None}  # type: ignore[misc] # the library's JSON


@router.get("/custody/holds", summary="Legal holds in force")
async def holds(session: CurrentSession, parts: TheParts, kept: TheCustody) -> list[HoldView]:
    """The newest first."""
    await demand_view(parts, session)
    return [HoldView.of(row) for row in await kept.stock.holds()]


@router.post("/custody/holds", status_code=204, summary="Hold a case")
async def hold(body: HoldBody, session: CurrentSession, parts: TheParts, kept: TheCustody) -> None:
    """Neither the clocks nor a request erase it until the hold is lifted."""
    await demand(parts, session, Right.ERASE)
    await kept.holding.hold(_author(session, parts), body.case, body.reason)


@router.post("/custody/holds/lift", status_code=204, summary="Lift a hold")
async def lift(body: HoldBody, session: CurrentSession, parts: TheParts, kept: TheCustody) -> None:
    """The clocks go on."""
    await demand(parts, session, Right.ERASE)
    await kept.holding.lift(_author(session, parts), body.case, body.reason)


@router.post("/custody/deaths", status_code=204, summary="Note the death of a case's patient")
async def died(body: DeathBody, session: CurrentSession, parts: TheParts, kept: TheCustody) -> None:
    """Where it is near to the last passage, the decision is kept ten years from it."""
    await demand(parts, session, Right.ERASE)
    await kept.holding.died(_author(session, parts), body.case, body.day)


@router.get("/custody/retention", summary="The clocks of retention")
async def retention(session: CurrentSession, parts: TheParts, kept: TheCustody) -> RetentionView:
    """How long what is kept, what is due next, what is held."""
    await demand_view(parts, session)
    classes = await overview(parts.database, parts.settings, parts.clock.now())
    held = [HoldView.of(row) for row in await kept.stock.holds()]
    return RetentionView(automatic=parts.settings.retention.automatic, classes=[ClassView(**asdict(one)) for one in classes], holds=held)


@router.get("/keys", summary="The keys of the log and of encryption, by their ids")
async def keys(_session: MachineAdministrator, parts: TheParts) -> list[KeyView]:
    """What each does, since when, how much it wraps."""
    return [KeyView(**asdict(one)) for one in await listed(parts.url, parts.settings.establishment.id, parts.keys)]


async def demand_view(parts: Parts, session: Session) -> None:
    """Quality and hospital IT see the clocks. Raises Forbidden."""
    await demand(parts, session, Right.MANAGE_MACHINES if Right.MANAGE_MACHINES in session.person.rights else Right.ERASE)


async def _told(parts: Parts, session: Session, work: Awaitable[_T]) -> _T:
    """Do it; a refusal is an entry too."""
    try:
        return await work
    except GarantError as error:
        await denied(parts, _author(session, parts), {"code": error.code})
        raise


def _author(session: Session, parts: Parts) -> Author:
    return session.person.author(parts.keys, Right.ERASE, session.authentication.for_log())


def _view(row: ErasureRow, session: Session, parts: Parts) -> ErasureView:
    return ErasureView.of(row, pseudonym(parts.keys, row.asked_by), session.person.id)


async def _proof(body: Proving, session: Session, parts: Parts, about: UUID, said: dict[str, str]) -> Authentication:
    if body.assertion is not None:
        return await parts.passkeys.prove_decision(session, about, said, body.assertion)
    return session.authentication if body.proof is None else await parts.sessions.prove(session, body.proof)


def _search(parts: Parts, done: Destroyed) -> None:
    """Beside the answer: the content is gone already, what is left of it may take long to search for."""
    ids, sought = (done.erasure, done.case), proving.needles(done.payloads)
    task = asyncio.create_task(proving.proven_and_kept(parts.settings, parts.keys.vkeys, parts.url, ids, sought), name="erasure-proof")
    _TASKS.add(task)
    task.add_done_callback(_TASKS.discard)
