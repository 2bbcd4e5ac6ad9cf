"""A log in a database that grows on demand, and places to publish it to."""

from __future__ import annotations

from contextlib import asynccontextmanager
from dataclasses import dataclass
from typing import TYPE_CHECKING

from gateway.audit.batch import LogIdentity, Write
from gateway.audit.publication.publisher import Publisher
from gateway.audit.publication.stored import State, Stored
from gateway.clock import SystemClock
from gateway.database import connect
from tests.audit.ground import happened, identity, writing

if TYPE_CHECKING:
    from collections.abc import AsyncIterator, Sequence
    from uuid import UUID

    from gateway.audit.publication.places import Place
    from gateway.audit.writer import Writer


@dataclass
class Living:
    """A log, its writer, a connection to read it."""

    url: str
    whose: LogIdentity
    writer: Writer
    stored: Stored

    @property
    def vkey(self) -> str:
        """The public key as a line."""
        return self.whose.vkeys[0].encode()

    async def grow(self, count: int, case: UUID | None = None) -> State:
        """Append so many entries; the state afterwards, kept."""
        while count > 0:
            events = tuple(happened(case) for _ in range(min(count, 250)))
            await self.writer.append(Write(events))
            count -= len(events)
        state = await self.stored.head()
        await self.stored.keep(state)
        await self.stored.catch_up(state.size)
        return state

    async def publish(self, *places: Place) -> Publisher:
        """One publication of the log as it is."""
        publisher = self.publisher(places)
        await publisher.now(self.stored)
        return publisher

    def publisher(self, places: Sequence[Place], interval: float = 0.05) -> Publisher:
        """A publisher of this log."""
        return Publisher(self.url, self.writer, places, SystemClock(), interval)


@asynccontextmanager
async def living(url: str, whose: LogIdentity | None = None) -> AsyncIterator[Living]:
    """A log on an empty database."""
    whose = whose or identity()
    async with writing(url, whose=whose) as (writer,):
        connection = await connect(url)
        try:
            yield Living(url, whose, writer, Stored(connection, whose.establishment))
        finally:
            await connection.close()
