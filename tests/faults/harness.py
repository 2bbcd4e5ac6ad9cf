"""Kills replicas and the database in mid-traffic, then counts what is missing: entries, order, agreement.

The promise under test: an acknowledged entry is in the log at its acknowledged place, for ever, and every checkpoint
that anybody could read is a prefix of the log as it ends.
"""

from __future__ import annotations

import asyncio
import json
import os
import signal
import subprocess
import sys
import time
from dataclasses import dataclass, field
from pathlib import Path
from typing import TYPE_CHECKING
from uuid import UUID

from gateway.audit.note import open_checkpoint
from gateway.audit.tree import Frontier, leaf_hash
from gateway.audit.verifier import verify
from gateway.database import connect, migrate
from gateway.operations import keys as secret_files
from gateway.operations.auditing import snapshot
from tests.faults.appender import ESTABLISHMENT, ORIGIN
from tests.faults.postgres import Postgres

if TYPE_CHECKING:
    from gateway.operations.keys import Keys

ROOT = Path(__file__).parents[2]
PATIENCE_SECONDS = 120.0
LOSING = ("synchronous_commit=off", "wal_writer_delay=10000", "wal_writer_flush_after=1GB", "wal_buffers=64MB")


@dataclass(frozen=True, slots=True)
class Outcome:
    """What was left. `lost`: acknowledged and not there; `forks`: readable checkpoints that the final log contradicts."""

    database_kills: int
    replica_kills: int
    acknowledged: int
    size: int
    checkpoints: int
    lost: int
    forks: int
    refused: int
    verified: bool

    @property
    def kept(self) -> bool:
        """Whether the promise held."""
        return self.verified and self.lost == self.forks == self.refused == 0


@dataclass
class Harness:
    """Writers and their database.

    Args:
        folder: for everything; the path must be short.
        unsafe: the control: COMMIT does not wait for the disk.
        replicas: how many writer processes.
    """

    folder: Path
    unsafe: bool = False
    replicas: int = 2
    _writers: list[subprocess.Popen[bytes]] = field(default_factory=list)
    _outputs: list[Path] = field(default_factory=list)
    _kills: dict[str, int] = field(default_factory=lambda: {"database": 0, "replica": 0})

    def run(self, database_kills: int, replica_kills: int, traffic_seconds: float = 1.0) -> Outcome:
        """Traffic and kills, in turn, then the count."""
        self._database = Postgres(self.folder / "pg", LOSING if self.unsafe else ())
        try:
            keys = self._prepare()
            for turn in range(max(database_kills, replica_kills)):
                time.sleep(traffic_seconds)
                if turn < replica_kills:
                    self._kill_replica(turn % self.replicas)
                    time.sleep(traffic_seconds / 2)
                if turn < database_kills:
                    self._kill_database()
            time.sleep(traffic_seconds)
            self._end_writers()
            return asyncio.run(self._counted(keys))
        finally:
            self._end_writers()
            self._database.stop()

    def _prepare(self) -> Keys:
        self._database.prepare()
        self._database.start()
        migrate(self._database.url)
        secret_files.create(self.folder / "keys", ORIGIN)
        self._writers = [self._writer() for _ in range(self.replicas)]
        self._traffic()
        asyncio.run(_settled(self._database.url))
        return secret_files.load(self.folder / "keys", ORIGIN)

    def _writer(self) -> subprocess.Popen[bytes]:
        output = self.folder / f"writer-{len(self._outputs)}.txt"
        self._outputs.append(output)
        environ = {**os.environ, **({"GARANT_TEST_UNSAFE": "1"} if self.unsafe else {})}
        command = [sys.executable, "-m", "tests.faults.appender", self._database.url, str(self.folder / "keys")]
        with output.open("wb") as file, output.with_suffix(".err").open("wb") as errors:
            return subprocess.Popen(command, stdout=file, stderr=errors, cwd=ROOT, env=environ)

    def _traffic(self) -> None:
        """Wait until the newest writer has an entry acknowledged: kills hit traffic, not start-up."""
        until = time.monotonic() + PATIENCE_SECONDS
        while not any(line.startswith("A") for line in _lines(self._outputs[-1])):
            assert time.monotonic() < until, self._outputs[-1].with_suffix(".err").read_text(encoding="utf-8")
            time.sleep(0.05)

    def _kill_replica(self, which: int) -> None:
        self._writers[which].send_signal(signal.SIGKILL)
        self._writers[which].wait(10)
        self._writers[which] = self._writer()
        self._kills["replica"] += 1
        self._traffic()

    def _kill_database(self) -> None:
        self._database.kill()
        self._kills["database"] += 1
        self._database.start()

    def _end_writers(self) -> None:
        for process in self._writers:
            process.kill()
            process.wait(10)

    async def _counted(self, keys: Keys) -> Outcome:
        found = await snapshot(self._database.url, ESTABLISHMENT)
        lines = [line for output in self._outputs for line in _lines(output)]
        said = [line.split() for line in lines if line.startswith("A ")]
        notes = {json.loads(line[2:]) for line in lines if line.startswith("C ")} - {None}
        there = {UUID(json.loads(leaf)["id"]): index for index, leaf in enumerate(found.leaves)}
        lost = sum(there.get(UUID(name)) != int(index) for _, name, index in said)
        report = verify(found.leaves, found.checkpoint, keys.vkeys, found.policies, found.kept, found.assertions)
        refused = sum(line.startswith("D ") for line in lines)
        forks = _forks(found.leaves, notes, keys)
        return Outcome(
            self._kills["database"], self._kills["replica"], len(said), len(found.leaves), len(notes), lost, forks, refused, report.ok
        )


async def _settled(url: str) -> None:
    """What was prepared is on disk, also in the control: only traffic is at stake."""
    connection = await connect(url, role=None)
    await connection.execute("CHECKPOINT")
    await connection.close()


def _lines(output: Path) -> list[str]:
    """Whole lines only: what a kill cut off was never said."""
    return [line for line in output.read_text(encoding="utf-8").splitlines(keepends=True) if line.endswith("\n")]


def _forks(leaves: list[bytes], notes: set[str], keys: Keys) -> int:
    signed = sorted((open_checkpoint(note, keys.vkeys) for note in notes), key=lambda one: one.size)
    frontier, forks = Frontier(), 0
    for checkpoint in signed:
        frontier = frontier.extend(leaf_hash(leaf) for leaf in leaves[frontier.size : checkpoint.size])
        forks += (frontier.size, frontier.root()) != (checkpoint.size, checkpoint.root)
    return forks
