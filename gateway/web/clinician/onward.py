"""After a decision: the next case in one step, and the decision before on top of it, to be undone until it is released."""

from __future__ import annotations

import math
from dataclasses import dataclass
from typing import TYPE_CHECKING
from uuid import UUID

from gateway.api import signoff
from gateway.errors import GarantError, Unknown
from gateway.signoff.record import standing
from gateway.suggestions.states import State
from gateway.web.rendering import Visitor, to

if TYPE_CHECKING:
    from datetime import datetime

    from fastapi.responses import Response

    from gateway.identity.sessions import Session


@dataclass(frozen=True, slots=True)
class Done:
    """What the same person decided just before; `seconds` until it is released, 0 where it can no longer be undone."""

    id: UUID
    task: str
    decision: str
    state: str
    seconds: int = 0
    until: datetime | None = None


async def onward(seen: Visitor, session: Session, after: UUID | None = None, filters: signoff.Filters | None = None) -> Response:
    """Open the next free case and go to it, or to the queue where none is free."""
    tail = f"?after={after}" if after else ""
    try:
        shown = await signoff.open_next(session, seen.parts, signoff.desk_of(seen.parts), filters or signoff.Filters())
    except Unknown:
        return to(f"/queue{tail}" if after else "/queue?free=none")
    return to(f"/review/{shown.id}{tail}")


async def done(seen: Visitor, session: Session) -> Done | None:
    """The decision that the address names with `after`, if it was this person's."""
    try:
        return await decided(seen, session, UUID(seen.request.query_params.get("after", "")))
    except (ValueError, GarantError):
        return None


async def decided(seen: Visitor, session: Session, suggestion: UUID) -> Done | None:
    """This person's standing decision on a suggestion, or None. Raises Unknown."""
    suggestions = signoff.desk_of(seen.parts).signoff.suggestions
    row = await suggestions.get(suggestion)
    mine = [one for one in standing(await suggestions.signatures(suggestion)) if one.person_id == session.person.id]
    if not mine:
        return None
    until = row.next_clock_at if row.state == State.SIGNED else None
    left = max(0, math.ceil((until - seen.parts.clock.now()).total_seconds())) if until else 0
    return Done(row.id, seen.names().get(row.task, row.task), mine[-1].decision, row.state, left, until)
