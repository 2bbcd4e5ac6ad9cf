"""Live queues: told when something changed, told once for many changes, ended with the session, forgotten when left."""

from __future__ import annotations

import asyncio
from contextlib import ExitStack

import pytest

from gateway.errors import Slowed
from gateway.signals.bus import Bus, Topic, message
from gateway.web import live


def heard(bus: Bus, topic: Topic = Topic.QUEUE) -> None:
    """As PostgreSQL would tell it."""
    bus._receive(None, 0, "", message(topic, "x"))  # noqa: SLF001 - the edge of the process


async def always() -> bool:
    return True


async def test_a_change_is_told_and_many_are_told_once(monkeypatch: pytest.MonkeyPatch) -> None:
    monkeypatch.setattr(live, "PACE_SECONDS", 0.0)
    bus = Bus("")
    told = live.stream(live.QueueWatch(bus), always, heartbeat=0.05)
    assert await anext(told) == live.OPENED
    waiting = asyncio.ensure_future(anext(told))
    await asyncio.sleep(0)
    for _ in range(100):
        heard(bus)
    assert await waiting == live.CHANGED
    assert await anext(told) == live.HEARTBEAT


async def test_a_gap_in_hearing_counts_as_a_change() -> None:
    bus = Bus("")
    told = live.stream(live.QueueWatch(bus), always)
    await anext(told)
    waiting = asyncio.ensure_future(anext(told))
    await asyncio.sleep(0)
    bus._gap()  # noqa: SLF001
    assert await waiting == live.CHANGED


async def test_other_news_wake_nobody() -> None:
    bus = Bus("")
    told = live.stream(live.QueueWatch(bus), always, heartbeat=0.02)
    await anext(told)
    waiting = asyncio.ensure_future(anext(told))
    await asyncio.sleep(0)
    heard(bus, Topic.CLOCK)
    assert await waiting == live.HEARTBEAT


async def test_the_end_of_the_session_ends_the_stream_and_nothing_is_left() -> None:
    watch, answers = live.QueueWatch(Bus("")), iter([True, False])

    async def until_now() -> bool:
        return next(answers)

    told = [part async for part in live.stream(watch, until_now, heartbeat=0.01)]
    assert told == [live.OPENED, live.HEARTBEAT, live.ENDED]
    assert watch.pages == 0


async def test_a_page_that_is_left_is_forgotten() -> None:
    watch = live.QueueWatch(Bus(""))
    told = live.stream(watch, always)
    await anext(told)
    assert watch.pages == 1
    await told.aclose()  # type: ignore[attr-defined] # an asynchronous generator
    assert watch.pages == 0


async def test_a_replica_that_ends_lets_its_pages_go_without_telling_them_that_their_session_ended() -> None:
    watch = live.QueueWatch(Bus(""))
    told = live.stream(watch, always)
    assert await anext(told) == live.OPENED
    watch.close()
    assert [part async for part in told] == []


async def test_one_person_opens_a_bounded_number_of_streams_and_takes_no_place_of_others() -> None:
    watch = live.QueueWatch(Bus(""))
    with ExitStack() as open_pages:
        for _ in range(live.MOST_PAGES):
            watch.check_room("dr.a")
            open_pages.enter_context(watch.watching("dr.a"))
        with pytest.raises(Slowed):
            watch.check_room("dr.a")
        watch.check_room("dr.b")
    watch.check_room("dr.a")
