"""Running sums outlive a restart: every ledger row is counted exactly once, also after a crash in the middle and by two replicas at once."""

from __future__ import annotations

import asyncio
import os
import subprocess
import sys
from contextlib import asynccontextmanager
from dataclasses import dataclass, replace
from pathlib import Path
from typing import TYPE_CHECKING
from unittest.mock import patch
from uuid import UUID

import orjson
import pytest

from gateway import usage
from gateway.database import connect
from gateway.errors import Conflict
from gateway.web.impact import sums
from impact.pages import Section
from tests.impact.ledgers import PLAIN

if TYPE_CHECKING:
    from collections.abc import AsyncIterator, Iterator

    from gateway.database import Connection

ROOT = Path(__file__).parents[2]
ROWS = 1050


@pytest.fixture(autouse=True)
def small_parts() -> Iterator[None]:
    with patch.object(sums, "PART", 100), patch.object(sums, "LARGE", 130), patch.object(sums, "MOST", 4):
        yield


@pytest.fixture
def url(database_url: str) -> str:
    asyncio.run(written(database_url, 0, ROWS))
    return database_url


async def written(url: str, first: int, count: int, reason: str = "") -> None:
    """Rows with gaps in the log between them, as other entries stand there."""
    rows = []
    for number in range(first, first + count):
        seconds = 60.0 + number % 7
        row = replace(PLAIN, record=str(UUID(int=number + 1)), worker=f"w{number % 12}", human_seconds=seconds, human_seconds_raw=seconds)
        facts = {name: value for name, value in replace(row, reason=reason).to_mapping().items() if name != "log_index"}
        rows.append((UUID(row.record), 3 * number, row.task, orjson.dumps(facts).decode()))
    connection = await connect(url, role=None)
    query = "INSERT INTO usage_records (record, establishment, log_index, task, at, facts) VALUES ($1, 'hospital', $2, $3, now(), $4)"
    await connection.executemany(query, rows)
    await connection.close()


@asynccontextmanager
async def connected(url: str) -> AsyncIterator[Connection]:
    connection = await connect(url)
    try:
        yield connection
    finally:
        await connection.close()


@dataclass
class Read:
    """How many ledger rows were read as a set, and one by one."""

    sets: int = 0
    single: int = 0


async def brought_up(url: str, section: Section | None = None) -> tuple[Section, Read]:
    """A section with everything counted, and what was read for it."""
    mine, read = section or Section(), Read()

    async def counting(
        connection: Connection, establishment: str, *, after: int = -1, most: int | None = None
    ) -> AsyncIterator[usage.LedgerRow]:
        async for row in original(connection, establishment, after=after, most=most):
            read.single += 1
            yield row

    async def counting_lines(connection: Connection, establishment: str, after: int, upto: int) -> bytes:
        found = await original_lines(connection, establishment, after, upto)
        read.sets += found.count(b"\n")
        return found

    original, original_lines = usage.read, usage.lines
    async with connected(url) as connection:
        with patch.object(usage, "read", counting), patch.object(usage, "lines", counting_lines):
            await sums.bring_up(connection, "hospital", mine)
    return mine, read


async def chain(url: str) -> list[tuple[int, int]]:
    async with connected(url) as connection:
        return [(row["after"], row["last"]) for row in await connection.fetch("SELECT after, last FROM usage_sums ORDER BY after")]


def rows(section: Section) -> int:
    return section.figures().result.rows


async def test_after_a_restart_only_the_rest_of_the_ledger_is_read(url: str) -> None:
    first, read = await brought_up(url)
    again, read_again = await brought_up(url)
    assert (rows(first), rows(again)) == (ROWS, ROWS)
    assert (read, read_again) == (Read(sets=8 * 130, single=10), Read(single=10))
    assert again.figures().result.measured == first.figures().result.measured
    assert again.figures().calls == first.figures().calls


async def test_parts_stand_end_to_end_and_many_become_one(url: str) -> None:
    await brought_up(url)
    found = await chain(url)
    assert [after for after, _ in found] == [-1, *(last for _, last in found[:-1])]
    assert (len(found) <= sums.MOST + 1, found[-1][1]) == (True, 3 * (8 * 130 - 1))


async def test_a_section_that_runs_on_keeps_what_comes_in(url: str) -> None:
    section, _ = await brought_up(url)
    await written(url, ROWS, 200)
    await brought_up(url, section)
    assert (rows(section), (await chain(url))[-1][1]) == (ROWS + 200, 3 * 1169)
    assert rows((await brought_up(url))[0]) == ROWS + 200


async def test_two_replicas_at_once_count_every_row_once(url: str) -> None:
    found = await asyncio.gather(*(brought_up(url) for _ in range(3)))
    assert [rows(section) for section, _ in found] == [ROWS] * 3
    parts = await chain(url)
    assert [after for after, _ in parts] == [-1, *(last for _, last in parts[:-1])]


DYING = """
import asyncio, os, sys
from gateway.database import connect
from gateway.web.impact import sums
from impact.pages import Section
url, when, times = sys.argv[1], sys.argv[2], int(sys.argv[3])
sums.PART, sums.LARGE, sums.MOST = 100, 130, 4
class Dying:
    def __init__(self, real):
        self._real, self._left = real, times
    def __getattr__(self, name):
        return getattr(self._real, name)
    async def execute(self, query, *given):
        return await self._asked(query, self._real.execute(query, *given))
    async def fetchval(self, query, *given):
        return await self._asked(query, self._real.fetchval(query, *given))
    async def _asked(self, query, answer):
        found = await answer
        self._left -= query.startswith(when)
        if not self._left:
            os._exit(9)
        return found
async def main():
    await sums.bring_up(Dying(await connect(url)), "hospital", Section())
asyncio.run(main())
"""


@pytest.mark.parametrize(
    ("when", "times"), [("INSERT INTO usage_sums", 1), ("INSERT INTO usage_sums", 4), ("DELETE", 1), ("SELECT pg_try", 3)]
)
async def test_a_process_that_is_killed_in_the_middle_counts_nothing_twice(url: str, when: str, times: int) -> None:
    command = [sys.executable, "-c", DYING, url, when, str(times)]
    ended = await asyncio.to_thread(subprocess.run, command, cwd=ROOT, env=os.environ, capture_output=True, check=False)
    assert ended.returncode == 9, ended.stderr
    section, _ = await brought_up(url)
    parts = await chain(url)
    assert (rows(section), [after for after, _ in parts]) == (ROWS, [-1, *(last for _, last in parts[:-1])])
    assert section.figures().result.measured == (await alone(url)).figures().result.measured


async def alone(url: str) -> Section:
    """Counted from the ledger alone."""
    section = Section()
    async with connected(url) as connection:
        section.add([row async for row in usage.read(connection, "hospital")])
    return section


async def test_sums_whose_mark_is_not_theirs_would_count_rows_twice(url: str) -> None:
    """The control: the same sums, kept as if they counted the stretch after."""
    section = Section()
    async with connected(url) as connection:
        found = [row async for row in usage.read(connection, "hospital", most=100)]
    assert section.restore(section.part(found, -1))
    assert section.restore(section.part([replace(row, log_index=row.log_index + 1000) for row in found], section.last))
    assert rows(section) == 200


@pytest.mark.parametrize("change", ["sums = '\\x00'", "sums = substring(sums FOR 400)", "form = form || 'x'"])
async def test_sums_that_cannot_be_used_are_counted_again_from_the_ledger(url: str, change: str) -> None:
    await brought_up(url)
    owner = await connect(url, role=None)
    await owner.execute(f"UPDATE usage_sums SET {change} WHERE after > 0")  # noqa: S608 - written above
    await owner.close()
    section, read = await brought_up(url)
    assert (rows(section), read.sets > 0) == (ROWS, True)
    assert rows((await brought_up(url))[0]) == ROWS


async def test_a_broken_row_is_told_and_what_came_before_it_is_kept(url: str) -> None:
    owner = await connect(url, role=None)
    await owner.execute("""UPDATE usage_records SET facts = '{}' WHERE log_index = 1800""")
    await owner.close()
    with pytest.raises(Conflict, match="log entry 1800 cannot be used"):
        await brought_up(url)
    assert (await chain(url))[-1][1] == 3 * (4 * 130 - 1)


async def test_rows_that_are_not_plain_are_read_one_by_one_and_counted_all_the_same(url: str) -> None:
    """Such as those of an earlier version of the contract."""
    owner = await connect(url, role=None)
    await owner.execute(
        """UPDATE usage_records SET facts = (facts || '{"version": 1}') - '{unaided_seconds,induced_seconds}'::text[] WHERE log_index = 0"""
    )
    await owner.close()
    section, read = await brought_up(url)
    assert (rows(section), read.single >= 100, read.sets > 900) == (ROWS, True, True)
    assert section.figures().result.measured == (await alone(url)).figures().result.measured


async def test_lines_are_the_rows_whatever_is_written_in_them(url: str) -> None:
    await written(url, ROWS, 1, reason='\\. "quoted", \n\r\t\x01\x02\x1f\u2028 é 😀')
    async with connected(url) as connection:
        found = (await usage.lines(connection, "hospital", 3 * (ROWS - 2), 3 * ROWS)).splitlines()
        one_by_one = [row async for row in usage.read(connection, "hospital", after=3 * (ROWS - 2))]
    assert [usage.LedgerRow.from_mapping(orjson.loads(line)) for line in found] == one_by_one
    assert len(found) == 2


async def test_the_gateway_cannot_change_kept_sums_only_make_them_anew(url: str) -> None:
    await brought_up(url)
    async with connected(url) as connection:
        with pytest.raises(Exception, match="permission denied"):
            await connection.execute("UPDATE usage_sums SET last = last + 1")
