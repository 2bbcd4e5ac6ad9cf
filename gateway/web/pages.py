"""The pages that people look at beside their work: sign-in, preferences, stops. They work without script."""

from typing import TYPE_CHECKING

from fastapi import APIRouter
from fastapi.responses import Response

from gateway.api import signoff
from gateway.api.dependencies import demand
from gateway.identity.roles import Right
from gateway.web import preferences as choices
from gateway.web.rendering import NEXT_COOKIE, PageRoute, TheVisitor, Visitor, back_to, from_elsewhere, onward_page, person, to

if TYPE_CHECKING:
    from gateway.web.preferences import Preferences

__all__ = ["TheVisitor", "person", "preferences_page", "router"]

router = APIRouter(include_in_schema=False, route_class=PageRoute)


@router.get("/")
async def start(seen: TheVisitor) -> Response:
    """The first page: sign in, or go where one's work is."""
    if seen.session is None:
        return onward_page(seen, "/") if from_elsewhere(seen.request) else seen.page("sign_in.html", problem="")
    if seen.session.person.must_change:
        return to("/password")
    wanted = back_to(seen.request)
    if wanted != "/":
        answer = to(wanted)
        answer.delete_cookie(NEXT_COOKIE)
        return answer
    rights = seen.session.person.rights
    if Right.MANAGE_ACCOUNTS in rights:
        return to("/administration")
    return to("/queue" if Right.SIGN in rights else "/log" if Right.READ_LOG in rights else "/stops")


@router.get("/password")
async def password(seen: TheVisitor) -> Response:
    """Choose an own password."""
    person(seen)
    return seen.page("password.html", problem="")


@router.get("/preferences")
async def preferences(seen: TheVisitor) -> Response:
    """Theme and keys of this person."""
    person(seen)
    return preferences_page(seen, seen.preferences, saved="saved" in seen.request.query_params)


def preferences_page(
    seen: Visitor, chosen: "Preferences", problems: tuple[object, ...] = (), status: int = 200, *, saved: bool = False
) -> Response:
    """The preferences, as they are or as somebody tried to set them."""
    return seen.page("preferences.html", status, chosen=chosen, themes=choices.THEMES, problems=problems, saved=saved)


@router.get("/stops")
async def stops(seen: TheVisitor) -> Response:
    """What is stopped, and the buttons."""
    await demand(seen.parts, person(seen), Right.STOP)
    desk = signoff.desk_of(seen.parts)
    await desk.stops.refresh()
    settings = desk.settings
    scopes = [f"system:{system.id}" for system in settings.systems] + [f"task:{task.id}" for task in settings.tasks]
    scopes += [f"site:{site}" for site in settings.establishment.sites]
    return seen.page("stops.html", active=sorted(desk.stops.active), scopes=scopes)
