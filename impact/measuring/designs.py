"""Comparisons without a holdout arm, each with the level of evidence it can claim; and the one that is refused. Roll-outs: `wedge.py`."""

from __future__ import annotations

import math
from dataclasses import dataclass
from importlib import import_module
from typing import TYPE_CHECKING, Final, Literal

import numpy as np

from impact.intervals import Effect, Mean, Z, time_ratio

if TYPE_CHECKING:
    from collections.abc import Sequence

    from numpy.typing import NDArray

Level = Literal["A", "B", "C", "D", "E"]
LEVELS: Final[dict[Level, str]] = {
    "A": "random holdout",
    "B": "stepped wedge",
    "C": "difference in differences, or interrupted series with a control",
    "D": "before and after, or un-routed cases of the same stratum",
    "E": "declared, or an exposure score",
}
CENTRAL: Final = frozenset({"A", "B", "C"})
"""Levels that the central scenario uses; the others are drawn hatched."""
NAIVE: Final = (
    "'AI cases versus the others' is refused: the easier cases are the ones that get routed, so the difference shows the routing, not the AI "
    "(simulated: truth 8.8 %, this comparison 59 %). Use a holdout arm, or give strata and the times of each."
)


ROLLOUT: Final = "the time without AI is that of other sites and months: minutes = site + month + time since start, errors by site"
SERIES: Final = "the time without AI is the trend of the weeks before, beside sites that never began: an interrupted series with a control"
FEWEST_WEEKS: Final = 12
"""Of an interrupted series, before and after alike: fewer tell no trend from chance."""


_GOES_ON: Final = tuple(number / 20 for number in range(20))
"""Shares of a week that may go on into the next, 0 to 0.95."""


class RefusedComparison(ValueError):
    """A comparison that would mislead; the message says why and what to do instead."""


def ai_versus_the_rest(*_: object) -> Effect:
    """Always refused. Raises RefusedComparison with the reason."""
    raise RefusedComparison(NAIVE)


def before_after(after: Mean, before: Mean) -> Effect:
    """Level D: s = 1 - A1/A0, whatever else changed in between."""
    return time_ratio(after, before)


def before_after_with_control(after: Mean, before: Mean, control_after: Mean, control_before: Mean) -> Effect:
    """Level C: s = 1 - (A1/A0)/(C1/C0), the errors of the four means added on the log scale."""
    own, control = time_ratio(after, before), time_ratio(control_after, control_before)
    se = None if own.se is None or control.se is None else math.hypot(own.se, control.se)
    return Effect(1 - (1 - own.s) / (1 - control.s), se)


@dataclass(frozen=True, slots=True)
class Week:
    """A week of an interrupted series: its day, mean minutes where AI came and, in the same week, where it did not; `after`: it had come."""

    day: int
    minutes: float
    control: float
    after: bool


def interrupted_series(found: Sequence[Week]) -> Effect | None:
    """Level C: how far ln(minutes/control) lies below its own trend of before, on average over the weeks after.

    Level and trend are free before and after, so neither a trend that both share nor one of its own is taken for an effect. How much of a
    week goes on into the next is found by restricted maximum likelihood, and Student's t widens the error for few weeks: in simulations that
    covers 93 to 96 %, Newey-West errors 61 to 88 %.

    Args:
        found: weeks in any order, minutes above 0.

    Returns:
        None where there are fewer than `FEWEST_WEEKS` before or after.
    """
    weeks = sorted(found, key=lambda week: week.day)
    n, after = len(weeks), sum(week.after for week in weeks)
    if min(after, n - after) < FEWEST_WEEKS:
        return None
    middle = sum(week.day for week in weeks if week.after) / after
    design = np.array([(week.after, week.after * (week.day - middle) / 7, 1, (week.day - middle) / 7) for week in weeks], dtype=float)
    apart = np.log([week.minutes / week.control for week in weeks])
    days = np.array([week.day for week in weeks])
    _, level, error = max(_restricted(design, apart, share ** (np.abs(np.subtract.outer(days, days)) / 7)) for share in _GOES_ON)
    wide = float(import_module("scipy.stats").t.ppf(0.975, n - design.shape[1])) / Z
    return Effect(1 - math.exp(level), wide * error)


def _restricted(design: NDArray[np.float64], values: NDArray[np.float64], alike: NDArray[np.float64]) -> tuple[float, float, float]:
    """Restricted log-likelihood of correlated values; by generalised least squares the first coefficient and its standard error."""
    root = np.linalg.cholesky(alike)
    x, y = np.linalg.solve(root, design), np.linalg.solve(root, values)
    squares, free = x.T @ x, len(y) - design.shape[1]
    found = np.linalg.solve(squares, x.T @ y)
    variance = float(((y - x @ found) ** 2).sum()) / free
    likelihood = -free * math.log(max(variance, 1e-300)) / 2 - float(np.log(np.diag(root)).sum() + np.linalg.slogdet(squares)[1] / 2)
    return likelihood, float(found[0]), math.sqrt(variance * float(np.linalg.inv(squares)[0, 0]))


def productivity(s: float) -> float:
    """G = 1/(1 - s) - 1: +40 % productivity is s = 28.3 %, never mixed up. Infinite where no human time is left."""
    return math.inf if s >= 1 else 1 / (1 - s) - 1


def from_productivity(g: float) -> float:
    """S = 1 - 1/(1 + g)."""
    return 1 - 1 / (1 + g)
