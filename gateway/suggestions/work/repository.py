"""Reading what people did on a suggestion, and the statements that add to it; nothing here is ever changed."""

from __future__ import annotations

from typing import TYPE_CHECKING, Final, NamedTuple

from sqlmodel import SQLModel, col, func, select, text

from gateway.audit.batch import Statement
from gateway.database import reading
from gateway.suggestions.states import AWAITING
from gateway.suggestions.work.tables import ActiveTimes, Judgement, Opinion

if TYPE_CHECKING:
    from datetime import datetime
    from uuid import UUID

    from sqlalchemy.ext.asyncio import async_sessionmaker
    from sqlmodel.ext.asyncio.session import AsyncSession

LEFT: Final = "left"
"""The act of a page that was left without a decision."""
_REASONS: Final = text("""
SELECT s.task, g.reason, count(*) AS count FROM (
  SELECT suggestion_id, reason FROM signatures WHERE decision = 'reject'
  UNION ALL
  SELECT suggestion_id, finding ->> 'reason' FROM signatures, jsonb_array_elements(nullif(findings, '')::jsonb) AS finding
  WHERE decision = 'amend' AND finding ->> 'accepted' = 'false'
) AS g JOIN suggestions AS s ON s.id = g.suggestion_id
WHERE s.first_signer IS NULL OR NOT (s.state = ANY(:awaiting)) GROUP BY 1, 2 ORDER BY 1, 3 DESC, 2
""")


class Active(NamedTuple):
    """Active seconds of everybody who touched a suggestion; `reported`: all of them were measured by a page.

    `unaided`: of the capped ones, those before anything of the AI was shown; None where nobody judged first.
    """

    raw: float
    capped: float
    reported: bool
    unaided: float | None = None


class ReasonCount(NamedTuple):
    """How often a coded reason was given in a task."""

    task: str
    reason: str
    times: int


def added(row: SQLModel, *, unless: str = "") -> Statement:
    """The statement that adds a row; with `unless` (columns) it is a guard that refuses a second one."""
    names = list(type(row).model_fields)
    values = tuple(getattr(row, name) for name in names)
    places = ", ".join(f"${n}" for n in range(1, len(names) + 1))
    sql = f"INSERT INTO {row.__tablename__} ({', '.join(names)}) VALUES ({places})"  # noqa: S608 - names of our own columns
    if not unless:
        return Statement(sql, values)
    return Statement(f"{sql} ON CONFLICT ({unless}) DO NOTHING RETURNING id", values, key=values[0])


class Work:
    """Reads judgements, opinions, active time.

    Args:
        sessions: makes reading sessions.
    """

    def __init__(self, sessions: async_sessionmaker[AsyncSession]) -> None:
        self._sessions = sessions

    async def judgement(self, suggestion: UUID, person: UUID) -> Judgement | None:
        """What a person judged first, or None."""
        query = select(Judgement).where(Judgement.suggestion_id == suggestion, Judgement.person_id == person)
        async with reading(self._sessions) as session:
            return (await session.exec(query)).first()

    async def judgements(self, suggestion: UUID) -> list[Judgement]:
        """Everybody's own judgement, the oldest first."""
        async with reading(self._sessions) as session:
            found = await session.exec(select(Judgement).where(Judgement.suggestion_id == suggestion).order_by(col(Judgement.at)))
            return list(found.all())

    async def opinions(self, suggestion: UUID) -> list[Opinion]:
        """The words between colleagues, the oldest first."""
        async with reading(self._sessions) as session:
            found = await session.exec(select(Opinion).where(Opinion.suggestion_id == suggestion).order_by(col(Opinion.at)))
            return list(found.all())

    async def active(self, suggestion: UUID) -> Active:
        """Active seconds of everybody so far."""
        times = col(ActiveTimes.source)
        sums = (
            func.coalesce(func.sum(ActiveTimes.raw), 0.0),
            func.coalesce(func.sum(ActiveTimes.capped), 0.0),
            func.bool_and(times == "reported"),
            func.sum(ActiveTimes.capped).filter(col(ActiveTimes.act) == "judgement"),
        )
        async with reading(self._sessions) as session:
            row = (await session.exec(select(*sums).where(ActiveTimes.suggestion_id == suggestion))).one()
        return Active(float(row[0]), float(row[1]), row[2] is not False, row[3])

    async def claimed(self, suggestion: UUID, person: UUID, since: datetime) -> float:
        """Raw seconds that a person's pages have reported since then when they were left without a decision."""
        chosen = (
            ActiveTimes.suggestion_id == suggestion,
            ActiveTimes.person_id == person,
            ActiveTimes.act == LEFT,
            ActiveTimes.at >= since,
        )
        async with reading(self._sessions) as session:
            return float((await session.exec(select(func.coalesce(func.sum(ActiveTimes.raw), 0.0)).where(*chosen))).one())

    async def reasons(self) -> list[ReasonCount]:
        """How often each coded reason was given, by task; of people nothing, and nothing of one of two before the other has decided."""
        async with reading(self._sessions) as session:
            rows = (await (await session.connection()).execute(_REASONS, {"awaiting": sorted(AWAITING)})).all()
        return [ReasonCount(*row) for row in rows]
