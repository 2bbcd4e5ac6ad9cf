"""What is measured: callers that pass, callers that are held until signed, memory over many calls.

Each scenario returns a `Measure`: every round's figures, and their median. Rounds are interleaved (A B C, A B C, …), so that
a slow moment of the machine hits everyone. Milliseconds, requests per second and MiB throughout.
"""

from __future__ import annotations

import asyncio
import time
from array import array
from contextlib import suppress
from dataclasses import dataclass, field, replace
from functools import partial
from itertools import count
from statistics import median
from typing import TYPE_CHECKING, TypeAlias

from tests.benchmarks.garant_server import Running, Sent, Signer, start_signer
from tests.benchmarks.load import ANSWER_SECONDS, Connection, Load, Round, WrongAnswerError, check_answer, connect, post
from tests.benchmarks.rivals.nginx import requests_counted
from tests.benchmarks.servers import HOST, Server, resident_bytes

if TYPE_CHECKING:
    from collections.abc import Callable, Iterator, Sequence

Arrivals: TypeAlias = "asyncio.Queue[tuple[Connection, asyncio.Future[bytes]]]"

MIB = 2**20
SAMPLE_SECONDS = 0.25
IDLE_SECONDS = 0.002
BODY = (
    b'{"model":"bench","messages":[{"role":"system","content":"You write letters to referring physicians in plain words."},'
    b'{"role":"user","content":"Write the letter for visit {number}: unremarkable examination, control in six months."}]}'
)


@dataclass
class Measure:
    """One server in one scenario. `failure` says why there are no figures, or no more of them."""

    scenario: str
    server: str
    version: str
    rounds: list[dict[str, float]] = field(default_factory=list)
    failure: str | None = None

    def median(self, name: str) -> float | None:
        """The median over the rounds that have this figure."""
        values = [figures[name] for figures in self.rounds if name in figures]
        return median(values) if values else None


@dataclass(frozen=True)
class Pace:
    """How many rounds of how many seconds, and where progress is told."""

    rounds: int
    seconds: float
    say: Callable[[str], None]


@dataclass
class Bench:
    """The run's fixed parts: the model server, its marker, and a number that no two calls share."""

    model: Server
    marker: bytes
    numbers: Iterator[int] = field(default_factory=count)

    def load(self, server: Server) -> Load:
        """Callers of a server."""
        request = post(server.path, {"Host": f"{HOST}:{server.port}", **server.headers}, BODY)
        return Load(HOST, server.port, request, self.marker, self.numbers)

    async def round(self, server: Server, callers: int, seconds: float) -> dict[str, float]:
        """One round; WrongAnswerError when the model was asked less often than the server answered."""
        before = requests_counted(self.model)
        measured = await self.load(server).run(callers, seconds)
        asked = requests_counted(self.model) - before
        if asked < len(measured.latencies):
            raise WrongAnswerError(f"{len(measured.latencies)} answers, but the model was asked only {asked} times: not a relay")
        return {**figures(measured), "resident_mib": resident_bytes(server.pid) / MIB}


def figures(measured: Round) -> dict[str, float]:
    """A round in numbers."""
    if not measured.latencies:
        raise WrongAnswerError("not one answer in the whole round")
    return {
        "per_second": measured.per_second,
        "p50_ms": measured.milliseconds(0.5),
        "p99_ms": measured.milliseconds(0.99),
        "max_ms": 1000 * max(measured.latencies),
        "answers": float(len(measured.latencies)),
    }


async def warm(bench: Bench, servers: Sequence[Server], pace: Pace) -> None:
    """Uncounted load on each server, for late imports and just-in-time compilers; the rounds report what fails here."""
    for server in servers:
        pace.say(f"warming {server.name}")
        with suppress(WrongAnswerError, OSError):
            await bench.load(server).run(16, pace.seconds)


async def interleaved(bench: Bench, servers: Sequence[Server], callers: int, pace: Pace) -> list[Measure]:
    """The same callers on every server, round by round; each round's added latency is against the direct round beside it."""
    scenario = f"{callers} caller{'s' if callers > 1 else ''}"
    measures = [Measure(scenario, server.name, server.version) for server in servers]
    for number in range(1, pace.rounds + 1):
        pace.say(f"{scenario}: round {number} of {pace.rounds}")
        direct: dict[str, float] | None = None
        for server, measure in zip(servers, measures, strict=True):
            await one_round(bench, server, measure, callers, pace.seconds)
            if measure.failure is None and server is bench.model:
                direct = measure.rounds[-1]
            elif measure.failure is None and direct is not None:
                add_difference(measure.rounds[-1], direct)
    return measures


async def one_round(bench: Bench, server: Server, measure: Measure, callers: int, seconds: float) -> None:
    """Measure once, or note why that server has failed; a failed one is left alone afterwards."""
    if measure.failure is not None:
        return
    try:
        measure.rounds.append(await bench.round(server, callers, seconds))
    except (WrongAnswerError, OSError) as error:
        measure.failure = str(error)


def add_difference(figures: dict[str, float], direct: dict[str, float]) -> None:
    """Added latency: this round's percentile minus the direct round's."""
    for name in ("p50_ms", "p99_ms"):
        figures[f"added_{name}"] = figures[name] - direct[name]


async def memory(bench: Bench, server: Server, calls: int, callers: int = 16) -> Measure:
    """Resident memory of the worker while it serves `calls` calls, and its slope in percent.

    The slope compares the median of the last tenth of the samples with that of the second tenth: the first is warm-up.
    """
    measure = Measure("memory", server.name, server.version)
    samples: list[float] = []
    sampler = asyncio.create_task(sample(server.pid, samples))
    try:
        measured = await bench.load(server).run(callers, 3600, calls)
    finally:
        sampler.cancel()
    samples.append(resident_bytes(server.pid) / MIB)
    tenth = max(1, len(samples) // 10)
    early, late = median(samples[tenth : 2 * tenth] or samples), median(samples[-tenth:])
    measure.rounds.append(
        {**figures(measured), "resident_mib": late, "highest_mib": max(samples), "slope_percent": 100 * (late / early - 1)}
    )
    return measure


async def sample(pid: int, into: list[float]) -> None:
    """Resident MiB of the process, four times a second, until cancelled."""
    while True:
        into.append(resident_bytes(pid) / MIB)
        await asyncio.sleep(SAMPLE_SECONDS)


async def held_then_signed(bench: Bench, running: Running, callers: int, pace: Pace) -> Measure:
    """Callers of the held task, and one clinician who signs all the time: the whole way from call to released answer."""
    held = replace(running.first, path=running.held_path)
    measure = Measure(f"held then signed, {callers} caller{'s' if callers > 1 else ''}", held.name, held.version)
    signer = await start_signer(running)
    signing = asyncio.create_task(sign_all(signer))
    try:
        for number in range(1, pace.rounds + 1):
            pace.say(f"{measure.scenario}: round {number} of {pace.rounds}")
            await one_round(bench, held, measure, callers, pace.seconds)
        if signing.done():
            measure.failure = f"the signer stopped: {signing.exception()}"
    finally:
        signing.cancel()
        await asyncio.gather(signing, return_exceptions=True)
        await signer.close()
    return measure


async def sign_all(signer: Signer) -> None:
    """Sign what waits, until cancelled."""
    while True:
        if await signer.sign_next() is None:
            await asyncio.sleep(IDLE_SECONDS)


@dataclass
class Crowd:
    """Callers held open on one replica; answers, or the reasons why there are none, arrive in order."""

    connections: list[Connection] = field(default_factory=list)
    arrivals: Arrivals = field(default_factory=asyncio.Queue)

    async def hold(self, bench: Bench, held: Server, callers: int) -> None:
        """Send one call on each of `callers` connections."""
        request = bench.load(held).request
        for _ in range(callers):
            connection = await connect(HOST, held.port)
            self.connections.append(connection)
            connection.send(request.bytes(next(bench.numbers))).add_done_callback(partial(self._arrived, connection))

    def _arrived(self, connection: Connection, answer: asyncio.Future[bytes]) -> None:
        if not answer.cancelled():
            self.arrivals.put_nowait((connection, answer))

    def close(self) -> None:
        """Hang up everyone."""
        for connection in self.connections:
            connection.close()


async def held_open(bench: Bench, running: Running, callers: int, signatures: int) -> list[Measure]:
    """Many callers held at once by the first replica; one signature at a time on each replica in turn.

    Figures: resident memory with everyone waiting, `leaks` (answers whose first byte came before any decision could have released
    them), and milliseconds to the released answer's first byte, by three clocks: from sending a decision with its password, from
    sending one that rests on a fresh proof, and from the COMMIT of the signature.
    """
    held = replace(running.first, path=running.held_path)
    crowd, measures = Crowd(), []
    try:
        await crowd.hold(bench, held, callers)
        for replica, where in enumerate(("signed on the same replica", "signed on another replica")[: len(running.replicas)]):
            signer = await start_signer(running, replica)
            try:
                waiting = callers - replica * signatures
                await all_waiting(signer, waiting)
                resident = {"resident_mib": resident_bytes(held.pid) / MIB, "callers": float(waiting)}
                proved = await sign_one_by_one(signer, signatures // 3, crowd.arrivals, bench.marker, prove=True)
                fresh = await sign_one_by_one(signer, signatures - signatures // 3, crowd.arrivals, bench.marker, prove=False)
            finally:
                await signer.close()
            clocks = {"password": proved.figures(), "fresh proof": fresh.figures(), "COMMIT": fresh.since(await running.commits())}
            for clock, found in clocks.items():
                name = f"{held.name}, {where}, from {clock}"
                measures.append(Measure(f"{callers:,} held open", name, held.version, [{**found, **resident}]))
        return measures
    finally:
        crowd.close()


async def all_waiting(signer: Signer, callers: int, seconds: float = 120.0) -> None:
    """Return once the queue shows every caller's suggestion."""
    until = time.monotonic() + seconds
    while (waiting := await signer.waiting()) < callers:
        if time.monotonic() > until:
            raise WrongAnswerError(f"only {waiting} of {callers} calls were waiting for a signature after {seconds:.0f} s")
        await asyncio.sleep(0.5)


@dataclass
class Signed:
    """Signatures one by one: when each was sent, on what, and when the first byte of the answer it released arrived."""

    seconds: float = 0.0
    leaks: int = 0
    released: list[tuple[Sent, float]] = field(default_factory=list)

    def figures(self) -> dict[str, float]:
        """From sending to first byte."""
        return self._figures([arrived - sent.at for sent, arrived in self.released])

    def since(self, commits: dict[str, float]) -> dict[str, float]:
        """From COMMIT to first byte; both clocks are this machine's."""
        wall = time.time() - time.perf_counter()
        return self._figures([arrived + wall - commits[sent.suggestion] for sent, arrived in self.released])

    def _figures(self, latencies: list[float]) -> dict[str, float]:
        return {**figures(Round(self.seconds, array("d", latencies))), "leaks": float(self.leaks)}


async def sign_one_by_one(signer: Signer, signatures: int, arrivals: Arrivals, marker: bytes, *, prove: bool) -> Signed:
    """One signature, one released answer, and so on: with one outstanding there is no doubt which answer it released."""
    signed, started = Signed(leaks=arrivals.qsize()), time.perf_counter()
    for _ in range(signatures):
        sent = await signer.sign_next(prove=prove)
        async with asyncio.timeout(ANSWER_SECONDS):
            connection, done = await arrivals.get()
        check_answer(done.result(), marker)
        if sent is None or connection.first_byte < sent.at:
            signed.leaks += 1
        else:
            signed.released.append((sent, connection.first_byte))
    signed.seconds, signed.leaks = time.perf_counter() - started, signed.leaks + arrivals.qsize()
    return signed
