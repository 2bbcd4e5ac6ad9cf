"""R16, R17: gaps of rotas are told a day ahead by the system itself, unreviewed emergencies stand in red after 72 hours."""

from __future__ import annotations

from datetime import timedelta
from functools import partial
from types import SimpleNamespace
from typing import TYPE_CHECKING, Any, cast

import pytest

from gateway.database import CHANNEL
from gateway.policy.escalation import Gap, uncovered
from gateway.settings import Rota, Shift
from gateway.signoff.models import EmergencyReason
from gateway.signoff.watch.alarms import alarms
from gateway.signoff.watch.rotas import RotaWatch
from gateway.web.banners import alarmed
from tests.life.world import StillClock, World
from tests.stage import built, eventually

if TYPE_CHECKING:
    from collections.abc import Iterator
    from datetime import datetime

    from gateway.signoff.watch.alarms import Alarm
    from tests.stage import Stage

HOUR = timedelta(hours=1)
BEGUN = StillClock().moment.replace(microsecond=0)


def rota(*hours: tuple[float, float]) -> Rota:
    """Shifts from and to these hours after the world begins."""
    shifts = tuple(Shift(person="dr.a", start=str(BEGUN + HOUR * begin), end=str(BEGUN + HOUR * end)) for begin, end in hours)
    return Rota(id="night", shifts=shifts)


def staged(server: str, rotas: Rota) -> Iterator[Stage]:
    for stage in built(server, 0):
        stage.settings = stage.settings.model_copy(update={"rotas": (rotas,)})
        yield stage


@pytest.fixture
def world(postgres_server: str) -> Iterator[World]:
    """Somebody is on call until 30 hours from now, then again two hours later."""
    for stage in staged(postgres_server, rota((-1, 30), (32, 9000))):
        made = World(stage)
        made.clock.moment = BEGUN
        yield made
        made.close()


def watch(world: World, replica: int = 0) -> RotaWatch:
    return world.replicas[replica].rotas


def about_gaps(stage: Stage) -> list[dict[str, Any]]:
    return [one for one in stage.entries("notified") if one["detail"].get("about") == "rota_gap"]


def told(world: World) -> list[dict[str, Any]]:
    return about_gaps(world.stage)


def now(world: World) -> tuple[Alarm, ...]:
    parts = world.replicas[0]
    return world.run(alarms(world.replicas[0].parts.suggestions._sessions, "test", parts.settings.rotas, world.clock.now()))  # noqa: SLF001


def test_what_no_shift_covers_is_a_gap() -> None:
    shifts = rota((0, 8), (6, 12), (14, 20))
    at: list[datetime] = [BEGUN + HOUR * hours for hours in (0, 12, 14, 20)]
    assert uncovered(shifts) == (Gap("night", None, at[0]), Gap("night", at[1], at[2]), Gap("night", at[3], None))
    assert uncovered(Rota(id="empty")) == (Gap("empty", None, None),)


def test_r16_a_gap_is_told_a_day_ahead_and_not_before(world: World) -> None:
    world.clock.moment = BEGUN + HOUR * 5.5
    assert (world.run(watch(world).strike()), now(world), told(world)) == (0, (), [])
    assert watch(world).pause() == HOUR / 2
    world.clock.moment += watch(world).pause()
    assert world.run(watch(world).strike()) == 1
    assert [(alarm.kind, alarm.count, alarm.red) for alarm in now(world)] == [("rota_gap", 1, False)]


def test_a_gap_is_told_once_by_all_replicas_with_an_entry_and_a_webhook(world: World) -> None:
    world.clock.moment = BEGUN + HOUR * 7
    struck = [world.run(watch(world, replica).strike()) for replica in (0, 1, 0, 1)]
    restarted = RotaWatch("test", world.stage.settings.rotas, world.replicas[1].parts.writer, world.replicas[1].notices, world.clock)
    assert ([*struck, world.run(restarted.strike())], len(told(world))) == ([1, 0, 0, 0, 0], 1)
    assert told(world)[0]["detail"]["rota"] == "night"
    world.rows("UPDATE notices SET next_at = now()")  # the database's clock is the real one
    world.rows("SELECT pg_notify($1, 'notices')", CHANNEL)
    posted = eventually(lambda: [one for one in posts(world) if b'"rota.gap"' in one])
    assert len(posted) == 1
    assert b'"rota":"night"' in posted[0]
    assert world.problems() == []


def posts(world: World) -> list[bytes]:
    """What the webhook's receiver got; the replicas work while this runs."""
    world.rows("SELECT pg_sleep(0.05)")
    return [one.body for one in world.stage.pager.seen]


def test_a_gap_that_has_begun_is_red_and_one_that_is_over_is_forgotten(world: World) -> None:
    world.clock.moment = BEGUN + HOUR * 31
    assert [(alarm.kind, alarm.red) for alarm in now(world)] == [("rota_gap", True)]
    world.clock.moment = BEGUN + HOUR * 33
    assert now(world) == ()


def test_the_watch_wakes_by_itself(postgres_server: str) -> None:
    for stage in staged(postgres_server, rota((-1, 24 + 1.5 / 3600), (40, 9000))):
        stage.add_replica()
        assert eventually(partial(about_gaps, stage), 60)


def emergency(world: World) -> Any:  # noqa: ANN401 - an id
    suggestion = world.call("diagnosis", 0)[1]
    assert suggestion is not None
    world.run(world.replicas[0].desk.emergency.break_glass(world.people["dr.a"], world.proof(), suggestion, EmergencyReason.VITAL_RISK))
    return suggestion


def test_r17_an_emergency_release_that_nobody_reviewed_is_red_after_72_hours(world: World) -> None:
    world.clock.moment = BEGUN + HOUR * 33
    suggestion = emergency(world)
    world.move(71.9 * 3600, 0)
    assert now(world) == ()
    world.move(0.1 * 3600, 0)
    assert [(alarm.kind, alarm.count, alarm.red) for alarm in now(world)] == [("review_overdue", 1, True)]
    world.decide("dr.a", world.open("dr.a", suggestion, 0), "approve", 0)
    assert now(world) == ()


def test_everybody_reads_the_alarm_and_those_who_can_act_get_the_way_there(world: World) -> None:
    world.clock.moment = BEGUN + HOUR * 33
    emergency(world)
    world.clock.moment += HOUR * 72
    parts = SimpleNamespace(
        database=world.replicas[0].parts.suggestions._sessions,  # noqa: SLF001
        settings=world.stage.settings,
        clock=world.clock,
    )
    for login, link in (("dr.a", "/queue?state=emergency"), ("quality", ""), ("it", "")):
        session = SimpleNamespace(person=world.people[login])
        found = world.run(alarmed(cast("Any", parts), cast("Any", session)))
        assert [(one.level, one.link) for one in found] == [("alarm", link)]
        assert "72 heures" in found[0].fr


def test_the_alarm_reads_an_index_of_its_own(world: World) -> None:
    world.rows("SET enable_seqscan = off")
    plan = world.rows("EXPLAIN SELECT count(*), min(due_at) FROM suggestions WHERE state = 'emergency' AND due_at <= now()")
    assert "suggestions_unreviewed" in str(plan)
