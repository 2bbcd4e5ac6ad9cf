"""Figures that grow with the ledger: every row counted exactly once, also after a crash, and changes told with their date."""

from __future__ import annotations

import os
import subprocess
import sys
from dataclasses import replace
from pathlib import Path
from typing import Any

import numpy as np
import pyarrow as pa
import pytest
from hypothesis import given, settings
from hypothesis import strategies as st
from pyarrow import parquet

from impact.followup import Store, StoreError, changes
from impact.ledger import LedgerError
from impact.rates import Parts, Rate
from impact.results.documents import document, dumped
from impact.results.inputs import Inputs
from impact.run import run
from tests.impact.ledgers import ledger
from tests.impact.simulated import Plan, drawn

ROOT = Path(__file__).parents[2]
PLAN = Plan(rows=3000, task="chest-reading", holdout=0.3, strata=("easy", "hard"))
INPUTS = Inputs.load()


def told(result: Any) -> str:  # noqa: ANN401 - a Result
    return dumped(document(result))


@given(st.lists(st.integers(0, 3000), max_size=4), st.booleans())
@settings(max_examples=5, deadline=None)
def test_a_ledger_in_parts_sums_to_the_whole(cuts: list[int], overlap: bool) -> None:
    table = drawn(PLAN)
    ends = [*sorted(cuts), 3000]
    with Store.open() as store:
        counted = [
            store.add(table.slice(0, end) if overlap else table.slice(start, end - start))
            for start, end in zip([0, *ends], ends, strict=False)
        ]
        found, rows = store.result(INPUTS, pilot=True), store.rows
    assert (sum(counted), rows) == (3000, 3000)
    whole = run(table, INPUTS, pilot=True)
    assert found.measured == whole.measured


def test_counted_in_one_go_all_figures_are_those_of_a_run() -> None:
    with Store.open() as store:
        store.add(drawn(PLAN))
        assert told(store.result(INPUTS)) == told(run(drawn(PLAN), INPUTS))


def test_the_same_rows_again_are_left_out(tmp_path: Path) -> None:
    with Store.open(tmp_path / "sums.duckdb") as store:
        assert [store.add(drawn(PLAN)), store.add(drawn(PLAN)), store.last] == [3000, 0, 2999]
    with Store.open(tmp_path / "sums.duckdb") as store:
        assert [store.add(drawn(PLAN)), store.rows] == [0, 3000]


def test_rows_that_come_while_it_runs_give_the_figures_of_the_whole_whatever_they_change() -> None:
    """Un-routed cases first, then AI begins, then an earlier day of it comes in late, then more of the same."""
    chance = np.random.default_rng(4)
    plans = [
        (Plan(rows=600, task="chest-reading", months=("2026-01", "2026-02")), np.full(600, "not_routed")),
        (Plan(rows=900, task="chest-reading", months=("2026-03", "2026-04"), first=600, seed=2), None),
        (Plan(rows=300, task="chest-reading", months=("2026-02",), first=1500, seed=3), None),
        (
            Plan(rows=800, task="chest-reading", months=("2026-04", "2026-05"), first=1800, seed=4),
            np.where(chance.random(800) < 0.1, "holdout", "ai"),
        ),
    ]
    tables = [drawn(*plan) for plan in plans]
    with Store.open() as store:
        for number, table in enumerate(tables):
            store.add(table)
            whole = run(pa.concat_tables(tables[: number + 1]), INPUTS, pilot=True)
            assert store.result(INPUTS, pilot=True).measured == whole.measured
            assert store.result(INPUTS).measured == run(pa.concat_tables(tables[: number + 1]), INPUTS).measured


CRASH = """
import os, sys
from pathlib import Path
from impact.followup import Store
from impact.measuring import cells
when, folder = sys.argv[1], Path(sys.argv[2])
store = Store.open(folder / "sums.duckdb")
store.add(folder / "first.parquet")
original = getattr(cells, when, None)
if original is None:
    real = store._database
    class Dying:
        def __getattr__(self, name):
            return getattr(real, name)
        def execute(self, query, *more):
            return os._exit(9) if query == when else real.execute(query, *more)
    store._database = Dying()
else:
    def dying(*arguments):
        original(*arguments)
        os._exit(9)
    setattr(cells, when, dying)
store.add(folder / "all.parquet")
"""


@pytest.mark.parametrize("when", ["add_to", "settle_again", "add_times", "COMMIT"])
def test_a_crash_in_the_middle_counts_nothing_and_the_next_time_everything_once(tmp_path: Path, when: str) -> None:
    table = drawn(PLAN)
    parquet.write_table(table.slice(0, 1000), tmp_path / "first.parquet")
    parquet.write_table(table, tmp_path / "all.parquet")
    done = subprocess.run([sys.executable, "-c", CRASH, when, str(tmp_path)], cwd=ROOT, env=os.environ, capture_output=True, check=False)
    assert done.returncode == 9, done.stderr
    with Store.open(tmp_path / "sums.duckdb") as store:
        assert store.rows == 1000
        store.add(tmp_path / "all.parquet")
        assert (store.rows, store.last) == (3000, 2999)
        assert store.result(INPUTS).measured == run(table, INPUTS).measured


def test_rows_out_of_order_are_refused_when_they_would_be_lost() -> None:
    table = drawn(PLAN)
    late = table.take(np.array([place for place in range(3000) if place != 10]))
    with Store.open() as store:
        store.add(late)
        with pytest.raises(LedgerError, match="1 rows of the ledger have a log index that was passed already"):
            store.add(table)
        assert store.rows == 2999


def test_a_log_index_twice_is_refused() -> None:
    twice = [replace(record, log_index=min(record.log_index, 1)) for record in ledger(3, workers=1)]
    with Store.open() as store, pytest.raises(LedgerError, match="1 rows have a log index twice"):
        store.add(twice)


def test_a_row_that_cannot_be_leaves_the_sums_as_they_were() -> None:
    table = drawn(PLAN)
    bad = table.set_column(table.column_names.index("arm"), "arm", pa.array(["ai"] * 2999 + ["human"]))
    with Store.open() as store:
        store.add(table.slice(0, 100))
        with pytest.raises(LedgerError, match="'arm' is 'human'"):
            store.add(bad)
        assert (store.rows, store.last) == (100, 99)


def test_a_store_that_is_none_is_one_sentence(tmp_path: Path) -> None:
    (tmp_path / "sums.duckdb").write_bytes(b"no database" * 500)
    with pytest.raises(StoreError, match="Delete the file; it is made again"):
        Store.open(tmp_path / "sums.duckdb")


def month(number: int, s: float, se: float = 0.02) -> Rate:
    parts = Parts(s, 0.0, 0.0, 0.0)
    return Rate("reading", "diagnosis", "radiologist", month=f"2026-{number:02}", parts=parts, se=se, level="A", status="measured")


def test_a_change_is_told_with_its_date_and_size() -> None:
    (change,) = changes([*(month(number, 0.30) for number in range(1, 6)), *(month(number, 0.15) for number in range(6, 10))])
    assert (change.month, round(change.before, 6), change.after, round(change.size, 6)) == ("2026-06", 0.30, 0.15, -0.15)


def test_a_month_that_is_not_over_raises_no_alert_until_it_is() -> None:
    steady = [month(number, 0.30) for number in range(1, 6)]
    assert changes([*steady, month(6, 0.10)]) == ()
    assert [one.month for one in changes([*steady, month(6, 0.10), month(7, 0.10)])] == ["2026-06"]


def test_a_month_that_is_looked_at_every_day_while_it_fills_would_cry_wolf() -> None:
    """The control: a month like the five before it, tested on each of its thirty days."""
    chance = np.random.default_rng(2)
    days = 0.03 * np.sqrt(30) * chance.standard_normal((2000, 30))
    means, errors = days.cumsum(axis=1) / np.arange(1, 31), 0.03 * np.sqrt(30 / np.arange(1, 31))
    bound = 2.24 * np.hypot(errors, 0.03 / np.sqrt(5))  # the first look of a task: alpha/2
    daily, once = (np.abs(means) > bound).any(axis=1).mean(), (np.abs(means[:, -1]) > bound[-1]).mean()
    assert (float(daily) > 0.1, float(once) < 0.05) == (True, True)


def test_without_a_change_alerts_are_rare_however_long_one_looks() -> None:
    chance = np.random.default_rng(1)
    alarmed = 0
    for _ in range(1000):
        months = [month(number + 1, 1 - 0.7 * float(np.exp(0.03 * chance.standard_normal())), 0.03) for number in range(25)]
        alarmed += bool(changes([replace(one, month=f"{place:04}") for place, one in enumerate(months)]))
    assert alarmed / 1000 <= 0.05 + 0.015


def test_an_alert_at_the_same_error_every_month_would_cry_wolf() -> None:
    """The control: 5 % at each look."""
    chance = np.random.default_rng(1)
    draws = 0.03 * chance.standard_normal((1000, 24))
    means = draws.cumsum(axis=1)[:, :-1] / np.arange(1, 24)
    errors = 0.03 * np.sqrt(1 + 1 / np.arange(1, 24))
    assert float((np.abs(draws[:, 1:] - means) > 1.96 * errors).any(axis=1).mean()) > 0.3
