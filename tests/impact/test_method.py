"""What the method asks for beyond one holdout: people drawn again, roll-outs over sites, rates drawn together, measured shares of time."""

from __future__ import annotations

from collections import Counter
from dataclasses import replace
from typing import TYPE_CHECKING, Any

import numpy as np
import pytest

from impact.intervals import Mean
from impact.measuring.bootstrap import Clusters, Share, error
from impact.measuring.measure import together
from impact.measuring.strata import Stratum
from impact.measuring.wedge import Month, fitted, rollout
from impact.professions import ProfessionRate, TaskPart, categories, establishment, measured_share, professions
from impact.rates import Parts, Rate, _without_ai
from impact.results.inputs import Inputs
from impact.scenarios import DOUBLE, play
from tests.impact.measuring import measured, one, volume
from tests.impact.simulated import Plan, drawn
from tests.impact.test_rates import MONTHS, changed, full

if TYPE_CHECKING:
    from pathlib import Path

    import pyarrow as pa
    from numpy.typing import NDArray

TRUE = 0.3
ARMS = ("ai", "holdout")


# People drawn again.


def worked(chance: np.random.Generator, people: int, *, crossed: bool) -> dict[str, NDArray[Any]]:
    """Instances and minutes of each person in each arm; crossed: everybody works in both, else each in one."""
    speed = np.exp(0.3 * chance.standard_normal(people))
    found = {}
    for arm, factor in (("ai", 1 - TRUE), ("holdout", 1.0)):
        mine = np.ones(people, bool) if crossed else np.arange(people) % 2 == (arm == "ai")
        n = np.where(mine, 40, 0)
        minutes = np.array([chance.gamma(2.0, 0.5 * s * factor, count).sum() for s, count in zip(speed, n, strict=True)])
        found[arm] = np.column_stack([n, minutes])
    return found


def clusters(sums: dict[str, NDArray[Any]]) -> Clusters:
    people = len(sums["ai"])
    return Clusters.of(
        ("", arm, person, float(sums[arm][person][0]), float(sums[arm][person][1])) for arm in ARMS for person in range(people)
    )


SHARES = [Share("", 1.0, 0.0, 0.0, "holdout", (0, 0), timed=False)]


def covered(runs: int, *, crossed: bool, over_people: bool) -> float:
    hits, chance = 0, np.random.default_rng(5)
    for _ in range(runs):
        sums = worked(chance, 40, crossed=crossed)
        (m1, m0) = (sums[arm][:, 1].sum() / sums[arm][:, 0].sum() for arm in ARMS)
        se = error(clusters(sums), SHARES) if over_people else np.sqrt(1 / 2 / sums["ai"][:, 0].sum() + 1 / 2 / sums["holdout"][:, 0].sum())
        hits += bool(abs(np.log(m1 / m0) - np.log(1 - TRUE)) <= 1.96 * (se or 0))
    return hits / runs


@pytest.mark.parametrize("crossed", [True, False], ids=["everybody in both arms", "each in one arm"])
def test_intervals_over_people_drawn_again_cover_95_percent(crossed: bool) -> None:
    assert covered(400, crossed=crossed, over_people=True) == pytest.approx(0.95, abs=0.04)


def test_intervals_over_instances_fail_where_each_works_in_one_arm() -> None:
    """The control."""
    assert covered(400, crossed=False, over_people=False) < 0.6


def test_the_bootstrap_of_one_mean_is_the_closed_form_of_its_clusters() -> None:
    chance = np.random.default_rng(7)
    n, minutes = np.full(200, 10.0), chance.gamma(4.0, 2.5, 200)
    rows = [("", "ai", person, n[person], minutes[person]) for person in range(200)]
    declared = [Share("", 1.0, 0.0, 0.0, "", (2.0, 0.0), timed=False)]
    mean = minutes.sum() / n.sum()
    closed = np.sqrt(((minutes - n * mean) ** 2).sum() / n.sum() ** 2 * 200 / 199) / mean
    assert error(Clusters.of(rows), declared) == pytest.approx(closed, rel=0.08)


def test_one_person_alone_has_no_error_over_people() -> None:
    assert error(Clusters.of([("", "ai", 1, 30.0, 30.0)]), SHARES) is None


def by_person(table: pa.Table) -> pa.Table:
    """The same cases, the arms worked by different people."""
    people = np.array([int(name.split("w")[1]) for name in table["worker"].to_pylist()])
    return changed(table, arm=np.where(people % 3 == 0, "holdout", "ai"))


def test_a_rate_whose_arms_were_worked_by_different_people_is_less_sure() -> None:
    plan = Plan(rows=6000, spread=0.5, holdout=0.33)
    mixed, apart = drawn(plan), by_person(drawn(replace(plan, effect=0.0)))
    widths = []
    for table in (mixed, apart):
        interval = one(table, full(table)).interval
        assert interval is not None
        widths.append(interval.high - interval.low)
    assert widths[1] > 2 * widths[0]


def test_the_error_over_people_is_the_same_each_time_and_in_any_order_of_rows() -> None:
    table = by_person(drawn(Plan(rows=3000, spread=0.5)))
    shuffled = table.take(np.random.default_rng(1).permutation(3000))
    assert one(table, full(table)).se == one(shuffled, full(table)).se


# Roll-outs over sites.


def steps(sites: int, months: int, effect: float, *, seed: int = 1, grows: float = 0.0, never: int = 1, begins: int = 0) -> list[Month]:
    """Sites that begin one after another (or all at month `begins`), `never` of them never; ln minutes = site + month + effect."""
    chance, found = np.random.default_rng(seed), []
    for site in range(sites):
        level, start = chance.normal(0, 0.3), (begins or site + 2) if site < sites - never else None
        for month in range(months):
            since = month - start if start is not None and month >= start else None
            gone = 0.0 if since is None else np.log(1 - effect) - grows * since
            found.append(Month(str(site), month, float(np.exp(level + 0.03 * month + gone + chance.normal(0, 0.05))), since))
    return found


def test_a_stepped_wedge_finds_the_true_effect_at_level_b() -> None:
    found = rollout(steps(12, 14, TRUE))
    assert found is not None
    low, high = found.effect.interval() or (0, 0)
    assert (found.level, found.sites, low <= TRUE <= high, high - low < 0.1) == ("B", 12, True, True)


def test_one_beginning_beside_sites_that_never_began_is_level_c() -> None:
    found = rollout(steps(10, 12, TRUE, never=5, begins=6))
    assert found is not None
    low, high = found.effect.interval() or (0, 0)
    assert (found.level, low <= TRUE <= high) == ("C", True)


def test_an_effect_that_grows_with_time_since_start_is_averaged_over_the_months_seen() -> None:
    months = steps(12, 14, 0.1, grows=0.04)
    found = rollout(months)
    assert found is not None
    seen = [np.log(0.9) - 0.04 * month.since for month in months if month.since is not None and month.month < 14]
    assert found.effect.s == pytest.approx(1 - np.exp(np.mean(seen)), abs=0.02)


def test_wedges_cover_95_percent() -> None:
    hits = []
    for seed in range(120):
        found = rollout(steps(8, 10, TRUE, seed=seed))
        low, high = (found.effect.interval() if found else None) or (1, 1)
        hits.append(low <= TRUE <= high)
    assert np.mean(hits) >= 0.9


@pytest.mark.parametrize(
    "months",
    [steps(3, 10, TRUE), steps(8, 10, TRUE, never=0, begins=4), [month for month in steps(8, 10, TRUE) if month.since is None], []],
    ids=["three sites", "all at once, nobody left", "nobody began", "nothing"],
)
def test_where_there_is_nothing_to_compare_with_there_is_no_wedge(months: list[Month]) -> None:
    assert rollout(months) is None


def test_an_effect_that_the_months_do_not_determine_is_not_told() -> None:
    assert fitted([1.0, 0.7, 1.0, 0.7], [None, 0, None, 0], ["a", "a", "b", "b"], ["1", "2", "1", "2"]) is None


def rolled_out(effect: float = TRUE) -> pa.Table:
    """Six sites that begin in different months; before, their cases are timed without AI, and one site never begins."""
    sites, months = tuple(f"s{number}" for number in range(6)), tuple(f"2026-{number:02}" for number in range(1, 11))
    plan = Plan(rows=18_000, sites=sites, months=months, effect=0.0, holdout=0.0, workers=40)
    table = drawn(plan)
    site = np.array([int(name[1:]) for name in table["site"].to_pylist()])
    month = np.array([int(name[5:7]) for name in table["received_at"].to_pylist()])
    begun = (month >= site + 3) & (site < 5)
    minutes = np.asarray(table["human_seconds"])
    with_ai = np.where(begun, np.round(minutes * (1 - effect), 1), minutes)
    return changed(table, arm=np.where(begun, "ai", "not_routed"), human_seconds=with_ai, human_seconds_raw=with_ai)


def all_months(table: pa.Table, more: int = 0, stratum: str = "") -> list[dict[str, Any]]:
    """Volumes that hold what the ledger has of each month, and more."""
    counted = Counter(received[:7] for received in table["received_at"].to_pylist())
    return [volume(month, n + more, stratum) for month, n in sorted(counted.items())]


def test_a_ledger_of_a_roll_out_is_measured_at_level_b_without_any_holdout() -> None:
    table = rolled_out()
    found = one(table, all_months(table))
    assert (found.level, found.held_out) == ("B", 0)
    assert found.saving == pytest.approx(TRUE, abs=0.05)
    assert found.s == pytest.approx(TRUE * (found.time_coverage or 0), abs=0.04)


def test_a_roll_out_of_which_much_is_neither_routed_nor_timed_is_level_d() -> None:
    table = rolled_out()
    assert one(table, all_months(table, more=2_000)).level == "D"
    assert one(table, []).level == "D"


def test_a_roll_out_whose_sites_go_on_without_ai_for_some_cases_is_no_wedge() -> None:
    """The easier cases may be the routed ones."""
    table = rolled_out()
    chance = np.random.default_rng(8).random(table.num_rows) < 0.3
    arm = np.asarray(table["arm"])
    kept_back = changed(table, arm=np.where((arm == "ai") & chance, "not_routed", arm))
    assert one(kept_back, all_months(kept_back)).level == "D"


def test_a_stronger_level_goes_before_a_weaker_one() -> None:
    stratum = Stratum(declared=(Mean(3.0, 0.1, float("inf")), "E"))
    assert _without_ai(stratum, named=True)[1:] == ("E", "")
    strata = measured(
        drawn(Plan(rows=2000, holdout=0.0, strata=("a",))), baselines=[{"task": "reading", "minutes": 2.0, "level": "E"}]
    ).tasks
    assert strata[0].level == "E"


def test_timed_cases_of_the_same_stratum_go_before_a_time_that_was_only_declared() -> None:
    chance = np.random.default_rng(2)
    arm = np.where(chance.random(4000) < 0.4, "not_routed", "ai")
    table = drawn(Plan(rows=4000, strata=("a",)), arm)
    for level, expected in (("E", "D"), ("C", "C")):
        found = one(
            table, all_months(table, stratum="a"), baselines=[{"task": "reading", "minutes": 9.0, "sd": 1.0, "n": 50, "level": level}]
        )
        assert (found.level, found.h0 == 9.0) == (expected, expected == "C")


# Rates drawn together.


def site(name: str, s: float, se: float, **more: Any) -> Rate:  # noqa: ANN401 - fields of a rate
    return Rate("reading", "diagnosis", "radiologist", name, parts=Parts(s, 0.0, 0.0, 0.0), se=se, **more)


def test_sites_are_drawn_towards_each_other_the_unsure_one_most() -> None:
    found = together([site("a", 0.10, 0.05), site("b", 0.50, 0.05), site("c", 0.80, 0.6)], "task")
    pulled = [abs((rate.pooled or 0) - (rate.s or 0)) for rate in found]
    assert pulled[2] == max(pulled)
    assert 0.10 < (found[0].pooled or 0) < (found[1].pooled or 0) < 0.50
    assert [rate.s for rate in found] == [0.10, 0.50, 0.80]


def test_what_is_suppressed_is_not_drawn_together_with_what_is_shown() -> None:
    hidden = replace(site("c", 0.9, 0.01), parts=None, status="suppressed")
    assert together([site("a", 0.1, 0.05), site("b", 0.5, 0.05), hidden], "task")[:2] == together(
        [site("a", 0.1, 0.05), site("b", 0.5, 0.05)], "task"
    )


def test_one_alone_is_drawn_nowhere() -> None:
    assert [rate.pooled for rate in together([site("a", 0.1, 0.05)], "task")] == [None]


# Measured shares of time.


def reading(**changes: Any) -> Rate:  # noqa: ANN401 - fields of a rate
    known = {"volume": 4000, "months": 3, "baseline": 2.0, "level": "A", "value": 0.3, "time_coverage": 0.9, "status": "measured"}
    return replace(site("", 0.3, 0.02), task="chest-reading", **{**known, **changes})


def test_a_share_of_time_is_the_years_volume_times_the_time_without_ai_by_the_working_year() -> None:
    assert measured_share(reading(), 2.0, 1607.0) == pytest.approx(4000 * 4 * 2.0 / (60 * 1607 * 2))
    assert measured_share(reading(), 2.0, 803.5) == pytest.approx(4000 * 4 * 2.0 / (60 * 803.5 * 2))


@pytest.mark.parametrize("change", [{"volume": None}, {"baseline": None}, {"months": 0}, {"level": "E"}])
def test_what_is_not_measured_keeps_its_declared_share(change: dict[str, object]) -> None:
    assert measured_share(reading(**change), 2.0, 1607.0) is None
    assert measured_share(reading(), None, 1607.0) is None


def own(tmp_path: Path, fte: str, hours: str = "") -> Inputs:
    (tmp_path / "census.csv").write_text(
        f"métier;catégorie;etp;heures annuelles;source\nradiologists;medical;{fte};{hours};own\n", encoding="utf-8"
    )
    return Inputs.load(tmp_path)


def radiology(known: Inputs, rate: Rate) -> ProfessionRate:
    return next(one_ for one_ in professions(known.catalogue, known.workforce, [rate]) if one_.profession == "radiologist")


def test_a_measured_share_replaces_the_declared_one_of_its_task_alone(tmp_path: Path) -> None:
    parts = {part.task: (part.share, part.basis) for part in radiology(own(tmp_path, "4"), reading()).parts}
    assert parts["chest-reading"][0] == pytest.approx(4000 * 4 * 2 / (60 * 1607 * 4))
    assert parts["chest-reading"][1] == "measured"
    assert parts["ct-mr-reading"] == (0.35, "assumption")


def test_the_working_year_of_the_census_counts(tmp_path: Path) -> None:
    legal, short = (radiology(own(tmp_path, "4", hours), reading()).parts[0].share for hours in ("", "1500"))
    assert short == pytest.approx(legal * 1607 / 1500)


def test_measured_and_declared_shares_over_1_are_told_and_give_no_number(tmp_path: Path) -> None:
    known = own(tmp_path, "0,5")
    found = radiology(known, reading())
    assert found.double.startswith("The tasks of 'radiologist' take 1")
    assert (found.is_enough, categories([found]), establishment([found])) == (False, (), None)
    outlooks = play(known.scenarios[0], [found], [reading()]).outlooks
    assert [(one_.status, one_.figures) for one_ in outlooks] == [(DOUBLE, None)]


def test_shares_of_exactly_1_are_no_double_counting() -> None:
    found = ProfessionRate("p", "c", 1.0, None, (TaskPart("a", 0.4, "survey", 0.5, 1.0, "A"), TaskPart("b", 0.6, "survey", 0.5, 1.0, "A")))
    assert found.is_enough
    assert found.s == pytest.approx(0.5)


def test_the_months_of_the_volumes_are_counted() -> None:
    table = drawn(Plan(rows=6000, holdout=0.25))
    assert (one(table, full(table)).months, len(MONTHS)) == (3, 3)
