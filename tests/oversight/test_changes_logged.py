"""What is changed in the configuration, and by which right somebody stops or resumes, stands in the log (R19, R21)."""

from __future__ import annotations

from typing import TYPE_CHECKING

import pytest

from gateway.demo.clinician import Clinician
from tests.stage import Stage, _serve, built

if TYPE_CHECKING:
    from collections.abc import Iterator


@pytest.fixture
def stage(postgres_server: str) -> Iterator[Stage]:
    yield from built(postgres_server)


def changes(stage: Stage) -> list[tuple[str, str]]:
    found = [entry for entry in stage.entries("config_changed") if entry["detail"]["change"].startswith("policy_")]
    return [(entry["detail"]["change"], entry["task"]) for entry in found]


def again(stage: Stage, undo_seconds: int) -> None:
    """Start two replicas together with another undo window of one task's policy."""
    while stage.replicas:
        stage.replicas.pop().stop()
    policies = tuple(
        policy.model_copy(update={"undo_seconds": undo_seconds}) if policy.id == "diagnosis" else policy
        for policy in stage.settings.policies
    )
    settings = stage.settings.model_copy(update={"policies": policies})
    stage.replicas += [_serve(settings, stage.keys, stage.url) for _ in range(2)]


def test_every_policy_is_an_entry_when_it_is_first_in_force_and_when_it_changes(stage: Stage) -> None:
    first = changes(stage)
    assert sorted(first) == sorted(("policy_added", task) for task in {route.task for route in stage.settings.routes})
    again(stage, 5)
    assert changes(stage)[len(first) :] == [("policy_changed", "diagnosis")]
    *_, before, last = [entry["detail"] for entry in stage.entries("config_changed") if entry.get("task") == "diagnosis"]
    assert (last["old"], last["old"] == last["new"]) == (before["new"], False)
    assert len(stage.rows("SELECT 1 FROM policy_documents WHERE digest IN ($1, $2)", last["old"], last["new"])) == 2
    assert stage.verified().ok


def test_the_same_configuration_leaves_no_entry_at_the_next_start(stage: Stage) -> None:
    first = changes(stage)
    again(stage, 0)
    assert changes(stage) == first


def test_whoever_resumes_is_logged_in_the_role_that_may(stage: Stage) -> None:
    wish = {"login": "dr.q", "name": "Dr Q", "profession": "doctor", "roles": ["clinician", "quality"]}
    made = stage.api(stage.clinician("it"), "POST", "/people", wish).json()
    both = Clinician(stage.base, "dr.q", made["one_time_password"])
    both.sign_in()
    body = {"scope": "task:letter", "reason": "Test"}
    assert [stage.api(both, "POST", path, body).status_code for path in ("/stops", "/stops/resume")] == [200, 200]
    assert [stage.entries(kind)[-1]["role"] for kind in ("suspended", "resumed")] == ["clinician", "quality"]
