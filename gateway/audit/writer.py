"""The one writer of a replica: many callers, one transaction at a time, nobody told before COMMIT.

Callers wait on futures; a caller who hangs up cancels nothing. When a connection is lost during COMMIT the entries
are looked up by id, behind a fence that no late commit passes, and only the missing ones are written again. A caller waits at most four seconds, then learns
that the log cannot be written: never a silent pass.
"""

from __future__ import annotations

import asyncio
from collections import deque
from contextlib import suppress
from dataclasses import dataclass, field
from typing import TYPE_CHECKING, Final

import asyncpg
import structlog

from gateway.audit.batch import (
    Log,
    LogIdentity,
    Outcome,
    Receipt,
    Write,
)
from gateway.audit.note import NoteError
from gateway.database import Connection, connect
from gateway.errors import AuditUnavailable, Conflict, GarantError, Misconfigured

if TYPE_CHECKING:
    from collections.abc import Sequence

MAX_BATCH: Final = 256
WAIT_SECONDS: Final = 4.0
"""So that a caller has the refusal within five seconds, on a busy machine too."""
_COMMAND_SECONDS: Final = 10.0
"""A connection on which nothing came for so long is given up; after a longer pause of the database it is made anew."""
_RECONNECT_SECONDS: Final = 0.2
_BROKEN: Final = (
    OSError,
    TimeoutError,
    asyncpg.PostgresConnectionError,
    asyncpg.InterfaceError,
    asyncpg.InternalClientError,
    asyncpg.OperatorInterventionError,
    asyncpg.InsufficientResourcesError,
    asyncpg.ReadOnlySQLTransactionError,
)
_FOREIGN: Final = (AuditUnavailable, Misconfigured, NoteError)  # the database is not the one this log was written to

_TOO_LATE: Final = (
    "The audit log could not be written in time, so nothing is released. "
    "Try again; if it persists, tell hospital IT that the database does not answer."
)

log = structlog.get_logger()


@dataclass(slots=True)
class _Pending:
    """A write on its way, and who waits for it."""

    write: Write
    future: asyncio.Future[Receipt] = field(default_factory=lambda: asyncio.get_running_loop().create_future())
    uncertain: bool = False
    abandoned: bool = False

    def give_up(self) -> None:
        """Nobody committed it in time: never a silent pass, never a late release for a caller who was told no."""
        self.abandoned = True
        self.settle(AuditUnavailable(_TOO_LATE))

    def settle(self, outcome: Outcome) -> None:
        """Tell the caller, if anybody still listens."""
        if self.future.done():
            return
        if isinstance(outcome, GarantError):
            self.future.set_exception(outcome)
            self.future.exception()  # a caller who left must not cause a warning
        else:
            self.future.set_result(outcome)


class Writer:
    """Collects writes and commits them in batches over a connection of its own.

    Args:
        url: the database.
        identity: whose log, signed with which key.
    """

    def __init__(self, url: str, identity: LogIdentity) -> None:
        self._url = url
        self._log = Log(identity)
        self._queue: deque[_Pending] = deque()
        self._ready = asyncio.Event()
        self._connection: Connection | None = None
        self._task: asyncio.Task[None] | None = None
        self._stopping = False
        self._late = False
        self.damaged: str | None = None

    @property
    def identity(self) -> LogIdentity:
        """Whose log this is."""
        return self._log.identity

    @property
    def available(self) -> bool:
        """Whether the log can be written: the database is reached, and nobody was told "too late" since the last commit."""
        return self._connected and not self._late and self.damaged is None

    @property
    def _connected(self) -> bool:
        return self._connection is not None and not self._connection.is_closed()

    @property
    def pending(self) -> int:
        """How many writes wait for a commit."""
        return len(self._queue)

    async def start(self) -> None:
        """Connect, check the head, begin to write.

        Raises:
            AuditUnavailable: the head does not match what we signed.
            OSError, asyncpg.PostgresError: the database cannot be reached.
        """
        await self._reconnect()
        self._task = asyncio.create_task(self._run(), name="audit-writer")

    async def stop(self) -> None:
        """Write what is pending, then close."""
        self._stopping = True
        self._ready.set()
        if self._task is not None:
            with suppress(TimeoutError):
                await asyncio.wait_for(self._task, WAIT_SECONDS)
        if self._connection is not None:
            await self._connection.close(timeout=2)

    def close_for(self, sentence: str) -> None:
        """Write nothing any more, and tell everybody who waits why."""
        self._damage([], AuditUnavailable(sentence))

    async def append(self, write: Write, *, seen_before: bool = False) -> Receipt:
        """Commit a write; returns only after COMMIT. `seen_before`: look its entries up first (a merge that may repeat).

        Raises:
            Conflict: a guard found the state changed; nothing was written.
            Suspended: the stop button forbids this release; nothing was written.
            AuditUnavailable: no COMMIT within four seconds; treat it as not released.
        """
        if self.damaged is not None:
            raise AuditUnavailable(self.damaged, code="log_damaged")
        pending = _Pending(write, uncertain=seen_before)
        self._queue.append(pending)
        self._ready.set()
        patience = asyncio.get_running_loop().call_later(WAIT_SECONDS, self._give_up, pending)
        try:
            return await pending.future
        finally:
            patience.cancel()

    def _give_up(self, pending: _Pending) -> None:
        pending.give_up()
        self._late = True
        self._ready.set()

    async def _run(self) -> None:
        while not (self._stopping and not self._queue):
            await self._ready.wait()
            self._ready.clear()
            while self._queue:
                await self._write(self._take())
            await self._stay_connected()

    async def _stay_connected(self) -> None:
        """A log that cannot be written is tried again although nobody writes: a load balancer asks whether it can be."""
        while not (self.available or self._queue or self._stopping or self.damaged):
            try:
                await self._try_again()
            except _BROKEN:
                await asyncio.sleep(_RECONNECT_SECONDS)
            except _FOREIGN as error:
                self._damage([], error)

    async def _try_again(self) -> None:
        """Connect; a connection over which nothing was committed in time proves itself by a commit that changes no entry."""
        connection = self._connection
        if connection is None or connection.is_closed():
            connection = await self._reconnect()
        await self._log.settled(connection, ())
        self._late = False

    def _take(self) -> list[_Pending]:
        batch: list[_Pending] = []
        while self._queue and len(batch) < MAX_BATCH:
            pending = self._queue.popleft()
            if not pending.abandoned:
                batch.append(pending)
        return batch

    async def _write(self, batch: list[_Pending]) -> None:
        if not batch:
            return
        try:
            await self._commit(batch)
        except _BROKEN as error:
            await self._lost(batch, error)
        except _FOREIGN as error:
            self._damage(batch, error)
        except Exception as error:  # noqa: BLE001 - one bad write must not take the others with it
            await self._one_by_one(batch, error)

    async def _commit(self, batch: list[_Pending]) -> None:
        connection = self._connection
        if connection is None or connection.is_closed():
            connection = await self._reconnect()
        fresh = await self._settle_committed(connection, batch)
        for pending in fresh:
            pending.uncertain = True
        outcomes = await self._log.commit(connection, [pending.write for pending in fresh]) if fresh else []
        self._late = self._late and not outcomes
        for pending, outcome in zip(fresh, outcomes, strict=True):
            pending.settle(outcome)

    async def _settle_committed(self, connection: Connection, batch: Sequence[_Pending]) -> list[_Pending]:
        """Those of a batch that are still to be written; the others are told where they stand."""
        uncertain = [pending for pending in batch if pending.uncertain]
        receipts = await self._log.settled(connection, [pending.write for pending in uncertain]) if uncertain else []
        known = {id(pending): receipt for pending, receipt in zip(uncertain, receipts, strict=True) if receipt is not None}
        for pending in uncertain:
            if id(pending) in known:
                pending.settle(known[id(pending)])
        return [pending for pending in batch if not (pending.abandoned or id(pending) in known)]

    async def _lost(self, batch: list[_Pending], error: BaseException) -> None:
        log.warning("audit.connection_lost", error=type(error).__name__, pending=len(batch) + len(self._queue))
        if self._connection is not None:
            self._connection.terminate()
            self._connection = None
        waiting = [pending for pending in batch if not pending.future.done()]
        self._queue.extendleft(reversed(waiting))
        if self._stopping:
            self._queue.clear()
        await asyncio.sleep(_RECONNECT_SECONDS)
        self._ready.set()

    def _damage(self, batch: list[_Pending], error: AuditUnavailable | Misconfigured | NoteError) -> None:
        self.damaged = str(error)
        log.error("audit.damaged", error=type(error).__name__)
        refusal = AuditUnavailable(self.damaged, code="log_damaged")
        for pending in (*batch, *self._queue):
            pending.settle(refusal)
        self._queue.clear()

    async def _one_by_one(self, batch: list[_Pending], error: Exception) -> None:
        if len(batch) > 1:
            for pending in batch:
                await self._write([pending])
            return
        log.error("audit.write_refused", error=type(error).__name__)
        french = "La base de données a refusé cette modification ; rien n'a été écrit. Rechargez la page et réessayez."
        refusal = Conflict("The database refused this change; nothing was written. Reload and try again.", code="write_refused", fr=french)
        refusal.__cause__ = error
        batch[0].settle(refusal)

    async def _reconnect(self) -> Connection:
        connection = await connect(self._url, seconds=_COMMAND_SECONDS)
        try:
            await self._log.open(connection)
        except BaseException:  # also a cancellation: nobody else knows this connection yet
            connection.terminate()
            raise
        connection.add_termination_listener(lambda _: self._ready.set())
        self._connection = connection
        return connection
