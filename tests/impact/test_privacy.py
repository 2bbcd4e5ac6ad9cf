"""No figure of a cell that few people stand behind, and none that gives such a cell away."""

from __future__ import annotations

from collections import Counter
from dataclasses import fields
from typing import TYPE_CHECKING

import numpy as np
import pyarrow as pa
import pytest
from hypothesis import given
from hypothesis import strategies as st
from pyarrow import parquet

from impact.privacy import Behind, Crowd, hidden, is_open, joined, rounded
from impact.rates import Rate
from impact.results.documents import document, dumped, encoded
from impact.run import run
from tests.impact.measuring import measured
from tests.impact.simulated import Plan, drawn

if TYPE_CHECKING:
    from pathlib import Path

    from impact.measuring.measure import Measured
    from impact.run import Result

SMALL = 4


def behind(workers: int, instances: int, *, first: int = 1) -> Crowd:
    """One arm: everybody has the same time, but for the first."""
    return {"ai": Behind(instances, {("2026-0", f"w{number}"): first if number == 0 else 1 for number in range(workers)})}


@pytest.mark.parametrize(
    ("crowd", "open_"),
    [
        (behind(10, 30), True),
        (behind(9, 30), False),
        (behind(10, 29), False),
        (behind(11, 99, first=56), True),
        (behind(11, 99, first=57), False),
        ({"ai": Behind(30, {}, unnamed=5)}, False),
        ({"ai": Behind(30, {})}, True),
        (behind(10, 30) | {"holdout": behind(9, 30)["ai"]}, False),
    ],
)
def test_a_cell_is_open_with_ten_workers_thirty_instances_and_nobody_over_85_percent(crowd: Crowd, open_: bool) -> None:
    assert is_open(crowd) is open_


def test_a_person_whose_pseudonym_changed_with_the_quarter_counts_once() -> None:
    six = {(quarter, f"{quarter}-{number}"): 1 for quarter in ("2026-0", "2026-1") for number in range(6)}
    assert not is_open({"ai": Behind(100, six)})
    most = {(quarter, f"{quarter}-{number}"): 60 if number == 0 else 1 for quarter in ("2026-0", "2026-1") for number in range(11)}
    assert not is_open({"ai": Behind(100, most)})


def test_one_hidden_part_of_a_shown_total_takes_the_smallest_other_with_it() -> None:
    cells: dict[tuple[str, ...], Crowd] = {("a",): behind(5, 20), ("b",): behind(50, 500), ("c",): behind(20, 100)}
    assert hidden(cells) == {("a",), ("c",)}


def test_without_a_shown_total_nothing_else_is_hidden() -> None:
    assert hidden({("a",): behind(5, 20), ("b",): behind(50, 500)}, total_shown=False) == {("a",)}


def crowds() -> st.SearchStrategy[dict[tuple[str, ...], Crowd]]:
    workers = st.dictionaries(
        st.tuples(st.sampled_from(["2026-0", "2026-1"]), st.integers(0, 40).map(str)), st.integers(1, 1000), max_size=25
    )
    cell = st.builds(lambda n, time: {"ai": Behind(n, time)}, st.integers(1, 200), workers)
    return st.dictionaries(st.integers(0, 9).map(lambda number: (str(number),)), cell, min_size=1, max_size=6)


@given(crowds())
def test_what_a_total_minus_the_shown_parts_tells_could_be_published_itself(cells: dict[tuple[str, ...], Crowd]) -> None:
    closed = hidden(cells)
    rest = joined(cells[cell] for cell in closed)
    assert all(is_open(cells[cell]) for cell in cells if cell not in closed)
    assert not closed or is_open(rest) or closed == set(cells)


def small_site(*, pilot: bool) -> Measured:
    """Three sites; at "tiny" few people work, who are slow."""
    chance = np.random.default_rng(1)
    table = drawn(Plan(rows=9000, holdout=0.4, workers=60, seed=2))
    site = np.where(chance.random(9000) < 0.5, "north", "south")
    small = np.isin(np.array([int(name.split("w")[1]) for name in table["worker"].to_pylist()]), range(SMALL))
    site = np.where(small, "tiny", site)
    table = table.set_column(table.column_names.index("site"), "site", pa.array(site))
    return measured(table, pilot=pilot)


def test_a_site_of_four_people_cannot_be_worked_out_by_differencing() -> None:
    shown = small_site(pilot=False)
    (total,) = shown.tasks
    sites = {one.site: one for one in shown.sites}
    assert total.h1 is not None
    assert sites["tiny"].status == "suppressed"
    assert [one.site for one in shown.sites if one.h1 is None] == ["north", "tiny"]
    known = next(one for one in small_site(pilot=True).sites if one.site == "tiny")
    rest = (total.h1 * total.n - (sites["south"].h1 or 0) * sites["south"].n) / (total.n - sites["south"].n)
    assert abs(rest - (known.h1 or 0)) / (known.h1 or 1) > 0.05


def test_without_complementary_suppression_differencing_finds_the_site() -> None:
    """The control: the same attack when only the small cell is hidden."""
    everything = small_site(pilot=True)
    (total,) = everything.tasks
    sites = {one.site: one for one in everything.sites}
    others = [sites["north"], sites["south"]]
    rest = (total.n * (total.h1 or 0) - sum(one.n * (one.h1 or 0) for one in others)) / (total.n - sum(one.n for one in others))
    assert rest == pytest.approx(sites["tiny"].h1)


def test_a_suppressed_cell_holds_no_figure_and_says_so() -> None:
    cell = next(one for one in small_site(pilot=False).sites if one.site == "tiny")
    figures = [getattr(cell, field.name) for field in fields(Rate)]
    assert [value for value in figures if isinstance(value, float) or (isinstance(value, int) and value)] == []
    assert cell.why.startswith("suppressed: fewer than 10 workers")


def test_published_counts_are_rounded_to_five() -> None:
    (total,) = small_site(pilot=False).tasks
    assert [count % 5 for count in (total.n, total.held_out, total.novel, *total.outcomes)] == [0] * 8
    assert [rounded(count) for count in (0, 2, 3, 7, 8, 33)] == [0, 0, 5, 5, 10, 35]


def test_a_task_of_novel_instances_alone_says_so_and_shows_no_figure() -> None:
    (total,) = measured(drawn(Plan(rows=300, workers=3, months=("2026-01",))), pilot=False).tasks
    assert (total.status, total.why.startswith("novelty window"), total.h0, total.h1, total.saving) == ("unknown", True, None, None, None)


# Attacks on what is published: siblings, periods, scenarios, days.


def a_small_team_inside_a_task(seed: int = 4) -> pa.Table:
    """Two tasks of one profession: many work on reading, four on screening."""
    many = drawn(Plan(rows=6000, holdout=0.3, workers=40, task="chest-reading", seed=seed))
    few = drawn(Plan(rows=1500, holdout=0.3, workers=SMALL, task="mammography-reading", seed=seed, first=6000, seconds=333.0))
    return pa.concat_tables([many, few])


def volumes_of(table: pa.Table) -> str:
    pairs = zip(table["task"].to_pylist(), table["received_at"].to_pylist(), strict=True)
    counted = Counter((task, received[:7]) for task, received in pairs if received >= "2026-02")
    return "task;month;n;source\n" + "".join(f"{task};{month};{n};s\n" for (task, month), n in sorted(counted.items()))


CENSUS = "profession;category;fte;source\nradiologists;medical;1,5;own\n"


@pytest.fixture
def published(tmp_path: Path) -> Result:
    table = a_small_team_inside_a_task()
    (tmp_path / "volumes.csv").write_text(volumes_of(table), encoding="utf-8")
    (tmp_path / "census.csv").write_text(CENSUS, encoding="utf-8")
    return run(table, tmp_path)


def test_no_table_of_a_run_holds_a_figure_of_a_suppressed_task(published: Result, tmp_path: Path) -> None:
    hidden_ = {"mammography-reading"}
    figures = {"s", "low", "high", "minutes_without", "minutes_with", "saving", "coverage", "substituted", "scenario_value", "n", "volume"}
    for name in ("tasks", "sites", "months"):
        rows = [row for row in published.table(name).to_pylist() if row["task"] in hidden_]
        assert rows
        assert {row["status"] for row in rows} - {"unknown"} == {"suppressed"}
        assert [row[figure] for row in rows for figure in figures if row[figure]] == []
    shown = run(a_small_team_inside_a_task(), tmp_path, pilot=True)
    known = next(one.h1 for one in shown.measured.tasks if one.task in hidden_)
    assert known is not None
    assert f"{known:.2f}" not in dumped(document(published))


def test_a_profession_does_not_give_a_suppressed_task_of_it_away(published: Result) -> None:
    """S minus the shown tasks' shares must leave nothing of the hidden one, nor may its measured share of time show its minutes."""
    (radiology,) = [one for one in published.professions if one.profession == "radiologist"]
    shown = next(one for one in published.measured.tasks if one.task == "chest-reading")
    parts = {part.task: part for part in radiology.parts}
    assert radiology.s == pytest.approx(parts["chest-reading"].share * (shown.value or 0))
    assert (parts["mammography-reading"].s, parts["mammography-reading"].basis) == (None, "assumption")


def test_two_scenarios_tell_nothing_of_a_suppressed_task(published: Result) -> None:
    tornado = {row["factor"] for row in published.table("tornado").to_pylist()}
    assert not {factor for factor in tornado if "mammography" in factor}


def test_every_form_of_a_page_shows_as_little_as_the_page(published: Result, tmp_path: Path) -> None:
    tables = [published.table(name) for name in ("tasks", "sites", "months")]
    for form in ("json", "csv", "parquet"):
        for number, table in enumerate(tables):
            (tmp_path / f"{number}.{form}").write_bytes(encoded(table, form))
    back = [parquet.read_table(tmp_path / f"{number}.parquet") for number in range(3)]
    assert [table.to_pylist() for table in back] == [table.to_pylist() for table in tables]
    for row in tables[0].to_pylist():
        assert [row[name] for name in ("n", "held_out", "novel") if row[name] % 5] == []
        assert [value for value in (row["minutes_with"], row["minutes_without"]) if value and round(value, 2) != value] == []
        assert [value for value in (row["coverage"], row["s"], row["low"]) if value and round(value, 3) != value] == []


def one_day_more(rows: int) -> tuple[Rate, Rate]:
    """What is published before and after one more case, of one person, that took an hour."""
    table = drawn(Plan(rows=rows, holdout=0.3, workers=30, sites=("north",)))
    last = table.slice(0, 1).to_pylist()[0]
    case = last | {"record": "00000000-0000-7000-8000-ffffffffffff", "log_index": rows, "arm": "ai", "received_at": "2026-04-28T10:00:00Z"}
    more = pa.concat_tables(
        [table, pa.Table.from_pylist([case | {"human_seconds": 3600.0, "human_seconds_raw": 3600.0}], schema=table.schema)]
    )
    return tuple(measured(each, pilot=False).tasks[0] for each in (table, more))  # type: ignore[return-value]


def told_of_the_case(before: Rate, after: Rate, n: int) -> float:
    """The attack: the exact number of calls is known, so sums of two days can be subtracted."""
    return ((after.h1 or 0) * (n + 1) - (before.h1 or 0) * n) * 60


def test_the_figures_of_two_days_do_not_tell_the_minutes_of_the_one_case_between_them() -> None:
    before, after = one_day_more(9000)
    n = 5 * round(before.n / 5)
    spread = [told_of_the_case(before, after, n), 60 * 0.005 * n]
    assert spread[1] > 600  # what rounding leaves open is wider than ten minutes either way


def test_exact_figures_of_two_days_would_tell_them() -> None:
    """The control: the same attack on figures as they were computed."""
    table = drawn(Plan(rows=9000, holdout=0.3, workers=30, sites=("north",)))
    late = list(zip(table["arm"].to_pylist(), table["received_at"].to_pylist(), table["human_seconds"].to_pylist(), strict=True))
    seconds = [value for arm, received, value in late if arm == "ai" and received >= "2026-02"]
    exact = measured(table).tasks[0]
    assert exact.n == len(seconds)
    assert exact.h1 == pytest.approx(sum(seconds) / len(seconds) / 60, abs=1e-9)
    with_case = (sum(seconds) + 3600) / (len(seconds) + 1) / 60
    assert (with_case * (len(seconds) + 1) - (exact.h1 or 0) * len(seconds)) * 60 == pytest.approx(3600, abs=1)


def test_coverage_times_volume_does_not_tell_the_exact_number_of_instances(published: Result) -> None:
    shown = next(one for one in published.measured.tasks if one.task == "chest-reading")
    assert shown.volume is not None
    assert shown.volume * 0.0005 * 2 >= 4  # as wide as rounding to 5


def test_a_month_hidden_takes_another_with_it_so_that_the_total_does_not_give_it_away() -> None:
    table = drawn(Plan(rows=9000, holdout=0.4, workers=60, seed=3))
    people = np.array([int(name.split("w")[1]) for name in table["worker"].to_pylist()])
    month = np.array([received[5:7] for received in table["received_at"].to_pylist()])
    kept = table.filter(pa.array((month != "04") | (people < SMALL)))
    found = measured(kept, pilot=False)
    months = {one.month: one.status for one in found.months}
    assert (found.tasks[0].status != "suppressed", months["2026-04"]) == (True, "suppressed")
    assert sum(status == "suppressed" for status in months.values()) >= 2


def test_drawing_rates_together_uses_nothing_that_is_hidden() -> None:
    """Removing a hidden site from the ledger moves no other site's pooled rate through pooling: only shown ones enter it."""
    shown = small_site(pilot=False).sites
    assert [one.pooled for one in shown if one.status == "suppressed"] == [None] * sum(one.status == "suppressed" for one in shown)
