"""The limits of the relay's doors: header bytes, header time, body bytes, body pace, and who has hung up.

`GuardedProtocol` is uvicorn's httptools protocol with three guards added, because a server that reads without
bounds can be exhausted by one client.
"""

from __future__ import annotations

import asyncio
import re
from typing import TYPE_CHECKING, Final, cast

from uvicorn.protocols.http.httptools_impl import HttpToolsProtocol, RequestResponseCycle

from gateway.errors import BadInput, HeadersTooLarge, TooLarge

if TYPE_CHECKING:
    from collections.abc import Callable

    from starlette.types import Message, Receive, Scope

DISCONNECTED: Final = "garant.disconnected"
LINGER_SECONDS: Final = 2.0
_QUERY: Final = re.compile(rb"(?:[!-\"$&-~]|%[0-9A-Fa-f]{2})*")  # printable ASCII but for '#', and '%' only with its two digits


class ClientGone(Exception):
    """The caller hung up before the whole request had arrived."""


class Lingering:
    """A connection's transport whose `close` first lets a client that is still sending read what it was answered.

    Closing a socket with unread bytes resets it, and the reset takes the answer with it. So our side is closed for writing,
    what still arrives is thrown away, and the connection ends when the client does, at the latest after `LINGER_SECONDS`.

    Args:
        transport, loop: the connection's.
        unread: whether the client is still sending.
    """

    def __init__(self, transport: asyncio.Transport, loop: asyncio.AbstractEventLoop, unread: Callable[[], bool]) -> None:
        self._transport, self._loop, self._unread = transport, loop, unread
        self.lingers = False

    def __getattr__(self, name: str) -> object:
        """Everything else is the transport's own."""
        return getattr(self._transport, name)

    def is_closing(self) -> bool:
        """Whether nothing more is sent."""
        return self.lingers or self._transport.is_closing()

    def close(self) -> None:
        """Answer, then hang up."""
        if self.is_closing() or not (self._unread() and self._transport.can_write_eof()):
            self._transport.close()
            return
        self.lingers = True
        self._transport.write_eof()
        self._transport.resume_reading()
        self._loop.call_later(LINGER_SECONDS, self._transport.close)


class GuardedProtocol(HttpToolsProtocol):
    """One connection, with bounded headers, bounded patience, and a call to whoever waits when it ends."""

    max_header_bytes: int = 32 * 2**10
    header_seconds: float = 10.0
    _header_bytes = 0
    _header_timer: asyncio.TimerHandle | None = None
    _lingering: Lingering
    _cut = False

    def connection_made(self, transport: asyncio.Transport) -> None:  # type: ignore[override]
        """A client has connected: its first header has to arrive in time."""
        self._lingering = Lingering(transport, self.loop, self._unread)
        super().connection_made(cast("asyncio.Transport", self._lingering))
        self._await_headers()

    def data_received(self, data: bytes) -> None:
        """Count header bytes until the header is complete; after the last answer nothing is read any more."""
        if self._lingering.lingers:
            return
        if self._header_timer is None and self._idle():
            self._await_headers()
        self._header_bytes += len(data)
        super().data_received(data)
        if self._header_timer is not None and self._header_bytes > self.max_header_bytes:
            self._hang_up(b"431 Request Header Fields Too Large", b"The request's headers are larger than this door allows.")

    def eof_received(self) -> None:
        """The client has nothing more to send: a connection that only lingers for it ends."""
        if self._lingering.lingers:
            self.transport.close()

    def on_headers_complete(self) -> None:
        """The header is whole; the patience for it ends."""
        self._stop_timer()
        super().on_headers_complete()
        before, mark, after = self.url.partition(b"#")
        if mark:  # the parser drops it; what was asked has to be told from what would be passed on
            self.scope["query_string"] = before.partition(b"?")[2] + mark + after

    def connection_lost(self, exc: Exception | None) -> None:
        """Tell whoever works for this caller."""
        self._stop_timer()
        callback = None if self._idle() else self.cycle.scope.get(DISCONNECTED)
        super().connection_lost(exc)
        if callable(callback):
            callback()

    def _idle(self) -> bool:
        """Whether no request is being served on this connection (uvicorn's cycle is None before the first)."""
        cycle: RequestResponseCycle | None = self.cycle
        return cycle is None or cycle.response_complete

    def _unread(self) -> bool:
        """Whether a header or a body was answered before it was whole."""
        cycle: RequestResponseCycle | None = self.cycle
        return self._cut or (cycle is not None and cycle.response_complete and cycle.more_body)

    def _await_headers(self) -> None:
        self._header_bytes = 0
        self._header_timer = self.loop.call_later(self.header_seconds, self._too_slow)

    def _stop_timer(self) -> None:
        if self._header_timer is not None:
            self._header_timer.cancel()
            self._header_timer = None

    def _too_slow(self) -> None:
        self._header_timer = None
        if self._header_bytes:
            self._hang_up(b"408 Request Timeout", b"The request's header did not arrive in time.")
        elif self._idle() and not self.transport.is_closing():
            self.transport.close()

    def _hang_up(self, status: bytes, sentence: bytes) -> None:
        if not self.transport.is_closing():
            self._cut = True
            head = b"HTTP/1.1 " + status + b"\r\ncontent-type: text/plain; charset=utf-8\r\nconnection: close\r\ncontent-length: "
            self.transport.write(head + str(len(sentence)).encode() + b"\r\n\r\n" + sentence)
            self.transport.close()


def check_query(query: bytes) -> None:
    """Refuse a query that could not be passed on as it is: the AI system would be asked something else. Raises BadInput."""
    if not _QUERY.fullmatch(query):
        message = (
            "The address's query holds a '#', a '%' without two hexadecimal digits, or bytes outside ASCII. It could not be passed on "
            "unchanged, so nothing was asked. Percent-encode it."
        )
        french = (
            "La requête de l'adresse contient un « # », un « % » sans deux chiffres hexadécimaux, ou des octets hors ASCII. Elle ne pourrait "
            "pas être transmise telle quelle ; rien n'a été demandé. Encodez-la (percent-encoding)."
        )
        raise BadInput(message, code="query_malformed", fr=french)


def check_headers(scope: Scope, limit: int) -> None:
    """Refuse a header block over the limit (bytes of names and values). Raises HeadersTooLarge."""
    size = sum(len(name) + len(value) for name, value in scope["headers"]) + len(scope.get("raw_path") or b"") + len(scope["query_string"])
    if size > limit:
        raise HeadersTooLarge(f"The request's headers have {size} bytes; this door allows {limit}. Send fewer.")


async def read_body(scope: Scope, receive: Receive, limit: int, idle_seconds: float) -> bytes:
    """The request body, counted while it arrives.

    Raises:
        TooLarge: announced or actual size over the limit; the rest is not read.
        BadInput: nothing arrived for `idle_seconds`.
        ClientGone: the caller hung up.
    """
    for name, value in scope["headers"]:
        if name == b"content-length" and value.isdigit() and int(value) > limit:
            raise _too_large(limit)
    message = await _next(receive, idle_seconds)
    if message["type"] == "http.request" and not message.get("more_body", False):
        return _counted(message.get("body", b""), limit)
    return await _rest(message, receive, limit, idle_seconds)


async def _rest(message: Message, receive: Receive, limit: int, idle_seconds: float) -> bytes:
    parts: list[bytes] = []
    size = 0
    while message["type"] == "http.request":
        parts.append(message.get("body", b""))
        size += len(parts[-1])
        if size > limit:
            raise _too_large(limit)
        if not message.get("more_body", False):
            return b"".join(parts)
        message = await _next(receive, idle_seconds)
    raise ClientGone


async def _next(receive: Receive, idle_seconds: float) -> Message:
    try:
        async with asyncio.timeout(idle_seconds):
            return await receive()
    except TimeoutError:
        message = f"The request's body stopped arriving for {idle_seconds:g} seconds. Nothing was sent on; send it again, whole."
        raise BadInput(message, code="body_too_slow") from None


def _counted(body: bytes, limit: int) -> bytes:
    if len(body) > limit:
        raise _too_large(limit)
    return body


def _too_large(limit: int) -> TooLarge:
    return TooLarge(f"The request's body is larger than the {limit} bytes this door allows. Nothing was sent on; send less.")


def guarded(max_header_bytes: int, header_seconds: float) -> type[GuardedProtocol]:
    """The protocol class with this configuration's limits, for uvicorn's `http` setting."""
    return type("Guarded", (GuardedProtocol,), {"max_header_bytes": max_header_bytes, "header_seconds": header_seconds})


def on_disconnect(scope: Scope, callback: Callable[[], None] | None) -> None:
    """Name who is told when this caller hangs up; None takes it back."""
    scope[DISCONNECTED] = callback
