"""The stop button meets decisions that were taken but have not left yet (R19)."""

from __future__ import annotations

from typing import TYPE_CHECKING

import pytest

from tests.fakes.model_server import CANARY
from tests.life.world import World
from tests.stage import built

if TYPE_CHECKING:
    from collections.abc import Iterator


@pytest.fixture
def world(postgres_server: str) -> Iterator[World]:
    for stage in built(postgres_server, 0):
        made = World(stage)
        yield made
        made.close()


@pytest.mark.parametrize("task", ["undoable", "pair"])
def test_what_was_signed_but_not_released_when_the_button_was_pressed_never_leaves(world: World, task: str) -> None:
    """R19: in the undo window or after the first of two signatures; withdrawn, and resuming does not bring it back."""
    suggestion = world.call(task, 0)[1]
    assert suggestion is not None
    world.decide("dr.a", world.open("dr.a", suggestion, 0), "approve", 1)
    button, person = world.replicas[1].desk.stopping, world.people["it"]
    assert world.run(button.stop(person, f"task:{task}", "wrong results")) == 1
    world.move(5, 0)
    assert (world.state(suggestion), CANARY in world.look(suggestion, 0)) == ("suspended", False)
    world.run(button.resume(person, f"task:{task}", "mended"))
    world.move(5, 1)
    assert (world.state(suggestion), CANARY in world.look(suggestion, 1)) == ("suspended", False)
    assert "released" not in world.story(suggestion)
    assert world.problems() == []
