"""Looking back at an AI system: which cases it touched in a period, ticked off until every one was contacted again (R20)."""

from datetime import UTC, date, datetime
from typing import Final
from uuid import UUID

from fastapi import APIRouter
from fastapi.responses import Response

from gateway.api.custody import lookback as api
from gateway.errors import BadInput
from gateway.web.quality.search import people_of
from gateway.web.rendering import PageRoute, TheVisitor, person, posted, to

__all__ = ["TheVisitor", "router"]

router = APIRouter(include_in_schema=False, route_class=PageRoute)
MOST_SHOWN: Final = 500
_FIRST_DAY: Final = date(2000, 1, 1)


@router.post("/log/lookback")
async def begin(seen: TheVisitor) -> Response:
    """Begin one, for what the search asks for."""
    form = await posted(seen)
    session = person(seen)
    if not form.get("system"):
        raise BadInput("Choose an AI system first.", fr="Choisissez d'abord un système d'IA.")
    since, until = _day(form.get("since"), _FIRST_DAY), _day(form.get("until"), datetime.now(UTC).date())
    body = api.LookbackBody(
        system=form["system"][:64], version=form.get("version", "")[:64], since=since, until=until, released=form.get("released") == "yes"
    )
    return to(f"/log/lookback/{await api.begin(body, session, seen.parts)}")


@router.get("/log/lookback")
async def lookbacks(seen: TheVisitor) -> Response:
    """Every one that was begun, and how far it is."""
    return seen.page("log_lookbacks.html", backs=await api.listed(person(seen), seen.parts))


@router.get("/log/lookback/{identity}")
async def lookback(identity: UUID, seen: TheVisitor) -> Response:
    """Its cases, and how many are still to be contacted."""
    await api.author(seen.parts, person(seen))
    back = await api.view_of(seen.parts, identity, MOST_SHOWN)
    return seen.page("log_lookback.html", back=back, cases=back.cases, total=back.total, left=back.left, people=await people_of(seen))


@router.post("/log/lookback/{identity}/{case}")
async def tick_off(identity: UUID, case: UUID, seen: TheVisitor) -> Response:
    """One case was contacted again."""
    await posted(seen)
    await api.tick(identity, case, person(seen), seen.parts)
    return to(f"/log/lookback/{identity}")


def _day(value: str | None, otherwise: date) -> date:
    try:
        return date.fromisoformat(value) if value else otherwise
    except ValueError:
        raise BadInput("Write the day like 2026-01-31.", fr="Écrivez la date comme 2026-01-31.") from None
