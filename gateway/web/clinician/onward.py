"""After a decision: the next case in one step, and the decision before on top of it, to be undone until it is released."""

from __future__ import annotations

import math
from dataclasses import dataclass, replace
from typing import TYPE_CHECKING, Final
from urllib.parse import parse_qsl, urlencode
from uuid import UUID

from gateway.api import signoff
from gateway.errors import GarantError, Unknown
from gateway.signoff.record import standing
from gateway.suggestions.states import State
from gateway.web.rendering import Visitor, to

if TYPE_CHECKING:
    from collections.abc import Mapping
    from datetime import datetime

    from fastapi.responses import Response

    from gateway.identity.sessions import Session


_MOST: Final = 1_000_000
_LONGEST: Final = 64


@dataclass(frozen=True, slots=True)
class Asked:
    """The filters of an address; "" and 0 mean none. What cannot be read counts as not asked."""

    task: str = ""
    state: str = ""
    urgency: str = ""
    mine: str = ""
    overdue: str = ""
    offset: int = 0

    def pairs(self) -> list[tuple[str, str]]:
        """The filters that are set, without the place in the list."""
        named = {name: getattr(self, name) for name in ("task", "state", "urgency", "mine", "overdue")}
        return [(name, value) for name, value in named.items() if value]

    def query(self) -> str:
        """The filters and the place as the end of an address."""
        pairs = [*self.pairs(), *([("offset", str(self.offset))] if self.offset else [])]
        return f"?{urlencode(pairs)}" if pairs else ""

    def address(self, **changes: str | int) -> str:
        """The queue's address with other filters; back at the first page unless the place is what changes."""
        return f"/queue{replace(self, **{'offset': 0, **changes}).query()}"  # type: ignore[arg-type] # names and kinds as above

    def filters(self) -> signoff.Filters:
        """The same for the sign-off desk."""
        return signoff.Filters(
            task=[self.task] if self.task else [],
            state=[self.state] if self.state else [],
            urgency=[int(self.urgency)] if self.urgency else [],
            mine=bool(self.mine),
            overdue=bool(self.overdue),
        )


def asked_of(given: Mapping[str, str]) -> Asked:
    """The filters of an address or a form."""
    offset = given.get("offset", "")
    return Asked(
        task=_word(given.get("task", "")),
        state=_word(given.get("state", "")),
        urgency=given.get("urgency", "") if given.get("urgency", "") in set("12345") else "",
        mine="yes" if given.get("mine") else "",
        overdue="yes" if given.get("overdue") else "",
        offset=min(int(offset), _MOST) if offset.isascii() and offset.isdigit() else 0,
    )


def _word(text: str) -> str:
    return text if text.isprintable() and len(text) <= _LONGEST else ""


@dataclass(frozen=True, slots=True)
class Done:
    """What the same person decided just before; `seconds` until it is released, 0 where it can no longer be undone."""

    id: UUID
    task: str
    decision: str
    state: str
    seconds: int = 0
    until: datetime | None = None


async def onward(seen: Visitor, session: Session, after: UUID | None = None, within: Asked | None = None) -> Response:
    """Open the next free case of this part of the queue and go to it, or to the queue where none is free."""
    within = within or Asked()
    tail = urlencode([*within.pairs(), *([("after", str(after))] if after else [])])
    try:
        shown = await signoff.open_next(session, seen.parts, signoff.desk_of(seen.parts), within.filters())
    except Unknown:
        return to("/queue?" + (tail if after else urlencode([*within.pairs(), ("free", "none")])))
    return to(f"/review/{shown.id}?{tail}".rstrip("?"))


def within_of(form: Mapping[str, str]) -> Asked:
    """The part of the queue that a case's form remembers."""
    return asked_of(dict(parse_qsl(form.get("within", "").lstrip("?"))))


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
