"""Running sums in parts: each part carries which rows it counts, so no row is counted twice or left out, and parts add up to the whole."""

from __future__ import annotations

import io
import zipfile
from itertools import pairwise

import pyarrow as pa
import pytest
from hypothesis import given, settings
from hypothesis import strategies as st

from impact.followup import Store, StoreError
from impact.results.inputs import Inputs
from impact.run import run
from tests.impact.simulated import Plan, drawn

PLAN = Plan(rows=2000, task="chest-reading", holdout=0.3, strata=("easy", "hard"), shares=(0.2, 0.4, 0.2, 0.1, 0.1))
INPUTS = Inputs.load()


def part(first: int, end: int) -> bytes:
    """The sums of the rows from one log index up to before another."""
    with Store.open(after=first - 1) as store:
        store.add(drawn(PLAN).slice(first, end - first))
        return store.packed()


@given(st.lists(st.integers(1, 1999), max_size=4, unique=True))
@settings(max_examples=5, deadline=None)
def test_parts_add_up_to_the_whole(cuts: list[int]) -> None:
    with Store.open() as store:
        for first, end in pairwise([0, *sorted(cuts), 2000]):
            store.merge(part(first, end))
        assert (store.rows, store.last) == (2000, 1999)
        assert store.result(INPUTS, pilot=True).measured == run(drawn(PLAN), INPUTS, pilot=True).measured


def test_further_rows_are_counted_on_top_of_parts() -> None:
    with Store.open() as store:
        store.merge(part(0, 1500))
        assert store.add(drawn(PLAN)) == 500
        assert store.result(INPUTS).measured == run(drawn(PLAN), INPUTS).measured


@pytest.mark.parametrize("first", [0, 500, 1500], ids=["again", "overlapping", "after a gap"])
def test_a_part_that_does_not_begin_where_the_sums_end_is_refused(first: int) -> None:
    with Store.open() as store:
        store.merge(part(0, 1000))
        before = store.packed()
        with pytest.raises(StoreError, match=f"begins after log entry {first - 1}, and not 999"):
            store.merge(part(first, 2000))
        assert store.packed() == before


def test_sums_written_without_their_mark_would_count_twice() -> None:
    """The control: the same part taken in with a mark that fits wherever it comes."""
    with Store.open() as store:
        store.merge(part(0, 1000))
        store.merge(changed(part(0, 1000), b'"after": -1', b'"after": 999'))
        assert store.result(INPUTS).rows == 2000


def changed(packed: bytes, old: bytes, new: bytes) -> bytes:
    out = io.BytesIO()
    with zipfile.ZipFile(io.BytesIO(packed)) as source, zipfile.ZipFile(out, "w") as target:
        for name in source.namelist():
            target.writestr(name, source.read(name).replace(old, new) if name == "mark.json" else source.read(name))
    return out.getvalue()


@pytest.mark.parametrize("damage", ["cut", "foreign", "another form", "no table"])
def test_damaged_sums_are_refused_whole(damage: str) -> None:
    good = part(0, 1000)
    bad = {
        "cut": good[:-100],
        "foreign": b"no sums at all",
        "another form": changed(good, b'"form": "2/', b'"form": "1/'),
        "no table": changed(good, b"", b"").replace(b"times.parquet", b"timez.parquet"),
    }[damage]
    with Store.open() as store:
        with pytest.raises(StoreError, match=r"cannot be used: it .*\. Count from the ledger"):
            store.merge(bad)
        assert (store.rows, store.last, store.result(INPUTS).rows) == (0, -1, 0)


def test_what_is_settled_is_told_at_the_end_whatever_came_first() -> None:
    """A row of an earlier day that comes in late moves the novelty window; what was counted before moves with it."""
    late = drawn(Plan(rows=800, task="chest-reading", months=("2026-01",), first=2000, seed=3, strata=("easy", "hard")))
    early = drawn(Plan(rows=2000, task="chest-reading", months=("2026-02", "2026-03"), strata=("easy", "hard"), holdout=0.3))
    with Store.open() as store:
        store.add(early)
        store.add(late)
        found = store.result(INPUTS, pilot=True).measured
    assert found == run(pa.concat_tables([early, late]), INPUTS, pilot=True).measured
