"""The three clocks as people look at them: how long each class is kept, the oldest of it, when it is due, how much is due now."""

from __future__ import annotations

from dataclasses import dataclass
from typing import TYPE_CHECKING, Final, Literal

from sqlmodel import text

from gateway.custody.clocks.retention import HELD, SECURITY, SIGNED, WAITING
from gateway.custody.clocks.terms import months_after, months_before
from gateway.database import reading

if TYPE_CHECKING:
    from datetime import datetime

    from sqlalchemy.ext.asyncio import async_sessionmaker
    from sqlmodel.ext.asyncio.session import AsyncSession

    from gateway.settings import Settings

_KEPT: Final = "FROM suggestions AS s WHERE s.establishment = :name AND s.erased_at IS NULL AND NOT s.state = ANY(:open)"
_OLDEST: Final = "SELECT s.received_at {kept} AND {not_}{signed} AND NOT {held} ORDER BY s.received_at LIMIT 1"
_DUE: Final = "SELECT count(DISTINCT s.case_id) {kept} AND {not_}{signed} AND NOT {held} AND s.received_at < :before"
_JOURNAL: Final = text("""
SELECT (SELECT at FROM log_search WHERE establishment = :name AND type = ANY(:kinds) ORDER BY index LIMIT 1) AS oldest,
  (SELECT count(*) FROM log_search WHERE establishment = :name AND type = ANY(:kinds) AND at < :before) AS due
""")


@dataclass(frozen=True, slots=True)
class Class:
    """One class: months it is kept, its oldest content, when that is due at the earliest, and how much is due now (cases; of the journal, entries)."""

    name: Literal["security", "use", "decision"]
    months: int
    oldest: datetime | None
    due_at: datetime | None
    due_now: int


async def overview(sessions: async_sessionmaker[AsyncSession], settings: Settings, now: datetime) -> list[Class]:
    """All three. Raises AuditUnavailable."""
    rule = settings.retention
    return [
        await _journal(sessions, settings, now),
        await _content(sessions, settings, "use", rule.use_months, now),
        await _content(sessions, settings, "decision", 12 * rule.decision_years, now),
    ]


async def _content(
    sessions: async_sessionmaker[AsyncSession], settings: Settings, name: Literal["use", "decision"], months: int, now: datetime
) -> Class:
    words = {"kept": _KEPT, "signed": SIGNED, "held": HELD, "not_": "NOT " if name == "use" else ""}
    given = {"name": settings.establishment.id, "open": WAITING}
    async with reading(sessions) as session:
        oldest: datetime | None = await session.scalar(text(_OLDEST.format(**words)), given)
        due = await session.scalar(text(_DUE.format(**words)), given | {"before": months_before(now, months)})
    return Class(name, months, oldest, None if oldest is None else months_after(oldest, months), int(due or 0))


async def _journal(sessions: async_sessionmaker[AsyncSession], settings: Settings, now: datetime) -> Class:
    months = settings.retention.security_months
    given = {"name": settings.establishment.id, "kinds": list(SECURITY), "before": months_before(now, months)}
    async with reading(sessions) as session:
        row = (await (await session.connection()).execute(_JOURNAL, given)).one()
    return Class("security", months, row.oldest, None if row.oldest is None else months_after(row.oldest, months), row.due)
