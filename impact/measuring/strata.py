"""What the formulas of step 4 are fed with: per scope and stratum, the arms' means and the volumes they stand for.

The variance of a mean is that of clinician-weeks: Σ(T_g - n_g·m)²/n²·G/(G - 1), T_g being the time and n_g the instances of
one worker in one week at one site; instances without a pseudonym are their own cluster. Where clinician-weeks vary less than instances
would alone, the instances' variance is taken: the larger of the two. Sums are whole numbers until the last division.
"""

from __future__ import annotations

from dataclasses import dataclass, field
from fractions import Fraction
from typing import TYPE_CHECKING, Any, Final

from impact.intervals import Mean

if TYPE_CHECKING:
    from collections.abc import Iterator, Sequence

    from impact.measuring.sources import Connection

CS_PER_MINUTE: Final = 6_000
ARMS: Final = ("ai", "holdout", "not_routed", "before")
Scope = tuple[str, ...]


@dataclass(frozen=True, slots=True)
class Sums:
    """One arm of one stratum: instances, whole hundredths of a second, and what their variance needs."""

    n: int
    cs: int
    cs2: int
    clusters: int
    tt: int
    nt: int
    nn: int
    alone_n: int
    alone_cs: int
    alone_cs2: int
    rework_cs: int = 0
    induced_cs: int = 0
    ignored: int = 0

    @property
    def minutes(self) -> float:
        """Mean minutes per instance."""
        return self.cs / self.n / CS_PER_MINUTE

    @property
    def units(self) -> int:
        """Independent units: clinician-weeks, and instances without a pseudonym."""
        return self.clusters + self.alone_n

    def each(self, cs: int) -> float:
        """Minutes per instance of a part."""
        return cs / self.n / CS_PER_MINUTE

    def mean(self) -> Mean:
        """The mean with its variance, in minutes."""
        return Mean(self.minutes, max(self._clustered(), self._independent()) / CS_PER_MINUTE**2, self.units)

    def _clustered(self) -> float:
        n, t = self.n, self.cs
        if self.units < 2:  # noqa: PLR2004 - one cluster has no variance
            return 0.0
        squares = n * n * (self.tt + self.alone_cs2) - 2 * n * t * (self.nt + self.alone_cs) + t * t * (self.nn + self.alone_n)
        return float(Fraction(squares * self.units, n**4 * (self.units - 1)))

    def _independent(self) -> float:
        n = self.n
        return float(Fraction(n * self.cs2 - self.cs**2, n * n * (n - 1))) if n > 1 else 0.0


@dataclass(slots=True)
class Volume:
    """Instances of one stratum in the months that count: all, with AI, held out, timed without being routed; minutes that AI added elsewhere."""

    total: int = 0
    routed: int = 0
    held_out: int = 0
    added_minutes: float = 0.0
    timed: int = 0


@dataclass(slots=True)
class Stratum:
    """One stratum of a scope: its arms, its volume (None where unknown), and a declared time without AI."""

    arms: dict[str, Sums] = field(default_factory=dict)
    volume: Volume | None = None
    declared: tuple[Mean, str] | None = None


Strata = dict[str, Stratum]

_SUMS: Final = """
SELECT {by}, stratum, CASE WHEN arm = 'not_routed' AND early THEN 'before' ELSE arm END AS compared, sum(n), sum(cs), sum(cs2), sum(clusters),
    sum(tt), sum(nt), sum(nn), sum(alone_n), sum(alone_cs), sum(alone_cs2), sum(rework), sum(induced_cs), sum(ignored)
FROM dated WHERE NOT novel GROUP BY ALL ORDER BY ALL
"""


def strata(database: Connection, by: Sequence[str]) -> dict[Scope, Strata]:
    """The arms of every stratum of every scope, outside the novelty window.

    Args:
        database: with the views of `cells.settle`.
        by: columns that make a scope, as `("task", "kind", "profession")`; with "month", months are told apart.
    """
    found: dict[Scope, Strata] = {}
    for row in _rows(database, _SUMS.format(by=", ".join(by))):
        scope, (stratum, arm), sums = tuple(row[: len(by)]), row[len(by) : len(by) + 2], row[len(by) + 2 :]
        found.setdefault(scope, {}).setdefault(stratum, Stratum()).arms[arm] = Sums(*map(int, sums))
    return found


def _rows(database: Connection, query: str) -> Iterator[tuple[Any, ...]]:
    yield from database.execute(query).fetchall()
