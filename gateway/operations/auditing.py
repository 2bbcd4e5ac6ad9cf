"""The log as it stands in the database, handed to the export and to the verifier that knows no database."""

from __future__ import annotations

import asyncio
from dataclasses import dataclass
from typing import TYPE_CHECKING, Final

from gateway.audit.batch import LogIdentity
from gateway.audit.note import NoteError
from gateway.audit.publication.anchors import AheadError, check_behind
from gateway.audit.publication.building import places_of, vkey_lines
from gateway.audit.publication.folder import Folder
from gateway.audit.publication.places import is_copy
from gateway.audit.publication.publisher import Publisher
from gateway.audit.publication.stored import Stored
from gateway.audit.writer import Writer
from gateway.clock import SystemClock
from gateway.database import aside, connect
from gateway.errors import AuditUnavailable, BadInput
from gateway.operations.verification.stored import verify_stored
from gateway.outbound import Outbound

if TYPE_CHECKING:
    from collections.abc import Callable
    from pathlib import Path
    from uuid import UUID

    from gateway.audit.publication.stored import State
    from gateway.audit.verifier import Report
    from gateway.operations.keys import Keys
    from gateway.settings import Settings

_HEAD: Final = "SELECT size, checkpoint FROM log_head WHERE establishment = $1"
_LEAVES: Final = "SELECT leaf FROM entries WHERE establishment = $1 AND index < $2 ORDER BY index"
_KEPT: Final = "SELECT note FROM checkpoints WHERE establishment = $1 AND size <= $2 ORDER BY size"


@dataclass(frozen=True, slots=True)
class Snapshot:
    """One consistent reading of the log."""

    leaves: list[bytes]
    checkpoint: str
    kept: tuple[str, ...]
    policies: dict[str, str]
    assertions: dict[str, str]


async def checkpoint(url: str, establishment: str) -> str:
    """The log's newest signed checkpoint; "" where nothing was ever written."""
    connection = await connect(url)
    try:
        head = await connection.fetchrow(_HEAD, establishment)
        return "" if head is None else str(head["checkpoint"])
    finally:
        await connection.close()


async def snapshot(url: str, establishment: str) -> Snapshot:
    """Read head, leaves, kept checkpoints and policy documents in one transaction."""
    async with aside(url) as connection, connection.transaction(isolation="repeatable_read", readonly=True):
        head = await connection.fetchrow(_HEAD, establishment)
        if head is None:
            message = "The log is empty: nothing was ever written for this establishment. Try again after the first call."
            raise BadInput(message, code="log_empty")
        leaves = [row["leaf"] async for row in connection.cursor(_LEAVES, establishment, head["size"], prefetch=5000)]
        kept = tuple(row["note"] for row in await connection.fetch(_KEPT, establishment, head["size"]))
        stored = Stored(connection, establishment)
        assertions = await stored.assertions(0, head["size"])
        return Snapshot(leaves, head["checkpoint"], kept, await stored.policies(), assertions)


async def verify_live(settings: Settings, keys: Keys, url: str, told: Callable[[int, int], None] = lambda _done, _all: None) -> Report:
    """Verify the log in the database; `told`: entries that are done, and how many there are."""
    return await asyncio.to_thread(verify_stored, url, settings.establishment.id, keys.vkeys, told)


async def export(settings: Settings, keys: Keys, url: str, folder: Path, told: Callable[[int], None] = lambda _: None) -> int:
    """Write the log as static files, or add to such a folder what is new; returns how many entries it holds. `told`: entries so far."""
    connection = await connect(url)
    try:
        stored = Stored(connection, settings.establishment.id)
        state = await _published(settings, keys, url, stored)
        note = await Folder(folder, vkey_lines(keys.vkeys)).newest()
        if note is not None:
            await check_behind(stored, state, keys.vkeys, note)
        await Folder(folder, vkey_lines(keys.vkeys), told).add(stored, state)
    except (AheadError, NoteError) as error:
        message = f"{folder} holds another log, or a newer state of this one ({error}). Name an empty folder."
        raise BadInput(message, code="folder_of_another") from error
    finally:
        await connection.close()
    return state.size


async def prove(settings: Settings, keys: Keys, url: str, what: UUID | int) -> str:
    """The text of a `.tlog-proof` file: of a case by its id, or of an entry by its index. Raises Unknown."""
    connection = await connect(url)
    try:
        stored = Stored(connection, settings.establishment.id)
        state = await _published(settings, keys, url, stored)
        found = await (stored.prove(what, state) if isinstance(what, int) else stored.prove_case(what, state))
        return found.encode()
    finally:
        await connection.close()


async def prove_growth(settings: Settings, _keys: Keys, url: str, old: int, new: int) -> str:
    """The proof that the kept state of `new` entries only added to the kept one of `old`. Raises Unknown."""
    connection = await connect(url)
    try:
        stored = Stored(connection, settings.establishment.id)
        await stored.kept(old)
        state = await stored.kept(new)
        await stored.catch_up(new)
        return (await stored.prove_growth(old, state)).encode()
    finally:
        await connection.close()


async def _published(settings: Settings, keys: Keys, url: str, stored: Stored) -> State:
    """The log as it is now, brought to all places outside but the copies of the whole log first."""
    identity = LogIdentity(settings.establishment.id, settings.establishment.origin, keys.log, keys.vkeys, keys.beside)
    outbound = Outbound(())
    places = [place for place in places_of(settings, keys.vkeys, outbound) if not is_copy(place)]
    writer = Writer(url, identity)  # never started: it is what the publisher would close
    try:
        state = await Publisher(url, writer, places, SystemClock(), 0).now(stored)
    finally:
        await outbound.close()
    if writer.damaged is not None:
        raise AuditUnavailable(writer.damaged, code="log_damaged")
    return state
