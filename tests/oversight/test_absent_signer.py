"""Nobody comes (R2, R16): every clock strikes once, however many replicas strike it, and time alone never approves."""

from __future__ import annotations

import asyncio
import json
from collections import Counter
from datetime import timedelta
from typing import TYPE_CHECKING

import pytest

from gateway.errors import Forbidden
from gateway.identity.sessions import Authentication
from gateway.signoff.models import Decision
from tests.fakes.model_server import CANARY, Script
from tests.life.world import World
from tests.stage import built

if TYPE_CHECKING:
    from collections.abc import Iterator

CASES = 500


@pytest.fixture
def world(postgres_server: str) -> Iterator[World]:
    for stage in built(postgres_server, 0):
        stage.pager.scripts["/hook"] = Script(status=204)
        made = World(stage)
        yield made
        made.close()


def stories(world: World) -> dict[str, list[str]]:
    """Per suggestion, the types of its entries in the order of the log."""
    found: dict[str, list[str]] = {}
    for row in world.rows("SELECT leaf FROM entries ORDER BY index"):
        leaf = json.loads(row["leaf"])
        if leaf.get("suggestion"):
            found.setdefault(leaf["suggestion"], []).append(leaf["type"])
    return found


def strike_on_both(world: World, seconds: float) -> None:
    """Time passes, and both replicas serve the same deadlines at the same moment."""

    async def strike() -> None:
        # One that lost every race of a batch reports nothing done; what is still due is the measure.
        async with asyncio.timeout(60):
            while await world.replicas[0].clocks.signoff.suggestions.due(world.clock.now(), limit=1):
                await asyncio.gather(*(replica.clocks.strike() for replica in world.replicas))

    world.clock.moment += timedelta(seconds=seconds)
    world.run(strike())


def test_of_five_hundred_cases_without_a_signer_none_expires_unreminded_or_unescalated(world: World) -> None:
    """R16: reminder at half the clock, escalation at the full clock, then withdrawal; two replicas make each entry once."""
    for n in range(CASES):
        world.call("short", n % 2)
    wanted = ["received"]
    for seconds, added in ((0.5, ["notified"]), (0.5, ["overdue", "escalated"]), (1, ["expired"])):
        strike_on_both(world, seconds)
        wanted += added
        assert Counter(map(tuple, stories(world).values())) == {tuple(wanted): CASES}
    assert len(world.rows("SELECT record FROM usage_records WHERE facts->>'outcome' = 'ignored'")) == CASES
    assert world.problems() == []


def test_a_year_of_waiting_approves_nothing(world: World) -> None:
    """R2: with the clock a year on, nothing that nobody decided was signed or released."""
    tasks = ("diagnosis", "pair", "undoable", "short", "triage")
    made = [(task, world.call(task, n % 2)[1]) for task in tasks for n in range(4)]
    for _ in range(12):
        strike_on_both(world, 365 * 86_400 / 12)
    types = {kind for story in stories(world).values() for kind in story}
    assert {"escalated", "expired"} <= types
    assert types.isdisjoint({"signed_off", "break_glass"})
    for task, suggestion in made:
        assert suggestion is not None
        assert task == "triage" or "released" not in world.story(suggestion)
        assert CANARY not in world.look(suggestion, 0)
    assert world.problems() == []


@pytest.mark.parametrize("age", [61, 3600])
def test_a_proof_of_identity_older_than_the_opening_or_stale_signs_nothing(world: World, age: float) -> None:
    """R5: the proof has to be made for this decision."""
    suggestion = world.call("diagnosis", 0)[1]
    assert suggestion is not None
    opened = world.open("dr.a", suggestion, 0)
    assert opened.row.lease is not None
    decision = Decision(lease=opened.row.lease, shown_sha256=opened.shown_sha256, decision="approve")
    for earlier in (age, 0.001):
        proof = Authentication("password", world.clock.now() - timedelta(seconds=earlier))
        with pytest.raises(Forbidden) as refusal:
            world.run(world.replicas[1].desk.signoff.decide(world.people["dr.a"], proof, suggestion, decision))
        assert refusal.value.code == "reauthentication_required"
    assert world.state(suggestion) == "held"
