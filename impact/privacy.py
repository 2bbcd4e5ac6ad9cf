"""What may be published: cells that many people stand behind, and nothing from which a hidden cell can be worked out.

A cell is open with at least 10 workers and 30 instances, and no worker over 85 % of the time. Workers' pseudonyms change
each quarter, so people are counted per quarter and the largest count taken, and one person's share is at most the sum of the
quarters' largest. Where cells add up to a published total, hidden cells are joined by others until they are open together: a
total minus what is shown then tells nothing that could not be published itself.
"""

from __future__ import annotations

from dataclasses import dataclass
from typing import TYPE_CHECKING, Final

if TYPE_CHECKING:
    from collections.abc import Iterable, Mapping, Sequence

    from impact.measuring.sources import Connection

MIN_WORKERS: Final = 10
MIN_INSTANCES: Final = 30
MAX_SHARE_OF_ONE: Final = 0.85
ROUNDING: Final = 5
Cell = tuple[str, ...]


@dataclass(frozen=True, slots=True)
class Behind:
    """Who stands behind a cell, by quarter: hundredths of a second of each worker, and all instances."""

    instances: int
    time: Mapping[tuple[str, str], int]
    unnamed: int = 0

    @property
    def workers(self) -> int:
        """At least so many different people."""
        counted: dict[str, int] = {}
        for quarter, _ in self.time:
            counted[quarter] = counted.get(quarter, 0) + 1
        return max(counted.values(), default=0)

    @property
    def most(self) -> int:
        """At most so much of the time is one person's."""
        largest: dict[str, int] = {}
        for (quarter, _), cs in self.time.items():
            largest[quarter] = max(cs, largest.get(quarter, 0))
        return sum(largest.values())

    @property
    def total(self) -> int:
        """All hundredths of a second, those without a pseudonym included."""
        return sum(self.time.values()) + self.unnamed

    def is_open(self) -> bool:
        """Whether it may be published. Where nobody worked there is nobody to protect."""
        if not self.time and not self.unnamed:
            return True
        enough = self.workers >= MIN_WORKERS and self.instances >= MIN_INSTANCES
        return enough and self.most <= MAX_SHARE_OF_ONE * sum(self.time.values())

    def with_(self, other: Behind) -> Behind:
        """Both cells as one."""
        time = dict(self.time)
        for key, cs in other.time.items():
            time[key] = time.get(key, 0) + cs
        return Behind(self.instances + other.instances, time, self.unnamed + other.unnamed)


Crowd = dict[str, Behind]
"""Who stands behind a cell, arm by arm: the mean of each arm is a figure of its own."""


def is_open(crowd: Crowd) -> bool:
    """Whether every arm of a cell may be published."""
    return all(people.is_open() for people in crowd.values())


def joined(crowds: Iterable[Crowd]) -> Crowd:
    """Several cells as one."""
    found: Crowd = {}
    for crowd in crowds:
        for arm, people in crowd.items():
            found[arm] = found[arm].with_(people) if arm in found else people
    return found


def opened(database: Connection, by: Sequence[str]) -> dict[Cell, bool]:
    """Whether each cell may be published, every arm of it, outside the novelty window."""
    query = _OPENED.format(by=", ".join(by), people=_PEOPLE)
    return {tuple(row[:-1]): bool(row[-1]) for row in database.execute(query).fetchall()}


def behind(database: Connection, by: Sequence[str], within: Mapping[str, str]) -> dict[Cell, Crowd]:
    """Who stands behind each cell of one total, outside the novelty window."""
    gathered: dict[Cell, dict[str, tuple[int, dict[tuple[str, str], int], int]]] = {}
    query = _BEHIND.format(by=", ".join(by), people=_PEOPLE, within=" AND ".join(f"{name} = ${name}" for name in within))
    for row in database.execute(query, dict(within)).fetchall():
        cell, (arm, quarter, worker, n, cs) = tuple(row[: len(by)]), row[len(by) :]
        instances, time, unnamed = gathered.setdefault(cell, {}).get(arm, (0, {}, 0))
        if worker:
            key = (str(quarter), str(worker))
            time[key] = time.get(key, 0) + int(cs)
        gathered[cell][arm] = (instances + int(n), time, unnamed + (0 if worker else int(cs)))
    return {cell: {arm: Behind(*values) for arm, values in arms.items()} for cell, arms in gathered.items()}


_PEOPLE: Final = (
    """SELECT people.*, names.* EXCLUDE (h), printf('%04d-%02d', m // 12, m % 12 + 1) AS month FROM people JOIN names USING (h)"""
)
_BEHIND: Final = """
SELECT {by}, arm, m // 3 AS quarter, w, sum(n) AS n, sum(cs) AS cs
FROM ({people}) WHERE {within} GROUP BY ALL
"""
_OPENED: Final = f"""
WITH people AS (SELECT {{by}}, arm, m // 3 AS quarter, w, sum(n) AS n, sum(cs) AS cs FROM ({{people}}) GROUP BY ALL),
quarters AS (SELECT {{by}}, arm, quarter, sum(n) AS n, sum(cs) AS cs, count(*) FILTER (w > 0) AS workers,
    coalesce(max(cs) FILTER (w > 0), 0) AS most, coalesce(sum(cs) FILTER (w > 0), 0) AS named FROM people GROUP BY ALL),
arms AS (SELECT {{by}}, arm, (sum(cs) = 0 AND max(workers) = 0)
    OR (max(workers) >= {MIN_WORKERS} AND sum(n) >= {MIN_INSTANCES} AND sum(most) <= {MAX_SHARE_OF_ONE} * sum(named)) AS open
    FROM quarters GROUP BY ALL)
SELECT {{by}}, bool_and(open) FROM arms GROUP BY ALL
"""  # noqa: S608 - our names


def hidden(cells: Mapping[Cell, Crowd], *, total_shown: bool = True) -> frozenset[Cell]:
    """Which of the cells that add up to one total must be hidden.

    Args:
        cells: disjoint parts of the total.
        total_shown: whether the total is published beside them.

    Returns:
        Hidden cells: those that are not open and, where the total is shown, more of the smallest ones until all hidden cells
        together are open. Where they never are, all cells; the caller then hides the total unless it is open by itself.
    """
    closed = {cell for cell, crowd in cells.items() if not is_open(crowd)}
    if not total_shown or not closed:
        return frozenset(closed)
    others = sorted((cell for cell in cells if cell not in closed), key=lambda cell: (_instances(cells[cell]), cell))
    while others and not is_open(joined(cells[cell] for cell in sorted(closed))):
        closed.add(others.pop(0))
    return frozenset(closed)


def _instances(crowd: Crowd) -> int:
    return sum(people.instances for people in crowd.values())


def rounded(count: int) -> int:
    """A published count of work: to the nearest 5."""
    return ROUNDING * round(count / ROUNDING)
