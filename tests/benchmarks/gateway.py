"""Garant beside what a hospital could use instead: one command, one run, one table.

`python -m tests.benchmarks.gateway` asserts nothing about absolute time. It exits with 1 when something could not be measured,
and ends every process it started, also when it is interrupted.
"""

from __future__ import annotations

import argparse
import asyncio
import resource
import secrets
import shutil
import signal
import subprocess
import sys
import tempfile
from dataclasses import dataclass, field
from pathlib import Path
from typing import TYPE_CHECKING

import uvloop

from tests.benchmarks import report, scenarios
from tests.benchmarks.garant_server import Running, start_garant
from tests.benchmarks.load import WrongAnswerError
from tests.benchmarks.rivals.gateways import start_litellm, start_portkey
from tests.benchmarks.rivals.nginx import start_model, start_proxy
from tests.benchmarks.scenarios import Bench, Measure, Pace
from tests.benchmarks.servers import NotStartedError, Processes, Server

if TYPE_CHECKING:
    from collections.abc import Awaitable, Callable

RIVALS: dict[str, Callable[[Processes, Server], Awaitable[Server]]] = {
    "nginx": start_proxy,
    "litellm": start_litellm,
    "portkey": start_portkey,
}
SERVERS = (*RIVALS, "garant")
SCENARIOS = ("one", "sixteen", "held", "open", "memory")
CALLERS = {"one": 1, "sixteen": 16}
FAILURES = (NotStartedError, WrongAnswerError, OSError, subprocess.SubprocessError)


@dataclass(frozen=True)
class Options:
    """What to measure, and for how long (seconds a round)."""

    seconds: float
    rounds: int
    only: frozenset[str]
    long: bool
    json: Path | None

    def wants(self, name: str) -> bool:
        """Whether a server or a scenario is asked for; naming none of a sort asks for all of it."""
        sort = SERVERS if name in SERVERS else SCENARIOS
        return name in self.only or not self.only.intersection(sort)


def options() -> Options:
    """The command line."""
    parser = argparse.ArgumentParser(prog="python -m tests.benchmarks.gateway", description=__doc__)
    parser.add_argument("--seconds", type=float, default=4.0, help="length of a round (default 4)")
    parser.add_argument("--rounds", type=int, default=5, help="rounds for each server, interleaved (default 5)")
    parser.add_argument("--only", default="", help=f"comma-separated, of {', '.join((*SERVERS, *SCENARIOS))}")
    parser.add_argument("--long", action="store_true", help="100,000 calls for memory and 5,000 callers held, instead of 10,000 and 500")
    parser.add_argument("--json", type=Path, help="also write every round's figures to this file")
    given = parser.parse_args()
    only = frozenset(filter(None, given.only.split(",")))
    if unknown := only.difference(SERVERS, SCENARIOS):
        parser.error(f"--only does not know {', '.join(sorted(unknown))}")
    if given.rounds < 1 or given.seconds <= 0:
        parser.error("--rounds and --seconds must be positive")
    return Options(given.seconds, given.rounds, only, given.long, given.json)


def say(words: str) -> None:
    """Progress, beside the table and not in it."""
    print(f"  {words}", file=sys.stderr, flush=True)


@dataclass
class Run:
    """One run: its processes, its options and what it has measured so far."""

    wanted: Options
    processes: Processes
    measures: list[Measure] = field(default_factory=list)

    async def everything(self) -> None:
        """Start, measure, scenario by scenario."""
        marker = f"bench{secrets.token_hex(8)}"
        model = await start_model(self.processes, marker)
        bench = Bench(model, marker.encode())
        servers = [model, *await self._rivals(model)]
        running = await self._garant(model)
        if running is not None:
            servers.append(running.first)
        await scenarios.warm(bench, servers, self.pace)
        await self._passing(bench, servers)
        if running is not None:
            await self._holding(bench, running)
        if self.wanted.wants("memory"):
            await self._memory(bench, servers)
        if running is not None and self.wanted.wants("open"):
            await self._open(bench)

    def _not_measured(self, scenario: str, server: str, error: BaseException) -> None:
        self.measures.append(Measure(scenario, server, "", failure=str(error) or type(error).__name__))

    async def _rivals(self, model: Server) -> list[Server]:
        servers = []
        for name, start in RIVALS.items():
            if self.wanted.wants(name):
                say(f"starting {name}")
                try:
                    servers.append(await start(self.processes, model))
                except FAILURES as error:
                    self._not_measured("start", name, error)
        return servers

    async def _garant(self, model: Server) -> Running | None:
        if not self.wanted.wants("garant"):
            return None
        say("starting garant")
        try:
            return await start_garant(self.processes, model)
        except FAILURES as error:
            self._not_measured("start", "garant", error)
            return None

    @property
    def pace(self) -> Pace:
        """As the command line asked."""
        return Pace(self.wanted.rounds, self.wanted.seconds, say)

    async def _passing(self, bench: Bench, servers: list[Server]) -> None:
        for scenario, callers in CALLERS.items():
            if self.wanted.wants(scenario):
                self.measures += await scenarios.interleaved(bench, servers, callers, self.pace)

    async def _holding(self, bench: Bench, running: Running) -> None:
        if not self.wanted.wants("held"):
            return
        try:
            for callers in CALLERS.values():
                self.measures.append(await scenarios.held_then_signed(bench, running, callers, self.pace))
        except FAILURES as error:
            self._not_measured("held then signed", "Garant", error)

    async def _memory(self, bench: Bench, servers: list[Server]) -> None:
        """Garant's, and that of each rival named in `--only`."""
        calls = 100_000 if self.wanted.long else 10_000
        named = {"nginx": "nginx proxy_pass", "litellm": "LiteLLM proxy", "portkey": "Portkey gateway"}
        wanted = {"Garant", *(named[name] for name in self.wanted.only.intersection(named))}
        for server in (server for server in servers if server.name in wanted):
            say(f"memory of {server.name} over {calls:,} calls")
            try:
                self.measures.append(await scenarios.memory(bench, server, calls))
            except FAILURES as error:
                self._not_measured("memory", server.name, error)

    async def _open(self, bench: Bench) -> None:
        """Two fresh replicas on a database of their own, so that the worker's memory is the held callers'."""
        callers, signatures = (5000, 150) if self.wanted.long else (500, 100)
        say(f"{callers:,} callers held open")
        folder = Path(tempfile.mkdtemp(dir=self.processes.folder))
        pair = Processes(folder)
        try:
            running = await start_garant(pair, bench.model, replicas=2)
            self.measures += await scenarios.held_open(bench, running, callers, signatures)
        except FAILURES as error:
            self._not_measured("held open", "Garant", error)
        finally:
            pair.end()


async def benchmark(wanted: Options) -> int:
    """Measure, print, and leave nothing running."""
    folder = Path(tempfile.mkdtemp(prefix="garant-benchmark-"))
    processes = Processes(folder)
    run = Run(wanted, processes)
    if this := asyncio.current_task():
        asyncio.get_running_loop().add_signal_handler(signal.SIGTERM, this.cancel)
    try:
        await run.everything()
    finally:
        processes.end()
        shutil.rmtree(folder, ignore_errors=True)
        if run.measures:
            report.show(report.machine(), run.measures)
    if wanted.json:
        report.write(wanted.json, report.machine(), run.measures)
    return int(any(measure.failure for measure in run.measures))


def main() -> None:
    """Run with as many open files as the machine allows: each held caller is one, on both sides."""
    wanted = options()
    _, most = resource.getrlimit(resource.RLIMIT_NOFILE)
    resource.setrlimit(resource.RLIMIT_NOFILE, (most, most))
    try:
        sys.exit(uvloop.run(benchmark(wanted)))
    except (KeyboardInterrupt, asyncio.CancelledError):
        sys.exit("interrupted; every process this benchmark started has been ended")


if __name__ == "__main__":
    main()
