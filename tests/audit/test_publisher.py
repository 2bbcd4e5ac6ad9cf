"""Publishing runs beside the log: places take every state, one that fails holds up nobody, and its lag is known."""

from __future__ import annotations

import asyncio
from datetime import UTC, datetime, timedelta
from typing import TYPE_CHECKING

from gateway.audit.note import open_checkpoint
from gateway.audit.outside.cosignatures import cosigned_by
from gateway.audit.publication.anchors import Anchors
from gateway.audit.publication.folder import Folder
from gateway.audit.publication.places import AnchorPlace, FolderPlace, Place, TimestampPlace, WitnessPlace
from gateway.audit.publication.stored import Reached
from tests.audit.ground import rows
from tests.audit.published import Living, living
from tests.witness.stand import Eye

if TYPE_CHECKING:
    from collections.abc import Callable, Sequence
    from pathlib import Path


def witnessed(log: Living, folder: Path) -> tuple[Eye, WitnessPlace]:
    eye = Eye(folder / "witness", log.whose.vkeys)
    return eye, WitnessPlace(eye.witness(), eye.ask, log.whose.vkeys)


async def until(check: Callable[[], bool], seconds: float = 10) -> None:
    async with asyncio.timeout(seconds):
        while not check():  # noqa: ASYNC110 - what is waited for tells nobody
            await asyncio.sleep(0.02)


async def test_every_place_takes_the_state_and_the_folder_comes_last(database_url: str, tmp_path: Path) -> None:
    async with living(database_url) as log:
        eye, place = witnessed(log, tmp_path)
        anchors = Anchors(tmp_path / "second")
        folder = FolderPlace(Folder(tmp_path / "public", log.vkey), log.whose.vkeys)
        await log.grow(300)
        publisher = await log.publish(AnchorPlace(anchors, log.whose.vkeys), place, folder)
    note = (tmp_path / "public/checkpoint").read_text()
    assert cosigned_by(note, [eye.key.verifier()]) == {eye.key.verifier()}
    assert [lag.entries for lag in publisher.lags()] == [0, 0, 0]
    assert anchors.newest() == (tmp_path / "public/checkpoints/300").read_text()
    assert note == f"{anchors.newest()}" + (tmp_path / "public/cosignatures/300").read_text()


async def test_a_witness_that_is_down_holds_up_nobody_and_catches_up(database_url: str, tmp_path: Path) -> None:
    async with living(database_url) as log:
        eye, place = witnessed(log, tmp_path)
        eye.down = True
        publisher = log.publisher([place, AnchorPlace(Anchors(tmp_path / "second"), log.whose.vkeys)])
        publisher.start()
        await log.grow(5)
        await until(lambda: Anchors(tmp_path / "second").newest() is not None and publisher.lags()[0].entries == 5)
        behind = publisher.lags()
        eye.down = False
        await log.grow(2)
        await until(lambda: (tmp_path / "second/7").is_file() and [lag.entries for lag in publisher.lags()] == [0, 0])
        await publisher.stop()
    assert ("could not be reached" in behind[0].reached.problem, behind[0].seconds >= 0) == (True, True)
    assert eye.memory.newest(log.whose.origin) == open_checkpoint((tmp_path / "second/7").read_text(), log.whose.vkeys)


async def test_a_witness_that_forgot_what_was_said_gets_the_whole_proof(database_url: str, tmp_path: Path) -> None:
    async with living(database_url) as log:
        _, place = witnessed(log, tmp_path)
        await log.grow(5)
        await log.publish(place)
        _, fresh = witnessed(log, tmp_path / "new")
        await log.grow(5)
        (lag,) = (await log.publish(fresh)).lags()
    assert (lag.entries, lag.reached.problem) == (0, "")


async def test_a_witness_that_cosigns_something_else_is_not_believed(database_url: str, tmp_path: Path) -> None:
    async with living(database_url) as log:
        eye, _ = witnessed(log, tmp_path)
        stranger = Eye(tmp_path / "stranger", log.whose.vkeys)
        await log.grow(5)
        (lag,) = (await log.publish(WitnessPlace(eye.witness(), stranger.ask, log.whose.vkeys))).lags()
    assert (lag.entries, "no cosignature by the key" in lag.reached.problem) == (5, True)


async def test_of_two_replicas_one_publishes_until_it_ends(database_url: str, tmp_path: Path) -> None:
    async with living(database_url) as log:
        eyes = [witnessed(log, tmp_path / name) for name in ("one", "two")]
        publishers = [log.publisher([place]) for _, place in eyes]
        await log.grow(5)
        for publisher in publishers:
            publisher.start()
        await until(lambda: eyes[0][0].asked + eyes[1][0].asked == 1)
        await asyncio.sleep(0.3)
        first = 0 if eyes[0][0].asked else 1
        await publishers[first].stop()
        await log.grow(1)
        await until(lambda: eyes[1 - first][0].asked > 0)
        await publishers[1 - first].stop()
        assert (eyes[first][0].asked, log.writer.damaged) == (1, None)


async def test_entries_that_do_not_give_the_signed_root_are_never_published(database_url: str, tmp_path: Path) -> None:
    """The control: before the change the same log is published."""
    async with living(database_url) as log:
        place = FolderPlace(Folder(tmp_path, log.vkey), log.whose.vkeys)
        await log.grow(5)
        await log.publish(place)
        await log.grow(1)
        await rows(database_url, "ALTER TABLE entries DISABLE TRIGGER entries_append_only")
        await rows(database_url, "UPDATE entries SET leaf_hash = sha256('x') WHERE index = 2")
        await log.publish(place)
        assert ((tmp_path / "checkpoint").read_text().split("\n")[1], "was changed" in str(log.writer.damaged)) == ("5", True)


def test_a_timestamp_is_asked_for_when_something_is_new_and_the_last_one_is_old() -> None:
    now = datetime(2026, 1, 1, tzinfo=UTC)
    place: Place = TimestampPlace("tsa", "http://tsa.test", 3600, Eye.ask)  # type: ignore[arg-type]
    table: Sequence[tuple[int, int, bool]] = ((5, 7200, True), (5, 60, False), (9, 7200, False))
    for size, seconds, due in table:
        assert place.due(Reached("timestamp:tsa", size, now - timedelta(seconds=seconds)), 9, now) is due
    assert place.due(Reached("timestamp:tsa"), 9, now)
