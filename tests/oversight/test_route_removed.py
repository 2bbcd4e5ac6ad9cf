"""A case whose route is taken out of the configuration expires by the policy it was received under, and is told of once."""

from __future__ import annotations

from typing import TYPE_CHECKING

import pytest
from structlog.testing import capture_logs

from tests.signoff.cases import new_case, state
from tests.stage import Stage, _serve, built, eventually

if TYPE_CHECKING:
    from collections.abc import Iterator


@pytest.fixture
def stage(postgres_server: str) -> Iterator[Stage]:
    yield from built(postgres_server)


def without(stage: Stage, task: str) -> None:
    """Start again with a configuration that no longer has the task's routes."""
    stage.replicas.pop().stop()
    routes = tuple(route for route in stage.settings.routes if route.task != task)
    stage.replicas.append(_serve(stage.settings.model_copy(update={"routes": routes}), stage.keys, stage.url))


def test_a_waiting_case_without_a_route_expires_and_one_line_says_how_many_there_are(stage: Stage) -> None:
    suggestion, other = new_case(stage, "short"), new_case(stage)
    with capture_logs() as lines:
        without(stage, "short")
        eventually(lambda: state(stage, suggestion) == "expired", 15)
    told = [line for line in lines if str(line["event"]).startswith("clocks.")]
    assert [(line["event"], line["pending"]) for line in told] == [("clocks.routes_removed", 1)]
    assert [entry["suggestion"] for entry in stage.entries("expired")] == [suggestion]
    assert state(stage, other) == "held"
