"""The substitution rate of a task: as the method has it, unknown where it cannot be known, never flattered."""

from __future__ import annotations

from typing import TYPE_CHECKING, Any

import numpy as np
import pyarrow as pa
import pytest
from hypothesis import given, settings
from hypothesis import strategies as st

from impact.measuring.designs import NAIVE, RefusedComparison, ai_versus_the_rest
from impact.measuring.quality import PASSING, Gate, Guarded, gate
from impact.rates import NO_BASELINE, NO_STRATA, NO_VOLUME, NOVEL, Rate, rate
from tests.impact.measuring import measured, one, volume
from tests.impact.simulated import Plan, drawn

if TYPE_CHECKING:
    from numpy.typing import NDArray

MONTHS = ("2026-02", "2026-03", "2026-04")
PLAN = Plan(rows=6000, effect=0.3, holdout=0.25)


def full(table: pa.Table, more: int = 0) -> list[dict[str, Any]]:
    """Volumes that hold what the ledger has of each month and stratum, and more."""
    pairs = zip(table["received_at"].to_pylist(), table["stratum"].to_pylist(), strict=True)
    counted: dict[tuple[str, str], int] = {}
    for received, stratum in pairs:
        if (month := received[:7]) in MONTHS:
            counted[month, stratum] = counted.get((month, stratum), 0) + 1
    return [volume(month, n + more, stratum) for (month, stratum), n in sorted(counted.items())]


def changed(table: pa.Table, **columns: Any) -> pa.Table:  # noqa: ANN401 - any column
    for name, values in columns.items():
        table = table.set_column(table.column_names.index(name), name, pa.array(values))
    return table


def test_a_random_holdout_finds_the_true_rate_at_level_a() -> None:
    table = drawn(PLAN)
    found = one(table, full(table))
    truth = 0.3 * (found.coverage or 0)
    assert (found.level, found.status) == ("A", "measured")
    assert found.interval is not None
    assert found.interval.low <= truth <= found.interval.high


def test_without_a_total_volume_coverage_and_rate_are_unknown_and_the_saving_of_a_routed_case_is_told() -> None:
    found = one(drawn(PLAN))
    assert (found.s, found.coverage, found.time_coverage, found.value, found.why) == (None, None, None, None, NO_VOLUME)
    assert found.saving == pytest.approx(0.3, abs=0.05)


def test_without_any_time_without_ai_the_rate_is_unknown() -> None:
    table = drawn(Plan(rows=2000, holdout=0.0))
    found = one(table, full(table))
    assert (found.s, found.h0, found.why) == (None, None, NO_BASELINE)


def test_a_declared_time_is_used_with_its_level() -> None:
    table = drawn(Plan(rows=2000, holdout=0.0, effect=0.5))
    baselines = [{"task": "reading", "minutes": 2.0, "sd": 1.0, "n": 100, "level": "D", "source": "own study"}]
    found = one(table, full(table), baselines=baselines)
    assert (found.level, found.h0) == ("D", 2.0)
    assert found.s == pytest.approx(0.5, abs=0.06)


def test_induced_work_makes_the_rate_negative_and_it_is_kept() -> None:
    table = drawn(Plan(rows=6000, effect=-0.4, holdout=0.25))
    found = one(table, full(table))
    assert found.s is not None
    assert found.s < -0.2
    assert found.value == pytest.approx(found.s)


def test_minutes_added_elsewhere_are_induced_work() -> None:
    table = drawn(PLAN)
    volumes = full(table)
    before, after = one(table, volumes), one(table, [row | {"added_minutes": 100.0} for row in volumes])
    assert before.parts is not None
    assert after.parts is not None
    assert after.parts.induced > before.parts.induced == 0
    assert (before.s or 0) - (after.s or 0) == pytest.approx(after.parts.induced)


def test_an_ignored_answer_is_work_done_again_without_ai() -> None:
    table = drawn(Plan(rows=6000, holdout=0.25, shares=(0, 0, 0, 0, 1.0)))
    nobody = changed(table, human_seconds=np.where(np.asarray(table["arm"]) == "ai", 0.0, np.asarray(table["human_seconds"])))
    found = one(nobody, full(nobody))
    assert found.parts is not None
    assert found.parts.rework == pytest.approx(found.parts.displaced)
    assert found.modes is not None
    assert found.modes.induced == 1


def test_what_ran_in_shadow_is_no_part_of_the_work() -> None:
    table = drawn(PLAN)
    shadow = changed(drawn(Plan(rows=3000, first=6000, seed=9, effect=0.9, holdout=0)), release_mode=["shadow"] * 3000)
    assert one(pa.concat_tables([table, shadow]), full(table)) == one(table, full(table))


def test_the_holdouts_time_is_what_passed_before_the_ai_was_seen() -> None:
    table = drawn(PLAN)
    arm, seconds = np.asarray(table["arm"]), np.asarray(table["human_seconds"])
    late = changed(
        table,
        human_seconds_raw=np.where(arm == "holdout", seconds + 50, seconds),
        human_seconds=np.where(arm == "holdout", seconds + 50, seconds),
        unaided_seconds=[float(value) if held else None for value, held in zip(seconds, arm == "holdout", strict=True)],
    )
    assert one(late).h0 == one(table).h0


def test_the_first_30_days_of_a_team_are_counted_apart() -> None:
    found = measured(drawn(PLAN)).months
    assert [(one_.month, one_.n > 0, one_.novel > 0, one_.why == NOVEL) for one_ in found][:2] == [
        ("2026-01", False, True, True),
        ("2026-02", True, False, False),
    ]


def test_a_month_of_the_novelty_window_is_no_denominator() -> None:
    table = drawn(PLAN)
    assert one(table, [*full(table), volume("2026-01", 10**6)]) == one(table, full(table))


def test_a_volume_below_what_was_routed_gives_no_rate_and_says_so_by_name() -> None:
    found = one(drawn(PLAN), [volume("2026-02", 3), volume("2026-03", 5000)])
    assert (found.s, found.volume, found.coverage, found.value, found.status) == (None, None, None, None, "unknown")
    assert found.why.startswith("the total volume is below what was routed: task reading, month 2026-02: n is 3, the ledger alone has")
    assert found.saving is not None


def test_a_wrong_volume_of_one_task_leaves_the_others_as_they_are() -> None:
    other = drawn(Plan(rows=3000, first=6000, task="letters", kind="administrative", profession="secretary", seed=5))
    both = pa.concat_tables([drawn(PLAN), other])
    volumes = full(drawn(PLAN))
    with_wrong = measured(both, [*volumes, volume("2026-02", 1) | {"task": "letters"}]).tasks
    assert [rate_.s is None for rate_ in with_wrong] == [True, False]
    assert with_wrong[1] == one(drawn(PLAN), volumes)


def test_volumes_without_strata_beside_a_ledger_with_them_give_no_rate() -> None:
    found = one(drawn(Plan(rows=6000, strata=("easy", "hard"))), [volume(month, 10_000) for month in MONTHS])
    assert (found.s, found.why) == (None, NO_STRATA)


def test_partly_covered_and_not_timed_is_level_d() -> None:
    table = drawn(PLAN)
    assert (one(table, full(table)).level, one(table, full(table, more=2000)).level) == ("A", "D")


def test_ai_cases_versus_the_rest_is_refused_with_the_reason() -> None:
    with pytest.raises(RefusedComparison, match="the easier cases are the ones that get routed"):
        ai_versus_the_rest()
    with pytest.raises(RefusedComparison, match="Use a holdout arm"):
        rate({}, Rate("reading", "", ""), against="rest")


# Selection: the true effect is known, and easier cases are routed.

EFFECT = 0.15
SECONDS = {"easy": 60.0, "hard": 300.0}


def selected(*, stratified: bool, seed: int = 1) -> pa.Table:
    """Half of the cases are easy; 90 % of these are routed and 20 % of the hard ones, a fifth of the routed held out."""
    chance = np.random.default_rng(seed)
    count = 12_000
    hard = chance.random(count) < 0.5
    routed = chance.random(count) < np.where(hard, 0.2, 0.9)
    arm: NDArray[Any] = np.where(~routed, "not_routed", np.where(chance.random(count) < 0.2, "holdout", "ai"))
    plan = Plan(rows=count, seed=seed, effect=EFFECT)
    table = drawn(plan, arm, np.where(hard, SECONDS["hard"], SECONDS["easy"]))
    return changed(table, stratum=np.where(hard, "hard", "easy")) if stratified else table


def truth(table: pa.Table, hard: NDArray[Any]) -> float:
    late = np.array([month[:7] in MONTHS for month in table["received_at"].to_pylist()])
    seconds = np.where(hard, SECONDS["hard"], SECONDS["easy"])[late]
    ai = np.asarray(table["arm"])[late] == "ai"
    return float(EFFECT * (ai * seconds).sum() / seconds.sum())


@pytest.mark.parametrize("stratified", [True, False], ids=["time-weighted over strata", "holdout with timed un-routed cases"])
def test_selection_is_seen_through(stratified: bool) -> None:
    hits = []
    for seed in range(1, 13):
        hard = np.asarray(selected(stratified=True, seed=seed)["stratum"]) == "hard"
        table = selected(stratified=stratified, seed=seed)
        found = one(table, full(table))
        assert found.level == "A"
        assert found.interval is not None
        hits.append(found.interval.low <= truth(table, hard) <= found.interval.high)
    assert sum(hits) >= 10


def test_selection_fools_coverage_by_count() -> None:
    """The control: un-routed cases not timed, no strata."""
    hard = np.asarray(selected(stratified=True)["stratum"]) == "hard"
    table = selected(stratified=False)
    known = table.filter(np.asarray(table["arm"]) != "not_routed")
    found = one(known, full(table))
    assert (found.s or 0) > 1.2 * truth(table, hard)
    assert found.level == "D"


def test_the_naive_comparison_of_selected_cases_is_refused() -> None:
    table = selected(stratified=False)
    found = one(table.filter(np.asarray(table["arm"]) != "holdout"), full(table))
    assert (found.s, found.status, found.why) == (None, "refused", NAIVE)


# Quality gate.


def test_time_saved_without_quality_shown_has_no_value() -> None:
    table = drawn(PLAN)
    found = one(table, full(table), gates={})
    assert (found.status, found.value) == ("time saved, quality not shown", 0.0)
    assert (found.s or 0) > 0


def test_the_share_that_passes_second_review_corrects_the_rate() -> None:
    table = drawn(PLAN)
    passing = Guarded(PASSING, 100, 90, 100, 95, margin=1)
    safe = Guarded("miss", 1000, 10, 1000, 20, margin=1.2)
    found = one(table, full(table), gates={"reading": gate([passing, safe])})
    assert found.value == pytest.approx(1 - (1 - (found.s or 0)) * 0.95 / 0.90)


@pytest.mark.parametrize(("events", "state"), [(20, "failed"), (5, "passed")])
def test_the_gate_asks_the_bound_and_not_the_estimate(events: int, state: str) -> None:
    assert gate([Guarded("miss", 1000, events, 1000, 20, margin=1.2)]).state == state


def test_no_events_at_all_prove_nothing_on_the_scale_of_ratios() -> None:
    assert gate([Guarded("miss", 50, 0, 50, 0, margin=1.2)]).state == "failed"
    assert gate([]).state == "not measured"


# Laws.

PLANS = st.builds(
    Plan,
    rows=st.integers(400, 1500),
    seed=st.integers(0, 10**6),
    effect=st.floats(-1, 1),
    holdout=st.floats(0.1, 0.6),
    strata=st.sampled_from([("",), ("easy", "hard")]),
    shares=st.sampled_from([(0.2, 0.4, 0.2, 0.1, 0.1), (0, 0, 0, 0.5, 0.5), (1.0, 0, 0, 0, 0)]),
)


@given(PLANS, st.integers(0, 500))
@settings(max_examples=12, deadline=None)
def test_the_rate_splits_exactly_and_mode_shares_add_up_to_1(plan: Plan, more: int) -> None:
    table = drawn(plan)
    found = one(table, full(table, more))
    if found.parts is not None:
        assert found.s == found.parts.displaced - found.parts.oversight - found.parts.rework - found.parts.induced
        assert found.parts.displaced == found.time_coverage
        expected = (found.coverage or 0) * (found.saving or 0)
        assert len(plan.strata) > 1 or found.s == pytest.approx(expected, abs=1e-9)
    if found.modes is not None:
        assert found.modes.substituted + found.modes.augmented + found.modes.induced == pytest.approx(1, abs=1e-12)


@given(PLANS, st.randoms(use_true_random=False))
@settings(max_examples=6, deadline=None)
def test_the_order_of_the_rows_changes_no_bit(plan: Plan, chance: Any) -> None:  # noqa: ANN401 - hypothesis' own Random
    table = drawn(plan)
    shuffled = table.take(chance.sample(range(plan.rows), plan.rows))
    assert measured(shuffled, full(table)) == measured(table, full(table))


def test_a_known_gate_is_kept_on_the_rate() -> None:
    assert one(drawn(PLAN), gates={"reading": Gate("failed")}).gate.state == "failed"
