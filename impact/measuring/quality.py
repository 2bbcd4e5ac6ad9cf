"""The quality gate: time saved counts only where it was shown that care is not worse (`method.md`, "Quality gate").

Each guarded outcome (error, recall, miss, detection) is compared between AI and control against a margin set beforehand. The
share that passes second review corrects the time: H_q = H/q.
"""

from __future__ import annotations

from dataclasses import dataclass
from typing import TYPE_CHECKING, Final, Literal

from impact.intervals import Interval, events_difference, events_ratio

if TYPE_CHECKING:
    from collections.abc import Iterable, Mapping

PASSING: Final = "passes second review"
Better = Literal["lower", "higher"]
Scale = Literal["ratio", "difference"]


@dataclass(frozen=True, slots=True)
class Guarded:
    """One guarded outcome of a task, counted in both arms.

    Args:
        outcome: its name; `PASSING` is the share q and has no margin.
        margin: on the scale: a ratio (0.8: at least 80 % of control), or a difference of shares (0.01: one point).
        better: whether more of it is better (detection) or less (error, recall, miss).
    """

    outcome: str
    n: int
    events: int
    control_n: int
    control_events: int
    margin: float
    scale: Scale = "ratio"
    better: Better = "lower"

    def interval(self) -> Interval:
        """95 % interval of AI against control on the scale; nothing is known of arms without events to compare."""
        if self.scale == "difference":
            return events_difference(self.events, self.n, self.control_events, self.control_n)
        if not self.events or not self.control_events:
            return Interval(0.0, float("inf"))
        return events_ratio(self.events, self.n, self.control_events, self.control_n)

    def passes(self) -> bool:
        """Whether the bound lies inside the margin."""
        return non_inferior(self.interval(), self.margin, self.better)


@dataclass(frozen=True, slots=True)
class Gate:
    """What is known of a task's quality: the state, the shares q1 and q0, and one sentence per failing outcome."""

    state: Literal["passed", "failed", "not measured"]
    q1: float = 1.0
    q0: float = 1.0
    why: tuple[str, ...] = ()

    def adjusted(self, s: float) -> float:
        """s_q = 1 - (H1/q1)/(H0/q0)."""
        return 1 - (1 - s) * self.q0 / self.q1 if self.q1 else float("-inf")


UNKNOWN: Final = Gate("not measured")


def non_inferior(interval: Interval, margin: float, better: Better) -> bool:
    """Whether the unfavourable bound lies inside the margin, both on one scale."""
    return interval.high <= margin if better == "lower" else interval.low >= margin


def gate(outcomes: Iterable[Guarded]) -> Gate:
    """The gate over all guarded outcomes of one task; no guarded outcome is no proof."""
    found = list(outcomes)
    guarded = [one for one in found if one.outcome != PASSING]
    failed = [one for one in guarded if not one.passes()]
    q1, q0 = next(((one.events / one.n, one.control_events / one.control_n) for one in found if one.outcome == PASSING), (1.0, 1.0))
    state: Literal["passed", "failed", "not measured"] = "failed" if failed else "passed" if guarded else "not measured"
    return Gate(state, q1, q0, tuple(_sentence(one) for one in failed))


def gates(rows: Iterable[Mapping[str, object]]) -> dict[str, Gate]:
    """The gate of each task, from rows of the table `quality`."""
    by_task: dict[str, list[Guarded]] = {}
    for row in rows:
        values = {name: row[name] for name in Guarded.__slots__}
        by_task.setdefault(str(row["task"]), []).append(Guarded(**values))  # type: ignore[arg-type]
    return {task: gate(found) for task, found in sorted(by_task.items())}


def scenario_value(s: float, interval: Interval | None, given: Gate) -> float:
    """What a rate is worth in a scenario: s_q where quality is shown; min(s_q, 0) where not; 0 where no effect can be seen."""
    if interval is not None and interval.low <= 0 <= interval.high:
        return 0.0
    adjusted = given.adjusted(s)
    return adjusted if given.state == "passed" else min(adjusted, 0.0)


def _sentence(one: Guarded) -> str:
    low, high = one.interval()
    return f"{one.outcome}: {one.scale} {low:.3f} to {high:.3f}, margin {one.margin:g}, {one.better} is better"
