"""What can be asked of the search index: entries by what they say, and how many there are of each kind.

What one of two decided is `blind` and nothing else, here and in the counts, until the other has decided without knowing it (R12).
"""

from __future__ import annotations

import json
from dataclasses import dataclass, field, fields
from datetime import date, timedelta
from typing import TYPE_CHECKING, Final
from uuid import UUID

from sqlmodel import text

if TYPE_CHECKING:
    from collections.abc import Mapping
    from datetime import datetime

    from sqlalchemy.ext.asyncio import AsyncConnection

FACETS: Final = ("type", "task", "system", "version", "decision", "reason", "role")
"""What is counted; `log_counts` has a column for each."""
PAGE: Final = 100
MOST_VALUES: Final = 30
MOST_COUNTED: Final = 20_000
_WAITING: Final = ("held", "notified", "first_signed", "disputed", "drafted", "emergency")
"""`gateway.suggestions.states.AWAITING`, spelt as its index spells it."""
_BLIND: Final = f"""
WITH blind AS MATERIALIZED (
  SELECT l.establishment, l.index FROM suggestions AS s JOIN log_search AS l ON l.case_id = s.case_id AND l.suggestion_id = s.id
  WHERE s.first_signer IS NOT NULL AND s.state IN {_WAITING} AND l.type IN ('signed_off', 'rejected')
)
"""  # noqa: S608 - our own names
_HIDDEN: Final = "(establishment, index) IN (SELECT establishment, index FROM blind)"
_TOLD: Final = frozenset({"type", "decision", "reason"})
"""What a blind entry does not tell."""


def _seen(name: str, prefix: str = "", blind: str = "") -> str:
    """A column as it may be read; `blind`: what stands for a word that may not."""
    hidden = _HIDDEN.replace("(establishment, index)", f"({prefix}establishment, {prefix}index)", 1)
    instead = blind or ("'blind'" if name == "type" else "''")
    return f"CASE WHEN {hidden} THEN {instead} ELSE {prefix}{name} END AS {name}" if name in _TOLD else f"{prefix}{name}"


_NAMES: Final = ("at", "type", "case_id", "suggestion_id", "task", "actor", "role", "system", "version", "decision", "reason")


@dataclass(frozen=True, slots=True)
class Wanted:
    """A search; what is empty or None asks for nothing.

    Args:
        type, task, system, version, decision, reason, role: exactly this word.
        actor: exactly this pseudonym.
        case: of this case.
        since, until: days in UTC, both included.
        before: only entries with a smaller index.
    """

    type: str = ""
    task: str = ""
    system: str = ""
    version: str = ""
    decision: str = ""
    reason: str = ""
    role: str = ""
    actor: str = ""
    case: UUID | None = None
    since: date | None = None
    until: date | None = None
    before: int | None = None

    @property
    def narrow(self) -> bool:
        """Whether it asks for one case, which the counts by day do not know."""
        return bool(self.case)

    def given(self) -> dict[str, object]:
        """What it asks for, by name."""
        return {part.name: value for part in fields(self) if (value := getattr(self, part.name)) not in {"", None}}


@dataclass(frozen=True, slots=True)
class Found:
    """One entry as the index knows it."""

    place: int
    at: datetime
    type: str
    case_id: UUID | None
    suggestion_id: UUID | None
    task: str
    actor: str
    role: str
    system: str
    version: str
    decision: str
    reason: str


@dataclass(frozen=True, slots=True)
class Told:
    """One entry of a case's story: `first` of its suggestion; method and time of the proof of identity, empty where none was needed.

    `final` is what the entry commits to as the signed bytes; empty where nothing, or where it may not be told yet.
    """

    found: Found
    entry: UUID
    method: str
    proven_at: str
    first: bool
    final: str


@dataclass(frozen=True, slots=True)
class Counts:
    """How many entries there are, in all (None: not counted) and by facet → value → number, largest first; `capped`: only the newest."""

    total: int | None
    facets: Mapping[str, tuple[tuple[str, int], ...]] = field(default_factory=dict)
    capped: bool = False


async def entries(connection: AsyncConnection, establishment: str, wanted: Wanted, most: int = PAGE) -> list[Found]:
    """The newest entries that fit, newest first."""
    where, values = _conditions(wanted)
    columns = ", ".join(["index AS place", *map(_seen, _NAMES)])
    query = f"{_BLIND} SELECT {columns} FROM log_search WHERE establishment = :name{where} ORDER BY log_search.index DESC LIMIT :most"  # noqa: S608 - our own names
    rows = (await connection.execute(text(query), {"name": establishment, "most": most, **values})).all()
    return [Found(*row) for row in rows]


async def story(connection: AsyncConnection, establishment: str, case: UUID, most: int = 1000) -> list[Told]:
    """The entries of a case, oldest first, with how each actor had proven who they are."""
    columns = ", ".join(["s.index", *(_seen(name, "s.") for name in _NAMES)])
    query = (
        f"{_BLIND} SELECT e.id, e.leaf, {columns} FROM log_search s JOIN entries e USING (establishment, index) "  # noqa: S608 - our own names
        "WHERE s.establishment = :name AND s.case_id = :case ORDER BY s.index LIMIT :most"
    )
    rows = (await connection.execute(text(query), {"name": establishment, "case": case, "most": most})).all()
    told, seen = list[Told](), set[UUID | None]()
    for entry, leaf, *row in rows:
        found, said = Found(*row), json.loads(leaf)
        auth, final = said.get("auth", {}), "" if row[2] == "blind" else said.get("commitments", {}).get("final", "")
        told.append(Told(found, entry, auth.get("method", ""), auth.get("at", ""), found.suggestion_id not in seen, final))
        seen.add(found.suggestion_id)
    return told


async def counts(connection: AsyncConnection, establishment: str, wanted: Wanted) -> Counts:
    """Numbers for a search, whatever page of it is shown; of one person none: what somebody decided is read, not counted (R52)."""
    if wanted.actor:
        return Counts(None)
    where, values = _conditions(wanted, paged=False, days=not wanted.narrow)
    columns, seen = ", ".join(FACETS), ", ".join(_seen(name, blind="''") for name in FACETS)
    source = f"SELECT {columns}, n FROM log_counts WHERE establishment = :name{where}{_without_blind(where, wanted)}"  # noqa: S608
    if wanted.narrow:
        newest = f"SELECT * FROM log_search WHERE establishment = :name{where} ORDER BY index DESC LIMIT {MOST_COUNTED}"  # noqa: S608
        source = f"SELECT {seen}, 1 AS n FROM ({newest}) AS newest"  # noqa: S608
    sets = ", ".join(f"({name})" for name in FACETS)
    grouped = f"GROUP BY GROUPING SETS ((), {sets})"
    query = f"{_BLIND} SELECT GROUPING({columns}) AS which, {columns}, sum(n)::bigint AS n FROM ({source}) AS s {grouped}"  # noqa: S608
    rows = (await connection.execute(text(query), {"name": establishment, **values})).all()
    return _counted(rows, capped=wanted.narrow)


def _without_blind(where: str, wanted: Wanted) -> str:
    """Takes blind entries out of the counts by day, and puts them back as what may be said of them."""
    days = where.replace(" day ", " (at AT TIME ZONE 'UTC')::date ")
    blind = f"FROM log_search WHERE establishment = :name{days} AND {_HIDDEN}"
    taken = f" UNION ALL SELECT {', '.join(FACETS)}, -1 {blind}"
    seen = ", ".join(_seen(name, blind="''") for name in FACETS)
    return taken if _TOLD.intersection(wanted.given()) else f"{taken} UNION ALL SELECT {seen}, 1 {blind}"


def _counted(rows: object, *, capped: bool) -> Counts:
    total, facets = 0, {name: list[tuple[str, int]]() for name in FACETS}
    whole = (1 << len(FACETS)) - 1
    for row in rows:  # type: ignore[attr-defined] # rows of the query above
        which = whole ^ row.which
        if which == 0:
            total = row.n or 0
            continue
        name = FACETS[len(FACETS) - which.bit_length()]
        value = getattr(row, name)
        if value and row.n > 0:
            facets[name].append((value, row.n))
    shown = {name: tuple(sorted(found, key=lambda pair: (-pair[1], pair[0]))[:MOST_VALUES]) for name, found in facets.items()}
    return Counts(total, shown, capped and total >= MOST_COUNTED)


def _conditions(wanted: Wanted, *, paged: bool = True, days: bool = False) -> tuple[str, dict[str, object]]:
    parts, values = list[str](), dict[str, object]()
    for name, value in wanted.given().items():
        condition = _DAY.get(name) if days and name in _DAY else _SPECIAL.get(name, f"{name} = :{name}")
        if condition is None or (name == "before" and not paged):
            continue
        parts.append(f" AND {condition}")
        values[name] = value + timedelta(days=1) if name == "until" and not days and isinstance(value, date) else value
    if not days and _TOLD.intersection(wanted.given()):
        parts.append(f" AND NOT {_HIDDEN}")
    return "".join(parts), values


_SPECIAL: Final = {
    "case": "case_id = :case",
    "since": "at >= (CAST(:since AS date) AT TIME ZONE 'UTC')",
    "until": "at < (CAST(:until AS date) AT TIME ZONE 'UTC')",
    "before": "index < :before",
}
_DAY: Final = {"since": "day >= :since", "until": "day <= :until"}
