"""What everybody has to know now: emergency releases that nobody reviewed in time (R17), gaps of rotas (R16).

One cheap query on an index of its own; the gaps come from the configuration.
"""

from __future__ import annotations

from dataclasses import dataclass
from typing import TYPE_CHECKING, Final, Literal

from sqlmodel import text

from gateway.database import reading
from gateway.policy.escalation import uncovered

if TYPE_CHECKING:
    from datetime import datetime

    from sqlalchemy.ext.asyncio import async_sessionmaker
    from sqlmodel.ext.asyncio.session import AsyncSession

    from gateway.settings import Rota

_UNREVIEWED: Final = text(
    "SELECT count(*), min(due_at) FROM suggestions WHERE state = 'emergency' AND due_at <= :now AND establishment = :establishment"
)


@dataclass(frozen=True, slots=True)
class Alarm:
    """Something that somebody must do: how many, since (or from) when, and where it is seen. A red one is a broken promise."""

    kind: Literal["review_overdue", "rota_gap"]
    count: int
    oldest: datetime
    address: str
    red: bool


async def alarms(
    sessions: async_sessionmaker[AsyncSession], establishment: str, rotas: tuple[Rota, ...], now: datetime
) -> tuple[Alarm, ...]:
    """The alarms of now, the red ones first."""
    async with reading(sessions) as session:
        connection = await session.connection()
        count, oldest = (await connection.execute(_UNREVIEWED, {"now": now, "establishment": establishment})).one()
    red = (Alarm("review_overdue", count, oldest, "/queue?state=emergency", red=True),) if count else ()
    return (*red, *rota_alarms(rotas, now))


def rota_alarms(rotas: tuple[Rota, ...], now: datetime) -> tuple[Alarm, ...]:
    """One alarm for all rotas that have a gap within a day; red where nobody is on call this very moment."""
    starts = [gap.start or now for rota in rotas for gap in uncovered(rota) if gap.near(now)]
    return (Alarm("rota_gap", len(starts), min(starts), "/api/rotas/gaps", red=min(starts) <= now),) if starts else ()
