"""A network between a gateway and PostgreSQL that can be paused, black-holed or half-open, connection by connection, and healed.

`hold`: nothing passes, what was sent arrives late. `half_open`: the server's side of every connection is gone, the client's stays open and
silent for ever; connections made meanwhile are silent too, those made after `heal` are sound.
"""

from __future__ import annotations

import asyncio
import tempfile
import threading
from contextlib import contextmanager, suppress
from dataclasses import dataclass, field
from pathlib import Path
from typing import TYPE_CHECKING
from urllib.parse import parse_qs, urlsplit

if TYPE_CHECKING:
    from collections.abc import Coroutine, Iterator

_SOCKET = ".s.PGSQL.5432"


@dataclass
class Network:
    """The network of one test, on a thread of its own."""

    server: str
    loop: asyncio.AbstractEventLoop = field(default_factory=asyncio.new_event_loop)
    passing: asyncio.Event = field(default_factory=asyncio.Event)
    dead: bool = False
    _lines: set[asyncio.StreamWriter] = field(default_factory=set)
    _clients: set[asyncio.StreamWriter] = field(default_factory=set)

    def hold(self) -> None:
        """Let nothing through."""
        self._do(self._hold())

    def half_open(self) -> None:
        """Lose the server's side of everything, and tell nobody."""
        self._do(self._half_open())

    def heal(self) -> None:
        """Let everything through again that still has two ends."""
        self._do(self._heal())

    async def end(self, server: asyncio.Server) -> None:
        """Close all of it."""
        server.close()
        mine = asyncio.current_task()
        waiting = [task for task in asyncio.all_tasks() if task is not mine]
        for task in waiting:
            task.cancel()
        for line in self._clients | self._lines:
            line.transport.abort()
        await asyncio.gather(*waiting, return_exceptions=True)

    def _do(self, work: Coroutine[object, object, None]) -> None:
        asyncio.run_coroutine_threadsafe(work, self.loop).result(10)

    async def _hold(self) -> None:
        self.passing.clear()

    async def _half_open(self) -> None:
        self.dead = True
        for line in self._lines:
            line.transport.abort()

    async def _heal(self) -> None:
        self.dead = False
        self.passing.set()

    async def serve(self, reader: asyncio.StreamReader, writer: asyncio.StreamWriter) -> None:
        """One connection."""
        self._clients.add(writer)
        if self.dead:
            await asyncio.Event().wait()
        await self.passing.wait()
        from_server, to_server = await asyncio.open_unix_connection(self.server)
        self._lines.add(to_server)
        back = asyncio.create_task(self._copy(from_server, writer))
        if not (await self._copy(reader, to_server) and await back):
            await asyncio.Event().wait()
        self._lines.discard(to_server)

    async def _copy(self, reader: asyncio.StreamReader, writer: asyncio.StreamWriter) -> bool:
        """Until one side ends, which ends the other; False where it was lost, so that the other is to hear nothing."""
        with suppress(OSError):
            while part := await reader.read(2**16):
                await self.passing.wait()
                if writer.transport.is_closing():
                    return False
                writer.write(part)
        if not self.dead:
            writer.close()
        return not self.dead


@contextmanager
def network(url: str) -> Iterator[tuple[str, Network]]:
    """The address of a network in front of a server that listens on a local socket, and the network."""
    parts = urlsplit(url)
    found = Network(str(Path(parse_qs(parts.query)["host"][0]) / _SOCKET))
    found.loop.call_soon(found.passing.set)
    thread = threading.Thread(target=found.loop.run_forever, daemon=True)
    with tempfile.TemporaryDirectory(prefix="garant-") as folder:
        thread.start()
        listening = asyncio.start_unix_server(found.serve, Path(folder) / _SOCKET)
        server = asyncio.run_coroutine_threadsafe(listening, found.loop).result(10)
        yield parts._replace(query=f"host={folder}").geturl(), found
        asyncio.run_coroutine_threadsafe(found.end(server), found.loop).result(10)
        found.loop.call_soon_threadsafe(found.loop.stop)
        thread.join(10)
        found.loop.close()
