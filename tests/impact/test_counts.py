"""Counts are of machine calls and shown; minutes are of people and guarded; nothing is claimed without a denominator."""

from __future__ import annotations

import random
from dataclasses import fields, replace
from typing import TYPE_CHECKING

import pytest
from hypothesis import given
from hypothesis import strategies as st

from impact import intervals
from impact.counts import OUTCOMES, TaskCounts, counts, publishable
from impact.intervals import share_interval
from tests.impact.ledgers import PLAIN, ledger, ledgers

if TYPE_CHECKING:
    from collections.abc import Sequence

    from impact.ledger import Outcome, UsageRecord


def of(outcomes: Sequence[Outcome]) -> list[UsageRecord]:
    return [replace(PLAIN, outcome=outcome) for outcome in outcomes]


def test_nothing_is_counted_of_an_empty_ledger() -> None:
    assert counts([]) == ()


def test_outcomes_are_counted_per_task_in_the_order_of_their_names() -> None:
    letters = [replace(PLAIN, task="letters", kind="administrative", outcome="auto")]
    found = counts(of(["accepted", "accepted", "amended", "rejected", "ignored"]) + letters)
    assert [(task.task, task.n, task.outcomes) for task in found] == [("cytology", 5, (0, 2, 1, 1, 1)), ("letters", 1, (1, 0, 0, 0, 0))]


@given(ledgers())
def test_outcomes_add_up_to_the_routed_instances_and_arms_to_all(found: list[UsageRecord]) -> None:
    tasks = counts(found)
    assert all(sum(task.outcomes) == task.n for task in tasks)
    assert sum(sum(task.arms) for task in tasks) == len(found)


@given(ledgers(), st.randoms(use_true_random=False))
def test_the_order_of_the_ledger_changes_no_count(found: list[UsageRecord], chance: random.Random) -> None:
    shuffled = chance.sample(found, len(found))
    assert [(task.task, task.n, task.outcomes, task.modes) for task in counts(shuffled)] == [
        (task.task, task.n, task.outcomes, task.modes) for task in counts(found)
    ]


def test_other_arms_are_counted_and_never_mixed_into_the_routed() -> None:
    hidden = replace(PLAIN, arm="holdout", outcome="rejected", human_seconds_raw=600.0, human_seconds=600.0, worker="w0")
    task = counts([PLAIN, hidden, replace(hidden, arm="not_routed")], pilot=True)[0]
    assert (task.n, task.arms, task.outcomes, task.minutes) == (1, (1, 1, 1), (0, 1, 0, 0, 0), 0.0)


def test_a_task_with_no_routed_instance_has_no_share_and_no_mean() -> None:
    task = counts([replace(PLAIN, arm="holdout")])[0]
    assert (task.n, task.share("accepted"), task.interval("accepted"), task.minutes_each()) == (0, 0.0, None, None)


def test_release_modes_are_counted_most_frequent_first() -> None:
    task = counts([replace(PLAIN, release_mode="shadow"), PLAIN, PLAIN])[0]
    assert task.modes == (("hold", 2), ("shadow", 1))


def test_minutes_are_summed_raw_and_capped() -> None:
    found = [replace(record, human_seconds_raw=180.0) for record in ledger(30, workers=10)]
    task = counts(found)[0]
    assert (task.minutes_raw, task.minutes, task.minutes_raw_each(), task.minutes_each()) == (90.0, 30.0, 3.0, 1.0)


@pytest.mark.parametrize(
    ("instances", "workers", "shown"),
    [(30, 10, True), (29, 10, False), (30, 9, False), (1, 1, False), (3000, 1, False), (300, 100, True)],
)
def test_minutes_are_shown_only_of_ten_workers_and_thirty_instances(instances: int, workers: int, shown: bool) -> None:
    task = counts(ledger(instances, workers=workers))[0]
    assert (task.minutes is not None, task.minutes_each() is not None, task.publishable) == (shown, shown, shown)


@pytest.mark.parametrize(("seconds", "shown"), [(60.0, True), (60.0 * 29 * 5, True), (60.0 * 29 * 6, False)])
def test_minutes_are_suppressed_when_one_worker_did_over_85_percent(seconds: float, shown: bool) -> None:
    found = ledger(30, workers=30)
    found[0] = replace(found[0], human_seconds_raw=seconds, human_seconds=seconds)
    assert publishable(found) is shown


def test_pilot_minutes_are_given_and_say_what_they_are() -> None:
    found = ledger(3, workers=1)
    assert counts(found, pilot=True)[0].minutes == 3.0
    assert (counts(found)[0].minutes_status(), counts(found, pilot=True)[0].minutes_status()) == ("suppressed", "pilot")


def test_a_task_nobody_worked_on_has_zero_minutes_to_publish() -> None:
    task = counts(of(["auto"] * 3))[0]
    assert (task.minutes, task.publishable, task.minutes_status()) == (0.0, True, "nobody worked")


def test_seconds_without_a_pseudonym_are_guarded_too() -> None:
    task = counts([replace(PLAIN, human_seconds_raw=9.0, human_seconds=9.0, time_source="reported")])[0]
    assert (task.minutes, task.minutes_raw, task.minutes_status()) == (None, None, "suppressed")


def test_outcomes_of_a_pilot_with_one_clinician_are_shown() -> None:
    task = counts(ledger(20, workers=1))[0]
    assert (task.n, task.outcomes, task.share("accepted")) == (20, (0, 20, 0, 0, 0), 1.0)


def test_nothing_that_is_counted_names_a_worker() -> None:
    assert [part.name for part in fields(TaskCounts) if "worker" in part.name] == []
    assert "w0" not in repr(counts(ledger(40, workers=12), pilot=True))


@pytest.mark.parametrize(
    ("count", "n", "low", "high"),
    # Quantiles of Beta(½ + x, ½ + n - x) to three places; the limits of none and all are 0 and 1.
    [(0, 10, 0.0, 0.217), (1, 10, 0.011, 0.381), (5, 10, 0.224, 0.776), (10, 10, 0.783, 1.0)],
)
def test_two_kinds_have_the_jeffreys_interval(count: int, n: int, low: float, high: float) -> None:
    assert list(share_interval(count, n, 2) or ()) == pytest.approx([low, high], abs=5e-4)


def test_five_kinds_have_the_interval_that_drawing_from_their_dirichlet_gives() -> None:
    chance, alphas = random.Random(7), (12.5, 4.5, 0.5, 2.5, 0.5)  # noqa: S311 - a simulation
    draws = sorted(first / (first + sum(chance.gammavariate(a, 1) for a in alphas[1:])) for first in _gammas(chance, 12.5, 20_000))
    assert list(share_interval(12, 18, 5) or ()) == pytest.approx([draws[500], draws[19_500]], abs=0.01)


def _gammas(chance: random.Random, alpha: float, count: int) -> list[float]:
    return [chance.gammavariate(alpha, 1) for _ in range(count)]


@given(st.integers(0, 500), st.integers(0, 500), st.integers(2, 6))
def test_the_counted_share_lies_inside_its_interval(count: int, others: int, kinds: int) -> None:
    n = count + others
    low, high = share_interval(count, n, kinds) or (1.0, 0.0)
    assert 0 <= low <= (count / n if n else 0) <= high <= 1


@pytest.mark.parametrize(("count", "n", "kinds"), [(2, 1, 2), (-1, 1, 2), (0, 1, 1)])
def test_an_interval_of_counts_that_cannot_be_is_refused(count: int, n: int, kinds: int) -> None:
    with pytest.raises(ValueError, match="cannot be counted"):
        share_interval(count, n, kinds)


def test_without_scipy_there_is_no_interval_rather_than_a_wrong_one(monkeypatch: pytest.MonkeyPatch) -> None:
    monkeypatch.setattr(intervals, "_scipy_special", lambda: None)
    assert [counts([PLAIN])[0].interval(outcome) for outcome in OUTCOMES] == [None] * 5
