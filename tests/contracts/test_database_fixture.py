"""Each test that asks for a database has one of its own, on a server that keeps its promises."""

from __future__ import annotations

from contextlib import asynccontextmanager
from typing import TYPE_CHECKING

import asyncpg
import pytest

if TYPE_CHECKING:
    from collections.abc import AsyncIterator


@asynccontextmanager
async def connected(url: str) -> AsyncIterator[asyncpg.Connection]:
    connection = await asyncpg.connect(url)
    try:
        yield connection
    finally:
        await connection.close()


@pytest.mark.parametrize("turn", [1, 2])
async def test_a_database_is_empty_and_nobody_elses(empty_database_url: str, turn: int) -> None:
    async with connected(empty_database_url) as connection:
        assert await connection.fetchval("SELECT count(*) FROM pg_tables WHERE schemaname = 'public'") == 0
        await connection.execute("CREATE TABLE left_behind (turn int)")
        await connection.execute("INSERT INTO left_behind VALUES ($1)", turn)


async def test_the_server_of_the_tests_waits_for_the_disk(database_url: str) -> None:
    async with connected(database_url) as connection:
        assert [await connection.fetchval(f"SHOW {name}") for name in ("fsync", "synchronous_commit", "full_page_writes")] == ["on"] * 3
