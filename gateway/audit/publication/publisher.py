"""Brings signed states out of the house: one replica at a time, beside the care path, which never waits for it.

Before anything is published the database is compared with what lies outside. Where that is newer, or different, the writer
is closed for good and both notes are printed; nothing is mended.
"""

from __future__ import annotations

import asyncio
import sys
from contextlib import suppress
from dataclasses import dataclass
from typing import TYPE_CHECKING, Final

import structlog

from gateway.audit.note import NoteError
from gateway.audit.publication.anchors import AheadError, both, check_behind
from gateway.audit.publication.stored import Reached, Stored, check_last_tile, check_stored
from gateway.audit.publication.witnessing import WitnessError
from gateway.audit.search.index import fill
from gateway.database import BROKEN, connect
from gateway.errors import GarantError, Unknown

if TYPE_CHECKING:
    from collections.abc import Callable, Mapping, Sequence

    from gateway.audit.batch import LogIdentity
    from gateway.audit.publication.places import Place
    from gateway.audit.publication.stored import State
    from gateway.audit.writer import Writer
    from gateway.clock import Clock
    from gateway.database import Connection

_LEAD: Final = "SELECT pg_try_advisory_lock(71484, hashtext($1))"
_FAILED: Final = (*BROKEN, NoteError, GarantError, WitnessError)
_START_SECONDS: Final = 2.0
_LONGEST: Final = 300
log = structlog.get_logger()


@dataclass(frozen=True, slots=True)
class Lag:
    """How far a place is behind: entries, and seconds since it last took a state while there was a newer one."""

    reached: Reached
    entries: int
    seconds: float


def _on_standard_error(sentence: str) -> None:
    sys.stderr.write(f"{sentence}\n")


class Publisher:
    """One replica's part in publishing.

    Args:
        url: the database.
        writer: closed when the database turns out not to be the newest state.
        places: in the order in which a state is brought to them.
        interval_seconds: between two looks.
        say: where it is said, with both notes, that the database is not the newest state.
    """

    def __init__(
        self,
        url: str,
        writer: Writer,
        places: Sequence[Place],
        clock: Clock,
        interval_seconds: float,
        say: Callable[[str], object] = _on_standard_error,
    ) -> None:
        self._url = url
        self._writer = writer
        self._places = places
        self._clock = clock
        self._interval = interval_seconds
        self._say = say
        self._task: asyncio.Task[None] | None = None
        self._size = 0
        self._reached: Mapping[str, Reached] = {}

    @property
    def _identity(self) -> LogIdentity:
        return self._writer.identity

    async def check(self) -> None:
        """Compare the database with what lies outside, before this replica writes; closes the writer where it is not the newest.

        Raises:
            OSError, asyncpg.PostgresError: the database cannot be reached.
        """
        connection = await connect(self._url)
        try:
            stored = Stored(connection, self._identity.establishment)
            state = await stored.head()
            await self._compare(stored, state)
            await check_last_tile(stored, state.size)
            await check_stored(stored, state, self._identity.vkeys)
        except NoteError as error:
            self._close(f"The log in the database does not hold, so nothing is written: {error}.")
        finally:
            await connection.close(timeout=2)

    def start(self) -> None:
        """Begin to publish."""
        self._task = asyncio.create_task(self._run(), name="publication")

    async def stop(self) -> None:
        """End."""
        if self._task is not None:
            self._task.cancel()
            with suppress(asyncio.CancelledError):
                await self._task

    def lags(self) -> tuple[Lag, ...]:
        """How far every place is behind, as of the last look."""
        return tuple(self._lag(self._of(place)) for place in self._places)

    def _lag(self, reached: Reached) -> Lag:
        entries = max(0, self._size - reached.size)
        since = reached.at or reached.tried_at
        return Lag(reached, entries, max(0.0, (self._clock.now() - since).total_seconds()) if entries and since is not None else 0.0)

    async def _run(self) -> None:
        while True:
            try:
                await self._while_connected()
            except BROKEN as error:
                log.warning("publication.away", error=type(error).__name__)
            await asyncio.sleep(self._interval)

    async def _while_connected(self) -> None:
        connection = await connect(self._url)
        try:
            leads = False
            while True:
                leads = leads or await connection.fetchval(_LEAD, self._identity.establishment)
                await self.round(connection, leads=leads)
                if leads:
                    await fill(connection, self._identity.establishment)
                await asyncio.sleep(self._interval)
        finally:
            connection.terminate()

    async def round(self, connection: Connection, *, leads: bool = True) -> None:
        """One look: what is new is compared, kept, and brought to every place that is due; who does not lead only looks."""
        stored = Stored(connection, self._identity.establishment)
        try:
            state = await stored.head()
        except Unknown:
            return
        self._size, self._reached = state.size, await stored.reached()
        due = [place for place in self._places if place.due(self._of(place), state.size, self._clock.now())]
        if leads and self._writer.damaged is None and (due or not await stored.has_kept(state.size)):
            await self._publish(stored, state, due)

    async def now(self, stored: Stored) -> State:
        """Publish the log as it is, at once; returns that state. Raises Unknown where nothing was ever written."""
        state = await stored.head()
        self._size, self._reached = state.size, await stored.reached()
        due = [place for place in self._places if self._of(place).size != state.size or self._of(place).at is None]
        await self._publish(stored, state, due)
        return state

    async def _publish(self, stored: Stored, state: State, due: Sequence[Place]) -> None:
        try:
            await check_stored(stored, state, self._identity.vkeys)
        except NoteError as error:
            self._close(f"The log in the database does not hold, so nothing is written: {error}.")
            return
        await stored.keep(state)
        for place in due:
            await self._bring(stored, state, place)

    async def _bring(self, stored: Stored, state: State, place: Place) -> None:
        before, now = self._of(place), self._clock.now()
        after = Reached(place.name, state.size, now, now)
        try:
            await place.bring(stored, state, before)
        except AheadError as error:
            self._close(both(place.name, error.note, state.note))
            return
        except _FAILED as error:
            got = (await stored.reached()).get(place.name, before)
            after = Reached(place.name, got.size, got.at, now, str(error)[:_LONGEST] or type(error).__name__)
            log.warning("publication.failed", system=place.name, error=type(error).__name__)
        self._reached = {**self._reached, place.name: after}
        await stored.note_reached(after)

    async def _compare(self, stored: Stored, state: State) -> None:
        """With every place that can be asked; one that cannot is told, and asked again when something is brought there."""
        for place in self._places:
            try:
                async with asyncio.timeout(_START_SECONDS):
                    note = await place.newest()
                if note is not None:
                    await check_behind(stored, state, self._identity.vkeys, note)
            except AheadError as error:
                self._close(both(place.name, error.note, state.note))
                return
            except (OSError, TimeoutError, NoteError, GarantError) as error:
                log.warning("publication.not_compared", system=place.name, error=type(error).__name__)

    def _close(self, sentence: str) -> None:
        """Nothing is written any more; the notes are for whoever reads the terminal, because the log has no room for them."""
        self._writer.close_for(sentence)
        self._say(sentence)

    def _of(self, place: Place) -> Reached:
        return self._reached.get(place.name, Reached(place.name))
