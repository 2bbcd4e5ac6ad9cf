"""The model server where nginx cannot be had: answers every request with the same bytes and counts, as `/status` shows.

Started as a script: port and answer are its two arguments.
"""

from __future__ import annotations

import asyncio
import re
import sys
from typing import cast

import uvloop

LENGTH = re.compile(rb"\r\ncontent-length: *(\d+)", re.IGNORECASE)


def answer(body: str) -> bytes:
    """A whole 200 answer."""
    head = f"HTTP/1.1 200 OK\r\nContent-Type: application/json\r\nContent-Length: {len(body.encode())}\r\n\r\n"
    return head.encode() + body.encode()


class Model(asyncio.Protocol):
    """One connection; the count of requests is the whole server's."""

    counted = 0
    said = b""

    def __init__(self) -> None:
        self.received = b""
        self.transport: asyncio.Transport | None = None

    def connection_made(self, transport: asyncio.BaseTransport) -> None:
        """Keep the transport to answer on."""
        self.transport = cast("asyncio.Transport", transport)

    def data_received(self, data: bytes) -> None:
        """Answer each whole request."""
        self.received += data
        while (end := self._request_end()) and len(self.received) >= end and self.transport is not None:
            status = self.received.startswith(b"GET /status")
            self.received = self.received[end:]
            Model.counted += 1
            self.transport.write(answer(f"\n\n {Model.counted} {Model.counted} {Model.counted}\n") if status else Model.said)

    def _request_end(self) -> int:
        head = self.received.find(b"\r\n\r\n")
        if head < 0:
            return 0
        length = LENGTH.search(self.received, 0, head + 2)
        return head + 4 + (int(length[1]) if length else 0)


async def serve(port: int) -> None:
    """Serve until ended."""
    server = await asyncio.get_running_loop().create_server(Model, "127.0.0.1", port, backlog=16384)
    await server.serve_forever()


if __name__ == "__main__":
    Model.said = answer(sys.argv[2])
    uvloop.run(serve(int(sys.argv[1])))
