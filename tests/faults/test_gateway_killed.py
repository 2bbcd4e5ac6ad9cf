"""A whole replica is killed while callers wait: nothing unsigned was delivered, nothing acknowledged is missing."""

from __future__ import annotations

import os
import signal
import subprocess
import sys
import threading
import time
from collections import Counter
from contextlib import suppress
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
        self.process = subprocess.Popen([*self.program(), "up", "--config", str(config)], env=environ, stderr=subprocess.DEVNULL)

    def program(self) -> list[str]:
        return [sys.executable, "-m", "gateway.cli"]

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
        for started in made.replicas:
            assert isinstance(started, Process)
            eventually(started.ready, 30)
        yield made


class Traffic:
    """Callers on the second replica, and a clinician on the first who signs whatever waits."""

    def __init__(self, stage: Stage) -> None:
        self.stage = stage
        self.signed: set[str] = set()
        self.leaks: list[str] = []
        self.outcomes = Counter[str]()
        self.ending = threading.Event()
        self._threads = [threading.Thread(target=self._call, daemon=True) for _ in range(4)]
        self._threads.append(threading.Thread(target=self._sign, daemon=True))

    def start(self) -> None:
        for thread in self._threads:
            thread.start()

    def stop(self) -> None:
        self.ending.set()
        for thread in self._threads:
            thread.join(15)

    def _call(self) -> None:
        while not self.ending.is_set():
            try:
                self._one()
            except httpx.HTTPError:
                self.outcomes["broken off"] += 1
                time.sleep(0.05)

    def _one(self) -> None:
        base, headers = self.stage.replicas[1].base, {"authorization": f"Bearer {self.stage.key}"}
        answer = httpx.post(f"{base}/call/diagnosis/predict", json={"case": uuid4().hex}, headers=headers, timeout=10)
        self.outcomes[str(answer.status_code)] += 1
        if CANARY in answer.text and answer.headers["garant-suggestion"] not in self.signed:
            self.leaks.append(answer.headers["garant-suggestion"])

    def _sign(self) -> None:
        doctor = self.stage.clinician()
        while not self.ending.is_set():
            for case in doctor.queue():
                self.signed.add(str(case["id"]))
                with suppress(DemoFailedError, OSError):
                    doctor.decide(str(case["id"]), "approve")


def replaced(stage: Stage, number: int) -> None:
    """Kill a replica and start another in its place."""
    victim, fresh = stage.replicas[number], Process()
    assert isinstance(victim, Process)
    victim.process.send_signal(signal.SIGKILL)
    victim.process.wait()
    fresh.begin(stage)
    stage.replicas[number] = fresh
    eventually(fresh.ready, 20)


def test_a_killed_replica_delivers_nothing_unsigned_and_loses_nothing(stage: Stage) -> None:
    traffic = Traffic(stage)
    traffic.start()
    for _ in range(2):
        time.sleep(2)
        replaced(stage, 1)
    time.sleep(1)
    traffic.stop()
    assert traffic.outcomes["200"] >= 3  # enough to have been killed in the middle of, however busy the machine is
    assert traffic.outcomes["broken off"] > 0
    assert traffic.leaks == []
    released = {entry["suggestion"] for entry in stage.entries("released")}
    assert {entry["suggestion"] for entry in stage.entries("delivered")} <= released
    assert stage.verified().ok
