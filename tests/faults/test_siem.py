"""Each entry reaches the SIEM once in effect, whoever dies when: the receiver within a message, a replica between sending and marking.

The receiver counts an entry by the index and id in the message, as `in_effect` does; the marks say how often it can come again.
"""

from __future__ import annotations

import asyncio
import signal
import sys
from collections import Counter
from dataclasses import replace
from datetime import UTC, datetime
from pathlib import Path
from typing import TYPE_CHECKING

import pytest

from gateway.audit.publication.stored import Reached
from gateway.audit.siem.sending import SiemPlace
from tests.audit.published import Living, living
from tests.audit.test_publisher import until
from tests.audit.test_siem import in_effect, receiving

if TYPE_CHECKING:
    from gateway.audit.publication.stored import State, Stored
    from tests.fakes.siem import Siem

ROOT = Path(__file__).parents[2]
PIECE = 10


async def sender(log: Living, siem: Siem, kill: int) -> asyncio.subprocess.Process:
    """A replica as a process that dies at its `kill`-th mark."""
    words = (log.url, str(siem.port), str(siem.authority), log.vkey, str(PIECE), str(kill))
    return await asyncio.create_subprocess_exec(sys.executable, "-m", "tests.faults.sender", *words, cwd=ROOT)


@pytest.mark.parametrize("kill", [1, 3])
async def test_a_replica_killed_between_sending_and_marking_repeats_one_piece_at_most(
    database_url: str, tmp_path: Path, monkeypatch: pytest.MonkeyPatch, kill: int
) -> None:
    monkeypatch.setattr("gateway.audit.siem.sending.PIECE", PIECE)
    async with living(database_url) as log, receiving(tmp_path) as (siem, place):
        await log.grow(45)
        killed = await sender(log, siem, kill)
        assert await asyncio.wait_for(killed.wait(), 30) == -signal.SIGKILL
        assert len(siem.messages) == kill * PIECE
        other = log.publisher([place])
        other.start()
        await until(lambda: len(dict(siem.messages)) == 45 and other.lags()[0].entries == 0)
        await other.stop()
        times = Counter(index for index, _ in siem.messages)
        assert (await in_effect(log, siem), sorted(index for index, n in times.items() if n > 1)) == (
            True,
            list(range((kill - 1) * PIECE, kill * PIECE)),
        )


async def test_of_two_replicas_one_sends_and_the_other_goes_on_when_it_is_killed(database_url: str, tmp_path: Path) -> None:
    async with living(database_url) as log, receiving(tmp_path) as (siem, place):
        leading = await sender(log, siem, kill=4)
        await log.grow(3)
        await until(lambda: len(siem.messages) == 3, 30)
        waiting = log.publisher([place])
        waiting.start()
        for count in (5, 7):
            await log.grow(count)
            await until(lambda: len(dict(siem.messages)) == waiting._size)  # noqa: SLF001 - what it has seen of the log
        assert await asyncio.wait_for(leading.wait(), 30) == -signal.SIGKILL
        await log.grow(4)
        await until(lambda: len(dict(siem.messages)) == 19 and waiting.lags()[0].entries == 0)
        await waiting.stop()
        assert (await in_effect(log, siem), len(siem.messages) <= 19 + 7) == (True, True)


async def test_a_receiver_that_dies_within_a_message_and_comes_back_has_every_entry_once(database_url: str, tmp_path: Path) -> None:
    async with living(database_url) as log, receiving(tmp_path) as (siem, place):
        await log.grow(200)
        siem.cut_after = 40_000
        (behind,) = (await log.publish(place)).lags()
        await until(lambda: siem.within == 1)
        assert 0 < len(siem.messages) < 200
        await siem.stop()
        await log.grow(5)
        await log.publish(place)
        await siem.start()
        (lag,) = (await log.publish(place)).lags()
        assert (await in_effect(log, siem), behind.entries, lag.entries) == (True, 200, 0)


class Careless(SiemPlace):
    """Marks first, then sends: the control."""

    async def bring(self, stored: Stored, state: State, reached: Reached) -> None:
        """The wrong way round."""
        now = datetime.now(UTC)
        await stored.note_reached(Reached(self.name, state.size, now, now))
        await super().bring(stored, state, reached)


async def test_who_marks_before_sending_loses_what_was_on_the_way(database_url: str, tmp_path: Path) -> None:
    """The control: with the same cut entries are missing for good, and nobody is told of a lag."""
    async with living(database_url) as log, receiving(tmp_path) as (siem, place):
        careless = Careless(place.id, place.host, place.port, place.context, place.origin)
        await log.grow(200)
        siem.cut_after = 40_000
        await log.publish(careless)
        (lag,) = (await log.publish(careless)).lags()
        assert (await in_effect(log, siem), lag.entries) == (False, 0)
        assert replace(lag.reached, at=None, tried_at=None).size == 200
