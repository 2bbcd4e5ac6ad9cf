"""How much a rate moves when whole people are drawn again: the cluster bootstrap of `method.md`, "Intervals".

Clinician-weeks of one person are alike, and where the arms were worked by different people that shows as an effect. So people are
drawn with replacement, each with all of their instances in every arm and stratum, and the rate is taken anew each time. A person
is a pseudonym of one quarter. Beyond `GROUPS` people, several are drawn together, which makes no interval too narrow.

Plain arrays in, one number out; nothing of a person leaves.
"""

from __future__ import annotations

from dataclasses import dataclass
from functools import lru_cache
from typing import TYPE_CHECKING, Final

import numpy as np

if TYPE_CHECKING:
    from collections.abc import Iterable, Mapping, Sequence

    from numpy.typing import NDArray

    from impact.measuring.sources import Connection

DRAWS: Final = 1_000
GROUPS: Final = 500
SEED: Final = 16
_SURE: Final = 0.9
"""The share of draws that must give a rate; else too little stands behind it."""
_FEWEST: Final = 2
Scope = tuple[str, ...]


@dataclass(frozen=True, slots=True)
class Clusters:
    """One scope's people: of each stratum and arm, an array of clusters × (instances, minutes); the same clusters in all of them."""

    count: int
    sums: Mapping[tuple[str, str], NDArray[np.float64]]

    @classmethod
    def of(cls, rows: Iterable[tuple[str, str, int, float, float]]) -> Clusters:
        """From rows of stratum, arm, cluster, instances, minutes."""
        listed = list(rows)
        places = {cluster: place for place, cluster in enumerate(sorted({row[2] for row in listed}))}
        sums: dict[tuple[str, str], NDArray[np.float64]] = {}
        for stratum, arm, cluster, n, minutes in listed:
            sums.setdefault((stratum, arm), np.zeros((len(places), 2)))[places[cluster]] += (n, minutes)
        return cls(len(places), sums)

    def means(self) -> dict[tuple[str, str], NDArray[np.float64]]:
        """The mean minutes of each stratum and arm in each draw; not a number where nobody of it was drawn."""
        weights = _weights(self.count)
        found = {}
        for key, sums in self.sums.items():
            drawn = weights @ sums
            with np.errstate(invalid="ignore", divide="ignore"):
                found[key] = drawn[:, 1] / drawn[:, 0]
        return found


@dataclass(frozen=True, slots=True)
class Share:
    """One stratum of a rate: how many routed, held-out and other instances it stands for, and where its time without AI comes from.

    Args:
        arm: that the time without AI is the mean of; "" for a declared one.
        h0: that declared time and its variance.
        timed: whether the others' time was measured.
        ignored: the share of routed answers that nobody used.
    """

    stratum: str
    routed: float
    held_out: float
    rest: float
    arm: str
    h0: tuple[float, float]
    timed: bool
    ignored: float = 0.0


def error(clusters: Clusters, shares: Sequence[Share], added: float = 0.0) -> float | None:
    """Standard error of ln(1 - s) when people are drawn again.

    Args:
        clusters: the people.
        shares: the strata that the rate is of.
        added: minutes that AI added elsewhere.

    Returns:
        None where fewer than two people, or too few draws, give a rate.
    """
    if clusters.count < _FEWEST:
        return None
    means, noise = clusters.means(), np.random.default_rng(SEED + 1)
    nothing = np.full(DRAWS, np.nan)
    base, given_back = np.zeros(DRAWS), np.full(DRAWS, -added)
    for one in shares:
        h0 = means.get((one.stratum, one.arm), nothing) if one.arm else one.h0[0] + one.h0[1] ** 0.5 * noise.standard_normal(DRAWS)
        h1 = means.get((one.stratum, "ai"), nothing) if one.routed else np.zeros(DRAWS)
        rest = means.get((one.stratum, "not_routed"), nothing) if one.timed and one.rest else h0
        base += (one.routed + one.held_out) * h0 + one.rest * rest
        given_back += one.routed * (h0 * (1 - one.ignored) - h1)
    with np.errstate(invalid="ignore", divide="ignore"):
        logs = np.log1p(-given_back / base)
    known = logs[np.isfinite(logs)]
    return float(known.std(ddof=1)) if len(known) >= _SURE * DRAWS else None


@lru_cache(maxsize=16)
def _weights(count: int) -> NDArray[np.float64]:
    """How often each of so many clusters is drawn, draw by draw."""
    chosen = np.random.default_rng(SEED).integers(0, count, (DRAWS, count))
    return np.apply_along_axis(np.bincount, 1, chosen, minlength=count).astype(float)


_QUERY: Final = f"""
WITH known AS (SELECT names.*, people.*, began FROM people JOIN names USING (h) LEFT JOIN starts USING (h)),
placed AS (SELECT *, CASE WHEN arm = 'not_routed' AND m < began // 5 THEN 'before' ELSE arm END AS compared FROM known)
SELECT task, kind, profession, stratum, compared, w % {GROUPS} AS cluster, sum(n)::DOUBLE, sum(cs) / 6000.0
FROM placed WHERE w > 0 GROUP BY ALL ORDER BY ALL
"""  # noqa: S608 - our names


def people(database: Connection) -> dict[Scope, Clusters]:
    """The clusters of every task and profession, outside the novelty window."""
    found: dict[Scope, list[tuple[str, str, int, float, float]]] = {}
    for task, kind, profession, *row in database.execute(_QUERY).fetchall():
        found.setdefault((task, kind, profession), []).append(tuple(row))
    return {scope: Clusters.of(rows) for scope, rows in found.items()}
