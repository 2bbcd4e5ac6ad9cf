"""Counts, shares and minutes per task: what the ledger says before any denominator is known.

Coverage and the substitution rate need the total volume of the task, which the gateway cannot see: without it they
are unknown, never 100 % (`method.md`, "Events and denominators"). Minutes are data about workers: below 10 workers
or 30 instances they are suppressed.
"""

from __future__ import annotations

from collections import Counter, defaultdict
from dataclasses import dataclass
from typing import TYPE_CHECKING, Final

if TYPE_CHECKING:
    from collections.abc import Iterable

    from impact.ledger import UsageRecord

OUTCOMES: Final = ("auto", "accepted", "amended", "rejected", "ignored")
MIN_WORKERS: Final = 10
MIN_INSTANCES: Final = 30
MAX_SHARE_OF_ONE: Final = 0.85
UNKNOWN: Final = "unknown (no total volume)"


@dataclass(frozen=True, slots=True)
class TaskCounts:
    """What was counted of one task.

    Args:
        n: routed instances.
        outcomes: instances by outcome, in the order of `OUTCOMES`.
        minutes_raw, minutes: human minutes over all instances, raw and capped; None where they are suppressed.
        bounded: instances whose time is an upper bound from a lease, not reported by a page.
        publishable: whether the cell has enough workers and instances to be published.
    """

    task: str
    kind: str
    profession: str
    n: int
    outcomes: tuple[int, ...]
    two_person: int
    break_glass: int
    minutes_raw: float | None
    minutes: float | None
    bounded: int
    publishable: bool

    def share(self, outcome: str) -> float:
        """Share of an outcome among routed instances, 0 to 1."""
        return self.outcomes[OUTCOMES.index(outcome)] / self.n

    def minutes_each(self) -> float | None:
        """Mean capped human minutes per routed instance."""
        return None if self.minutes is None else self.minutes / self.n


def counts(records: Iterable[UsageRecord], *, pilot: bool = False) -> tuple[TaskCounts, ...]:
    """Counts per task, by task id.

    Args:
        records: in any order.
        pilot: give minutes below the publication threshold too; they are not for publication.
    """
    by_task: dict[tuple[str, str, str], list[UsageRecord]] = defaultdict(list)
    for record in records:
        by_task[record.task, record.kind, record.profession].append(record)
    return tuple(_task(key, found, pilot=pilot) for key, found in sorted(by_task.items()))


def publishable(found: Iterable[UsageRecord]) -> bool:
    """Whether at least 10 workers and 30 instances stand behind a cell, and nobody did more than 85 % of the time."""
    seconds: Counter[str] = Counter()
    instances = 0
    for record in found:
        instances += 1
        if record.worker:
            seconds[record.worker] += round(record.human_seconds * 1000)
    total = sum(seconds.values())
    dominated = total > 0 and max(seconds.values()) > MAX_SHARE_OF_ONE * total
    return len(seconds) >= MIN_WORKERS and instances >= MIN_INSTANCES and not dominated


def _task(key: tuple[str, str, str], found: list[UsageRecord], *, pilot: bool) -> TaskCounts:
    outcomes = Counter(record.outcome for record in found)
    open_cell = publishable(found)
    nobody = not any(record.worker for record in found)
    shown = open_cell or pilot or nobody
    return TaskCounts(
        *key,
        n=len(found),
        outcomes=tuple(outcomes[outcome] for outcome in OUTCOMES),
        two_person=sum(record.two_person for record in found),
        break_glass=sum(record.break_glass for record in found),
        minutes_raw=sum(record.human_seconds_raw for record in found) / 60 if shown else None,
        minutes=sum(record.human_seconds for record in found) / 60 if shown else None,
        bounded=sum(record.time_source == "lease" for record in found),
        publishable=open_cell or nobody,
    )
