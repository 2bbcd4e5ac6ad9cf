"""Looking back at an AI system: which cases it touched in a period, ticked off until every one was contacted again (R20)."""

from datetime import UTC, date, datetime
from typing import Final
from uuid import UUID

from fastapi import APIRouter
from fastapi.responses import Response

from gateway.api.dependencies import demand
from gateway.audit.batch import Write
from gateway.audit.search.lookback import contacted, found, opened, touched
from gateway.database import reading
from gateway.errors import BadInput, Conflict
from gateway.identity.roles import Author, Right
from gateway.web.quality.search import brought_up_to_date
from gateway.web.rendering import PageRoute, TheVisitor, Visitor, person, posted, to

__all__ = ["TheVisitor", "router"]

router = APIRouter(include_in_schema=False, route_class=PageRoute)
MOST_SHOWN: Final = 500
_FIRST_DAY: Final = date(2000, 1, 1)


@router.post("/log/lookback")
async def begin(seen: TheVisitor) -> Response:
    """Begin one, for what the search asks for."""
    form = await posted(seen)
    by = await _author(seen)
    if not form.get("system"):
        raise BadInput("Choose an AI system first.", fr="Choisissez d'abord un système d'IA.")
    since, until = _day(form.get("since"), _FIRST_DAY), _day(form.get("until"), datetime.now(UTC).date())
    event = opened(form["system"][:64], form.get("version", "")[:64], since, until, by, seen.parts.clock.now())
    await seen.parts.writer.append(Write((event,)))
    return to(f"/log/lookback/{event.id}")


@router.get("/log/lookback/{identity}")
async def lookback(identity: UUID, seen: TheVisitor) -> Response:
    """Its cases, and how many are still to be contacted."""
    await _author(seen)
    await brought_up_to_date(seen)
    name = seen.parts.settings.establishment.id
    async with reading(seen.parts.database) as session:
        connection = await session.connection()
        back = await found(connection, name, identity)
        cases = await touched(connection, name, back)
    left = sum(one.done_at is None for one in cases)
    return seen.page("log_lookback.html", back=back, cases=cases[:MOST_SHOWN], total=len(cases), left=left)


@router.post("/log/lookback/{identity}/{case}")
async def tick_off(identity: UUID, case: UUID, seen: TheVisitor) -> Response:
    """One case was contacted again."""
    await posted(seen)
    by = await _author(seen)
    await brought_up_to_date(seen)
    name = seen.parts.settings.establishment.id
    async with reading(seen.parts.database) as session:
        connection = await session.connection()
        known = {one.case: one for one in await touched(connection, name, await found(connection, name, identity))}
    if case not in known or known[case].done_at is not None:
        raise Conflict(
            "This case is not part of the look-back, or was ticked off already. Reload to see what is left.",
            fr="Ce dossier n'en fait pas partie, ou est déjà coché. Rechargez la page pour voir ce qui reste.",
        )
    await seen.parts.writer.append(Write((contacted(identity, case, by, seen.parts.clock.now()),)))
    return to(f"/log/lookback/{identity}")


async def _author(seen: Visitor) -> Author:
    """Who reads log and cases. Raises Unauthenticated, Forbidden."""
    session = person(seen)
    await demand(seen.parts, session, Right.READ_LOG)
    await demand(seen.parts, session, Right.READ_CASES)
    return session.author(seen.parts.keys)


def _day(value: str | None, otherwise: date) -> date:
    try:
        return date.fromisoformat(value) if value else otherwise
    except ValueError:
        raise BadInput("Write the day like 2026-01-31.", fr="Écrivez la date comme 2026-01-31.") from None
