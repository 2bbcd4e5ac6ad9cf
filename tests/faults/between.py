"""A relay between a writer and PostgreSQL that loses one connection at the worst moment: the answer to a commit.

Armed with some bytes, it waits for a message of the client that holds them, stops the server process of that connection
(SIGSTOP), passes the message on and hangs up on the client. The server process has then received a commit that nobody
waits for, and works it off when it is let go (SIGCONT).
"""

from __future__ import annotations

import asyncio
import os
import signal
import tempfile
from contextlib import asynccontextmanager, suppress
from dataclasses import dataclass, field
from pathlib import Path
from typing import TYPE_CHECKING
from urllib.parse import parse_qs, urlsplit

import psutil

if TYPE_CHECKING:
    from collections.abc import AsyncIterator

_SOCKET = ".s.PGSQL.5432"
_BACKEND_KEY = b"K\x00\x00\x00\x0c"


@dataclass
class Relay:
    """The relay of one test; `stopped` is the process that holds an unanswered commit."""

    server: str
    armed: bytes = b""
    stopped: int = 0
    caught: asyncio.Event = field(default_factory=asyncio.Event)

    def release(self) -> None:
        """Let the stopped server process go on."""
        if self.stopped:
            with suppress(ProcessLookupError):  # it has ended since
                os.kill(self.stopped, signal.SIGCONT)

    async def ended(self) -> None:
        """Wait until the server process has worked off what it had received."""
        while psutil.pid_exists(self.stopped):  # noqa: ASYNC110 - not our child, so its end is no event
            await asyncio.sleep(0.01)

    async def serve(self, reader: asyncio.StreamReader, writer: asyncio.StreamWriter) -> None:
        """One connection."""
        from_server, to_server = await asyncio.open_unix_connection(self.server)
        pid: list[int] = []
        back = asyncio.create_task(self._back(from_server, writer, pid))
        with suppress(OSError):
            while part := await reader.read(2**20):
                lost = bool(self.armed) and self.armed in part
                if lost:
                    self._stop(pid[0])
                to_server.write(part)
                await to_server.drain()
                if lost:
                    writer.transport.abort()
                    break
        back.cancel()
        to_server.close()

    def _stop(self, pid: int) -> None:
        self.armed, self.stopped = b"", pid
        os.kill(pid, signal.SIGSTOP)
        self.caught.set()

    @staticmethod
    async def _back(reader: asyncio.StreamReader, writer: asyncio.StreamWriter, pid: list[int]) -> None:
        with suppress(OSError):
            while part := await reader.read(2**20):
                if not pid and _BACKEND_KEY in part:
                    at = part.index(_BACKEND_KEY) + len(_BACKEND_KEY)
                    pid.append(int.from_bytes(part[at : at + 4], "big"))
                writer.write(part)
        writer.close()


@asynccontextmanager
async def between(url: str) -> AsyncIterator[tuple[str, Relay]]:
    """The address of a relay in front of a server that listens on a local socket, and the relay."""
    parts = urlsplit(url)
    relay = Relay(str(Path(parse_qs(parts.query)["host"][0]) / _SOCKET))
    with tempfile.TemporaryDirectory(prefix="garant-") as folder:
        server = await asyncio.start_unix_server(relay.serve, Path(folder) / _SOCKET)
        try:
            yield parts._replace(query=f"host={folder}").geturl(), relay
        finally:
            relay.release()
            server.close()
