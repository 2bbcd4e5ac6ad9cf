"""What a command changes holds at once for a gateway that is running, on every replica."""

from __future__ import annotations

from typing import TYPE_CHECKING

import pytest
from typer.testing import CliRunner

from gateway.cli import app
from tests.stage import Stage, built, eventually

if TYPE_CHECKING:
    from collections.abc import Iterator

    from typer.testing import Result


@pytest.fixture(scope="module")
def stage(postgres_server: str) -> Iterator[Stage]:
    yield from built(postgres_server, 2)


def garant(stage: Stage, *words: str) -> Result:
    config = stage.settings.keys_directory.parent / "garant.toml"
    return CliRunner().invoke(app, list(words), env={"GARANT_CONFIG": str(config), "GARANT_DATABASE_URL": stage.url})


def statuses(stage: Stage, key: str) -> set[int]:
    return {stage.get("/v1/models", key=key, replica=replica).status_code for replica in (0, 1)}


def test_a_stop_by_command_stops_every_replica_within_five_seconds(stage: Stage) -> None:
    assert garant(stage, "stops", "stop", "task:letter", "--reason", "drill").exit_code == 0
    eventually(lambda: all(stage.chat("letter", replica=replica).status_code == 503 for replica in (0, 1)), 5)
    assert garant(stage, "stops", "resume", "task:letter", "--reason", "drill over").exit_code == 0
    eventually(lambda: all(stage.chat("letter", replica=replica).status_code == 200 for replica in (0, 1)), 5)
    assert stage.verified().ok


def test_a_stop_by_command_withdraws_what_waits(stage: Stage) -> None:
    stage.chat("diagnosis")
    stopped = garant(stage, "stops", "stop", "task:diagnosis", "--reason", "drill")
    assert "1 waiting answers were withdrawn" in stopped.output, stopped.output
    garant(stage, "stops", "resume", "task:diagnosis", "--reason", "drill over")
    assert stage.rows("SELECT state FROM suggestions WHERE task = 'diagnosis'")[0]["state"] == "suspended"


def test_a_key_by_command_opens_and_closes_every_replica(stage: Stage) -> None:
    key = garant(stage, "machines", "create", "ris", "--task", "letter").output.strip()
    eventually(lambda: statuses(stage, key) == {200}, 5)
    garant(stage, "machines", "revoke", key.split("_")[1])
    eventually(lambda: statuses(stage, key) == {401}, 5)


def test_a_closed_account_is_out_at_once(stage: Stage) -> None:
    who = stage.clinician("dr.b")
    assert stage.api(who, "GET", "/queue").status_code == 200
    garant(stage, "users", "close", "dr.b")
    assert stage.api(who, "GET", "/queue", replica=1).status_code == 401


def test_status_and_systems_show_the_running_replicas(stage: Stage) -> None:
    assert garant(stage, "status").output.count("runs since") == 2
    assert "reader" in garant(stage, "systems", "list").output
