"""After a case: the next one in one step, and on top of it what became of the one before, to be undone or taken back in time."""

from __future__ import annotations

import math
from dataclasses import dataclass, replace
from typing import TYPE_CHECKING, Final, Literal
from urllib.parse import parse_qsl, urlencode
from uuid import UUID

from gateway.api import signoff
from gateway.errors import GarantError, Unknown
from gateway.signoff.record import standing
from gateway.signoff.rules import may_take
from gateway.suggestions.states import AWAITING, State
from gateway.web.rendering import Visitor, to

if TYPE_CHECKING:
    from collections.abc import Mapping
    from datetime import datetime

    from fastapi.responses import Response

    from gateway.identity.sessions import Session


How = Literal["give", "ask", "opinion", "defer"]
HOWS: Final[tuple[How, ...]] = ("give", "ask", "opinion", "defer")
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


@dataclass(frozen=True, slots=True)
class Passed:
    """What the same person gave away just before: how, to whom (a printed name, "" for the team), and where the case is now."""

    id: UUID
    task: str
    how: How
    to: str
    where: Literal["waiting", "opened", "team", "decided"]


async def onward(
    seen: Visitor, session: Session, after: UUID | None = None, within: Asked | None = None, passed: tuple[How, UUID] | None = None
) -> Response:
    """Open the next free case of this part of the queue and go to it, or to the queue where none is free."""
    within = within or Asked()
    tail = urlencode([*within.pairs(), *([("after", str(after))] if after else []), *_passing(passed)])
    try:
        taken = await signoff.take_next(session, seen.parts, signoff.desk_of(seen.parts), within.filters())
    except Unknown:
        return to("/queue?" + (tail if after or passed else urlencode([*within.pairs(), ("free", "none")])))
    return to(f"/review/{taken}?{tail}".rstrip("?"))


def put_back(suggestion: UUID, within: Asked) -> Response:
    """To the queue, where the case stands again."""
    return to(f"/queue?{urlencode([*within.pairs(), *_passing(('defer', suggestion))])}")


def _passing(passed: tuple[How, UUID] | None) -> list[tuple[str, str]]:
    return [("how", passed[0]), ("passed", str(passed[1]))] if passed else []


async def passed_on(seen: Visitor, session: Session) -> Passed | None:
    """The case that the address names with `passed`, where this person may take it: what the queue tells of it, as a sentence."""
    asked = seen.request.query_params
    how = next((one for one in HOWS if one == asked.get("how")), None)
    desk = signoff.desk_of(seen.parts).signoff
    try:
        row = await desk.suggestions.get(UUID(asked.get("passed", "")))
        lane = desk.lanes.of(row.system, row.task)
        holder = row.leased_by if row.leased_until is not None and row.leased_until > seen.parts.clock.now() else None
        names = [(await seen.parts.people.get(one)).name if one else "" for one in (row.assigned_to, holder)]
    except (ValueError, GarantError):
        return None
    if how is None or holder == session.person.id or not may_take(row, session.person, lane, seen.parts.clock.now()):
        return None
    task, waits = seen.names().get(row.task, row.task), row.state in AWAITING
    if not waits or holder:
        return Passed(row.id, task, how, names[1] or names[0], "opened" if waits else "decided")
    return Passed(row.id, task, how, names[0], "waiting" if names[0] else "team")


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
    row, signatures = await signoff.desk_of(seen.parts).signoff.suggestions.signed(suggestion)
    mine = [one for one in standing(signatures) if one.person_id == session.person.id]
    if not mine:
        return None
    until = row.next_clock_at if row.state == State.SIGNED else None
    left = max(0, math.ceil((until - seen.parts.clock.now()).total_seconds())) if until else 0
    return Done(row.id, seen.names().get(row.task, row.task), mine[-1].decision, row.state, left, until)
