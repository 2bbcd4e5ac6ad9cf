"""A replica and the database die in the same moment, with callers held and a clinician signing every other case."""

from __future__ import annotations

import shutil
import signal
import tempfile
import time
from contextlib import suppress
from pathlib import Path
from typing import TYPE_CHECKING
from uuid import UUID, uuid4

import httpx
import pytest

from gateway.demo.clinician import DemoFailedError
from tests.fakes.model_server import CANARY
from tests.faults.postgres import Postgres
from tests.faults.test_gateway_killed import Process, Traffic
from tests.stage import Stage, built, eventually

if TYPE_CHECKING:
    from collections.abc import Iterator


class Half(Traffic):
    """Every other case is never signed; what was acknowledged to the clinician and delivered to callers is kept."""

    def __init__(self, stage: Stage) -> None:
        super().__init__(stage)
        self.acknowledged: set[str] = set()
        self.delivered: set[str] = set()

    def _one(self) -> None:
        base, headers = self.stage.replicas[1].base, {"authorization": f"Bearer {self.stage.key}"}
        answer = httpx.post(f"{base}/call/diagnosis/predict", json={"case": uuid4().hex}, headers=headers, timeout=10)
        self.outcomes[str(answer.status_code)] += 1
        if CANARY not in answer.text:
            return
        self.delivered.add(answer.headers["garant-suggestion"])
        if answer.headers["garant-suggestion"] not in self.signed:
            self.leaks.append(answer.headers["garant-suggestion"])

    def _sign(self) -> None:
        doctor = self.stage.clinician()
        while not self.ending.is_set():
            with suppress(DemoFailedError, OSError):
                for name in [str(case["id"]) for case in doctor.queue() if UUID(str(case["id"])).int % 2]:
                    self.signed.add(name)
                    doctor.decide(name, "approve")
                    self.acknowledged.add(name)
            time.sleep(0.02)


@pytest.fixture
def database() -> Iterator[Postgres]:
    folder = Path(tempfile.mkdtemp(prefix="garant-"))
    made = Postgres(folder / "pg")
    made.prepare()
    made.start()
    yield made
    made.stop()
    shutil.rmtree(folder, ignore_errors=True)


@pytest.fixture
def stage(database: Postgres) -> Iterator[Stage]:
    for made in built(database.url, 0):
        made.replicas += [started(made), started(made)]
        yield made


def started(stage: Stage) -> Process:
    """A replica as a process, ready."""
    replica = Process()
    replica.begin(stage)
    eventually(replica.ready, 30)
    return replica


def killed(stage: Stage, database: Postgres) -> None:
    """SIGKILL to the callers' replica and to every process of the database; both come back."""
    victim = stage.replicas[1]
    assert isinstance(victim, Process)
    victim.process.send_signal(signal.SIGKILL)
    database.kill()
    victim.process.wait()
    database.start()
    stage.replicas[1] = started(stage)


def test_nothing_unsigned_leaves_and_nothing_acknowledged_is_lost(stage: Stage, database: Postgres) -> None:
    traffic = Half(stage)
    stage.clinician()
    traffic.start()
    for _ in range(3):
        time.sleep(2)
        killed(stage, database)
    time.sleep(3)
    traffic.stop()
    print(len(traffic.delivered), len(traffic.acknowledged), dict(traffic.outcomes))  # noqa: T201 - the counts, for whoever runs it with -s
    assert traffic.leaks == []
    assert len(traffic.delivered) > 5
    assert traffic.outcomes["broken off"] > 0
    assert traffic.acknowledged <= {entry["suggestion"] for entry in stage.entries("signed_off")}
    assert traffic.delivered | traffic.acknowledged <= {entry["suggestion"] for entry in stage.entries("released")}
    assert stage.verified().ok
