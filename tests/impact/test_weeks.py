"""Which week a row belongs to: the same whether the file's own statistics tell it or its date is parsed."""

from __future__ import annotations

from datetime import date, timedelta
from typing import TYPE_CHECKING, Any

import numpy as np
import pyarrow as pa
import pytest
from hypothesis import given, settings
from hypothesis import strategies as st
from pyarrow import parquet

from impact.counting.weeks import PARSED, WHOLE, Slice, begins, number, slices
from impact.measuring import cells, sources
from impact.results.documents import document, dumped
from impact.results.inputs import Inputs
from impact.run import run
from tests.impact.simulated import Plan, drawn

if TYPE_CHECKING:
    from pathlib import Path

INPUTS = Inputs.load()
PLAN = Plan(rows=4000, strata=("easy", "hard"), shares=(0.2, 0.4, 0.2, 0.1, 0.1), holdout=0.3)


def in_log_order(table: pa.Table, late: float = 0.0) -> pa.Table:
    """The rows in the order of their times, numbered anew; a share of them was finished long after it came in."""
    order = np.argsort(np.asarray(table["received_at"]), kind="stable")
    chance = np.random.default_rng(1)
    places = np.where(chance.random(len(order)) < late, len(order), np.arange(len(order)))
    sorted_ = table.take(order[np.argsort(places, kind="stable")])
    return sorted_.set_column(sorted_.column_names.index("log_index"), "log_index", pa.array(range(0, 3 * len(sorted_), 3)))


def weeks(path: Path, parts: tuple[Slice, ...]) -> list[Any]:
    database = sources.connect()
    sources.view(database, path)
    cells.add_up(database, "usage", parts)
    return database.execute("SELECT * FROM cells ORDER BY ALL").fetchall()


@pytest.mark.parametrize("late", [0.0, 0.1], ids=["in the order of time", "some finished late"])
@pytest.mark.parametrize("size", [7, 100, 400, 4000])
def test_a_file_in_log_order_gives_the_sums_of_parsed_dates(tmp_path: Path, size: int, late: float) -> None:
    parquet.write_table(in_log_order(drawn(PLAN), late), tmp_path / "a.parquet", row_group_size=size)
    told = slices([tmp_path / "a.parquet"])
    assert weeks(tmp_path / "a.parquet", told) == weeks(tmp_path / "a.parquet", WHOLE)


def test_most_groups_of_a_file_in_log_order_need_no_date(tmp_path: Path) -> None:
    """The control: otherwise the tests beside it would compare parsed dates with parsed dates."""
    parquet.write_table(in_log_order(drawn(PLAN)), tmp_path / "a.parquet", row_group_size=100)
    told = slices([tmp_path / "a.parquet"])
    assert (len(told) > 10, [part for part in told if part.week == PARSED]) == (True, [])
    assert sum("received_at" not in part.week for part in told) >= len(told) // 3


def test_a_figure_is_the_same_whatever_order_the_file_is_in(tmp_path: Path) -> None:
    table = in_log_order(drawn(PLAN), 0.05)
    shuffled = table.take(np.random.default_rng(2).permutation(len(table)))
    for name, rows, size in (("ordered", table, 150), ("shuffled", shuffled, 150)):
        parquet.write_table(rows, tmp_path / f"{name}.parquet", row_group_size=size)
    assert (len(slices([tmp_path / "ordered.parquet"])) > 1, slices([tmp_path / "shuffled.parquet"])) == (True, WHOLE)
    found = {
        dumped(document(run(source, INPUTS, pilot=True))) for source in (tmp_path / "ordered.parquet", tmp_path / "shuffled.parquet", table)
    }
    assert len(found) == 1


def test_a_ledger_in_several_files_is_cut_across_them(tmp_path: Path) -> None:
    table = in_log_order(drawn(PLAN))
    for name, begin in (("b", 0), ("a", 2000)):
        parquet.write_table(table.slice(begin, 2000), tmp_path / f"{name}.parquet", row_group_size=200)
    assert slices(sources.files(tmp_path))[0].first == 0
    assert dumped(document(run(tmp_path, INPUTS))) == dumped(document(run(table, INPUTS)))


@pytest.mark.parametrize("change", ["no statistics", "log indexes overlap", "a time that is none"])
def test_where_a_file_tells_too_little_every_date_is_parsed(tmp_path: Path, change: str) -> None:
    table = in_log_order(drawn(PLAN))
    if change == "log indexes overlap":
        table = pa.concat_tables([table.slice(2000), table.slice(0, 2000), table.slice(1999, 1)])
    if change == "a time that is none":
        table = table.set_column(table.column_names.index("received_at"), "received_at", pa.array(["soon"] * len(table)))
    parquet.write_table(table, tmp_path / "a.parquet", row_group_size=500, write_statistics=change != "no statistics")
    assert {part.week for part in slices([tmp_path / "a.parquet"])} == {PARSED}


def test_a_ledger_that_is_no_file_is_one_slice() -> None:
    assert slices(sources.files(drawn(PLAN))) == WHOLE


@given(st.dates(date(2000, 1, 1), date(2100, 1, 1)))
@settings(max_examples=60)
def test_a_week_begins_on_the_day_whose_number_is_the_first_of_it(day: date) -> None:
    week = number(day.isoformat())
    assert begins(week) <= day.isoformat() < begins(week + 1)
    assert number((day + timedelta(days=31)).isoformat()) > week
