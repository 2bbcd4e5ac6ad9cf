"""A whole replica is killed while callers wait: nothing unsigned was delivered, nothing acknowledged is missing."""

from __future__ import annotations

import os
import signal
import subprocess
import sys
import threading
import time
from collections import Counter
from typing import TYPE_CHECKING
from uuid import uuid4

import httpx
import pytest

from gateway.demo.clinician import DemoFailedError
from gateway.operations import serving
from tests.fakes.model_server import CANARY
from tests.stage import ENVIRONMENT, Served, Stage, built, eventually

if TYPE_CHECKING:
    from collections.abc import Iterator


class Process(Served):
    """A replica as a process of its own."""

    def begin(self, stage: Stage) -> None:
        listener = serving.bound("127.0.0.1", 0)
        self.port = listener.getsockname()[1]
        listener.close()
        config = stage.settings.keys_directory.parent / "garant.toml"
        environ = {**os.environ, **ENVIRONMENT, "GARANT_DATABASE_URL": stage.url, "GARANT_PORT": str(self.port)}
        command = [sys.executable, "-m", "gateway.cli", "up", "--config", str(config)]
        self.process = subprocess.Popen(command, env=environ, stderr=subprocess.DEVNULL)

    def ready(self) -> bool:
        try:
            return httpx.get(f"{self.base}/health/ready").status_code == 200
        except httpx.HTTPError:
            return False

    def stop(self) -> None:
        self.process.terminate()
        self.process.wait(20)


@pytest.fixture
def stage(postgres_server: str) -> Iterator[Stage]:
    for made in built(postgres_server, 0):
        for _ in range(2):
            replica = Process()
            replica.begin(made)
            made.replicas.append(replica)
        eventually(lambda found=made: all(replica.ready() for replica in found.replicas), 30)
        yield made


def test_a_killed_replica_delivers_nothing_unsigned_and_loses_nothing(stage: Stage) -> None:
    signed: dict[str, float] = {}
    leaks, outcomes, ending = [], Counter[str](), threading.Event()

    def call() -> None:
        while not ending.is_set():
            replica = stage.replicas[1]
            try:
                answer = httpx.post(
                    f"{replica.base}/call/diagnosis/predict", json={"case": uuid4().hex}, headers={"authorization": f"Bearer {stage.key}"}, timeout=10
                )
            except httpx.HTTPError:
                outcomes["broken off"] += 1
                time.sleep(0.05)
                continue
            outcomes[str(answer.status_code)] += 1
            if CANARY in answer.text and answer.headers["garant-suggestion"] not in signed:
                leaks.append(answer.headers["garant-suggestion"])

    def sign() -> None:
        doctor = stage.clinician()
        while not ending.is_set():
            for case in doctor.queue():
                signed[str(case["id"])] = time.monotonic()
                try:
                    doctor.decide(str(case["id"]), "approve")
                except (DemoFailedError, OSError):
                    outcomes["decision refused"] += 1

    threads = [threading.Thread(target=call, daemon=True) for _ in range(4)] + [threading.Thread(target=sign, daemon=True)]
    for thread in threads:
        thread.start()
    for _ in range(2):
        time.sleep(2)
        victim = stage.replicas[1]
        assert isinstance(victim, Process)
        victim.process.send_signal(signal.SIGKILL)
        victim.process.wait()
        fresh = Process()
        fresh.begin(stage)
        stage.replicas[1] = fresh
        eventually(fresh.ready, 20)
    time.sleep(1)
    ending.set()
    for thread in threads:
        thread.join(15)
    assert outcomes["200"] > 10
    assert outcomes["broken off"] > 0
    assert leaks == []
    released = {entry["suggestion"] for entry in stage.entries("released")}
    delivered = {entry["suggestion"] for entry in stage.entries("delivered")}
    assert delivered <= released
    assert stage.verified().ok
