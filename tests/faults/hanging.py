"""Drives a gateway's application without a socket, and stops it at the k-th point at which it waits: cancelled, or left by its caller."""

from __future__ import annotations

import asyncio
import json
from dataclasses import dataclass, field
from typing import TYPE_CHECKING, Any, Literal
from uuid import uuid4

from gateway.proxy.limits import DISCONNECTED

if TYPE_CHECKING:
    from collections.abc import Callable, Coroutine, Generator

    from starlette.types import ASGIApp, Message, Scope

How = Literal["cancelled", "hung up"]
SECONDS = 15.0


@dataclass
class Counted:
    """A coroutine that tells when it waits for the n-th time."""

    work: Coroutine[Any, Any, None]
    at: int
    tell: Callable[[], object]
    waits: int = 0

    def __await__(self) -> Generator[Any, Any, None]:
        """Pass everything on, and count."""
        inner = self.work.__await__()
        try:
            waited = inner.send(None)
            while True:
                self.waits += 1
                if self.waits == self.at:
                    self.tell()
                try:
                    value = yield waited
                except BaseException as error:  # noqa: BLE001 - whatever is thrown in
                    waited = inner.throw(error)
                else:
                    waited = inner.send(value)
        except StopIteration:
            return


@dataclass
class Caller:
    """One call, and what its caller got of it."""

    task: str
    key: str
    got: list[Message] = field(default_factory=list)
    gone: asyncio.Event = field(default_factory=asyncio.Event)
    asked: bool = False
    waits: int = 0

    @property
    def body(self) -> bytes:
        """All bytes that arrived."""
        return b"".join(message.get("body", b"") for message in self.got)

    @property
    def status(self) -> int:
        """The status that arrived; 0: none."""
        return next((int(message["status"]) for message in self.got if message["type"] == "http.response.start"), 0)

    @property
    def whole(self) -> bool:
        """Whether the answer came to its end."""
        return bool(self.got) and self.got[-1]["type"] == "http.response.body" and not self.got[-1].get("more_body")

    async def call(self, app: ASGIApp, at: int, how: How) -> None:
        """Call, and be gone when the application waits for the `at`-th time."""
        question = {"model": "reader", "messages": [{"role": "user", "content": uuid4().hex}]}
        sent = json.dumps(question).encode()
        scope = self._scope(len(sent))

        async def receive() -> Message:
            await asyncio.sleep(0)
            if not self.asked:
                self.asked = True
                return {"type": "http.request", "body": sent, "more_body": False}
            await self.gone.wait()
            return {"type": "http.disconnect"}

        async def send(message: Message) -> None:
            await asyncio.sleep(0)
            if not self.gone.is_set():
                self.got.append(message)

        counted = Counted(app(scope, receive, send), at, lambda: self._leave(scope, how))  # type: ignore[arg-type] # a coroutine
        self._running = asyncio.ensure_future(counted)
        await asyncio.wait((self._running,), timeout=SECONDS)
        self.waits = counted.waits
        assert self._running.done(), f"{self.task} hangs when {how} at wait {at}"
        if not self._running.cancelled():
            assert self._running.exception() is None

    def _leave(self, scope: Scope, how: How) -> None:
        loop = asyncio.get_running_loop()
        if how == "cancelled":
            loop.call_soon(self._running.cancel)
        else:
            loop.call_soon(self._hang_up, scope)

    def _hang_up(self, scope: Scope) -> None:
        """What the server does when the connection is lost."""
        self.gone.set()
        if (told := scope.get(DISCONNECTED)) is not None:
            told()

    def _scope(self, length: int) -> Scope:
        path = f"/call/{self.task}/v1/chat/completions"
        headers = {"host": "garant", "authorization": f"Bearer {self.key}", "content-type": "application/json", "prefer": "wait=0"}
        return {
            "type": "http",
            "asgi": {"version": "3.0"},
            "http_version": "1.1",
            "method": "POST",
            "scheme": "http",
            "path": path,
            "raw_path": path.encode(),
            "query_string": b"",
            "root_path": "",
            "headers": [(name.encode(), value.encode()) for name, value in {**headers, "content-length": str(length)}.items()],
            "client": ("127.0.0.1", 1),
            "server": ("127.0.0.1", 80),
        }
