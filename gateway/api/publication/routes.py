"""The log under `/audit/`, by the paths of C2SP tlog-tiles: read by anybody's tool, the same bytes from every replica.

Hashes and checkpoints say nothing about anybody and are open; entries, pseudonymous as they are, need the right to read the
log unless the configuration opens them.
"""

import asyncio
import re
from collections.abc import AsyncIterator
from contextlib import asynccontextmanager
from typing import Annotated, Final
from uuid import UUID

from fastapi import APIRouter, Depends, Path, Request
from fastapi.responses import Response

from gateway.api.dependencies import CurrentSession, TheParts, demand, signed_in, with_own_password
from gateway.api.signoff.doors import desk_of, logged
from gateway.audit.export import WIDTH
from gateway.audit.outside.tiles import Tile
from gateway.audit.publication.stored import Stored
from gateway.database import BROKEN, connect
from gateway.errors import AuditUnavailable, Unknown
from gateway.identity.roles import Right

router = APIRouter(prefix="/audit", tags=["publication"])
_IMMUTABLE: Final = {"Cache-Control": "public, max-age=31536000, immutable"}
_FRESH: Final = {"Cache-Control": "public, max-age=5"}
_TEXT: Final = "text/plain; charset=utf-8"
_BYTES: Final = "application/octet-stream"
_PLACE: Final = re.compile(r"((?:x[0-9]{3}/)*[0-9]{3})(?:\.p/([1-9][0-9]{0,2}))?")
_MOST: Final = 2**53
_PATIENCE_SECONDS: Final = 10.0
_BUSY: Final = (
    "Too many are reading the published log at this moment. Try again in a few seconds, or read the published folder.",
    "Trop de lecteurs consultent le journal publié en ce moment. Réessayez dans quelques secondes, ou lisez le dossier publié.",
)
_AWAY: Final = (
    "The database does not answer, so the log cannot be read. Try again.",
    "La base de données ne répond pas ; le journal ne peut pas être lu. Réessayez.",
)
Number = Annotated[int, Path(ge=0, lt=_MOST)]


@asynccontextmanager
async def _reading(parts: TheParts) -> AsyncIterator[Stored]:
    """The stored log over a connection of its own, because it may take long; few at once. Raises AuditUnavailable."""
    try:
        async with asyncio.timeout(_PATIENCE_SECONDS):
            await parts.outsiders.acquire()
    except TimeoutError as error:
        raise AuditUnavailable(_BUSY[0], code="log_busy", fr=_BUSY[1]) from error
    try:
        async with _connected(parts) as stored:
            yield stored
    finally:
        parts.outsiders.release()


@asynccontextmanager
async def _connected(parts: TheParts) -> AsyncIterator[Stored]:
    try:
        connection = await connect(parts.url)
        try:
            yield Stored(connection, parts.settings.establishment.id)
        finally:
            await connection.close(timeout=2)
    except BROKEN as error:
        raise AuditUnavailable(_AWAY[0], fr=_AWAY[1]) from error


async def _reader(request: Request, parts: TheParts) -> None:
    """Who may read entries. Raises Unauthenticated, Forbidden."""
    if parts.settings.publication.entries == "auditors":
        session = await with_own_password(await signed_in(request, parts))
        await demand(parts, session, Right.READ_LOG)


@router.get("/checkpoint")
async def checkpoint(parts: TheParts) -> Response:
    """The newest published state, with its cosignatures."""
    async with _reading(parts) as stored:
        return Response(await stored.cosigned(await stored.newest_kept()), media_type=_TEXT, headers=_FRESH)


@router.get("/checkpoints/{size}")
async def older(size: Number, parts: TheParts) -> Response:
    """An older published state."""
    async with _reading(parts) as stored:
        return Response(await stored.cosigned(await stored.kept(size)), media_type=_TEXT, headers=_FRESH)


@router.get("/log.vkey")
async def vkey(parts: TheParts) -> Response:
    """The log's public keys; take them from somewhere else if you want proof."""
    return Response("".join(f"{key.encode()}\n" for key in parts.keys.vkeys), media_type=_TEXT, headers=_FRESH)


@router.get("/tile/entries/{place:path}", dependencies=[Depends(_reader)])
async def bundle(place: str, parts: TheParts) -> Response:
    """One bundle of up to 256 entries."""
    number, width = _placed(place)
    async with _reading(parts) as stored:
        await _check_published(stored, 0, number, width)
        kept = "private" if parts.settings.publication.entries == "auditors" else "public"
        return Response(
            await stored.bundle(number, width), media_type=_BYTES, headers={"Cache-Control": f"{kept}, max-age=31536000, immutable"}
        )


@router.get("/tile/{level}/{place:path}")
async def tile(level: Annotated[int, Path(ge=0, le=6)], place: str, parts: TheParts) -> Response:
    """One tile of up to 256 hashes."""
    number, width = _placed(place)
    async with _reading(parts) as stored:
        await _check_published(stored, level, number, width)
        return Response(await stored.tile(Tile(level, number, width)), media_type=_BYTES, headers=_IMMUTABLE)


@router.get("/proof/{index}")
async def proof(index: Number, parts: TheParts) -> Response:
    """The proof that one entry stands in the newest published state (C2SP tlog-proof)."""
    async with _reading(parts) as stored:
        found = await stored.prove(index, await stored.newest_kept())
        return _file(found.encode(), f"{index}.tlog-proof")


@router.get("/consistency/{old}/{new}")
async def consistency(old: Number, new: Number, parts: TheParts) -> Response:
    """The proof that one published state only added entries to an older one, as a witness takes it."""
    async with _reading(parts) as stored:
        await stored.kept(old)
        return Response((await stored.prove_growth(old, await stored.kept(new))).encode(), media_type=_TEXT)


@router.get("/case/{case}")
async def case(case: UUID, session: CurrentSession, parts: TheParts) -> Response:
    """The proof of all entries of a case: one text file that a patient file or a court can keep."""
    await demand(parts, session, Right.READ_CASES if Right.READ_CASES in session.person.rights else Right.READ_LOG)
    if Right.READ_LOG not in session.person.rights:
        desk = desk_of(parts).signoff
        for suggestion in await desk.suggestions.of_case(case):
            await logged(parts, session, suggestion, desk.readable(session.person, suggestion))
    async with _reading(parts) as stored:
        found = await stored.prove_case(case, await stored.newest_with(case))
        return _file(found.encode(), f"{case}.tlog-proof")


def _file(text: str, name: str) -> Response:
    return Response(text, media_type=_TEXT, headers={"Content-Disposition": f'attachment; filename="{name}"'})


def _placed(place: str) -> tuple[int, int]:
    """Number and width of a tile's path. Raises Unknown."""
    found = _PLACE.fullmatch(place)
    if found is None or len(place) > 40 or int(found[2] or WIDTH) > WIDTH - bool(found[2]):  # noqa: PLR2004 - seven groups of digits
        message = "This is no address of a tile. See C2SP tlog-tiles."
        raise Unknown(message, code="tile_unknown", fr="Ceci n'est pas l'adresse d'une tuile du journal. Voyez C2SP tlog-tiles.")
    number = int("".join(part.lstrip("x") for part in found[1].split("/")))
    return number, int(found[2] or WIDTH)


async def _check_published(stored: Stored, level: int, number: int, width: int) -> None:
    """Nothing beyond the newest published state. Raises Unknown."""
    size = (await stored.newest_kept()).size
    if number * WIDTH + width > size >> (8 * level):
        message = "The published log is not that large. Read /audit/checkpoint for its size."
        raise Unknown(message, code="tile_unknown", fr="Le journal publié n'est pas si grand. Lisez sa taille dans /audit/checkpoint.")
    await stored.catch_up(size)
