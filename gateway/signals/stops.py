"""What is stopped now, in memory on every replica; the truth is in the log's head row and guards every release.

A stop commits under the same lock as every release, so none follows it, whatever a replica remembers. This memory
only spares a stopped AI system the call.
"""

from __future__ import annotations

import asyncio
from typing import TYPE_CHECKING

import structlog

from gateway.database import BROKEN, connect
from gateway.signals.bus import Bus, Topic

if TYPE_CHECKING:
    from collections.abc import Set as AbstractSet

log = structlog.get_logger()


class Stops:
    """The active stops: scopes `system:X`, `task:Y`, `site:Z`.

    Args:
        url: the database.
        establishment: whose stops.
    """

    def __init__(self, url: str, establishment: str) -> None:
        self._url = url
        self._establishment = establishment
        self._tasks: set[asyncio.Task[None]] = set()
        self.active: AbstractSet[str] = frozenset()

    async def start(self, bus: Bus) -> None:
        """Read once, then again whenever somebody stops or resumes."""
        bus.subscribe(Topic.STOPS, lambda _: self._again())
        await self.refresh()

    async def refresh(self) -> None:
        """Read the stops from the head row."""
        connection = await connect(self._url)
        try:
            found = await connection.fetchval("SELECT stops FROM log_head WHERE establishment = $1", self._establishment)
        finally:
            await connection.close()
        self.active = frozenset(found or ())

    def _again(self) -> None:
        task = asyncio.get_running_loop().create_task(self._try())
        self._tasks.add(task)
        task.add_done_callback(self._tasks.discard)

    async def _try(self) -> None:
        try:
            await self.refresh()
        except BROKEN as error:
            log.warning("stops.not_read", error=type(error).__name__)
