"""A model server that does what a test says, also badly: late, cut off, reset, redirecting, too large, never."""

from __future__ import annotations

import asyncio
import json
import socket
import struct
import threading
from dataclasses import dataclass, field
from typing import TYPE_CHECKING, Self

if TYPE_CHECKING:
    from types import TracebackType

CANARY = "CANARY-7f3a"


@dataclass(slots=True)
class Script:
    """What one path answers.

    Args:
        chunks: bodies sent one by one, `pause` seconds apart; without them `body` is sent.
        announce: the content-length that is told, where it is not the true one.
        reset: the connection is torn down after the body's first half.
        never: nothing is ever answered.
    """

    status: int = 200
    body: bytes = b""
    headers: tuple[tuple[str, str], ...] = (("content-type", "application/json"),)
    delay: float = 0.0
    chunks: tuple[bytes, ...] = ()
    pause: float = 0.0
    announce: int | None = None
    reset: bool = False
    never: bool = False


@dataclass(frozen=True, slots=True)
class Seen:
    """A request as it arrived."""

    method: str
    path: str
    headers: dict[str, str]
    body: bytes


def chat(text: str = f"{CANARY} malignant 0.93", **more: object) -> bytes:
    """A chat completion with members nobody knows."""
    choice = {"index": 0, "message": {"role": "assistant", "content": text}, "finish_reason": "stop"}
    document = {
        "id": "c-1",
        "object": "chat.completion",
        "created": 1,
        "model": "reader",
        "choices": [choice],
        "x_unknown": {"kept": 1.50},
        **more,
    }
    return json.dumps(document).encode()


def chat_stream(*parts: str) -> tuple[bytes, ...]:
    """The chunks of a streamed completion."""
    base = {"id": "c-1", "object": "chat.completion.chunk", "created": 1, "model": "reader"}

    def event(delta: dict[str, str], finish: str | None) -> bytes:
        return b"data: " + json.dumps({**base, "choices": [{"index": 0, "delta": delta, "finish_reason": finish}]}).encode() + b"\n\n"

    return (event({"role": "assistant"}, None), *(event({"content": part}, None) for part in parts), event({}, "stop"), b"data: [DONE]\n\n")


def response(text: str = f"{CANARY} response") -> bytes:
    """A completed response."""
    part = {"type": "output_text", "text": text, "annotations": []}
    item = {"id": "m-1", "type": "message", "role": "assistant", "status": "completed", "content": [part]}
    document = {"id": "r-1", "object": "response", "created_at": 1, "status": "completed", "model": "reader", "output": [item]}
    return json.dumps({**document, "parallel_tool_calls": False, "tool_choice": "auto", "tools": []}).encode()


def inference() -> bytes:
    """An inference answer."""
    outputs = [{"name": "probability", "datatype": "FP64", "shape": [1, 2], "data": [0.93, 0.07]}]
    outputs.append({"name": "label", "datatype": "BYTES", "shape": [1], "data": [CANARY]})
    return json.dumps({"model_name": "tensor", "model_version": "7", "outputs": outputs}).encode()


def prediction() -> bytes:
    """A plain JSON answer."""
    return json.dumps({"label": CANARY, "p": 0.93, "extra": [1, 2, 3]}).encode()


DEFAULTS = {
    "/v1/chat/completions": Script(body=chat()),
    "/v1/responses": Script(body=response()),
    "/v2/models/tensor/infer": Script(body=inference()),
    "/v2/models/tensor": Script(body=b'{"name":"tensor","platform":"fake"}'),
    "/v2/models/tensor/ready": Script(body=b'{"ready":true}'),
    "/predict": Script(body=prediction()),
}


@dataclass
class ModelServer:
    """The server, on a thread of its own; a context manager."""

    scripts: dict[str, Script] = field(default_factory=lambda: dict(DEFAULTS))
    seen: list[Seen] = field(default_factory=list)
    gone: int = 0
    port: int = 0

    def __enter__(self) -> Self:
        """Start."""
        self._loop = asyncio.new_event_loop()
        ready = threading.Event()
        self._thread = threading.Thread(target=self._run, args=(ready,), daemon=True)
        self._thread.start()
        ready.wait(10)
        return self

    def __exit__(self, kind: type[BaseException] | None, error: BaseException | None, trace: TracebackType | None) -> None:
        """Stop."""
        self._loop.call_soon_threadsafe(self._loop.stop)
        self._thread.join(10)

    @property
    def url(self) -> str:
        """Where it is."""
        return f"http://127.0.0.1:{self.port}"

    def count(self, path: str) -> int:
        """How many requests a path got."""
        return sum(one.path.partition("?")[0] == path for one in self.seen)

    def _run(self, ready: threading.Event) -> None:
        asyncio.set_event_loop(self._loop)
        server = self._loop.run_until_complete(asyncio.start_server(self._serve, "127.0.0.1", 0))
        self.port = server.sockets[0].getsockname()[1]
        ready.set()
        self._loop.run_forever()
        server.close()
        for task in asyncio.all_tasks(self._loop):
            task.cancel()
        self._loop.run_until_complete(asyncio.sleep(0))
        self._loop.close()

    async def _serve(self, reader: asyncio.StreamReader, writer: asyncio.StreamWriter) -> None:
        try:
            while True:
                head = (await reader.readuntil(b"\r\n\r\n")).decode("latin-1").split("\r\n")
                method, path, _ = head[0].split(" ")
                headers = {name.lower(): value.strip() for name, _, value in (line.partition(":") for line in head[1:] if line)}
                body = await reader.readexactly(int(headers.get("content-length", "0")))
                self.seen.append(Seen(method, path, headers, body))
                await self._answer(self.scripts.get(path.partition("?")[0], Script(404, b"{}")), reader, writer)
        except (asyncio.IncompleteReadError, ConnectionError, asyncio.CancelledError):
            pass
        finally:
            writer.close()

    async def _answer(self, script: Script, reader: asyncio.StreamReader, writer: asyncio.StreamWriter) -> None:
        await self._wait(3600.0 if script.never else script.delay, reader)
        head = f"HTTP/1.1 {script.status} Scripted\r\n" + "".join(f"{name}: {value}\r\n" for name, value in script.headers)
        if script.chunks:
            writer.write((head + "transfer-encoding: chunked\r\n\r\n").encode("latin-1"))
            for chunk in script.chunks:
                writer.write(f"{len(chunk):x}\r\n".encode() + chunk + b"\r\n")
                await writer.drain()
                await self._wait(script.pause, reader)
            writer.write(b"" if script.reset else b"0\r\n\r\n")
        else:
            length = len(script.body) if script.announce is None else script.announce
            writer.write(
                (head + f"content-length: {length}\r\n\r\n").encode("latin-1")
                + script.body[: len(script.body) // (2 if script.reset else 1)]
            )
        await writer.drain()
        if script.reset:
            sock: socket.socket = writer.get_extra_info("socket")
            sock.setsockopt(socket.SOL_SOCKET, socket.SO_LINGER, struct.pack("ii", 1, 0))
        if script.reset or script.announce is not None:
            raise ConnectionResetError

    async def _wait(self, seconds: float, reader: asyncio.StreamReader) -> None:
        """Wait, noticing a caller who hangs up."""
        end = self._loop.time() + seconds
        while self._loop.time() < end:
            if reader.at_eof() or reader.exception() is not None:
                self.gone += 1
                raise ConnectionResetError
            await asyncio.sleep(min(0.02, seconds))
