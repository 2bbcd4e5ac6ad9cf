"""A migrated database with one log, and the smallest events and guards that a test of the writer needs."""

from __future__ import annotations

import asyncio
from contextlib import asynccontextmanager
from datetime import UTC, datetime
from typing import TYPE_CHECKING, Any

from cryptography.hazmat.primitives.asymmetric.ed25519 import Ed25519PrivateKey

from gateway.audit.batch import LogIdentity, Statement, Write
from gateway.audit.leaf import Event, EventType
from gateway.audit.note import SigningKey
from gateway.audit.writer import Writer
from gateway.database import connect
from gateway.ids import random_case, uuid7

if TYPE_CHECKING:
    from collections.abc import AsyncIterator
    from uuid import UUID

ORIGIN = "test.invalid/garant/one"
TAKE = "INSERT INTO cases (id, establishment) VALUES ($1, 'one') ON CONFLICT DO NOTHING RETURNING id"


def identity(key: Ed25519PrivateKey | None = None) -> LogIdentity:
    """A log of its own with a fresh key."""
    signing = SigningKey(ORIGIN, key or Ed25519PrivateKey.generate())
    return LogIdentity("one", ORIGIN, signing, (signing.verifier(),))


def happened(case: UUID | None = None, at: datetime | None = None) -> Event:
    """An entry that no clinical rule speaks of."""
    return Event(uuid7(), EventType.AUTH_OK, at or datetime.now(UTC), "p1", "clinician", case=case)


def taking(case: UUID) -> Statement:
    """A guard that only the first to come passes."""
    return Statement(TAKE, (case,), key=case)


def write(*guarded: UUID, **more: Any) -> Write:  # noqa: ANN401 - members of a write
    """One entry behind guards."""
    return Write((happened(),), guards=tuple(taking(case) for case in guarded), **more)


def fresh() -> UUID:
    """An id nobody took."""
    return random_case()


@asynccontextmanager
async def writing(url: str, count: int = 1, whose: LogIdentity | None = None) -> AsyncIterator[list[Writer]]:
    """Writers of one log, as many replicas."""
    whose = whose or identity()
    writers = [Writer(url, whose) for _ in range(count)]
    for writer in writers:
        await writer.start()
    try:
        yield writers
    finally:
        await asyncio.gather(*(writer.stop() for writer in writers))


async def rows(url: str, query: str, *arguments: object, role: str | None = None) -> list[Any]:
    """Rows, by default as the owner."""
    connection = await connect(url, role=role)
    try:
        return list(await connection.fetch(query, *arguments))
    finally:
        await connection.close()


async def size(url: str) -> int:
    """How many entries there are."""
    return int((await rows(url, "SELECT count(*) AS n FROM entries"))[0]["n"])
