"""What lies outside the house fails, or knows more than the database: care goes on in the first case and stops in the second."""

from __future__ import annotations

import socket
import time
from contextlib import contextmanager
from dataclasses import replace
from functools import partial
from typing import TYPE_CHECKING
from urllib.parse import urlsplit

import httpx
import pytest
from cryptography.hazmat.primitives.asymmetric.ed25519 import Ed25519PrivateKey

from gateway.audit.outside.cosignatures import CosigningKey
from gateway.settings import Publication
from tests.conftest import execute, finished, of_database
from tests.lines import lines
from tests.stage import Served, Stage, built, eventually

if TYPE_CHECKING:
    from collections.abc import Iterator
    from pathlib import Path

WITHIN = 5.0
WITNESS = CosigningKey("witness.example/w1", Ed25519PrivateKey.generate())


@pytest.fixture
def hole() -> Iterator[int]:
    """A port that takes connections and never answers."""
    with socket.create_server(("127.0.0.1", 0), backlog=64) as listener:
        yield listener.getsockname()[1]


def test_a_witness_that_never_answers_delays_no_call(postgres_server: str, tmp_path: Path, hole: int) -> None:
    """The figure: 40 calls each answered as without a witness; the lag is seen. The control: an anchor that works has none."""
    policy = tmp_path / "policy"
    policy.write_text(f"witness w1 {WITNESS.verifier().encode()} http://127.0.0.1:{hole}\nquorum w1\n")
    extra = f'[publication]\ninterval_seconds = 0.1\npolicy = "{policy}"\nanchor_directory = "{tmp_path}/second"\n'
    for stage in built(postgres_server, 1, extra):
        began, waits = time.monotonic(), list[float]()
        while time.monotonic() - began < 1 or len(waits) < 40:
            start = time.monotonic()
            assert stage.chat("letter").status_code == 200
            waits.append(time.monotonic() - start)
        eventually(partial(lag, stage, "witness:w1"), 15)
        eventually((tmp_path / "second/test").is_dir, 15)
    assert max(waits) < WITHIN / 2


def lag(stage: Stage, place: str) -> float:
    """How many entries a place is behind, by the metrics."""
    text = httpx.get(f"{stage.base}/metrics").text
    return float(text.split(f'garant_log_lag_entries{{place="{place}"}} ')[1].split()[0])


@contextmanager
def restored(stage: Stage, server: str) -> Iterator[str]:
    """A copy of the stage's database of before its last calls; its replicas are stopped meanwhile, and started again."""
    name, old = urlsplit(stage.url).path[1:], f"old_{time.monotonic_ns()}"
    _stop(stage)
    lines().hang_up(stage.url)
    finished(execute(server, f'CREATE DATABASE "{old}" TEMPLATE "{name}"'))
    stage.add_replica()
    for _ in range(3):
        assert stage.chat("letter").status_code == 200
    _stop(stage)
    try:
        yield of_database(server, old)
    finally:
        finished(execute(server, f'DROP DATABASE "{old}" WITH (FORCE)'))


def test_a_gateway_on_a_restored_database_releases_nothing(
    postgres_server: str, tmp_path: Path, capsys: pytest.CaptureFixture[str]
) -> None:
    """The figure: 0 released, 503 within 5 s, both notes printed. The control: without the second volume the fork goes out unnoticed."""
    extra = f'[publication]\ninterval_seconds = 0.1\nanchor_directory = "{tmp_path}/second"\n'
    for stage in built(postgres_server, 1, extra):
        stage.chat("letter")
        with restored(stage, postgres_server) as url:
            capsys.readouterr()
            copy = replace(stage, url=url, replicas=[], people={})
            with running(copy) as served:
                size, start = len(copy.entries()), time.monotonic()
                statuses = {copy.chat("letter").status_code for _ in range(5)}
                assert (statuses, time.monotonic() - start < WITHIN, len(copy.entries())) == ({503}, True, size)
                assert httpx.get(f"{served.base}/health/ready").status_code == 503
            assert capsys.readouterr().err.count(f"— {stage.settings.establishment.origin} ") == 2
            blind = replace(copy, settings=stage.settings.model_copy(update={"publication": Publication()}), replicas=[])
            with running(blind):
                assert blind.chat("letter").status_code == 200


@contextmanager
def running(stage: Stage) -> Iterator[Served]:
    """One replica for a while."""
    try:
        yield stage.add_replica()
    finally:
        _stop(stage)


def _stop(stage: Stage) -> None:
    for served in stage.replicas:
        served.stop()
    stage.replicas.clear()
