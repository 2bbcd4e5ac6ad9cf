"""The queue in SQL: filtered, ordered, counted where the rows are, so that thousands of waiting cases cost milliseconds.

Order: what has left in an emergency and what is time-critical and overdue first, until it is signed; then urgency with
ageing. A case of urgency `u` stands where a most urgent one would that had come `(u - 1)` spans later, so nobody waits
behind more than four spans of later cases; then age.
"""

from __future__ import annotations

from dataclasses import dataclass, field
from typing import TYPE_CHECKING, Any, Final, NamedTuple

from sqlalchemy import text

from gateway.database import reading
from gateway.suggestions.states import AWAITING

if TYPE_CHECKING:
    from collections.abc import Mapping
    from datetime import datetime
    from uuid import UUID

    from sqlalchemy.ext.asyncio import async_sessionmaker
    from sqlmodel.ext.asyncio.session import AsyncSession

_STATES: Final = ", ".join(f"'{state.value}'" for state in sorted(AWAITING))
_BASE: Final = f"""
WITH lanes AS MATERIALIZED (
  SELECT * FROM unnest(CAST(:tasks AS text[]), CAST(:ageing AS float8[]), CAST(:sign AS boolean[]), CAST(:arbitrate AS boolean[]))
    AS l(task, ageing, sign, arbitrate)
), mine AS (
  SELECT s.id, s.task, s.state, s.urgency, s.overdue, s.received_at, s.assigned_to,
    extract(epoch FROM s.received_at)::float8 + s.urgency * l.ageing AS rank_at,
    (s.state = 'emergency' OR (s.overdue AND s.mode = 'notify_now')) AS first,
    (s.leased_until > :now) IS TRUE AS leased,
    ((s.leased_until > :now) IS TRUE AND s.leased_by = :me) AS leased_by_me
  FROM suggestions AS s JOIN lanes AS l ON l.task = s.task
  WHERE s.state IN ({_STATES}) AND s.establishment = :establishment
    AND CASE WHEN s.second_signer IS NULL THEN l.sign ELSE l.arbitrate END
    AND s.first_signer IS DISTINCT FROM :me AND s.second_signer IS DISTINCT FROM :me
    AND (cardinality(CAST(:sites AS text[])) = 0 OR s.site = ANY(CAST(:sites AS text[])))
    AND NOT (:supervised AND (s.signatures < 2 OR s.first_signer IS NOT NULL))
)"""  # noqa: S608 - our own states
_CHOSEN: Final = """
  (cardinality(CAST(:f_tasks AS text[])) = 0 OR m.task = ANY(CAST(:f_tasks AS text[])))
  AND (cardinality(CAST(:f_states AS text[])) = 0 OR m.state = ANY(CAST(:f_states AS text[])))
  AND (cardinality(CAST(:f_urgencies AS int[])) = 0 OR m.urgency = ANY(CAST(:f_urgencies AS int[])))
  AND (NOT :f_mine OR m.assigned_to = :me OR m.leased_by_me)
  AND (NOT :f_overdue OR m.overdue)"""
_ORDER: Final = "m.first DESC, m.rank_at, m.received_at, m.id"
_PAGE: Final = text(f"""{_BASE}
SELECT s.id, s.task, s.kind, s.system, s.mode, s.state, s.urgency, s.overdue, s.rung, s.received_at, s.due_at, s.asked,
  m.leased, m.leased_by_me, CASE WHEN m.leased THEN coalesce(h.name, '') ELSE '' END AS holder, coalesce(a.name, '') AS assigned_to,
  s.assigned_to IS NOT DISTINCT FROM :me OR m.leased_by_me AS mine,
  s.first_signer IS NOT NULL AS first_signed, s.second_signer IS NOT NULL AS disputed,
  (s.returns_to IS NOT NULL AND s.assigned_to = :me) IS TRUE AS opinion,
  s.judge_first AND NOT EXISTS (SELECT FROM judgements AS j WHERE j.suggestion_id = m.id AND j.person_id = :me) AS judge
FROM (SELECT m.* FROM mine AS m WHERE {_CHOSEN} ORDER BY {_ORDER} LIMIT :n OFFSET :skip) AS m
JOIN suggestions AS s ON s.id = m.id LEFT JOIN people AS h ON h.id = s.leased_by LEFT JOIN people AS a ON a.id = s.assigned_to
ORDER BY {_ORDER}""")  # noqa: S608 - our own text
_FREE: Final = text(f"""{_BASE}
SELECT m.id FROM mine AS m
WHERE {_CHOSEN} AND (NOT m.leased OR m.leased_by_me) AND (m.assigned_to IS NULL OR m.assigned_to = :me OR m.first)
ORDER BY m.leased_by_me DESC, m.first DESC, (m.assigned_to IS NOT NULL) DESC, m.rank_at, m.received_at, m.id LIMIT :n""")  # noqa: S608 - our own text
_COUNTS: Final = text(f"""{_BASE}, counted AS (
  SELECT m.task, m.state, m.urgency::text AS urgency, (m.assigned_to IS NOT DISTINCT FROM :me OR m.leased_by_me) AS mine, m.overdue,
    ({_CHOSEN}) AS chosen, m.received_at FROM mine AS m
)
SELECT CASE WHEN grouping(task) = 0 THEN 'task' WHEN grouping(state) = 0 THEN 'state' WHEN grouping(urgency) = 0 THEN 'urgency' ELSE '' END
    AS facet,
  coalesce(task, state, urgency, '') AS name, count(*) AS n, count(*) FILTER (WHERE mine) AS mine, count(*) FILTER (WHERE overdue) AS overdue,
  count(*) FILTER (WHERE chosen) AS chosen, coalesce(extract(epoch FROM :now - min(received_at)), 0)::float8 AS longest
FROM counted GROUP BY GROUPING SETS ((task), (state), (urgency), ())""")  # noqa: S608 - our own text


_OPEN: Final = text(f"""
SELECT count(*) FROM suggestions WHERE state IN ({_STATES}) AND leased_by = :me AND leased_until > :now AND id <> :but
""")  # noqa: S608 - our own states


class LaneRight(NamedTuple):
    """What a person may do in a task, and how fast its cases age."""

    task: str
    ageing: float
    sign: bool
    arbitrate: bool


@dataclass(frozen=True, slots=True)
class Asking:
    """Who asks for the queue, with which filters (empty: everything); `sites` and `supervised` limit what the person may sign."""

    me: UUID
    establishment: str
    now: datetime
    lanes: tuple[LaneRight, ...]
    tasks: tuple[str, ...] = ()
    states: tuple[str, ...] = ()
    urgencies: tuple[int, ...] = ()
    mine: bool = False
    overdue: bool = False
    limit: int = 100
    offset: int = 0
    sites: tuple[str, ...] = ()
    supervised: bool = False

    def parameters(self) -> dict[str, Any]:
        """The parameters of the statements above."""
        columns = [list(column) for column in zip(*self.lanes, strict=True)] or [[], [], [], []]
        chosen = {"f_tasks": list(self.tasks), "f_states": list(self.states), "f_urgencies": list(self.urgencies)}
        flags = {"f_mine": self.mine, "f_overdue": self.overdue}
        who = {"me": self.me, "establishment": self.establishment, "now": self.now}
        who |= {"sites": list(self.sites), "supervised": self.supervised}
        return {**dict(zip(("tasks", "ageing", "sign", "arbitrate"), columns, strict=True)), **chosen, **flags, **who}


class Waiting(NamedTuple):
    """A case in a person's queue: what is known of it without its content."""

    id: UUID
    task: str
    kind: str
    system: str
    mode: str
    state: str
    urgency: int
    overdue: bool
    rung: int
    received_at: datetime
    due_at: datetime | None
    asked: list[str]
    leased: bool
    leased_by_me: bool
    holder: str
    assigned_to: str
    mine: bool
    first_signed: bool
    disputed: bool
    opinion: bool
    judge: bool


@dataclass(frozen=True, slots=True)
class Counts:
    """How many wait for a person: with the filters (`total`), and of everything by task, state and urgency."""

    total: int = 0
    longest: float = 0.0
    mine: int = 0
    overdue: int = 0
    facets: Mapping[str, dict[str, int]] = field(default_factory=dict)


class Queues:
    """Reads queues.

    Args:
        sessions: makes reading sessions.
    """

    def __init__(self, sessions: async_sessionmaker[AsyncSession]) -> None:
        self._sessions = sessions

    async def page(self, asking: Asking) -> tuple[list[Waiting], Counts]:
        """One page of a queue and the counts of the whole, in two queries."""
        if not asking.lanes:
            return [], Counts()
        parameters = asking.parameters()
        async with reading(self._sessions) as session:
            connection = await session.connection()
            rows = (await connection.execute(_PAGE, {**parameters, "n": asking.limit, "skip": asking.offset})).all()
            counts = (await connection.execute(_COUNTS, parameters)).all()
        return [Waiting._make(row) for row in rows], _counts(counts)

    async def free(self, asking: Asking) -> list[UUID]:
        """The next cases that this person could open: own open ones first, then as the queue stands."""
        if not asking.lanes:
            return []
        async with reading(self._sessions) as session:
            rows = await (await session.connection()).execute(_FREE, {**asking.parameters(), "n": asking.limit})
            return [row[0] for row in rows.all()]

    async def open_for(self, person: UUID, now: datetime, but: UUID) -> int:
        """How many cases a person has open, not counting one."""
        async with reading(self._sessions) as session:
            connection = await session.connection()
            return int((await connection.execute(_OPEN, {"me": person, "now": now, "but": but})).scalar_one())


def _counts(rows: Any) -> Counts:  # noqa: ANN401 - rows of the statement above
    facets: dict[str, dict[str, int]] = {"task": {}, "state": {}, "urgency": {}}
    whole = next(row for row in rows if not row.facet)
    for row in rows:
        if row.facet:
            facets[row.facet][row.name] = row.n
    return Counts(whole.chosen, max(0.0, whole.longest), whole.mine, whole.overdue, facets)
