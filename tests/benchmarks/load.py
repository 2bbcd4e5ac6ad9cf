"""A load client cheap enough not to be what is measured: raw asyncio, keep-alive, request bytes built beforehand.

Every answer must be status 200 and contain the run's marker; anything else is a failure of the round, never a sample.
Times are seconds unless a name says otherwise.
"""

from __future__ import annotations

import asyncio
import time
from array import array
from dataclasses import dataclass, field
from itertools import count
from typing import TYPE_CHECKING, cast

if TYPE_CHECKING:
    from collections.abc import Iterator

HEAD_END = b"\r\n\r\n"
LAST_CHUNK = b"\r\n0\r\n\r\n"
NUMBER_WIDTH = 12
ANSWER_SECONDS = 30.0


class WrongAnswerError(Exception):
    """An answer that was not 200 with the marker, or none at all."""


@dataclass(frozen=True)
class Request:
    """One call's bytes around a running number, so that no two calls are the same call."""

    before: bytes
    after: bytes

    def bytes(self, number: int) -> bytes:
        """The request with its number, always of the same length."""
        return self.before + str(number).zfill(NUMBER_WIDTH).encode() + self.after


def post(path: str, headers: dict[str, str], body: bytes) -> Request:
    """A POST whose body holds `{number}` once; the length is fixed because the number's width is."""
    before, after = body.split(b"{number}")
    length = len(before) + NUMBER_WIDTH + len(after)
    lines = [f"POST {path} HTTP/1.1", *(f"{name}: {value}" for name, value in headers.items())]
    lines += ["Content-Type: application/json", f"Content-Length: {length}"]
    return Request("\r\n".join(lines).encode() + HEAD_END + before, after)


@dataclass
class Connection(asyncio.Protocol):
    """One caller's keep-alive connection; one request at a time.

    `first_byte` is the clock's reading when the current answer's first byte arrived, 0.0 before.
    """

    transport: asyncio.Transport | None = None
    answer: asyncio.Future[bytes] | None = None
    first_byte: float = 0.0
    received: bytes = b""
    end: int = 0

    def connection_made(self, transport: asyncio.BaseTransport) -> None:
        """Keep the transport to write to."""
        self.transport = cast("asyncio.Transport", transport)

    def connection_lost(self, exc: Exception | None) -> None:
        """A caller that waits for an answer learns that none will come."""
        self.transport = None
        if self.answer is not None and not self.answer.done():
            self.answer.set_exception(WrongAnswerError(f"the server closed the connection: {exc or 'no reason given'}"))

    def data_received(self, data: bytes) -> None:
        """Collect until the answer is whole."""
        if not self.received:
            self.first_byte = time.perf_counter()
        self.received += data
        self.end = self.end or answer_end(self.received)
        whole = self.received.endswith(LAST_CHUNK) if self.end < 0 else 0 < self.end <= len(self.received)
        if whole:
            self._hand_over()

    def _hand_over(self) -> None:
        received, self.received, self.end = self.received, b"", 0
        if self.answer is not None and not self.answer.done():
            self.answer.set_result(received)

    def close(self) -> None:
        """Hang up; an answer still awaited is cancelled, not failed."""
        if self.answer is not None:
            self.answer.cancel()
        if self.transport is not None:
            self.transport.abort()

    def send(self, request: bytes) -> asyncio.Future[bytes]:
        """Write the request; the future is the whole answer, head and body."""
        if self.transport is None:
            raise WrongAnswerError("the server closed the connection between two requests")
        self.answer = asyncio.get_running_loop().create_future()
        self.first_byte = 0.0
        self.transport.write(request)
        return self.answer


def answer_end(received: bytes) -> int:
    """Total bytes of the answer; 0: its head is not whole yet; -1: chunked, it ends with the last chunk."""
    head = received.find(HEAD_END)
    if head < 0:
        return 0
    names = received[:head].lower()
    at = names.find(b"\r\ncontent-length:")
    if at < 0:
        return -1
    return head + 4 + int(names[at + 17 :].split(b"\r\n", 1)[0])


def check_answer(answer: bytes, marker: bytes) -> None:
    """Status 200 and the run's marker, or WrongAnswerError with the answer's beginning."""
    if not answer.startswith(b"HTTP/1.1 200 ") or marker not in answer:
        raise WrongAnswerError(f"expected 200 with {marker.decode()}, got: {answer[:600].decode(errors='replace')}")


async def connect(host: str, port: int) -> Connection:
    """A new keep-alive connection."""
    loop = asyncio.get_running_loop()
    _, connection = await loop.create_connection(Connection, host, port)
    return connection


@dataclass
class Round:
    """What one round of load measured; latencies in seconds, unsorted."""

    seconds: float = 0.0
    latencies: array[float] = field(default_factory=lambda: array("d"))

    @property
    def per_second(self) -> float:
        """Whole answers per second."""
        return len(self.latencies) / self.seconds

    def milliseconds(self, share: float) -> float:
        """The latency that `share` of the answers did not exceed (nearest rank)."""
        ordered = sorted(self.latencies)
        return 1000 * ordered[min(len(ordered) - 1, int(share * len(ordered)))]


@dataclass
class Load:
    """Callers that each send the next request as soon as their answer is whole."""

    host: str
    port: int
    request: Request
    marker: bytes
    numbers: Iterator[int] = field(default_factory=count)

    async def run(self, callers: int, seconds: float, calls: int | None = None) -> Round:
        """Load for `seconds`, after a fifth of that as warm-up which is not counted; or exactly `calls` calls."""
        connections = [await connect(self.host, self.port) for _ in range(callers)]
        try:
            if calls is None:
                await self._all(connections, Round(), time.perf_counter() + seconds / 5, None)
            return await self._timed(connections, seconds, calls)
        finally:
            for connection in connections:
                connection.close()

    async def _timed(self, connections: list[Connection], seconds: float, calls: int | None) -> Round:
        measured = Round()
        budget = None if calls is None else iter(range(calls))
        started = time.perf_counter()
        await self._all(connections, measured, started + seconds, budget)
        measured.seconds = time.perf_counter() - started
        return measured

    async def _all(self, connections: list[Connection], into: Round, until: float, budget: Iterator[int] | None) -> None:
        limit = until - time.perf_counter() + ANSWER_SECONDS
        callers = [asyncio.ensure_future(self._caller(connection, into.latencies, until, budget)) for connection in connections]
        try:
            async with asyncio.timeout(limit):
                await asyncio.gather(*callers)
        except TimeoutError:
            raise WrongAnswerError(f"no answer within {ANSWER_SECONDS:.0f} s") from None
        finally:
            for caller in callers:
                caller.cancel()

    async def _caller(self, connection: Connection, latencies: array[float], until: float, budget: Iterator[int] | None) -> None:
        clock, numbers, request, marker = time.perf_counter, self.numbers, self.request, self.marker
        started = clock()
        while started < until and (budget is None or next(budget, None) is not None):
            answer = await connection.send(request.bytes(next(numbers)))
            ended = clock()
            check_answer(answer, marker)
            latencies.append(ended - started)
            started = clock()
