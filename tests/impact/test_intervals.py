"""Intervals cover what they promise, in simulation; the naive ones, simulated beside them, do not."""

from __future__ import annotations

import math
from typing import TYPE_CHECKING, Any

import numpy as np
import pytest
from hypothesis import given
from hypothesis import strategies as st
from statsmodels.api import OLS

from impact.intervals import ALPHA, START, Effect, Mean, multiplier, pooled, share_sequence, time_ratio
from impact.measuring import cells, sources
from impact.measuring.strata import Sums, strata
from tests.impact.simulated import Plan, drawn

if TYPE_CHECKING:
    from numpy.typing import NDArray

RUNS = 4000
TRUE = 0.3


def two_arms(chance: np.random.Generator, n: int, runs: int) -> tuple[NDArray[Any], NDArray[Any]]:
    """Skewed times of both arms, one run per row; the true s is TRUE."""
    draw = chance.gamma(2.0, 60.0, (2, runs, n))
    return draw[0] * (1 - TRUE), draw[1]


def covered(effects: list[Effect]) -> float:
    intervals = [effect.interval() for effect in effects]
    return float(np.mean([found is not None and found.low <= TRUE <= found.high for found in intervals]))


def test_the_two_arm_interval_covers_95_percent() -> None:
    ai, control = two_arms(np.random.default_rng(1), 200, RUNS)
    effects = [
        time_ratio(Mean.of(a.mean(), a.std(ddof=1), 200), Mean.of(c.mean(), c.std(ddof=1), 200)) for a, c in zip(ai, control, strict=True)
    ]
    assert covered(effects) == pytest.approx(0.95, abs=0.015)


def clinician_weeks(chance: np.random.Generator, *, clustered: bool) -> list[Effect]:
    """Clinician-weeks that differ by their own speed, 40 of each arm with 20 instances each."""
    effects = []
    for _ in range(RUNS // 2):
        means = []
        for effect in (1 - TRUE, 1.0):
            speed = np.exp(0.4 * chance.standard_normal(60))[:, None]
            times = effect * speed * chance.gamma(2.0, 30.0, (60, 20))
            groups = times.sum(axis=1)
            units, deviation = (60, groups.std(ddof=1) / 20) if clustered else (1200, times.std(ddof=1))
            means.append(Mean.of(float(times.mean()), float(deviation), units))
        effects.append(time_ratio(*means))
    return effects


def test_the_interval_over_clinician_weeks_covers_95_percent() -> None:
    assert covered(clinician_weeks(np.random.default_rng(2), clustered=True)) == pytest.approx(0.95, abs=0.015)


def test_the_naive_interval_over_instances_fails() -> None:
    """The control: taking instances as independent."""
    assert covered(clinician_weeks(np.random.default_rng(2), clustered=False)) < 0.70


def cluster_sums(groups: NDArray[Any], seconds: NDArray[Any]) -> Sums:
    names = np.unique(groups)
    n = np.array([int((groups == name).sum()) for name in names], dtype=object)
    t = np.array([int(seconds[groups == name].sum()) for name in names], dtype=object)
    n_all, ms, ms2 = len(seconds), int(seconds.sum()), int((seconds**2).sum())
    return Sums(n_all, ms, ms2, len(names), int((t * t).sum()), int((n * t).sum()), int((n * n).sum()), 0, 0, 0)


def test_the_variance_of_clinician_weeks_is_statsmodels_cluster_robust_one() -> None:
    chance = np.random.default_rng(3)
    groups = chance.integers(0, 30, 500)
    seconds = np.round(6_000 * np.exp(0.5 * chance.standard_normal(30)[groups]) * chance.gamma(2, 1, 500)).astype(int)
    ours = cluster_sums(groups, seconds).mean()
    fitted = OLS(seconds / 6_000, np.ones(500)).fit(cov_type="cluster", cov_kwds={"groups": groups, "use_correction": False})
    assert ours.variance == pytest.approx(float(fitted.cov_params()[0, 0]) * 30 / 29)


def test_the_sums_of_a_ledger_are_the_sums_of_its_rows() -> None:
    table = drawn(Plan(rows=800, holdout=0.0))
    database = sources.connect()
    sources.view(database, table)
    cells.add_up(database)
    cells.settle(database)
    found = strata(database, ("task",))["reading",][""].arms["ai"]
    database.execute("CREATE TEMP VIEW late AS SELECT * FROM usage WHERE received_at >= '2026-02'")
    n, ms = database.execute("SELECT count(*), sum(CAST(round(100 * human_seconds) AS BIGINT)) FROM late").fetchall()[0]
    assert (found.n, found.cs) == (n, int(ms))


LOOKS = range(50, 2001, 50)


def ever_missed(p: float, runs: int = 1500) -> float:
    """How often a sequence misses the truth at any of the looks."""
    counts = np.cumsum(np.random.default_rng(4).random((runs, 2000)) < p, axis=1)
    bounds = {(look, count): share_sequence(count, look) for look in LOOKS for count in map(int, np.unique(counts[:, look - 1]))}
    missed = [any(not _inside(bounds[look, int(row[look - 1])], p) for look in LOOKS) for row in counts]
    return float(np.mean(missed))


def _inside(interval: tuple[float, float], p: float) -> bool:
    return interval[0] <= p <= interval[1]


@pytest.mark.parametrize("p", [0.5, 0.9, 0.98])
def test_the_sequence_of_a_share_is_ever_wrong_in_at_most_5_percent(p: float) -> None:
    assert ever_missed(p) <= ALPHA


def walks(runs: int) -> tuple[NDArray[Any], NDArray[Any]]:
    """Running means and deviations of skewed times with mean 1, at the looks from START on."""
    draws = np.random.default_rng(5).gamma(2.0, 0.5, (runs, 2000))
    looks = np.array([look for look in LOOKS if look >= START])
    means = draws.cumsum(axis=1)[:, looks - 1] / looks
    squares = (draws**2).cumsum(axis=1)[:, looks - 1] / looks
    return means, np.sqrt((squares - means**2) / looks)


def test_the_sequence_of_a_mean_is_ever_wrong_in_at_most_5_percent() -> None:
    means, errors = walks(RUNS)
    wide = np.array([multiplier(look) for look in LOOKS if look >= START])
    assert float((np.abs(means - 1) > wide * errors).any(axis=1).mean()) <= ALPHA


def test_a_fixed_interval_that_is_looked_at_again_and_again_fails() -> None:
    """The control."""
    means, errors = walks(RUNS)
    assert float((np.abs(means - 1) > 1.96 * errors).any(axis=1).mean()) > 0.15


def test_the_sequence_of_a_substitution_rate_is_ever_wrong_in_at_most_5_percent() -> None:
    chance, missed, runs = np.random.default_rng(6), 0, 1500
    looks = np.array([look for look in LOOKS if look >= START])
    for _ in range(runs):
        ai, control = chance.gamma(2.0, 0.5 * (1 - TRUE), 2000), chance.gamma(2.0, 0.5, 2000)
        m1, m0 = (arm.cumsum()[looks - 1] / looks for arm in (ai, control))
        v1, v0 = (np.cumsum(arm**2)[looks - 1] / looks - m**2 for arm, m in ((ai, m1), (control, m0)))
        se = np.sqrt(v1 / (looks * m1**2) + v0 / (looks * m0**2))
        wide = np.array([multiplier(float(look)) for look in looks])
        missed += bool((np.abs(np.log(m1 / m0) - math.log(1 - TRUE)) > wide * se).any())
    assert missed / runs <= ALPHA


def test_a_sequence_of_means_does_not_begin_before_200() -> None:
    assert multiplier(START - 1) == math.inf
    assert 1.96 < multiplier(START) < 4


def test_a_share_of_nothing_is_anything() -> None:
    assert share_sequence(0, 0) == (0.0, 1.0)


@given(st.integers(1, 400), st.data())
def test_a_share_lies_inside_its_sequence(n: int, data: st.DataObject) -> None:
    count = data.draw(st.integers(0, n))
    low, high = share_sequence(count, n)
    assert 0 <= low <= count / n <= high <= 1


@given(st.floats(-3, 0.99), st.floats(0, 1))
def test_a_rate_lies_inside_its_interval_which_ends_below_1(s: float, se: float) -> None:
    low, high = Effect(s, se).interval() or (0, 0)
    assert low <= s + 1e-12
    assert s - 1e-12 <= high <= 1


def test_pooling_draws_sites_together_and_keeps_one_as_it_is() -> None:
    together, mu, tau2 = pooled([-0.1, -0.5, -0.3], [0.05, 0.05, 0.05])
    assert all(abs(theta - mu) < abs(y - mu) or math.isclose(y, mu) for theta, y in zip(together, [-0.1, -0.5, -0.3], strict=True))
    assert tau2 > 0
    assert pooled([-0.2], [0.1]) == ([-0.2], -0.2, 0.0)


def test_sites_that_do_not_differ_are_one() -> None:
    together, mu, tau2 = pooled([-0.30, -0.31, -0.29], [0.2, 0.2, 0.2])
    assert (list(together), tau2) == ([mu] * 3, 0.0)
