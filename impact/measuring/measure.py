"""Rates of a whole ledger: of the establishment, of each site, of each month; suppressed where people could be recognised."""

from __future__ import annotations

import math
from collections import defaultdict
from dataclasses import dataclass, field, replace
from typing import TYPE_CHECKING, Any, Final

from impact.counting import modes
from impact.counts import OUTCOMES
from impact.intervals import Interval, Mean, pooled
from impact.measuring.bootstrap import error, people
from impact.measuring.strata import Scope, Strata, Stratum, Volume, strata
from impact.measuring.wedge import compared
from impact.privacy import behind, hidden, opened, rounded
from impact.rates import TOO_SMALL, Modes, Parts, Rate, rate, shares, widened, without_volume

if TYPE_CHECKING:
    from collections.abc import Iterable, Mapping, Sequence

    from impact.measuring.bootstrap import Clusters
    from impact.measuring.quality import Gate
    from impact.measuring.sources import Connection
    from impact.measuring.wedge import Wedge
    from impact.privacy import Cell

TASK: Final = ("task", "kind", "profession")
_TENTHS: Final = 600  # in a minute
Row = dict[str, Any]


class InputError(ValueError):
    """Inputs that contradict the ledger or each other; each message names the place and what to do."""

    def __init__(self, problems: Iterable[str]) -> None:
        self.problems = tuple(problems)
        super().__init__("\n".join(self.problems))


@dataclass(frozen=True, slots=True)
class Given:
    """What the establishment told beside the ledger, as rows of the tables `volumes`, `baselines` and gates by task."""

    volumes: tuple[Row, ...] = ()
    baselines: tuple[Row, ...] = ()
    gates: Mapping[str, Gate] = field(default_factory=dict)


@dataclass(frozen=True, slots=True)
class Measured:
    """Rates of the establishment by task and profession, of its sites, of its months."""

    tasks: tuple[Rate, ...]
    sites: tuple[Rate, ...]
    months: tuple[Rate, ...]


def measure(database: Connection, given: Given, *, pilot: bool = False) -> Measured:
    """Every rate of a ledger that was added up.

    Args:
        database: after `cells.settle`.
        given: volumes, baselines, gates.
        pilot: show what is below the publication threshold too; it is not for publication.

    A volume smaller than what was routed gives no rate, and the rate says so.
    """
    ledger = _Ledger.read(database, given)
    tasks = _rates(database, ledger, TASK, given, {}, _Between(compared(database), people(database)))
    whole: dict[Scope, Rate] = {(one.task, one.kind, one.profession): one for one in tasks}
    sites = _rates(database, ledger, (*TASK, "site"), given, whole)
    months = _rates(database, ledger, (*TASK, "month"), given, whole)
    shown = Measured(tuple(tasks), tuple(sites), tuple(months)) if pilot else _public(database, tasks, sites, months)
    return Measured(together(shown.tasks, "kind"), together(shown.sites, "task"), together(shown.months, "task"))


@dataclass(frozen=True, slots=True)
class _Ledger:
    """Volumes matched with the ledger: of each (task, profession, site, stratum, month) that counts."""

    volumes: tuple[tuple[dict[str, str], Volume], ...]
    small: Mapping[tuple[str, str], str]

    @classmethod
    def read(cls, database: Connection, given: Given) -> _Ledger:
        matched: list[tuple[dict[str, str], Volume]] = []
        small: dict[tuple[str, str], str] = {}
        routed, professions = _routed(database)
        for row in given.volumes:
            key = {name: str(row.get(name) or "") for name in ("task", "profession", "site", "stratum", "month")}
            for profession in [key["profession"]] if key["profession"] else professions.get(key["task"], [])[:2]:
                if not key["profession"] and len(professions[key["task"]]) > 1:
                    continue  # minutes by profession need volumes by profession
                usable, ai, held, timed = _in_month(routed, key | {"profession": profession})
                if ai + held > int(row["n"]):
                    small.setdefault((key["task"], profession), _smaller(key, int(row["n"]), ai + held))
                if usable:
                    volume = Volume(int(row["n"]), ai, held, float(row.get("added_minutes") or 0), timed)
                    matched.append((key | {"profession": profession}, volume))
        return cls(tuple(matched), small)

    def months(self, scope: Mapping[str, str]) -> int:
        """How many months the volumes of a scope are of."""
        return len({key["month"] for key, _ in self.volumes if all(key[name] == value for name, value in scope.items() if name in key)})

    def of(self, scope: Mapping[str, str]) -> dict[str, Volume]:
        """The volumes of a scope by stratum."""
        found: dict[str, Volume] = defaultdict(Volume)
        for key, volume in self.volumes:
            if all(key[name] == value for name, value in scope.items() if name in key):
                into = found[key["stratum"]]
                into.total, into.routed, into.held_out = (
                    into.total + volume.total,
                    into.routed + volume.routed,
                    into.held_out + volume.held_out,
                )
                into.added_minutes += volume.added_minutes
                into.timed += volume.timed
        return dict(found)


_Monthly = dict[tuple[str, str, str, str], list[tuple[str, bool, int, int, int]]]


def _routed(database: Connection) -> tuple[_Monthly, dict[str, list[str]]]:
    """Routed, held-out and timed un-routed instances by (task, profession, stratum, month): of each site, and whether its window had ended before."""
    query = """SELECT task, profession, stratum, month, site, coalesce(bool_and(5 * m >= settled), true),
        coalesce(sum(n) FILTER (arm = 'ai'), 0), coalesce(sum(n) FILTER (arm = 'holdout'), 0),
        coalesce(sum(n) FILTER (arm = 'not_routed'), 0) FROM dated GROUP BY 1, 2, 3, 4, 5 ORDER BY ALL"""
    found: _Monthly = defaultdict(list)
    professions: dict[str, list[str]] = defaultdict(list)
    for task, profession, stratum, month, site, settled, ai, held, timed in database.execute(query).fetchall():
        found[task, profession, stratum, month].append((site, bool(settled), int(ai), int(held), int(timed)))
        if profession not in professions[task]:
            professions[task].append(profession)
    return found, professions


def _in_month(routed: _Monthly, key: Mapping[str, str]) -> tuple[bool, int, int, int]:
    here = [row for row in routed.get((key["task"], key["profession"], key["stratum"], key["month"]), ()) if key["site"] in {"", row[0]}]
    return all(row[1] for row in here), sum(row[2] for row in here), sum(row[3] for row in here), sum(row[4] for row in here)


def _smaller(key: Mapping[str, str], told: int, counted: int) -> str:
    named = ", ".join(f"{name} {value}" for name, value in key.items() if value)
    return f"{TOO_SMALL}: {named}: n is {told}, the ledger alone has {rounded(counted)} or so. Give all eligible instances, those with AI included."


@dataclass(frozen=True, slots=True)
class _Between:
    """What the establishment's rates need beyond sums: roll-outs over sites, and the people who are drawn again."""

    wedges: Mapping[tuple[Scope, str], Wedge] = field(default_factory=dict)
    people: Mapping[Scope, Clusters] = field(default_factory=dict)

    def lend(self, mine: Strata, scope: Scope) -> tuple[str, ...]:
        """Give strata the time without AI that a roll-out shows, where it is stronger than what was declared; in sentences how."""
        lent = []
        for name, stratum in mine.items():
            wedge, ai = self.wedges.get((scope, name)), stratum.arms.get("ai")
            if wedge and ai and wedge.effect.se is not None and (stratum.declared is None or wedge.level < stratum.declared[1]):
                h0 = ai.minutes / (1 - wedge.effect.s)
                stratum.declared = (Mean(h0, (h0 * wedge.effect.se) ** 2, float("inf")), wedge.level)
                lent.append(wedge.how)
        return tuple(dict.fromkeys(lent))

    def widen(self, one: Rate, mine: Strata, scope: Scope) -> Rate:
        """The rate with the error over people where that is the larger one."""
        clusters = self.people.get(scope)
        if clusters is None or one.parts is None:
            return one
        se = error(clusters, shares(mine), sum(stratum.volume.added_minutes for stratum in mine.values() if stratum.volume))
        return one if se is None else widened(one, se, clusters.count)


def together(found: Sequence[Rate], by: str) -> tuple[Rate, ...]:
    """Rates with what each becomes when drawn towards its fellows: those of the same profession and task, or kind of task.

    Only what is published is drawn together, so that nothing of a suppressed cell shows in its neighbours.
    """
    groups: dict[tuple[str, str], list[int]] = defaultdict(list)
    for place, one in enumerate(found):
        if one.s is not None and one.se:
            groups[getattr(one, by), one.profession if by == "task" else ""].append(place)
    drawn: dict[int, float] = {}
    for places in groups.values():
        logs, errors = zip(*[(math.log(1 - (found[place].s or 0)), found[place].se or 0.0) for place in places], strict=True)
        drawn |= (
            {place: 1 - math.exp(theta) for place, theta in zip(places, pooled(logs, errors)[0], strict=True)} if len(places) > 1 else {}
        )
    return tuple(replace(one, pooled=drawn.get(place)) for place, one in enumerate(found))


def _rates(
    database: Connection, ledger: _Ledger, by: tuple[str, ...], given: Given, whole: Mapping[Scope, Rate], between: _Between | None = None
) -> list[Rate]:
    between = between or _Between()
    arms = strata(database, by)
    facts = _facts(database, by)
    found = []
    for scope in sorted(facts):
        named = dict(zip(by, scope, strict=True))
        within = {name: value for name, value in named.items() if name != "kind"}
        mine = _prepared(arms.get(scope, {}), ledger.of(within), given, named)
        _lend(mine, whole.get(scope[: len(TASK)]), by)
        lent = between.lend(mine, scope)
        novel, first, last = facts[scope]
        head = replace(_head(named, (first, last), int(novel)), months=ledger.months(within))
        made = between.widen(rate(mine, head, given.gates.get(named["task"], head.gate)), mine, scope)
        made = replace(made, notes=(*made.notes, *lent)) if made.level in {"B", "C"} else made
        small = ledger.small.get((named["task"], named["profession"]))
        found.append(without_volume(made, small) if small else made)
    return found if len(by) > len(TASK) else _with_modes(database, arms, found)


def _head(named: Mapping[str, str], period: tuple[str, str], novel: int) -> Rate:
    task, kind, profession, site, month = (named.get(name, "") for name in (*TASK, "site", "month"))
    return Rate(task, kind, profession, site, month, period, novel=novel)


def _prepared(mine: Strata, volumes: Mapping[str, Volume], given: Given, named: Mapping[str, str]) -> Strata:
    """A scope's strata with their volumes and declared times; "*" marks volumes without strata beside a ledger with them."""
    mixed = set(volumes) == {""} and any(mine)
    for name, volume in {} if mixed else volumes.items():
        mine.setdefault(name, Stratum()).volume = volume
    for row in given.baselines:
        same = row["task"] == named["task"] and str(row.get("profession") or "") in {"", named["profession"]}
        for name, stratum in mine.items():
            if same and str(row.get("stratum") or "") in {"", name}:
                stratum.declared = (_declared(row), str(row["level"]))
    return mine | {"*": Stratum()} if mixed else mine


def _declared(row: Row) -> Mean:
    minutes, sd, n = float(row["minutes"]), float(row.get("sd") or 0), float(row.get("n") or 1)
    return Mean(minutes, sd**2 / max(n, 1), float("inf"))


def _lend(mine: Strata, whole: Rate | None, by: tuple[str, ...]) -> None:
    """A month or a site with too few held-out instances is compared with the establishment's time without AI."""
    if whole is None or whole.h0 is None or not whole.level or len(by) == len(TASK) or len(mine) != 1:
        return
    for stratum in mine.values():
        if stratum.declared is None:
            stratum.declared = (Mean(whole.h0, 0.0, float("inf")), whole.level)


def _facts(database: Connection, by: tuple[str, ...]) -> dict[Scope, tuple[Any, ...]]:
    query = f"""SELECT {", ".join(by)}, coalesce(sum(n) FILTER (novel AND arm = 'ai'), 0), min(month), max(month) FROM dated GROUP BY ALL"""  # noqa: S608 - our names
    return {tuple(row[: len(by)]): tuple(row[len(by) :]) for row in database.execute(query).fetchall()}


def _with_modes(database: Connection, arms: Mapping[Scope, Strata], found: list[Rate]) -> list[Rate]:
    """Outcomes, and mode shares against H0 of their stratum, of the establishment's settled routed instances."""
    bars: list[modes.Bar] = []
    for one in found:
        scope = (one.task, one.kind, one.profession)
        held = {name: stratum.arms["holdout"].minutes for name, stratum in arms.get(scope, {}).items() if "holdout" in stratum.arms}
        bars += [(*scope, name, _TENTHS * held.get(name, one.h0)) for name in arms.get(scope, {}) if one.h0 is not None]
    outcomes, counted = modes.count(database, bars, OUTCOMES)
    shares = {scope: Modes(low / n, (n - low - high) / n, high / n) for scope, (n, low, high) in counted.items()}
    told = {(one.task, one.kind, one.profession): one for one in found}
    return [replace(one, outcomes=outcomes.get(scope, one.outcomes), modes=shares.get(scope)) for scope, one in told.items()]


def _public(database: Connection, tasks: list[Rate], sites: list[Rate], months: list[Rate]) -> Measured:
    people = opened(database, TASK)  # a task whose every instance is novel has no figure, and nobody behind one
    shown, closed = ({scope for scope, open_ in people.items() if open_ is wanted} for wanted in (True, False))
    return Measured(
        tuple(_covered(one, (one.task, one.kind, one.profession) in closed) for one in tasks),
        _parted(database, sites, shown, "site"),
        _parted(database, months, shown, "month"),
    )


def _parted(database: Connection, found: list[Rate], shown: set[Cell], part: str) -> tuple[Rate, ...]:
    """Parts of one total, with what must be hidden so that the others do not give it away."""
    by = (*TASK, part)
    closed = {cell for cell, open_ in opened(database, by).items() if not open_}
    for total in sorted({cell[: len(TASK)] for cell in closed} & shown):
        closed |= hidden(behind(database, by, dict(zip(TASK, total, strict=True))))
    return tuple(_covered(one, (one.task, one.kind, one.profession, getattr(one, part)) in closed) for one in found)


def _covered(one: Rate, closed: bool) -> Rate:  # noqa: FBT001 - a mark of the row
    counts = {"n": rounded(one.n), "held_out": rounded(one.held_out), "novel": rounded(one.novel)}
    if not closed:
        return coarse(replace(one, **counts, outcomes=tuple(map(rounded, one.outcomes))))  # type: ignore[arg-type]
    bare = Rate(one.task, one.kind, one.profession, one.site, one.month, one.period, status="suppressed", why=SUPPRESSED)
    return replace(bare, gate=one.gate)


def coarse(one: Rate) -> Rate:
    """A rate as finely as it is published: minutes to a hundredth, shares to a tenth of a point, in every form alike.

    Finer ones would tell the exact number of instances (coverage times volume), and, from one day to the next, the minutes of a single case.
    """
    minutes = {name: _to(getattr(one, name), 2) for name in ("h0", "h1", "baseline")}
    shares_ = {name: _to(getattr(one, name), 3) for name in ("coverage", "time_coverage", "saving", "value")}
    ends = {
        name: found and Interval(*(round(end, 3) for end in found)) for name in ("interval", "sequence") for found in [getattr(one, name)]
    }
    modes = one.modes and Modes(*(round(getattr(one.modes, name), 3) for name in Modes.__slots__))
    return replace(one, **minutes, **shares_, **ends, modes=modes, parts=one.parts and _coarse_parts(one.parts))  # type: ignore[arg-type]


def _coarse_parts(parts: Parts) -> Parts:
    """Parts to a tenth of a point that still add up to s to a tenth of a point; oversight takes what rounding leaves."""
    displaced, rework, induced = (round(value, 3) for value in (parts.displaced, parts.rework, parts.induced))
    return Parts(displaced, round(displaced - rework - induced - round(parts.s, 3), 3), rework, induced)


def _to(value: float | None, digits: int) -> float | None:
    return None if value is None else round(value, digits)


SUPPRESSED: Final = "suppressed: fewer than 10 workers or 30 instances, one person over 85 % of the time, or it would give away such a cell"
