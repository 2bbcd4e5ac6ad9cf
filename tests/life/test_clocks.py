"""A case whose clock cannot be served stops neither the clocks of the others nor the machine."""

from __future__ import annotations

import asyncio
from typing import TYPE_CHECKING

import pytest

from tests.life.world import World
from tests.stage import built

if TYPE_CHECKING:
    from collections.abc import Iterator

GARBLED = "UPDATE payloads SET ciphertext = '' WHERE suggestion_id = $1"


@pytest.fixture
def world(postgres_server: str) -> Iterator[World]:
    for stage in built(postgres_server, 0):
        made = World(stage)
        yield made
        made.close()


@pytest.mark.parametrize("harm", [GARBLED, "DELETE FROM payloads WHERE suggestion_id = $1"])
def test_one_case_that_cannot_be_served_stops_no_clock(world: World, harm: str) -> None:
    broken, sound = world.call("undoable", 0)[1], world.call("undoable", 1)[1]
    assert broken is not None
    assert sound is not None
    for suggestion in (broken, sound):
        world.decide("dr.a", world.open("dr.a", suggestion, 0), "approve", 1)
    world.rows(harm, broken)
    world.move(2, 0)
    assert (world.state(broken), world.state(sound)) == ("signed", "released")


def test_what_cannot_be_served_is_tried_again_now_and_then_and_not_without_pause(world: World) -> None:
    broken = world.call("undoable", 0)[1]
    assert broken is not None
    world.decide("dr.a", world.open("dr.a", broken, 0), "approve", 1)
    world.rows(GARBLED, broken)
    world.move(2, 0)
    tries = world.run(_strikes(world, 1.5))
    assert 1 <= tries <= 8


async def _strikes(world: World, seconds: float) -> int:
    """How often the replicas' clocks look for what is due."""
    tries, suggestions = 0, world.replicas[0].clocks.signoff.suggestions
    due = type(suggestions).due

    async def counted(self: object, *args: object, **more: object) -> object:
        nonlocal tries
        tries += 1
        return await due(self, *args, **more)  # type: ignore[arg-type]

    with pytest.MonkeyPatch.context() as patch:
        patch.setattr(type(suggestions), "due", counted)
        for replica in world.replicas:
            replica.clocks._ready.set()  # noqa: SLF001 - as a message would
        await asyncio.sleep(seconds)
    return tries
