"""An interrupted series with a control (level C): what changed at a site beside one that never began, whatever trend there was before."""

from __future__ import annotations

import json
import math
from functools import cache
from typing import TYPE_CHECKING

import numpy as np
import pytest

from gateway.web.texts import words
from impact.followup import Store
from impact.intervals import Mean
from impact.measuring.designs import FEWEST_WEEKS, SERIES, Week, before_after, before_after_with_control, interrupted_series
from impact.measuring.wedge import Seen, beside
from impact.pages import Section
from impact.results.inputs import Inputs
from impact.run import run
from tests.impact.measuring import one
from tests.impact.simulated import Plan, drawn
from tests.impact.test_method import all_months
from tests.impact.test_rates import changed

if TYPE_CHECKING:
    from collections.abc import Sequence

    import pyarrow as pa

TRUE = 0.2
INTERRUPTED = 25
"""The first week with AI; five weeks of novelty come before it."""


def weeks(effect: float, *, shared: float = -0.012, own: float = 0.0, seed: int = 1, before: int = 20, after: int = 20) -> list[Week]:
    """Weeks with a trend that both sides share and one of the treated alone; what is left of a week goes on into the next."""
    chance, left, found = np.random.default_rng(seed), np.zeros(2), []
    for number in range(INTERRUPTED - 5 - before, INTERRUPTED + after):
        left = 0.2 * left + chance.normal(0, 0.04, 2)
        gone = math.log(1 - effect) if number >= INTERRUPTED else 0.0
        treated, control = np.exp([shared * number + own * number + gone + left[0], 0.3 + shared * number + left[1]])
        if not INTERRUPTED - 5 <= number < INTERRUPTED:
            found.append(Week(7 * number, float(treated), float(control), number >= INTERRUPTED))
    return found


def holds(found: Sequence[Week], effect: float) -> bool:
    made = interrupted_series(found)
    low, high = (made and made.interval()) or (1, 1)
    return low <= effect <= high


def mean(values: Sequence[float]) -> Mean:
    return Mean.of(float(np.mean(values)), float(np.std(values, ddof=1)), len(values))


def sides(found: Sequence[Week]) -> list[Mean]:
    """Means of the treated after and before, of the control after and before."""
    return [
        mean([week.minutes if treated else week.control for week in found if week.after is after])
        for treated in (True, False)
        for after in (True, False)
    ]


@pytest.mark.parametrize("own", [0.0, -0.004, 0.004], ids=["one trend", "the treated fall faster", "the treated fall slower"])
def test_intervals_of_interrupted_series_cover_95_percent(own: float) -> None:
    assert np.mean([holds(weeks(TRUE, own=own, seed=seed), TRUE) for seed in range(150)]) == pytest.approx(0.95, abs=0.035)


def covers(found: Sequence[Week], *, control: bool) -> bool:
    after, before, control_after, control_before = sides(found)
    made = before_after_with_control(after, before, control_after, control_before) if control else before_after(after, before)
    low, high = made.interval() or (0, 0)
    return low <= TRUE <= high


def test_before_and_after_alone_take_a_trend_for_an_effect() -> None:
    """The control."""
    assert np.mean([covers(weeks(TRUE, seed=seed), control=False) for seed in range(50)]) < 0.1


def test_a_difference_in_differences_takes_a_trend_of_its_own_for_an_effect() -> None:
    """The other control: level C by means alone."""
    assert np.mean([covers(weeks(TRUE, own=-0.004, seed=seed), control=True) for seed in range(50)]) < 0.3


@pytest.mark.parametrize(("before", "after"), [(FEWEST_WEEKS - 1, 20), (20, FEWEST_WEEKS - 1), (0, 0)])
def test_too_few_weeks_tell_nothing(before: int, after: int) -> None:
    assert interrupted_series(weeks(TRUE, before=before, after=after)) is None


def test_weeks_count_in_any_order() -> None:
    found = weeks(TRUE)
    assert interrupted_series(found[::-1]) == interrupted_series(found)


def seen(*, control: bool = True, gap: bool = False) -> dict[int, dict[str, Seen]]:
    """Forty weeks of two sites of which one begins, and a third one that is seen in some weeks only."""
    without = Seen(0.0, treated=False, control=True)
    found: dict[int, dict[str, Seen]] = {}
    for number in range(40):
        there = {"north": Seen(-0.2 * (number >= 20), number >= 20, control=False)}
        others = {"south": control, "west": gap and number % 2}
        found[5 * (24_312 + number // 4) + number % 4] = there | {site: without for site, is_there in others.items() if is_there}
    return found


def test_only_weeks_in_which_every_site_was_seen_are_compared() -> None:
    whole, rare = beside(seen()), beside(seen(gap=True))
    assert whole is not None
    assert (whole.level, whole.sites, whole.periods, round(whole.effect.s, 3)) == ("C", 2, 40, round(1 - math.exp(-0.2), 3))
    assert (rare, beside(seen(control=False)), beside({})) == (None, None, None)


@cache
def interrupted(effect: float = TRUE, task: str = "reading") -> pa.Table:
    """Two sites whose cases take less time week by week anyhow; one of them has AI from June on, the other never."""
    months = tuple(f"2026-{number:02}" for number in range(1, 12))
    table = drawn(Plan(rows=12_000, task=task, months=months, effect=0.0, holdout=0.0, workers=20, skew=0.2, spread=0.05))
    days = np.array([(int(time[5:7]) - 1) * 30.4 + int(time[8:10]) for time in table["received_at"].to_pylist()])
    begun = (np.array([int(time[5:7]) for time in table["received_at"].to_pylist()]) >= 6) & (np.asarray(table["site"]) == "north")
    seconds = np.round(np.asarray(table["human_seconds"]) * np.exp(-0.0015 * days) * np.where(begun, 1 - effect, 1), 1)
    return changed(table, arm=np.where(begun, "ai", "not_routed"), human_seconds=seconds, human_seconds_raw=seconds)


def test_a_ledger_of_one_site_beside_another_is_measured_at_level_c() -> None:
    table = interrupted()
    found = one(table, all_months(table))
    low, high = found.interval or (1, 1)
    truth = TRUE * (found.time_coverage or 0)
    assert (found.level, found.held_out, SERIES in found.notes) == ("C", 0, True)
    assert low <= truth <= high
    assert found.saving == pytest.approx(TRUE, abs=0.05)


def test_the_same_ledger_without_its_control_is_before_and_after_and_misses_the_truth() -> None:
    """The control."""
    table = interrupted()
    alone = table.filter(np.asarray(table["site"]) == "north")
    found = one(alone, all_months(alone))
    low, high = found.interval or (0, 0)
    assert (found.level, SERIES in found.notes) == ("D", False)
    assert not low <= TRUE * (found.time_coverage or 0) <= high


def test_a_series_of_which_much_is_neither_routed_nor_timed_is_level_d() -> None:
    table = interrupted()
    assert one(table, all_months(table, more=2_000)).level == "D"


def test_running_sums_tell_the_same_series() -> None:
    table = interrupted(task="chest-reading")
    with Store.open() as store:
        for first in (0, 9_000):
            store.add(table.slice(first, 9_000))
        assert store.result(Inputs.load()).measured == run(table).measured


@pytest.fixture(scope="module")
def section(tmp_path_factory: pytest.TempPathFactory) -> Section:
    folder, table = tmp_path_factory.mktemp("tables"), interrupted(task="chest-reading")
    volumes = [f"chest-reading,{row['month']},{row['n']},own" for row in all_months(table)]
    (folder / "volumes.csv").write_text("\n".join(["task,month,n,source", *volumes]) + "\n", encoding="utf-8")
    made = Section(folder)
    lines = "".join(json.dumps(row) + "\n" for row in table.to_pylist()).encode()
    assert made.restore(made.part_of(lines, -1) or b"")
    return made


@pytest.mark.parametrize(("language", "said"), [("en", "interrupted series with a control"), ("fr", "série interrompue avec témoin")])
def test_the_page_of_the_task_says_what_it_was_compared_with(section: Section, language: str, said: str) -> None:
    view = section.page("tasks", "chest-reading", words(language), {})
    assert view is not None
    assert any(said in note for block in view.blocks for note in block.notes)
