"""Counts, shares and minutes per task: what the ledger says before any denominator is known.

Coverage and the substitution rate need the total volume of the task, which the gateway cannot see: without it they
are unknown, never 100 % (`method.md`, "Events and denominators"). Outcomes count calls of a machine and are shown.
Minutes are data about workers: below 10 workers or 30 instances, or when one worker did over 85 %, they are suppressed.
Outcomes and minutes are of the routed instances alone: other arms are counted, never mixed in.
"""

from __future__ import annotations

from collections import Counter, defaultdict
from dataclasses import dataclass
from typing import TYPE_CHECKING, Final, Literal

from impact.intervals import share_interval

if TYPE_CHECKING:
    from collections.abc import Iterable

    from impact.ledger import UsageRecord

OUTCOMES: Final = ("auto", "accepted", "amended", "rejected", "ignored")
ARMS: Final = ("ai", "holdout", "not_routed")
MIN_WORKERS: Final = 10
MIN_INSTANCES: Final = 30
MAX_SHARE_OF_ONE: Final = 0.85
UNKNOWN: Final = "unknown (no total volume)"
MinutesStatus = Literal["published", "nobody worked", "pilot", "suppressed"]


@dataclass(frozen=True, slots=True)
class TaskCounts:
    """What was counted of one task of one profession.

    Args:
        n: routed instances (arm "ai"); all that follows is of these, except `arms`.
        outcomes: instances by outcome, in the order of `OUTCOMES`.
        minutes_raw, minutes: human minutes over these instances, raw and capped; None where they are suppressed.
        bounded: instances whose time is an upper bound from a lease, not reported by a page.
        publishable: whether the minutes may be published: enough workers and instances, or nobody worked.
        arms: instances by arm, in the order of `ARMS`.
        modes: release modes with their instances, most frequent first.
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
    arms: tuple[int, ...]
    modes: tuple[tuple[str, int], ...]

    def share(self, outcome: str) -> float:
        """Share of an outcome among routed instances, 0 to 1; 0 where none was routed."""
        return self.outcomes[OUTCOMES.index(outcome)] / self.n if self.n else 0.0

    def interval(self, outcome: str) -> tuple[float, float] | None:
        """95 % interval of that share; None where none was routed or scipy is not installed."""
        return share_interval(self.outcomes[OUTCOMES.index(outcome)], self.n, len(OUTCOMES)) if self.n else None

    def minutes_each(self) -> float | None:
        """Mean capped human minutes per routed instance."""
        return None if self.minutes is None or not self.n else self.minutes / self.n

    def minutes_raw_each(self) -> float | None:
        """Mean raw human minutes per routed instance."""
        return None if self.minutes_raw is None or not self.n else self.minutes_raw / self.n

    def minutes_status(self) -> MinutesStatus:
        """Whether the minutes are published, were asked for as pilot data, or are suppressed."""
        if self.minutes is None:
            return "suppressed"
        if not self.publishable:
            return "pilot"
        return "published" if self.minutes_raw else "nobody worked"


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
    routed = [record for record in found if record.arm == "ai"]
    outcomes, arms = Counter(record.outcome for record in routed), Counter(record.arm for record in found)
    # Seconds without a pseudonym are somebody's all the same.
    nobody = not any(record.worker or record.human_seconds_raw for record in routed)
    open_cell = nobody or publishable(routed)
    shown = open_cell or pilot
    return TaskCounts(
        *key,
        n=len(routed),
        outcomes=tuple(outcomes[outcome] for outcome in OUTCOMES),
        two_person=sum(record.two_person for record in routed),
        break_glass=sum(record.break_glass for record in routed),
        minutes_raw=sum(record.human_seconds_raw for record in routed) / 60 if shown else None,
        minutes=sum(record.human_seconds for record in routed) / 60 if shown else None,
        bounded=sum(record.time_source == "lease" for record in routed),
        publishable=open_cell,
        arms=tuple(arms[arm] for arm in ARMS),
        modes=tuple(sorted(Counter(record.release_mode for record in routed).items(), key=lambda pair: (-pair[1], pair[0]))),
    )
