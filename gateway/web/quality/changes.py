"""What was changed before signing, on the page of a case: shown for a reason, to who may read cases, and itself an entry of the log first."""

from __future__ import annotations

from typing import TYPE_CHECKING
from uuid import UUID  # noqa: TC003 - FastAPI reads annotations at run time

from fastapi import APIRouter
from fastapi.responses import Response  # noqa: TC002 - FastAPI reads annotations at run time

from gateway.api.dependencies import demand
from gateway.api.reading import noted
from gateway.api.signoff import desk_of
from gateway.custody.words import check_reading_reason
from gateway.identity.roles import Right
from gateway.signoff.acts.records import amendments
from gateway.web.quality.search import case_page, told
from gateway.web.rendering import PageRoute, TheVisitor, Visitor, person, posted

if TYPE_CHECKING:
    from gateway.signoff.acts.records import Changed

__all__ = ["TheVisitor", "router"]

router = APIRouter(include_in_schema=False, route_class=PageRoute)


@router.post("/log/case/{case}/changes")
async def changes(case: UUID, seen: TheVisitor) -> Response:
    """The story of a case with the words that were changed."""
    reason = (await posted(seen)).get("reason", "")
    check_reading_reason(seen.parts.settings.retention, reason)
    session = person(seen)
    await demand(seen.parts, session, Right.READ_LOG)
    await demand(seen.parts, session, Right.READ_CASES)
    shown = await _shown(seen, [one.found.suggestion_id for one in await told(seen, case)], reason)
    return await case_page(seen, case, await told(seen, case), shown)


async def _shown(seen: Visitor, suggestions: list[UUID | None], reason: str) -> dict[UUID, tuple[Changed, ...]]:
    """What changed, by entry; the entry of the reading is committed before anything of it is given."""
    desk = desk_of(seen.parts).signoff
    rows = [await desk.suggestions.get(one) for one in dict.fromkeys(suggestions) if one is not None]
    found = [(row, changed) for row in rows if (changed := await amendments(desk, row))]
    if found:
        await noted(seen.parts, person(seen), [row for row, _ in found], "changes", reason)
    return {entry: changed for _, listed in found for entry, changed in listed.items()}
