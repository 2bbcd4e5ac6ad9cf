"""Every outgoing call, and the only file that imports an HTTP client.

Each AI system has a pool, limits and timeouts of its own, so that a slow one starves nobody else. Redirects,
decompression, cookies and environment proxies are off; an answer is read whole and bounded, or it is a failure.
Addresses come from the configuration alone.
"""

from __future__ import annotations

import asyncio
import os
import time
from contextlib import asynccontextmanager
from dataclasses import dataclass
from functools import lru_cache
from typing import TYPE_CHECKING, Final

import aiohttp
import httpx
from httpx_aiohttp import AiohttpTransport

from gateway.errors import UpstreamFailed, UpstreamTimeout
from gateway.messages import Answer, Headers

if TYPE_CHECKING:
    from collections.abc import AsyncIterator, Mapping

    from gateway.settings import System, Upstream

HOP_BY_HOP: Final = frozenset(
    {
        b"connection",
        b"keep-alive",
        b"proxy-authenticate",
        b"proxy-authorization",
        b"proxy-connection",
        b"te",
        b"trailer",
        b"transfer-encoding",
        b"upgrade",
    }
)
CREDENTIALS: Final = frozenset({b"authorization", b"cookie", b"x-api-key", b"api-key", b"garant-key"})
OURS: Final = frozenset({b"host", b"content-length", b"expect", b"prefer", b"garant-case", b"garant-wait"})
READABLE_ENCODINGS: Final = frozenset({"gzip", "deflate", "br", "identity"})
ASK_SECONDS: Final = 8.0
ASK_BYTES: Final = 2**18
_NOT_FORWARDED: Final = HOP_BY_HOP | CREDENTIALS | OURS
_NOT_RETURNED: Final = HOP_BY_HOP | {b"set-cookie", b"content-length", b"date", b"server", b"alt-svc", b"x-should-retry"}
_OF_CACHES: Final = frozenset({b"cache-control", b"expires", b"age", b"pragma", b"etag", b"last-modified", b"vary"})
_NO_STORE: Final = (b"cache-control", b"no-store")
_FAILURES: Final = (httpx.HTTPError, aiohttp.ClientError, OSError)


@dataclass(frozen=True, slots=True)
class Outgoing:
    """One request to an AI system; `target` is path and query below its configured address."""

    method: str
    target: str
    headers: Headers
    body: bytes


@dataclass(slots=True)
class Seen:
    """What was seen of an AI system in passing; POSIX seconds, 0.0 for never. `failure`: the code of the last failure."""

    answered_at: float = 0.0
    failed_at: float = 0.0
    failure: str = ""

    def answered(self, status: int) -> None:
        """A whole answer arrived."""
        if status >= 400:  # noqa: PLR2004 - the classes of refusals and failures
            self.failed(f"status_{status}")
        else:
            self.answered_at = time.time()

    def failed(self, code: str) -> None:
        """No usable answer arrived."""
        self.failed_at, self.failure = time.time(), code


def forwarded_headers(headers: Headers, via: bytes) -> Headers:
    """What of the caller's headers an AI system gets: all but hop-by-hop, credentials and those addressed to Garant."""
    listed = {name.strip().lower() for key, value in headers if key == b"connection" for name in value.split(b",")}
    kept = [_readable(key, value) for key, value in headers if key not in _NOT_FORWARDED and key not in listed]
    return (*kept, (b"via", b"1.1 " + via))


def returned_headers(headers: Headers) -> Headers:
    """What of an AI system's headers a caller gets: nothing that speaks in Garant's name, or lets a cache keep what may be withdrawn."""
    gone = {name.strip().lower() for key, value in headers if key == b"connection" for name in value.split(b",")}
    gone |= _NOT_RETURNED | _OF_CACHES
    kept = ((key, value) for key, value in headers if key not in gone and not key.startswith(b"garant-"))
    return (*kept, _NO_STORE)


def _readable(key: bytes, value: bytes) -> tuple[bytes, bytes]:
    """Ask only for encodings that a person's view can be made from."""
    if key != b"accept-encoding":
        return key, value
    kept = [part for part in value.decode("latin-1").split(",") if part.split(";")[0].strip().lower() in READABLE_ENCODINGS]
    return key, ",".join(kept).strip().encode() or b"identity"


class Door:
    """The way to one AI system.

    Args:
        system: its configuration.
        environ: where its secret is read from, once.
    """

    def __init__(self, system: System, environ: Mapping[str, str]) -> None:
        self.system = system
        self._upstream: Upstream = system.upstream
        self._base = str(system.upstream.url).rstrip("/")
        self._secret = _secret(system.upstream, environ)
        self._timeout = {"connect": self._upstream.connect_seconds, "pool": self._upstream.first_byte_seconds, "read": None}
        self._transport: AiohttpTransport | None = None
        self.seen = Seen()

    async def exchange(self, outgoing: Outgoing, *, noted: bool = True) -> Answer:
        """The whole answer; `noted`: it counts as passing traffic in `seen`.

        Raises:
            UpstreamTimeout: connect, first byte, idle or total limit passed.
            UpstreamFailed: no connection, a redirect, too many bytes, or bytes that broke off.
        """
        async with self.opened(outgoing, noted=noted) as (response, chunks):
            body = [chunk async for chunk in chunks]
        return Answer(response.status, response.headers, body[0] if len(body) == 1 else b"".join(body))

    @asynccontextmanager
    async def opened(self, outgoing: Outgoing, *, noted: bool = True) -> AsyncIterator[tuple[Answer, AsyncIterator[bytes]]]:
        """Status and headers at once (body empty), and the body as it arrives; leaving early cancels upstream."""
        seen = self.seen if noted else Seen()
        try:
            async with self._opened(outgoing) as (head, chunks):
                yield head, chunks
        except UpstreamFailed as error:
            seen.failed(error.code)
            raise
        seen.answered(head.status)

    @asynccontextmanager
    async def _opened(self, outgoing: Outgoing) -> AsyncIterator[tuple[Answer, AsyncIterator[bytes]]]:
        begun = asyncio.get_running_loop().time()
        try:
            async with asyncio.timeout_at(begun + self._upstream.first_byte_seconds) as patience:
                response = await self._client().handle_async_request(self._request(outgoing))
                try:
                    yield self._head(response), self._chunks(response, patience, begun + self._upstream.total_seconds)
                finally:
                    await response.aclose()
        except _FAILURES as error:
            raise self._failure(error) from error

    def _failure(self, error: Exception) -> UpstreamFailed:
        """Too late, or not there at all: httpx-aiohttp calls both a timeout, only the cause tells them apart."""
        refused = isinstance(error.__cause__, aiohttp.ClientConnectionError) and not isinstance(error.__cause__, TimeoutError)
        if isinstance(error, TimeoutError | httpx.TimeoutException) and not refused:
            return UpstreamTimeout(
                f"The AI system '{self.system.id}' took longer than its limit. No suggestion exists; proceed without AI."
            )
        return UpstreamFailed(
            f"The AI system '{self.system.id}' could not be reached or its answer broke off. No suggestion exists; proceed without AI."
        )

    async def close(self) -> None:
        """Close the pool."""
        if self._transport is not None:
            await self._transport.aclose()

    def _head(self, response: httpx.Response) -> Answer:
        if 300 <= response.status_code < 400:  # noqa: PLR2004 - the class of redirects
            message = f"The AI system '{self.system.id}' answered with a redirect, which is never followed. Correct its address in the configuration."
            raise UpstreamFailed(message, code="upstream_redirect")
        headers = tuple((key.lower(), value) for key, value in response.headers.raw)
        return Answer(response.status_code, headers, b"")

    async def _chunks(self, response: httpx.Response, patience: asyncio.Timeout, end: float) -> AsyncIterator[bytes]:
        room, now = self._upstream.max_answer_bytes, asyncio.get_running_loop().time
        patience.reschedule(min(now() + self._upstream.idle_seconds, end))
        async for chunk in response.stream:  # type: ignore[union-attr]
            room -= len(chunk)
            if room < 0:
                message = f"The AI system '{self.system.id}' sent more than {self._upstream.max_answer_bytes} bytes. Nothing of it is used; proceed without AI."
                raise UpstreamFailed(message, code="upstream_too_large")
            patience.reschedule(end)  # a slow caller is not the AI system's fault
            yield chunk
            patience.reschedule(min(now() + self._upstream.idle_seconds, end))

    def _request(self, outgoing: Outgoing) -> httpx.Request:
        headers = list(outgoing.headers)
        if self._secret is not None:
            headers.append(self._secret)
        return httpx.Request(
            outgoing.method,
            _url(self._base + outgoing.target),
            headers=headers,
            content=outgoing.body,
            extensions={"timeout": self._timeout},
        )

    def _client(self) -> AiohttpTransport:
        if self._transport is None:
            self._transport = AiohttpTransport(client=lambda: _session(self._upstream.max_connections))
        return self._transport


class Outbound:
    """The doors to all configured AI systems, and the poster of webhooks."""

    def __init__(self, systems: tuple[System, ...], environ: Mapping[str, str] | None = None) -> None:
        known = os.environ if environ is None else environ
        self._doors = {system.id: Door(system, known) for system in systems}
        self._poster = AiohttpTransport(client=lambda: _session(8))

    def door(self, system: str) -> Door:
        """The door to a configured AI system."""
        return self._doors[system]

    def seen(self) -> dict[str, Seen]:
        """What was seen of each AI system since the start of this replica."""
        return {name: door.seen for name, door in self._doors.items()}

    async def post(self, url: str, headers: Headers, body: bytes, *, seconds: float = 10.0) -> int:
        """Post a webhook and return the status; 0 where nobody answered in time."""
        request = httpx.Request(
            "POST", _url(url), headers=list(headers), content=body, extensions={"timeout": {"connect": seconds, "pool": seconds}}
        )
        try:
            async with asyncio.timeout(seconds):
                response = await self._poster.handle_async_request(request)
                await response.aclose()
        except (*_FAILURES, TimeoutError):
            return 0
        return response.status_code

    async def ask(
        self,
        method: str,
        url: str,
        headers: Headers = (),
        body: bytes = b"",
        *,
        whom: str = "identity provider",
        seconds: float = ASK_SECONDS,
    ) -> Answer:
        """Ask an endpoint that the configuration names: within `seconds`, at most 256 KiB, no redirect. Raises UpstreamFailed, UpstreamTimeout."""
        sent = [*headers, (b"accept-encoding", b"identity")]
        patience = {"connect": seconds, "pool": seconds, "read": None}
        try:
            async with asyncio.timeout(seconds):
                request = httpx.Request(method, _url(url), headers=sent, content=body, extensions={"timeout": patience})
                return await self._whole(await self._poster.handle_async_request(request), whom)
        except (TimeoutError, httpx.TimeoutException) as error:
            raise UpstreamTimeout(f"The {whom} took longer than its limit.", code="provider_slow") from error
        except _FAILURES as error:
            raise UpstreamFailed(f"The {whom} could not be reached.", code="provider_unreachable") from error

    async def _whole(self, response: httpx.Response, whom: str) -> Answer:
        try:
            body = b""
            async for chunk in response.stream:  # type: ignore[union-attr]
                body += chunk
                if len(body) > ASK_BYTES:
                    raise UpstreamFailed(f"The answer of the {whom} is too large.", code="provider_too_large")
        finally:
            await response.aclose()
        headers = tuple((key.lower(), value) for key, value in response.headers.raw)
        return Answer(response.status_code, headers, body)

    async def close(self) -> None:
        """Close every pool."""
        await self._poster.aclose()
        for door in self._doors.values():
            await door.close()


def _secret(upstream: Upstream, environ: Mapping[str, str]) -> tuple[bytes, bytes] | None:
    if upstream.secret_env is None:
        return None
    value = environ.get(upstream.secret_env, "")
    return upstream.secret_header.lower().encode(), (upstream.secret_prefix + value).encode()


@lru_cache(maxsize=1024)
def _url(text: str) -> httpx.URL:
    return httpx.URL(text)


def _session(limit: int) -> aiohttp.ClientSession:
    return aiohttp.ClientSession(
        connector=aiohttp.TCPConnector(limit=limit, ttl_dns_cache=60, enable_cleanup_closed=False),
        cookie_jar=aiohttp.DummyCookieJar(),
        skip_auto_headers=("User-Agent", "Accept", "Accept-Encoding", "Content-Type"),
        auto_decompress=False,
        trust_env=False,
        read_bufsize=2**16,
    )
