"""Running sums that outlive a restart: kept in the database in parts, each with the stretch of the ledger it counts.

A part holds the sums of the rows after one log index up to another, so sums and mark are one row, and a crash leaves either none of it or all. Parts
of one form stand end to end; one replica at a time adds to them and begins where the last one ends, so none counts a row twice. What is kept
is never more than a short way to the figures: it can be deleted at any time and is made again from the ledger.
"""

from __future__ import annotations

import asyncio
from typing import TYPE_CHECKING, Final, Protocol

from gateway import usage

if TYPE_CHECKING:
    from collections.abc import Sequence

    from gateway.database import Connection

PART: Final = 10_000
"""Rows in a part; as many as may have to be read again after a restart."""
LARGE: Final = 50_000
"""Rows at most in a part that is counted as one set; they pass through the replica, about 1 KiB each."""
MOST: Final = 32
"""Parts that stand beside each other before they become one."""
_PARTS: Final = "SELECT after, sums FROM usage_sums WHERE establishment = $1 AND form = $2 AND after >= $3 ORDER BY after"
_DROP: Final = "DELETE FROM usage_sums WHERE establishment = $1 AND form = $2 AND after >= $3"
_LOCK: Final = "SELECT pg_try_advisory_xact_lock(hashtextextended('usage_sums ' || $1, 0))"
_STATE: Final = "SELECT coalesce(max(last), -1), count(*) FROM usage_sums WHERE establishment = $1 AND form = $2"
_STRETCH: Final = """
SELECT count(*), max(log_index) FROM (SELECT log_index FROM usage_records WHERE establishment = $1 AND log_index > $2 ORDER BY log_index LIMIT $3) rows
"""
_KEEP: Final = "INSERT INTO usage_sums (establishment, form, after, last, sums) VALUES ($1, $2, $3, $4, $5)"
_CLEAR: Final = "DELETE FROM usage_sums WHERE establishment = $1"


class Sums(Protocol):
    """What counts the ledger."""

    @property
    def last(self) -> int:
        """The last log index that was counted."""

    @property
    def form(self) -> str:
        """What kept sums must have in common with these."""

    def add(self, records: Sequence[usage.LedgerRow]) -> None:
        """Count further rows."""

    def part(self, records: Sequence[usage.LedgerRow], after: int) -> bytes:
        """The sums of some rows alone."""

    def part_of(self, rows: bytes, after: int) -> bytes | None:
        """The sums of some rows that are JSON lines; None where one of them has to be looked at alone."""

    def restore(self, part: bytes) -> bool:
        """Take in kept sums; False where they do not fit."""

    def packed(self) -> bytes:
        """All sums."""


async def bring_up(connection: Connection, establishment: str, sums: Sums) -> None:
    """Count every row of the ledger that was not counted, and keep the sums of each full stretch.

    Raises:
        Conflict: a row that is none; what came before it is counted and kept.
    """
    form = await asyncio.to_thread(lambda: sums.form)
    await _restore(connection, establishment, form, sums)
    most = LARGE
    while most := await _keep_one(connection, establishment, form, sums, most):
        await _restore(connection, establishment, form, sums)
    batch: list[usage.LedgerRow] = []
    async for row in usage.read(connection, establishment, after=await _last(sums)):
        batch.append(row)
        if len(batch) == PART:
            await asyncio.to_thread(sums.add, batch)
            batch = []
    await asyncio.to_thread(sums.add, batch)


async def _last(sums: Sums) -> int:
    return await asyncio.to_thread(lambda: sums.last)


async def _restore(connection: Connection, establishment: str, form: str, sums: Sums) -> None:
    """Take in the parts that begin where the sums end; parts that cannot be used are dropped, with all that follow."""
    last = await _last(sums)
    async with connection.transaction():
        async for row in connection.cursor(_PARTS, establishment, form, last, prefetch=1):
            if row["after"] != last:
                return
            if not await asyncio.to_thread(sums.restore, row["sums"]):
                await connection.execute(_DROP, establishment, form, last)
                return
            last = await _last(sums)


async def _keep_one(connection: Connection, establishment: str, form: str, sums: Sums, most: int) -> int:
    """Keep the next stretch of the ledger, of `PART` rows or up to `most`.

    Returns:
        How many rows the next one may have; 0 where there is no full one yet, or another replica is at it.
    """
    async with connection.transaction():
        if not await connection.fetchval(_LOCK, establishment):
            return 0
        after, parts = await connection.fetchrow(_STATE, establishment, form) or (-1, 0)
        rows, last = await connection.fetchrow(_STRETCH, establishment, after, most)
        if rows < PART:
            return 0
        if parts >= MOST and await _last(sums) == after:
            await connection.execute(_CLEAR, establishment)
            await connection.execute(_KEEP, establishment, form, -1, after, await asyncio.to_thread(sums.packed))
        part = await asyncio.to_thread(sums.part_of, await usage.lines(connection, establishment, after, last), after)
        if part is None:
            most, last, part = await _one_by_one(connection, establishment, after, sums)
        await connection.execute(_KEEP, establishment, form, after, last, part)
    return most


async def _one_by_one(connection: Connection, establishment: str, after: int, sums: Sums) -> tuple[int, int, bytes]:
    """The next `PART` rows, each validated alone: how many, the last log index, their sums. Raises Conflict at one that is none."""
    rows = [row async for row in usage.read(connection, establishment, after=after, most=PART)]
    return PART, rows[-1].log_index, await asyncio.to_thread(sums.part, rows, after)
