"""A connection dies while its commit is under way: what was written is told as written, once, however late the server is."""

from __future__ import annotations

import asyncio
from typing import TYPE_CHECKING, Any

import pytest

from gateway.audit.batch import Log, Receipt
from gateway.audit.writer import Writer
from gateway.errors import Conflict
from tests.audit.ground import fresh, identity, rows, size, write
from tests.faults.between import Relay, between

if TYPE_CHECKING:
    from collections.abc import Awaitable, Callable, Sequence

    from gateway.audit.batch import LogIdentity, Write
    from gateway.database import Connection

SIGNED = "\n\n\u2014 ".encode()
"""In every checkpoint note, hence in the message that appends."""


@pytest.fixture
def url(database_url: str) -> str:
    return database_url


async def looked_up_without_the_lock(_log: Log, connection: Connection, writes: Sequence[Write]) -> list[Receipt | None]:
    """The control: entry ids looked up while the old server process may still be committing."""
    found = {row["id"]: row["index"] for row in await connection.fetch("SELECT id, index FROM entries")}
    return [Receipt(tuple(found[event.id] for event in one.events)) if one.events[0].id in found else None for one in writes]


def without_the_lock(monkeypatch: pytest.MonkeyPatch) -> None:
    """Neither look-up nor reconnecting waits for the head row."""
    open_once = Log.open

    async def opened(log: Log, connection: Connection) -> None:
        if not await connection.fetchval("SELECT 1 FROM log_head"):
            await open_once(log, connection)

    monkeypatch.setattr(Log, "open", opened)
    monkeypatch.setattr(Log, "settled", looked_up_without_the_lock)


async def somebody_waits(url: str) -> None:
    """Until a server process waits for the lock of another one."""
    while not await rows(url, "SELECT 1 FROM pg_stat_activity WHERE wait_event_type = 'Lock' AND datname = current_database()"):  # noqa: ASYNC110 - the server announces no lock
        await asyncio.sleep(0.02)


async def lost_in_commit(url: str, whose: LogIdentity) -> object:
    """Append one guarded write whose server process is stopped when COMMIT arrives, holding the head row; it goes on when waited for."""
    async with between(url) as (through, relay):
        writer = Writer(through, whose)
        await writer.start()
        relay.armed = b"COMMIT"
        appending = asyncio.create_task(writer.append(write(fresh())))
        await relay.caught.wait()
        await somebody_waits(url)
        relay.release()
        outcome = (await asyncio.gather(appending, return_exceptions=True))[0]
        await writer.stop()
    return outcome


async def overtaken(url: str, whose: LogIdentity, monkeypatch: pytest.MonkeyPatch) -> object:
    """Append one plain write whose server process is stopped before it runs the statement, and goes on right after the look-up."""
    async with between(url) as (through, relay):
        writer = Writer(through, whose)
        await writer.start()
        await writer.append(write())  # a head to compare with: the next one goes in one statement
        monkeypatch.setattr(writer, "_settle_committed", after(relay, writer._settle_committed))  # noqa: SLF001 - the moment is inside
        relay.armed = SIGNED
        outcome = (await asyncio.gather(writer.append(write()), return_exceptions=True))[0]
        await writer.stop()
    return outcome


def after(relay: Relay, settle: Callable[[Connection, Sequence[Any]], Awaitable[list[Any]]]) -> object:
    """Look up, then let the late commit overtake."""

    async def settled_then_overtaken(connection: Connection, batch: Sequence[Any]) -> list[Any]:
        fresh_ones = await settle(connection, batch)
        if relay.stopped:
            relay.release()
            await relay.ended()
            relay.stopped = 0
        return fresh_ones

    return settled_then_overtaken


async def test_a_commit_that_is_still_under_way_is_waited_for_and_told_as_written(url: str) -> None:
    assert await lost_in_commit(url, identity()) == Receipt((0,))
    assert await size(url) == 1


async def test_a_look_up_without_the_heads_lock_answers_wrongly(url: str, monkeypatch: pytest.MonkeyPatch) -> None:
    """The control: told that nothing was written, although it was."""
    without_the_lock(monkeypatch)
    assert isinstance(await lost_in_commit(url, identity()), Conflict)
    assert await size(url) == 1


async def test_a_late_statement_finds_the_fence_and_writes_nothing(url: str, monkeypatch: pytest.MonkeyPatch) -> None:
    assert await overtaken(url, identity(), monkeypatch) == Receipt((1,))
    assert await size(url) == 2


async def test_without_the_fence_a_late_statement_makes_the_answer_wrong(url: str, monkeypatch: pytest.MonkeyPatch) -> None:
    """The control: the late statement wrote it, the caller is told that it was refused."""
    without_the_lock(monkeypatch)
    assert isinstance(await overtaken(url, identity(), monkeypatch), Conflict)
    assert await size(url) == 2
