"""No figure of a cell that few people stand behind, and none that gives such a cell away."""

from __future__ import annotations

from dataclasses import fields
from typing import TYPE_CHECKING

import numpy as np
import pyarrow as pa
import pytest
from hypothesis import given
from hypothesis import strategies as st

from impact.privacy import Behind, Crowd, hidden, is_open, joined, rounded
from impact.rates import Rate
from tests.impact.measuring import measured
from tests.impact.simulated import Plan, drawn

if TYPE_CHECKING:
    from impact.measuring.measure import Measured

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
