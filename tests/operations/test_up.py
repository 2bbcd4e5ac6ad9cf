"""`garant up` as a person starts it: it says where to open it, and what it refuses it says once and ends."""

from __future__ import annotations

import os
import subprocess
import sys
from typing import TYPE_CHECKING

import httpx
import pytest

from gateway.operations import serving
from tests.stage import ENVIRONMENT, Stage, built, eventually

if TYPE_CHECKING:
    from collections.abc import Iterator
    from pathlib import Path


@pytest.fixture
def stage(postgres_server: str) -> Iterator[Stage]:
    yield from built(postgres_server)


def up(stage: Stage, config: Path, port: int) -> subprocess.Popen[str]:
    environ = {**os.environ, **ENVIRONMENT, "GARANT_DATABASE_URL": stage.url, "GARANT_PORT": str(port)}
    command = [sys.executable, "-m", "gateway.cli", "up", "--config", str(config)]
    return subprocess.Popen(command, env=environ, stdout=subprocess.PIPE, stderr=subprocess.PIPE, text=True)


def free() -> int:
    with serving.bound("127.0.0.1", 0) as listener:
        return int(listener.getsockname()[1])


def configured(stage: Stage, name: str, **changes: str) -> Path:
    """The stage's configuration with pieces of text exchanged."""
    path = stage.settings.keys_directory.parent / "garant.toml"
    text = path.read_text(encoding="utf-8")
    for before, after in changes.items():
        old, new = after.split(" => ")
        assert text.count(old) >= 1, before
        text = text.replace(old, new)
    other: Path = path.with_name(f"{name}.toml")
    other.write_text(text, encoding="utf-8")
    return other


@pytest.mark.parametrize("replicas", [1, 2])
def test_it_says_where_to_open_it_whatever_the_log_level(stage: Stage, replicas: int) -> None:
    port = free()
    config = configured(
        stage,
        "quiet",
        level='spool_directory => log_level = "error"\nspool_directory',
        count=f"[server] => [server]\nreplicas = {replicas}",
    )
    process = up(stage, config, port)
    try:
        assert process.stdout is not None
        assert "http://garant.test" in process.stdout.readline()
        eventually(lambda: _answers(port), 30)
    finally:
        process.terminate()
        process.communicate(timeout=30)


def test_a_task_that_is_clinical_no_more_ends_all_replicas_with_one_message(stage: Stage) -> None:
    """The stage's own replica has kept the documents in which the task is clinical."""
    config = configured(
        stage,
        "softened",
        kind='id = "trial"\nkind = "diagnosis" => id = "trial"\nkind = "administrative"',
        count="[server] => [server]\nreplicas = 2",
    )
    process = up(stage, config, free())
    _, said = process.communicate(timeout=40)
    assert (process.returncode, said.count("were clinical before")) == (1, 1)
    assert "replica.died" not in said


def _answers(port: int) -> bool:
    try:
        return httpx.get(f"http://127.0.0.1:{port}/health/ready").status_code == 200
    except httpx.HTTPError:
        return False
