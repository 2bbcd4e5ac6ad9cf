"""The spool gives back what it was given, and what it merges is in the log once, with its true time."""

from __future__ import annotations

import asyncio
import json
from datetime import UTC, datetime, timedelta
from typing import TYPE_CHECKING
from uuid import UUID

import pytest
from hypothesis import given
from hypothesis import strategies as st

from gateway.audit.batch import Statement, Usage, Write
from gateway.audit.leaf import Event, EventType
from gateway.audit.spool import Spool, from_bytes, to_bytes
from gateway.clock import rfc3339
from tests.audit.ground import fresh, happened, rows, size, taking, write, writing

if TYPE_CHECKING:
    from pathlib import Path

texts = st.text(max_size=20)
names = st.dictionaries(texts, texts, max_size=3)
times = st.datetimes(timezones=st.just(UTC))
values = st.one_of(
    st.none(), st.booleans(), st.integers(-(2**53), 2**53), texts, st.binary(max_size=40), st.uuids(), times, st.lists(texts, max_size=3)
)
events = st.builds(
    Event, st.uuids(), st.sampled_from(EventType), times, texts.filter(bool), texts.filter(bool), st.none() | st.uuids(),
    st.none() | st.uuids(), st.none() | texts, st.none() | texts, st.none() | texts, st.none() | names, st.none() | names, st.none() | names, names,
)  # fmt: skip
statements = st.builds(Statement, texts, st.lists(values, max_size=4).map(tuple), st.none() | st.uuids())
writes = st.builds(
    Write, st.lists(events, min_size=1, max_size=3).map(tuple), st.lists(statements, max_size=2).map(tuple), st.lists(statements, max_size=2).map(tuple),
    st.none() | st.builds(Usage, st.uuids(), texts, times, texts), st.lists(texts, max_size=3).map(tuple), st.none() | texts, st.none() | texts,
    st.lists(texts, max_size=3).map(tuple), st.booleans(), texts,
)  # fmt: skip


@given(writes)
def test_what_was_spooled_comes_back_the_same(kept: Write) -> None:
    assert from_bytes(to_bytes(kept)) == kept


@given(st.binary(max_size=60) | st.sampled_from([b"{}", b"[]", b"null", b'{"events":[]}', b'{"events":[{"type":"x"}]}']))
def test_anything_else_is_refused(data: bytes) -> None:
    with pytest.raises((KeyError, TypeError, ValueError)):
        from_bytes(data)


@pytest.fixture
def url(database_url: str) -> str:
    return database_url


async def test_a_merge_keeps_the_true_time_and_empties_the_spool(url: str, tmp_path: Path) -> None:
    spool, at = Spool(tmp_path / "spool"), datetime.now(UTC) - timedelta(hours=2)
    spool.keep(Write((happened(at=at),)))
    async with writing(url) as (writer,):
        await writer.append(write())
        assert await spool.merge(writer) == 1
    leaf = json.loads((await rows(url, "SELECT leaf FROM entries WHERE index = 1"))[0]["leaf"])
    assert leaf["at"] == rfc3339(at)
    assert list((tmp_path / "spool").iterdir()) == []


async def test_a_crash_between_append_and_removal_repeats_nothing(url: str, tmp_path: Path) -> None:
    spool, cases = Spool(tmp_path / "spool"), [fresh() for _ in range(3)]
    for case in cases:
        spool.keep(Write((happened(case),), guards=(taking(case),)))
    before = {path: path.read_bytes() for path in spool.waiting()}
    async with writing(url, 2) as (writer, restarted):
        assert await spool.merge(writer) == 3
        for path, content in list(before.items())[1:]:
            path.write_bytes(content)
        assert await spool.merge(restarted) == 2
    assert await size(url) == 3
    assert spool.waiting() == ()


async def test_a_half_written_file_is_not_merged(url: str, tmp_path: Path) -> None:
    spool = Spool(tmp_path / "spool")
    spool.keep(write())
    (tmp_path / "spool" / f"{UUID(int=1)}.partial").write_bytes(b'{"events":[')
    async with writing(url) as (writer,):
        assert await spool.merge(writer) == 1
    assert await size(url) == 1


async def test_what_the_log_refuses_is_set_aside_and_stops_nothing(url: str, tmp_path: Path) -> None:
    spool, case = Spool(tmp_path / "spool"), fresh()
    spool.keep(Write((happened(),), guards=(taking(case),)))
    spool.keep(write())
    async with writing(url) as (writer,):
        await writer.append(write(case))
        assert await spool.merge(writer) == 1
    assert len(list((tmp_path / "spool").glob("*.refused"))) == 1
    assert await size(url) == 2


async def test_a_damaged_file_is_set_aside_and_stops_nothing_behind_it(url: str, tmp_path: Path) -> None:
    spool, damaged = Spool(tmp_path), tmp_path / "0.json"
    damaged.write_bytes(b'{"events": [')
    spool.keep(write(fresh()))
    async with writing(url) as (writer,):
        assert await spool.merge(writer) == 1
    assert (spool.waiting(), damaged.with_suffix(".refused").read_bytes(), await size(url)) == ((), b'{"events": [', 1)


async def test_two_replicas_on_one_disk_merge_each_alert_once(url: str, tmp_path: Path) -> None:
    for _ in range(20):
        Spool(tmp_path).keep(write(fresh()))
    async with writing(url, 2) as writers:
        await asyncio.gather(*(Spool(tmp_path).merge(writer) for writer in writers))
    assert (Spool(tmp_path).waiting(), await size(url)) == ((), 20)
