"""What a replica tells the others once a minute: that it runs, how AI systems answered, which keys were used.

Promises: nothing is written per call. What was seen stays in memory and goes out at most once a minute and at the end,
through plain statements that are no log events, because they change nothing that anybody may do.
"""

from __future__ import annotations

import asyncio
import json
import os
import socket
from contextlib import suppress
from dataclasses import asdict
from datetime import UTC, datetime
from typing import TYPE_CHECKING, Final

import structlog

from gateway.database import BROKEN, connect
from gateway.ids import uuid7
from gateway.signals.bus import Topic

if TYPE_CHECKING:
    from gateway.clock import Clock
    from gateway.database import Connection
    from gateway.identity.machines import Machines
    from gateway.outbound import Outbound
    from gateway.signals.bus import Bus
    from gateway.suggestions.content import Vault

FLUSH_SECONDS: Final = 60.0
_USED: Final = """
UPDATE machines SET last_used_at = used.at FROM unnest($1::text[], $2::timestamptz[]) AS used (id, at)
WHERE machines.id = used.id AND (last_used_at IS NULL OR last_used_at < used.at)
"""
_HERE: Final = """
INSERT INTO replicas (id, establishment, host, pid, started_at, seen_at, systems, keks) VALUES ($1, $2, $3, $4, $5, $6, $7::jsonb, $8)
ON CONFLICT (id) DO UPDATE SET seen_at = $6, systems = $7::jsonb, keks = $8
"""
_FORGET: Final = "DELETE FROM replicas WHERE seen_at < $1::timestamptz - interval '1 day'"
_GONE: Final = "DELETE FROM replicas WHERE id = $1"
log = structlog.get_logger()


class Presence:
    """The presence of one replica.

    Args:
        url: the database.
        establishment: whose replica it is.
        machines, outbound: where last uses and answers are noted.
        vault: whose keys it tells by their ids, so that a change of keys knows who has followed.
    """

    def __init__(self, url: str, establishment: str, machines: Machines, outbound: Outbound, clock: Clock, vault: Vault) -> None:
        self._vault = vault
        self._asked = asyncio.Event()
        self._url = url
        self._establishment = establishment
        self._machines = machines
        self._outbound = outbound
        self._clock = clock
        self._started_at = clock.now()
        self._task: asyncio.Task[None] | None = None
        self.id = uuid7()

    async def start(self, bus: Bus) -> None:
        """Tell that this replica runs, and again once a minute, or when keys were changed."""
        bus.subscribe(Topic.KEYS, lambda _: self._asked.set())
        await self.flush()
        self._task = asyncio.create_task(self._beat(), name="presence")

    async def stop(self) -> None:
        """Write what was seen since the last minute, then leave."""
        if self._task is not None:
            self._task.cancel()
            with suppress(asyncio.CancelledError):
                await self._task
        await self.flush(leaving=True)

    async def flush(self, *, leaving: bool = False) -> None:
        """Write what was seen; a database that is away costs nothing but the news."""
        used = dict(self._machines.used)
        try:
            connection = await connect(self._url)
            try:
                await self._write(connection, used, leaving=leaving)
            finally:
                await connection.close(timeout=2)
        except BROKEN as error:
            log.warning("presence.not_written", error=type(error).__name__)
            return
        self._machines.written(used)

    async def _write(self, connection: Connection, used: dict[str, float], *, leaving: bool) -> None:
        if used:
            names = sorted(used)
            await connection.execute(_USED, names, [datetime.fromtimestamp(used[name], UTC) for name in names])
        if leaving:
            await connection.execute(_GONE, self.id)
            return
        now, seen = self._clock.now(), {name: asdict(found) for name, found in self._outbound.seen().items()}
        await connection.execute(
            _HERE,
            self.id,
            self._establishment,
            socket.gethostname(),
            os.getpid(),
            self._started_at,
            now,
            json.dumps(seen),
            list(self._vault.known),
        )
        await connection.execute(_FORGET, now)

    async def _beat(self) -> None:
        while True:
            with suppress(TimeoutError):
                async with asyncio.timeout(FLUSH_SECONDS):
                    await self._asked.wait()
            self._asked.clear()
            with suppress(OSError, ValueError, KeyError, TypeError):  # half written: it is looked again at the next call
                self._vault.look()
            await self.flush()
