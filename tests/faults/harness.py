"""Kills replicas and the database in mid-traffic, and counts what became of every acknowledged entry.

`python -m tests.faults.harness --kills 200` is the long run; the tests run the same code for less.
"""

from __future__ import annotations

import argparse
import asyncio
import json
import signal
import subprocess
import sys
import tempfile
import time
from dataclasses import dataclass, field
from pathlib import Path

import psutil

from gateway.audit.verifier import verify
from gateway.database import Embedded, migrate
from gateway.operations import keys as secret_files
from gateway.operations.auditing import snapshot
from tests.faults.appender import ORIGIN


@dataclass(slots=True)
class Verdict:
    """What was found after the kills."""

    replica_kills: int = 0
    database_kills: int = 0
    acknowledged: int = 0
    lost: int = 0
    forks: int = 0
    size: int = 0
    verified: bool = False

    @property
    def clean(self) -> bool:
        """Nothing lost, nothing forked, the log verifies."""
        return self.lost == 0 and self.forks == 0 and self.verified


@dataclass
class Faults:
    """A database of its own, two writers, and a record of what they acknowledged."""

    folder: Path
    asynchronous: bool = False
    replicas: int = 2
    _processes: list[subprocess.Popen[bytes]] = field(default_factory=list)
    _outputs: list[Path] = field(default_factory=list)

    def run(self, kills: int, seconds: float = 1.5) -> Verdict:
        """Kill a replica and the database in turn, `kills` times in all, then look."""
        verdict = Verdict()
        self._start_database()
        try:
            for _ in range(self.replicas):
                self._start_writer()
            for number in range(kills):
                time.sleep(seconds)
                if number % 2:
                    self._kill_replica(number // 2 % self.replicas)
                    verdict.replica_kills += 1
                else:
                    self._kill_database()
                    verdict.database_kills += 1
            time.sleep(0 if self.asynchronous else seconds)
            return self._counted(verdict)
        finally:
            self._stop()

    def _start_database(self) -> None:
        self._embedded = Embedded(self.folder / "postgres")
        self.url = self._embedded.start()
        if self.asynchronous:
            with (self.folder / "postgres" / "postgresql.conf").open("a") as settings:
                settings.write("\nwal_writer_delay = 10000ms\nsynchronous_commit = off\n")
            self._kill_database()
        secret_files.create(self.folder / "keys", ORIGIN)
        migrate(self.url)

    def _start_writer(self) -> None:
        output = self.folder / f"acknowledged-{len(self._outputs)}.txt"
        command = [sys.executable, "-m", "tests.faults.appender", self.url, str(self.folder / "keys")]
        self._outputs.append(output)
        with output.open("wb") as file:
            self._processes.append(subprocess.Popen([*command, *(["--asynchronous"] * self.asynchronous)], stdout=file, stderr=subprocess.DEVNULL))

    def _kill_replica(self, number: int) -> None:
        self._processes[number].send_signal(signal.SIGKILL)
        self._processes[number].wait()
        self._start_writer()
        self._processes[number] = self._processes.pop()

    def _kill_database(self) -> None:
        """SIGKILL to the postmaster and all its children, then start it again."""
        master = psutil.Process(int((self.folder / "postgres" / "postmaster.pid").read_text().split()[0]))
        family = [master, *master.children(recursive=True)]
        for process in family:
            process.kill()
        psutil.wait_procs(family, 10)
        (self.folder / "postgres" / "postmaster.pid").unlink(missing_ok=True)
        self._embedded.again()

    def _counted(self, verdict: Verdict) -> Verdict:
        for process in self._processes:
            process.kill()
            process.wait()
        found = asyncio.run(snapshot(self.url, "faults"))
        place = {json.loads(leaf)["id"]: index for index, leaf in enumerate(found.leaves)}
        for entry, index in self._acknowledged():
            verdict.acknowledged += 1
            verdict.lost += entry not in place
            verdict.forks += entry in place and place[entry] != index
        keys = secret_files.load(self.folder / "keys", ORIGIN)
        report = verify(found.leaves, found.checkpoint, keys.vkeys, found.policies, found.kept)
        verdict.size, verdict.verified = report.size, report.ok
        return verdict

    def _acknowledged(self) -> list[tuple[str, int]]:
        lines = [line.split() for output in self._outputs for line in output.read_text().splitlines(keepends=True) if line.endswith("\n")]
        return [(entry, int(index)) for entry, index in lines]

    def _stop(self) -> None:
        for process in self._processes:
            process.kill()
            process.wait()
        self._embedded.stop()


def main() -> None:
    """The long run, by hand."""
    arguments = argparse.ArgumentParser(description="Kill replicas and the database; count what was lost.")
    arguments.add_argument("--kills", type=int, default=200)
    arguments.add_argument("--asynchronous", action="store_true", help="the control that must lose entries")
    given = arguments.parse_args()
    with tempfile.TemporaryDirectory(prefix="garant-faults-") as folder:
        print(Faults(Path(folder), given.asynchronous).run(given.kills))


if __name__ == "__main__":
    main()
