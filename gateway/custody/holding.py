"""Legal holds: a case that is kept whatever the clocks or a request say, until somebody lifts the hold; both are entries with a reason."""

from __future__ import annotations

from dataclasses import dataclass
from typing import TYPE_CHECKING, Final

from gateway.audit.batch import Statement, Write
from gateway.audit.leaf import Event, EventType
from gateway.custody.rules import check_death, check_known
from gateway.custody.words import check_hold_reason
from gateway.errors import Conflict
from gateway.ids import uuid7

if TYPE_CHECKING:
    from datetime import date, datetime
    from uuid import UUID

    from gateway.audit.writer import Writer
    from gateway.clock import Clock
    from gateway.custody.reading import Stock
    from gateway.identity.roles import Author
    from gateway.settings import Settings
    from gateway.suggestions.tables import Suggestion

_SET: Final = """
INSERT INTO legal_holds (id, establishment, case_id, reason, set_by, set_at) VALUES ($1, $2, $3, $4, $5, $6) ON CONFLICT DO NOTHING RETURNING id
"""
_LIFT: Final = """
UPDATE legal_holds SET lifted_by = $2, lifted_at = $3, lifted_reason = $4 WHERE id = $1 AND lifted_at IS NULL RETURNING id
"""
_DIED: Final = """
INSERT INTO cases (id, establishment, died_on, death_noted_at) VALUES ($1, $2, $3, $4)
ON CONFLICT (id) DO UPDATE SET died_on = $3, death_noted_at = $4 RETURNING id
"""
_HELD: Final = ("This case is held already.", "Ce dossier est déjà conservé.")


@dataclass(frozen=True, slots=True)
class Holding:
    """Sets and lifts holds.

    Args:
        stock, settings, writer, clock: its collaborators.
    """

    stock: Stock
    settings: Settings
    writer: Writer
    clock: Clock

    async def hold(self, by: Author, case: UUID, reason: str) -> None:
        """Keep a case. Raises BadInput, Unknown, Gone, Conflict."""
        check_hold_reason(self.settings.retention, reason)
        await self._check_known(case)
        now = self.clock.now()
        event = _event(by, case, {"change": "hold_set", "reason": reason}, now)
        guard = Statement(_SET, (event.id, self.settings.establishment.id, case, reason, by.actor, now), key=event.id)
        await self.writer.append(Write((event,), guards=(guard,), refusal=_HELD[0], french=_HELD[1]))

    async def lift(self, by: Author, case: UUID, reason: str) -> None:
        """Let the clocks go on. Raises BadInput, Conflict."""
        check_hold_reason(self.settings.retention, reason)
        held = await self.stock.hold(case)
        if held is None:
            message = "No legal hold is on this case, so there is none to lift. Reload the page to see which cases are held."
            french = "Aucune conservation légale ne porte sur ce dossier. Rechargez la page pour voir lesquels sont conservés."
            raise Conflict(message, code="case_not_held", fr=french)
        now = self.clock.now()
        event = _event(by, case, {"change": "hold_lifted", "reason": reason}, now)
        await self.writer.append(Write((event,), guards=(Statement(_LIFT, (held.id, by.actor, now, reason), key=held.id),)))

    async def died(self, by: Author, case: UUID, day: date | None) -> None:
        """Note that, and when, the patient of a case died; None takes it back. The day is patient data, so the log says only that it was noted."""
        rows, now = await self._check_known(case), self.clock.now()
        if day is not None:
            check_death(day, max(row.received_at for row in rows).date(), now.date())
        event = _event(by, case, {"change": "death_noted" if day else "death_taken_back"}, now)
        values = (case, self.settings.establishment.id, day, now)
        await self.writer.append(Write((event,), guards=(Statement(_DIED, values, key=case),)))

    async def _check_known(self, case: UUID) -> list[Suggestion]:
        rows = await self.stock.suggestions(case)
        check_known(case, rows)
        return rows


def _event(by: Author, case: UUID, detail: dict[str, str], at: datetime) -> Event:
    return Event(uuid7(), EventType.CONFIG_CHANGED, at, by.actor, by.role, case=case, auth=by.auth or None, detail=detail)
