"""Looking into databases from tests: a connection that stays, since making one costs more than most questions asked on it."""

from __future__ import annotations

import asyncio
import threading
from functools import cache
from typing import TYPE_CHECKING

import asyncpg

from gateway.database import BROKEN

if TYPE_CHECKING:
    from collections.abc import Coroutine
    from typing import Any

LASTING = ("SELECT ", "UPDATE ", "INSERT ", "DELETE ")
"""Questions that leave nothing behind in their connection, ..."""
OWN = ("advisory", "set_config", "pg_sleep", "pg_stat_activity", "FOR UPDATE")
"""... but for these, which hold something or count connections: they get one of their own."""


class Lines:
    """The connections, one a database, on a thread of their own."""

    def __init__(self) -> None:
        self._loop = asyncio.new_event_loop()
        self._open: dict[str, tuple[asyncpg.Connection, asyncio.Lock]] = {}
        threading.Thread(target=self._loop.run_forever, daemon=True, name="lines").start()

    def ask(self, url: str, query: str, arguments: tuple[object, ...]) -> list[asyncpg.Record]:
        """The rows of one query, as the database's owner."""
        lasts = query.lstrip().startswith(LASTING) and not any(word in query for word in OWN)
        found: list[asyncpg.Record] = self._run(self._on_the_line(url, query, arguments) if lasts else alone(url, query, arguments))
        return found

    def hang_up(self, url: str) -> None:
        """Close a database's connection."""
        self._run(self._close(url))

    def _run(self, work: Coroutine[Any, Any, Any]) -> Any:  # noqa: ANN401 - whatever the work gives
        return asyncio.run_coroutine_threadsafe(work, self._loop).result(120)

    async def _on_the_line(self, url: str, query: str, arguments: tuple[object, ...]) -> list[asyncpg.Record]:
        connection, lock = self._open.get(url) or (None, asyncio.Lock())
        if lock.locked():
            return await alone(url, query, arguments)
        async with lock:
            if connection is None or connection.is_closed():
                connection = await asyncpg.connect(url, statement_cache_size=0)
                self._open[url] = (connection, lock)
            try:
                return list(await connection.fetch(query, *arguments))
            except BROKEN:
                await self._close(url)
        return await alone(url, query, arguments)  # a database that was started again is no error of the question

    async def _close(self, url: str) -> None:
        connection, _ = self._open.pop(url, (None, None))
        if connection is not None:
            connection.terminate()


async def alone(url: str, query: str, arguments: tuple[object, ...]) -> list[asyncpg.Record]:
    """The rows of one query on a connection of its own."""
    connection = await asyncpg.connect(url)
    try:
        return list(await connection.fetch(query, *arguments))
    finally:
        await connection.close()


@cache
def lines() -> Lines:
    """The ones of this process."""
    return Lines()
