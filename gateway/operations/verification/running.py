"""A full verification on demand, in a process of its own, so that care on this replica is not slowed down by it.

One at a time on a replica; what came of the last one is kept where every replica finds it.
"""

from __future__ import annotations

import asyncio
from contextlib import suppress
from dataclasses import dataclass
from datetime import UTC, datetime
from multiprocessing import get_context
from typing import TYPE_CHECKING, Final

import structlog

from gateway.audit.publication.stored import Reached, Stored
from gateway.audit.verifier import Report
from gateway.database import BROKEN, connect
from gateway.operations.verification.stored import verify_stored

if TYPE_CHECKING:
    from multiprocessing.connection import Connection
    from multiprocessing.context import SpawnProcess

    from gateway.audit.batch import LogIdentity

PLACE: Final = "verification"
_LOOK_SECONDS: Final = 0.1
_END_SECONDS: Final = 5.0
log = structlog.get_logger()


@dataclass(frozen=True, slots=True)
class Progress:
    """How far a verification is: entries done, entries in all; `report` once it is through, `failure` where it could not be done."""

    done: int = 0
    total: int = 0
    report: Report | None = None
    failure: str = ""


class Verifications:
    """Full verifications on one replica.

    Args:
        url: the database.
        identity: whose log, and the keys that may have signed it.
    """

    def __init__(self, url: str, identity: LogIdentity) -> None:
        self._url = url
        self._identity = identity
        self._task: asyncio.Task[None] | None = None
        self.progress: Progress | None = None

    @property
    def running(self) -> bool:
        """Whether one is under way here."""
        return self._task is not None and not self._task.done()

    def start(self) -> None:
        """Begin one, unless one is under way."""
        if not self.running:
            self.progress = Progress()
            self._task = asyncio.create_task(self._run(), name="verification")

    async def wait(self, seconds: float) -> None:
        """Until it is through, but no longer than this."""
        if self._task is not None:
            await asyncio.wait((self._task,), timeout=seconds)

    async def stop(self) -> None:
        """End it."""
        if self._task is not None:
            self._task.cancel()
            with suppress(asyncio.CancelledError):
                await self._task

    async def last(self) -> Reached | None:
        """The last one, on whichever replica: its entries, when it was through, and the first problem. Raises OSError, asyncpg.PostgresError."""
        connection = await connect(self._url)
        try:
            return (await Stored(connection, self._identity.establishment).reached()).get(PLACE)
        finally:
            await connection.close(timeout=2)

    async def _run(self) -> None:
        context = get_context("spawn")
        here, there = context.Pipe(duplex=False)
        arguments = (self._url, self._identity.establishment, self._identity.vkeys, there)
        process = context.Process(target=_verify, args=arguments, name="verification", daemon=True)
        process.start()
        there.close()
        try:
            await self._follow(process, here)
        finally:
            process.kill()
            await asyncio.to_thread(process.join, _END_SECONDS)
            here.close()

    async def _follow(self, process: SpawnProcess, here: Connection) -> None:
        while self.progress is not None and self.progress.report is None and not self.progress.failure:
            alive = process.is_alive()
            while here.poll() and (said := _received(here)) is not None:
                self.progress = said
            if not alive and self.progress.report is None:
                self.progress = Progress(failure=self.progress.failure or "the process ended before it was through")
            await asyncio.sleep(_LOOK_SECONDS)
        await self._note(self.progress or Progress())

    async def _note(self, progress: Progress) -> None:
        first = progress.report.first if progress.report is not None else None
        where = "" if first is None or first.index is None else f"row {first.index}: "
        problem = progress.failure if progress.report is None else "" if first is None else f"{where}{first.sentence}"
        now = datetime.now(UTC)
        reached = Reached(PLACE, progress.report.size if progress.report else 0, now, now, problem[:300])
        with suppress(*BROKEN):
            connection = await connect(self._url)
            try:
                await Stored(connection, self._identity.establishment).note_reached(reached)
            finally:
                await connection.close(timeout=2)
        log.info("log.verified", entries=reached.size, code="sound" if not problem else "not_sound")


def _received(here: Connection) -> Progress | None:
    try:
        said: Progress = here.recv()
    except (EOFError, OSError):
        return None
    return said


def _verify(url: str, establishment: str, vkeys: tuple[object, ...], there: Connection) -> None:
    """What the process does."""
    try:
        report = verify_stored(url, establishment, vkeys, lambda done, total: there.send(Progress(done, total)))  # type: ignore[arg-type]
    except Exception as error:  # noqa: BLE001 - told to whoever pressed the button
        there.send(Progress(failure=f"it could not be done ({type(error).__name__})"))
    else:
        there.send(
            Progress(
                report.size, report.size, Report(report.ok, report.size, report.root, report.problems, dict(report.counts), report.evidence)
            )
        )
