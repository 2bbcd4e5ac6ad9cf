"""Comparisons without a holdout arm, each with the level of evidence it can claim; and the one that is refused. Roll-outs: `wedge.py`."""

from __future__ import annotations

import math
from typing import Final, Literal

from impact.intervals import Effect, Mean, time_ratio

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


def productivity(s: float) -> float:
    """G = 1/(1 - s) - 1: +40 % productivity is s = 28.3 %, never mixed up. Infinite where no human time is left."""
    return math.inf if s >= 1 else 1 / (1 - s) - 1


def from_productivity(g: float) -> float:
    """S = 1 - 1/(1 + g)."""
    return 1 - 1 / (1 + g)
