"""Levels B and C from the ledger itself: sites that began at different times, or some that never began, compared month by month.

Every site's cases were timed before it began (un-routed), so each calendar month in which some site still works without AI shows
what that month would have been: ln(minutes) = site + month + time since start, by least squares, errors clustered by site. The
effect is the mean over the treated months that were seen. Months in which every site has AI already have nothing to be compared
with and are left out.

B: sites began in different months (stepped wedge). C: one beginning, and sites that never began (difference in differences).

With fewer sites, one that never began is enough where there are weeks before and after: an interrupted series with a control, level C.
"""

from __future__ import annotations

import math
from dataclasses import dataclass
from datetime import date
from importlib import import_module
from typing import TYPE_CHECKING, Final

import numpy as np

from impact.counting.weeks import begins
from impact.intervals import Effect, Z
from impact.measuring.designs import ROLLOUT, SERIES, Week, interrupted_series
from impact.privacy import MIN_INSTANCES

if TYPE_CHECKING:
    from collections.abc import Mapping, Sequence

    from numpy.typing import NDArray

    from impact.measuring.designs import Level
    from impact.measuring.sources import Connection

FEWEST_SITES: Final = 4
"""Errors clustered by fewer sites are worth nothing."""
Scope = tuple[str, ...]


@dataclass(frozen=True, slots=True)
class Month:
    """One site in one month: `since` counts the months since its window of novelty ended, None where it works without AI."""

    site: str
    month: int
    minutes: float
    since: int | None = None


@dataclass(frozen=True, slots=True)
class Wedge:
    """What a roll-out shows: R = with/without as an effect, its level, how many sites and months (or weeks) it rests on, in a sentence how."""

    effect: Effect
    level: Level
    sites: int
    periods: int
    how: str = ROLLOUT


def rollout(found: Sequence[Month]) -> Wedge | None:
    """The effect of a roll-out over sites; None where there is nothing to compare with.

    Args:
        found: mean human minutes per instance of each site and month, above 0.
    """
    compared = _comparable(found)
    begun = {one.site: one.month - one.since for one in compared if one.since is not None}
    sites = {one.site for one in compared}
    if len(sites) < FEWEST_SITES or not begun or (len(set(begun.values())) == 1 and sites == set(begun)):
        return None
    level: Level = "B" if len(set(begun.values())) > 1 else "C"
    effect = fitted(
        [one.minutes for one in compared],
        [one.since for one in compared],
        [one.site for one in compared],
        [str(one.month) for one in compared],
    )
    return None if effect is None else Wedge(effect, level, len(sites), len({one.month for one in compared}))


def fitted(minutes: Sequence[float], since: Sequence[int | None], site: Sequence[str], month: Sequence[str]) -> Effect | None:
    """Ln y = site + month + time since start; s is 1 - R of the mean over the treated months.

    Args:
        minutes: mean human minutes per instance of each site and month, above 0.
        since: months since the start there and then; None before it.
        site: whose they are.
        month: when.

    Returns:
        The effect, its error widened by Student's t for few sites; None where the months without AI do not determine it.
    """
    columns = [_dummies(site), _dummies(month)[:, 1:], _dummies([-1 if one is None else one for one in since], without=-1)]
    design = np.hstack(columns)
    treated = columns[2].shape[1]
    weights = np.concatenate([np.zeros(design.shape[1] - treated), columns[2].mean(axis=0) / max(columns[2].mean(axis=0).sum(), 1e-12)])
    if not treated or not np.allclose(weights @ np.linalg.pinv(design) @ design, weights, atol=1e-8):
        return None
    linear, stats = import_module("statsmodels.api"), import_module("scipy.stats")
    groups = np.unique(np.asarray(site), return_inverse=True)[1]
    model = linear.OLS(np.log(np.asarray(minutes, dtype=float)), design).fit(cov_type="cluster", cov_kwds={"groups": groups})
    wide = float(stats.t.ppf(0.975, len(set(site)) - 1)) / Z
    return Effect(1 - float(np.exp(weights @ model.params)), wide * float(np.sqrt(weights @ model.cov_params() @ weights)))


def _dummies(values: Sequence[object], without: object = None) -> NDArray[np.float64]:
    names = sorted({value for value in values if value != without}, key=repr)
    return np.array([[float(value == name) for name in names] for value in values]).reshape(len(values), len(names))


def _comparable(found: Sequence[Month]) -> list[Month]:
    """Without months in which no site is left to compare with, and without sites that were never seen without AI."""
    open_months = {one.month for one in found if one.since is None}
    seen_before = {one.site for one in found if one.since is None}
    return sorted((one for one in found if one.month in open_months and one.site in seen_before), key=lambda one: (one.site, one.month))


_PLACED: Final = """
SELECT task, kind, profession, stratum, site, week, m, arm = 'ai' AS treated, settled IS NULL AS control, n, cs FROM dated
WHERE NOT novel AND ((arm = 'ai' AND NOT early) OR (arm = 'not_routed' AND (early OR settled IS NULL)))
"""
_QUERY: Final = f"""
WITH placed AS ({_PLACED}),
cells AS (SELECT task, kind, profession, stratum, site, m, treated, sum(n) AS n, sum(cs) AS cs FROM placed GROUP BY ALL HAVING sum(n) >= {MIN_INSTANCES})
SELECT *, min(m) FILTER (treated) OVER (PARTITION BY task, kind, profession, stratum, site) AS began FROM cells WHERE cs > 0 ORDER BY ALL
"""  # noqa: S608 - our names
_WEEKLY: Final = f"""
SELECT task, kind, profession, stratum, week, site, treated, control, sum(n), sum(cs) FROM ({_PLACED})
GROUP BY ALL HAVING sum(n) >= {MIN_INSTANCES} AND sum(cs) > 0 ORDER BY ALL
"""  # noqa: S608 - our names
_MIXED: Final = """
SELECT task, kind, profession, stratum, coalesce(sum(n) FILTER (arm = 'not_routed'), 0) / sum(n) FROM dated
WHERE NOT novel AND NOT early AND settled IS NOT NULL AND arm IN ('ai', 'not_routed') GROUP BY ALL
"""
MOST_MIXED: Final = 0.05
"""Where more of the cases of sites that have AI are not routed, the routed ones may be the easier ones."""


def compared(database: Connection) -> dict[tuple[Scope, str], Wedge]:
    """What sites without AI show of a settled ledger, by (task, kind, profession) and stratum: roll-outs, else interrupted series."""
    mixed = {(tuple(row[:3]), row[3]): float(row[4]) for row in database.execute(_MIXED).fetchall()}
    clean = {key for key, share in mixed.items() if share <= MOST_MIXED}
    found = {key: rollout(months) for key, months in _by_month(database).items() if key in clean}
    found |= {key: beside(weeks) for key, weeks in _by_week(database).items() if key in clean and found.get(key) is None}
    return {key: wedge for key, wedge in found.items() if wedge is not None}


def _by_month(database: Connection) -> dict[tuple[Scope, str], list[Month]]:
    gathered: dict[tuple[Scope, str], list[Month]] = {}
    for task, kind, profession, stratum, site, m, treated, n, cs, began in database.execute(_QUERY).fetchall():
        month = Month(site, int(m), int(cs) / int(n) / 6_000, int(m) - int(began) if treated else None)
        gathered.setdefault(((task, kind, profession), stratum), []).append(month)
    return {key: months for key, months in gathered.items() if any(one.since is None for one in months)}


@dataclass(frozen=True, slots=True)
class Seen:
    """One site in one week: ln of its mean minutes; whether it had AI then; whether it never had."""

    log: float
    treated: bool
    control: bool


Weeks = dict[int, dict[str, Seen]]


def _by_week(database: Connection) -> dict[tuple[Scope, str], Weeks]:
    gathered: dict[tuple[Scope, str], Weeks] = {}
    for task, kind, profession, stratum, week, site, treated, control, n, cs in database.execute(_WEEKLY).fetchall():
        mine = gathered.setdefault(((task, kind, profession), stratum), {})
        mine.setdefault(int(week), {})[site] = Seen(math.log(int(cs) / int(n) / 6_000), bool(treated), bool(control))
    return gathered


def beside(weeks: Mapping[int, Mapping[str, Seen]]) -> Wedge | None:
    """The interrupted series of the sites that began, beside those that never did; None where there is none, or too short a one.

    Only weeks in which every site was seen are compared, and all that began are before or all after: sites that come and go would look like a
    change.
    """
    sites = {site for there in weeks.values() for site in there}
    whole = {week: there for week, there in weeks.items() if there.keys() == sites and len({one.control for one in there.values()}) > 1}
    states = {week: {one.treated for one in there.values() if not one.control} for week, there in whole.items()}
    found = [_week(week, list(whole[week].values()), after=True in state) for week, state in states.items() if len(state) == 1]
    effect = interrupted_series(found)
    return None if effect is None else Wedge(effect, "C", len(sites), len(found), SERIES)


def _week(number: int, there: Sequence[Seen], *, after: bool) -> Week:
    own, control = (_mean([one.log for one in there if one.control is wanted]) for wanted in (False, True))
    return Week(date.fromisoformat(begins(number)).toordinal(), own, control, after)


def _mean(logs: Sequence[float]) -> float:
    """The geometric mean, whatever the order."""
    return math.exp(math.fsum(logs) / len(logs))
