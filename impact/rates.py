"""Step 4: the substitution rate of each task, measured from the ledger, with what it is made of (`method.md`, "Task level").

    s = displaced - oversight - rework - induced,   displaced = c_T

It may be negative and is never clipped. What cannot be known stays unknown, with the reason: no total volume, no time without
AI, too few instances, the novelty window. Un-routed cases are timed as what they are: the part of the baseline that AI does not
touch. They stand in for the time of routed cases only within a stratum, at level D.
"""

from __future__ import annotations

import math
from dataclasses import dataclass, field, replace
from typing import TYPE_CHECKING, Final, Literal

from impact.intervals import Effect, Interval, Mean, multiplier, share_interval
from impact.measuring.bootstrap import Share
from impact.measuring.designs import NAIVE, Level, RefusedComparison, productivity
from impact.measuring.quality import UNKNOWN as NO_GATE
from impact.measuring.quality import Gate, scenario_value
from impact.privacy import MIN_INSTANCES

if TYPE_CHECKING:
    from collections.abc import Mapping

    from impact.measuring.strata import Strata, Stratum, Sums

Status = Literal["measured", "time saved, quality not shown", "no measurable effect", "unknown", "refused", "suppressed"]
NO_VOLUME: Final = "no total volume"
TOO_SMALL: Final = "the total volume is below what was routed"
NO_BASELINE: Final = "no time without AI"
TOO_FEW: Final = f"fewer than {MIN_INSTANCES} instances in an arm outside the first 30 days"
NOVEL: Final = "novelty window: the first 30 days of a team are shown and not counted"
NO_STRATA: Final = "the volumes have no strata, the ledger has: coverage by count would flatter"
COUNTED: Final = "coverage by count: un-routed cases were not timed and are taken to last as long as routed ones"
DONE_AGAIN: Final = "ignored answers count as work done again without AI"
_WELL_COVERED: Final = 0.95


@dataclass(frozen=True, slots=True)
class Parts:
    """Shares of the baseline's minutes; s = displaced - oversight - rework - induced, exactly."""

    displaced: float
    oversight: float
    rework: float
    induced: float

    @property
    def s(self) -> float:
        """The substitution rate."""
        return self.displaced - self.oversight - self.rework - self.induced


@dataclass(frozen=True, slots=True)
class Modes:
    """Shares of routed instances, summing to 1: done by AI, done faster with it, or more work than before."""

    substituted: float
    augmented: float
    induced: float


@dataclass(frozen=True, slots=True)
class Rate:
    """What was measured of one task of one profession, at one site or ("") in the establishment. Minutes are human minutes.

    Args:
        n, held_out: routed and held-out instances outside the novelty window; `novel`: those inside it.
        volume: all eligible instances in the months that count; None is unknown.
        saving: 1 - H1/H0 of a routed instance, whatever the coverage.
        interval, sequence: of s: 95 % at one look; valid at any look.
        level: evidence, A to E; "" where there is nothing.
        value: what it is worth in a scenario; None where unknown.
        months: how many months its volume is of; `baseline`: minutes without AI of an eligible instance, routed or not.
        pooled: s drawn towards its fellows (sites, months, tasks of one kind), shown beside s and used for nothing.
        notes: sentences about assumptions.
    """

    task: str
    kind: str
    profession: str
    site: str = ""
    month: str = ""
    period: tuple[str, str] = ("", "")
    n: int = 0
    held_out: int = 0
    novel: int = 0
    volume: int | None = None
    coverage: float | None = None
    time_coverage: float | None = None
    h0: float | None = None
    h1: float | None = None
    saving: float | None = None
    parts: Parts | None = None
    se: float | None = None
    interval: Interval | None = None
    sequence: Interval | None = None
    modes: Modes | None = None
    outcomes: tuple[int, ...] = ()
    level: Level | Literal[""] = ""
    status: Status = "unknown"
    why: str = ""
    gate: Gate = NO_GATE
    value: float | None = None
    months: int = 0
    baseline: float | None = None
    pooled: float | None = None
    notes: tuple[str, ...] = field(default=())

    @property
    def s(self) -> float | None:
        """The substitution rate; None where unknown or suppressed."""
        return None if self.parts is None else self.parts.s

    @property
    def gain(self) -> float | None:
        """The productivity gain g = 1/(1 - s) - 1."""
        return None if self.s is None else productivity(self.s)

    @property
    def exposure(self) -> float | None:
        """c·(substituted + ½·augmented), to be compared with published indices; never turned into FTE."""
        if self.coverage is None or self.modes is None:
            return None
        return self.coverage * (self.modes.substituted + self.modes.augmented / 2)

    def share(self, outcome: int) -> tuple[float, float] | None:
        """The interval of one outcome's share."""
        return share_interval(self.outcomes[outcome], self.n, len(self.outcomes)) if self.n else None


@dataclass(frozen=True, slots=True)
class _Side:
    """One stratum in numbers: routed, held out and un-routed instances, and the mean minutes of each."""

    routed: float
    held_out: float
    rest: float
    h0: Mean
    h1: Sums | None
    u: Mean | None
    level: Level
    ignored: float
    arm: str
    timed: float

    @property
    def baseline(self) -> float:
        """Minutes of all eligible instances, were there no AI."""
        return (self.routed + self.held_out) * self.h0.value + self.rest * (self.u or self.h0).value


def rate(found: Strata, head: Rate, gate: Gate = NO_GATE, *, against: Literal["holdout", "rest"] = "holdout") -> Rate:
    """The rate of one scope.

    Args:
        found: its strata.
        head: a Rate that names the scope; what is measured is added to it.
        gate: the quality gate of the task.
        against: what routed cases are compared with.

    Raises:
        RefusedComparison: against the rest, which would show the routing and not the AI.
    """
    if against == "rest":
        raise RefusedComparison(NAIVE)
    counted = replace(head, n=_count(found, "ai"), held_out=_count(found, "holdout"), gate=gate)
    if not counted.n and counted.novel:
        return replace(counted, why=NOVEL)
    baselines = {name: _without_ai(stratum, named=bool(name)) for name, stratum in found.items() if _is_worked(stratum)}
    refused = [name for name, (mean, _, _) in baselines.items() if mean is None]
    if refused or not baselines:
        return replace(counted, **_missing(found, refused))  # type: ignore[arg-type]
    sides = _sides(found, baselines)
    return _with_volume(_described(counted, found, sides), found, sides)


def shares(found: Strata) -> list[Share]:
    """What the bootstrap over people needs of the strata of a rate that is known."""
    baselines = {name: _without_ai(stratum, named=bool(name)) for name, stratum in found.items() if _is_worked(stratum)}
    return [
        Share(name, side.routed, side.held_out, side.rest, side.arm, (side.h0.value, side.h0.variance), side.u is not None, side.ignored)
        for name, side in zip(baselines, _sides(found, baselines), strict=True)
    ]


def _sides(found: Strata, baselines: Mapping[str, tuple[Mean | None, Level, str]]) -> list[_Side]:
    return [_side(found[name], mean, level, arm) for name, (mean, level, arm) in baselines.items() if mean is not None]


def _count(found: Strata, arm: str) -> int:
    return sum(stratum.arms[arm].n for stratum in found.values() if arm in stratum.arms)


def _is_worked(stratum: Stratum) -> bool:
    return "ai" in stratum.arms or stratum.volume is not None


def _without_ai(stratum: Stratum, *, named: bool) -> tuple[Mean | None, Level, str]:
    """H0 of a stratum, the level it can claim, and the arm it is of ("" for a declared one); None where there is nothing to compare with.

    The strongest level goes first; at level D what was timed here goes before what was declared.
    """
    enough = {arm: sums.mean() for arm, sums in stratum.arms.items() if sums.n >= MIN_INSTANCES}
    found: list[tuple[Mean, Level, str]] = [(enough["holdout"], "A", "holdout")] if "holdout" in enough else []
    found += [(enough["before"], "D", "before")] if "before" in enough else []
    if "not_routed" in enough and (named or "ai" not in stratum.arms):
        found.append((enough["not_routed"], "D", "not_routed"))
    if stratum.declared is not None:
        found.append((stratum.declared[0], stratum.declared[1], ""))  # type: ignore[arg-type]
    return min(found, key=lambda one: one[1], default=(None, "D", ""))


def _missing(found: Strata, names: list[str]) -> dict[str, object]:
    naive = any("not_routed" in found[name].arms for name in names)
    if naive:
        return {"status": "refused", "why": NAIVE}
    few = any(arm in found[name].arms for name in names for arm in ("holdout", "before"))
    return {"status": "unknown", "why": TOO_FEW if few else NO_BASELINE}


def _side(stratum: Stratum, h0: Mean, level: Level, arm: str) -> _Side:
    ai, rest = stratum.arms.get("ai"), stratum.arms.get("not_routed")
    u = rest.mean() if rest is not None and rest.n >= MIN_INSTANCES else None
    volume = stratum.volume
    ignored = ai.ignored / ai.n if ai else 0.0
    if volume is None:
        return _Side(ai.n if ai else 0, 0, 0, h0, ai, u, level, ignored, arm, 0)
    others = volume.total - volume.routed - volume.held_out
    return _Side(volume.routed, volume.held_out, others, h0, ai, u, level, ignored, arm, volume.timed)


def _described(head: Rate, found: Strata, sides: list[_Side]) -> Rate:
    """What can be said of routed instances alone: H0, H1, the saving of one of them."""
    worked = [
        (stratum.arms["ai"], side) for stratum, side in zip((f for f in found.values() if _is_worked(f)), sides, strict=True) if side.h1
    ]
    n = sum(ai.n for ai, _ in worked)
    if not n:
        return replace(head, status="unknown", why=TOO_FEW)
    h0 = sum(ai.n * side.h0.value for ai, side in worked) / n
    h1 = sum(ai.n * (ai.minutes + side.ignored * side.h0.value) for ai, side in worked) / n
    level = max(side.level for side in sides)
    notes = (DONE_AGAIN,) if any(side.ignored for side in sides) else ()
    return replace(head, h0=h0, h1=h1, saving=1 - h1 / h0 if h0 else None, level=level, notes=notes)


def _with_volume(head: Rate, found: Strata, sides: list[_Side]) -> Rate:
    if head.h0 is None:
        return head
    if head.n < MIN_INSTANCES:
        return replace(head, status="unknown", why=TOO_FEW)
    if "*" in found or any(stratum.volume is None for stratum in found.values() if _is_worked(stratum)):
        level = "D" if head.level in {"B", "C"} else head.level  # without a volume nobody knows which cases were routed
        return replace(head, status="unknown", why=NO_STRATA if "*" in found else NO_VOLUME, level=level)
    base = sum(side.baseline for side in sides)
    if base <= 0:
        return replace(head, status="unknown", why=NO_BASELINE)
    total = sum(stratum.volume.total for stratum in found.values() if stratum.volume)
    routed = sum(side.routed for side in sides)
    added = sum(stratum.volume.added_minutes for stratum in found.values() if stratum.volume)
    parts = _parts(sides, base, added)
    known = replace(head, volume=total, coverage=routed / total, time_coverage=parts.displaced, parts=parts, baseline=base / total)
    return _judged(_assumed(known, sides), sides, base)


def _parts(sides: list[_Side], base: float, added: float) -> Parts:
    displaced = oversight = rework = induced = 0.0
    for side in sides:
        displaced += side.routed * side.h0.value
        if side.h1 is not None:
            ai = side.h1
            oversight += side.routed * ai.each(ai.cs - ai.rework_cs - ai.induced_cs)
            rework += side.routed * (ai.each(ai.rework_cs) + side.ignored * side.h0.value)
            induced += side.routed * ai.each(ai.induced_cs)
    return Parts(displaced / base, oversight / base, rework / base, (induced + added) / base)


def _assumed(head: Rate, sides: list[_Side]) -> Rate:
    """What is partly routed, its rest not timed, rests on an assumption about coverage, so it is level D at best.

    So does a comparison with other months or sites (B, C) of which some cases were neither routed nor timed: routed cases alone
    may be the easier ones.
    """
    known = sides[0].routed + sides[0].held_out
    guessed = len(sides) == 1 and sides[0].u is None and known < _WELL_COVERED * (known + sides[0].rest)
    guessed = guessed or any(side.level in {"B", "C"} and _unseen(side) > 1 - _WELL_COVERED for side in sides)
    if not guessed:
        return head
    return replace(head, level=max(head.level, "D"), notes=(*head.notes, COUNTED))


def _unseen(side: _Side) -> float:
    """The share of all cases that were neither routed, nor held out, nor timed."""
    return max(0.0, side.rest - side.timed) / (side.routed + side.held_out + side.rest)


def _judged(head: Rate, sides: list[_Side], base: float) -> Rate:
    s = head.s if head.s is not None else 0.0
    return _sure(head, _error(s, sides, base), min((_units(side) for side in sides if side.routed), default=0.0))


def widened(one: Rate, se: float, units: float) -> Rate:
    """A rate with a larger error than its weeks alone would give, over so many independent units; an error that is not larger changes nothing."""
    return one if one.parts is None or one.se is None or se <= one.se else _sure(one, se, units)


def _sure(head: Rate, se: float | None, units: float) -> Rate:
    s = head.s if head.s is not None else 0.0
    effect = Effect(s, se)
    interval = effect.interval()
    anytime = multiplier(units)
    sequence = None if math.isinf(anytime) else effect.interval(anytime)
    value = scenario_value(s, interval, head.gate)
    status = _status(s, interval, head.gate)
    return replace(head, se=effect.se, interval=interval, sequence=sequence, value=value, status=status)


def _status(s: float, interval: Interval | None, gate: Gate) -> Status:
    if interval is not None and interval.low <= 0 <= interval.high:
        return "no measurable effect"
    return "time saved, quality not shown" if s > 0 and gate.state != "passed" else "measured"


def _units(side: _Side) -> float:
    return min(side.h0.units, side.h1.units if side.h1 else math.inf)


def _error(s: float, sides: list[_Side], base: float) -> float | None:
    """Se of ln(1 - s) by the delta method; for one stratum wholly routed it is the method's two-arm formula."""
    if s >= 1:
        return None
    variance = 0.0
    for side in sides:
        own = side.routed * (1 - side.ignored) - s * (side.routed + side.held_out)
        if side.u is None:
            own -= s * side.rest
        else:
            variance += (s * side.rest) ** 2 * side.u.variance
        variance += own**2 * side.h0.variance
        variance += side.routed**2 * side.h1.mean().variance if side.h1 else 0.0
    return math.sqrt(variance) / base / (1 - s)


def without_volume(one: Rate, why: str) -> Rate:
    """What is left of a rate whose volume cannot be: the saving of a routed case, and the reason."""
    bare = replace(one, volume=None, coverage=None, time_coverage=None, parts=None, se=None, interval=None, sequence=None, value=None)
    bare = replace(bare, baseline=None)
    return bare if one.status in {"refused", "suppressed"} or one.why == NOVEL else replace(bare, status="unknown", why=why)
