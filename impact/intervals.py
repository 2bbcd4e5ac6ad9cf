"""How sure a figure is: fixed intervals to be read once, and sequences that hold at every look (`method.md`, "Intervals").

Statistics that kept libraries offer come from scipy and statsmodels, imported where they are used so that a serving process
that shows no figure stays small; without scipy there is no interval, rather than one by a home-made quantile. The sequences
are closed forms of the method: `confseq`, the one package that has them, was last released in January 2023 as source only.
"""

from __future__ import annotations

import math
from dataclasses import dataclass
from functools import cache
from importlib import import_module
from typing import TYPE_CHECKING, Final, NamedTuple

if TYPE_CHECKING:
    from collections.abc import Sequence
    from types import ModuleType

    from numpy import float64
    from numpy.typing import NDArray

TAIL: Final = 0.025
Z: Final = 1.96
"""The multiplier of the method's 95 % intervals."""
ALPHA: Final = 0.05
TUNED_FOR: Final = 500
"""The number of observations at which a sequence of means is narrowest."""
START: Final = 200
"""A sequence of means begins here: it rests on the central limit theorem."""


class Interval(NamedTuple):
    """Both ends, in the unit of the figure."""

    low: float
    high: float


@dataclass(frozen=True, slots=True)
class Mean:
    """An arithmetic mean of minutes or seconds: `variance` is that of the mean itself, over `units` independent units."""

    value: float
    variance: float
    units: float

    @classmethod
    def of(cls, value: float, deviation: float, n: int) -> Mean:
        """From the standard deviation of n independent instances."""
        return cls(value, deviation**2 / n, n)


@dataclass(frozen=True, slots=True)
class Effect:
    """A substitution rate s = 1 - R, with its standard error on the scale of ln R (None where it is not known)."""

    s: float
    se: float | None

    def interval(self, multiplier: float = Z) -> Interval | None:
        """1 - R·exp(±multiplier·se): asymmetric, never beyond 1."""
        if self.se is None:
            return None
        ratio, wide = 1 - self.s, multiplier * self.se
        return Interval(1 - ratio * math.exp(wide), 1 - ratio * math.exp(-wide))


def share_interval(count: int, n: int, kinds: int) -> tuple[float, float] | None:
    """95 % interval of one share of a Dirichlet(½ each): the quantiles of Beta(½ + count, (kinds - 1)/2 + n - count).

    A share of none reaches down to 0 and a share of all up to 1, so that the counted share always lies inside.

    Args:
        count: instances of this kind, 0 to n.
        n: all instances, 0 or more.
        kinds: how many kinds an instance can be of, 2 or more; with 2 it is Beta(½ + count, ½ + n - count).

    Returns:
        Shares from 0 to 1, or None where scipy is not installed.

    Raises:
        ValueError: counts that cannot be.
    """
    if not 0 <= count <= n or kinds < 2:  # noqa: PLR2004 - one kind has no share
        raise ValueError(f"{count} of {n} instances in {kinds} kinds cannot be counted: give 0 <= count <= n and 2 kinds or more.")
    special = _scipy_special()
    if special is None:
        return None
    a, b = 0.5 + count, (kinds - 1) / 2 + n - count
    low = 0.0 if count == 0 else float(special.betaincinv(a, b, TAIL))
    high = 1.0 if count == n else float(special.betaincinv(a, b, 1 - TAIL))
    return low, high


def time_ratio(with_ai: Mean, without: Mean) -> Effect:
    """Two arms: R = m1/m0, se(ln R)² = v1/(n1·m1²) + v0/(n0·m0²). Raises ValueError for a mean without AI that is not above 0."""
    if without.value <= 0:
        raise ValueError("The mean time without AI must be above 0; there is nothing to compare with.")
    ratio = with_ai.value / without.value
    if not ratio:
        return Effect(1.0, None)
    return Effect(1 - ratio, math.sqrt(with_ai.variance / with_ai.value**2 + without.variance / without.value**2))


def share_sequence(count: int, n: int, alpha: float = ALPHA) -> Interval:
    """A share that may be looked at after every event: { p : B(½+x, ½+n-x)/B(½,½) < p^x·(1-p)^(n-x)/α }.

    Raises:
        ValueError: counts that cannot be.
        ImportError: scipy is not installed.
    """
    if not 0 <= count <= n:
        raise ValueError(f"{count} of {n} cannot be counted: give 0 <= count <= n.")
    if not n:
        return Interval(0.0, 1.0)
    special, optimize = import_module("scipy.special"), import_module("scipy.optimize")
    least = float(special.betaln(0.5 + count, 0.5 + n - count) - special.betaln(0.5, 0.5)) + math.log(alpha)

    def margin(p: float) -> float:
        return float(special.xlogy(count, p) + special.xlog1py(n - count, -p)) - least

    best, edge = count / n, 1e-15
    low = 0.0 if count == 0 else float(optimize.brentq(margin, edge, best))
    high = 1.0 if count == n else float(optimize.brentq(margin, best, 1 - edge))
    return Interval(low, high)


def multiplier(n: float, alpha: float = ALPHA) -> float:
    """What replaces 1.96 where a mean of n independent units may be looked at any day; infinite below `START`.

    The method's half width sd·sqrt(2(nρ²+1)/(n²ρ²)·ln(sqrt(nρ²+1)/α)), divided by sd/sqrt(n).
    """
    if n < START:
        return math.inf
    rho2 = (-2 * math.log(alpha) + math.log(1 - 2 * math.log(alpha))) / TUNED_FOR
    return math.sqrt(2 * (n * rho2 + 1) / (n * rho2) * math.log(math.sqrt(n * rho2 + 1) / alpha))


def pooled(logs: Sequence[float], errors: Sequence[float]) -> tuple[Sequence[float], float, float]:
    """Partial pooling over sites or tasks: θ = (y/se² + μ/τ²)/(1/se² + 1/τ²), τ² and μ by DerSimonian-Laird.

    Args:
        logs: y = ln R of each.
        errors: their standard errors, above 0.

    Returns:
        θ of each, μ, τ². One alone stays as it is.
    """
    if len(logs) < 2:  # noqa: PLR2004 - nothing to pool with
        return list(logs), logs[0] if logs else 0.0, 0.0
    analysis = import_module("statsmodels.stats.meta_analysis")
    with import_module("numpy").errstate(invalid="ignore"):  # statsmodels takes the root of a variance that may be 0
        found = analysis.combine_effects(_array(logs), _array(errors) ** 2, method_re="chi2")
    tau2, mu = max(0.0, float(found.tau2)), float(found.mean_effect_re if found.tau2 > 0 else found.mean_effect_fe)
    if not tau2:
        return [mu] * len(logs), mu, 0.0
    return [(y / e**2 + mu / tau2) / (1 / e**2 + 1 / tau2) for y, e in zip(logs, errors, strict=True)], mu, tau2


def events_ratio(events: int, n: int, control_events: int, control_n: int) -> Interval:
    """95 % interval of the ratio of two independent shares, on the log scale."""
    return _two_shares(events, n, control_events, control_n, "ratio", "log")


def events_difference(events: int, n: int, control_events: int, control_n: int) -> Interval:
    """95 % interval of the difference of two independent shares, by Newcombe."""
    return _two_shares(events, n, control_events, control_n, "diff", "newcomb")


def _two_shares(events: int, n: int, control_events: int, control_n: int, compare: str, method: str) -> Interval:
    proportion = import_module("statsmodels.stats.proportion")
    low, high = proportion.confint_proportions_2indep(events, n, control_events, control_n, compare=compare, method=method)
    return Interval(float(low), float(high))


def _array(values: Sequence[float]) -> NDArray[float64]:
    numbers: NDArray[float64] = import_module("numpy").asarray(values, dtype=float)
    return numbers


@cache
def _scipy_special() -> ModuleType | None:
    try:
        return import_module("scipy.special")
    except ImportError:
        return None
