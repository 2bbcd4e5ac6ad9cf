"""Signing in with the establishment's provider, proving again who one is there, and being opened from a health record.

The way back comes from another site, so the browser brings no session cookie with it: a cookie of its own binds the way
there and back to one browser, and the last step is a page of ours that goes on by itself.
"""

from collections.abc import Awaitable, Callable
from functools import partial
from typing import Final
from urllib.parse import urlsplit
from uuid import UUID

from fastapi import APIRouter, Request
from fastapi.responses import Response
from sqlmodel import text

from gateway.api.dependencies import Parts, give_cookie, give_session, origin_of, remember_device, take_cookie
from gateway.api.dependencies import cookie_name as named
from gateway.database import reading
from gateway.errors import GarantError
from gateway.identity.oidc.flows import LIFETIME, Answer, Arrived, Begun
from gateway.suggestions.states import AWAITING
from gateway.web.rendering import PageRoute, TheVisitor, Visitor, local, onward_page, person, to

router = APIRouter(include_in_schema=False, route_class=PageRoute)
FLOW_COOKIE: Final = "garant_flow"
_CASE: Final = text("""
SELECT s.id FROM suggestions s JOIN cases c ON c.id = s.case_id
WHERE c.reference = :reference AND s.state = ANY(:states) ORDER BY s.overdue DESC, s.urgency, s.received_at LIMIT 1
""")


@router.get("/sign-in/oidc")
async def sign_in(seen: TheVisitor) -> Response:
    """Go to the provider."""
    next_page = local(seen.request.query_params.get("next", ""))
    return await _away(seen, partial(seen.parts.elsewhere.sign_in, next_page))


@router.get("/sign-in/oidc/step-up")
async def step_up(seen: TheVisitor) -> Response:
    """Go to the provider to prove again who one is, for a signature."""
    session = person(seen)
    next_page = local(seen.request.query_params.get("next", ""))
    return await _away(seen, partial(seen.parts.elsewhere.step_up, session, next_page))


@router.get("/sign-in/oidc/callback")
async def back(seen: TheVisitor) -> Response:
    """Come back from the provider."""
    return await _arrive(seen)


@router.get("/launch")
async def launch(seen: TheVisitor) -> Response:
    """Opened from a health record: go to its own sign-in."""
    asked = seen.request.query_params
    return await _away(seen, partial(seen.parts.elsewhere.launch, asked.get("iss", "")[:512], asked.get("launch", "")[:2048]))


@router.get("/launch/callback")
async def launched(seen: TheVisitor) -> Response:
    """Come back from the health record's sign-in, to the case it asked for."""
    return await _arrive(seen)


async def _away(seen: Visitor, begin: Callable[[], Awaitable[Begun]]) -> Response:
    try:
        if seen.session is None:
            await seen.parts.attempts.admit_way(origin_of(seen.request, seen.parts))
        begun = await begin()
    except GarantError as error:
        return _problem(seen, error)
    answer = to(begun.address)
    give_cookie(seen.parts, answer, FLOW_COOKIE, begun.browser, int(LIFETIME.total_seconds()), same_site="lax")
    return answer


async def _arrive(seen: Visitor) -> Response:
    query = {name: value[:4096] for name, value in seen.request.query_params.items()}
    browser = seen.request.cookies.get(named(seen.parts, FLOW_COOKIE), "")
    try:
        arrived = await seen.parts.elsewhere.arrive(Answer(query, browser))
        return await _go_on(seen, seen.request, arrived)
    except GarantError as error:
        return _problem(seen, error)


async def _go_on(seen: Visitor, request: Request, arrived: Arrived) -> Response:
    parts = seen.parts
    if arrived.token is not None:
        await parts.writer.append(parts.sessions.renewed(arrived.token, arrived.person, arrived.proven))
        return _onward(seen, arrived.next)
    origin = origin_of(request, parts)
    token, session = await parts.sessions.begin(arrived.person, arrived.proven, origin)
    await parts.attempts.came_back(origin)
    next_page, sentence = await _where(parts, arrived)
    answer = _onward(seen, next_page, sentence)
    give_session(parts, answer, token)
    await remember_device(request, answer, parts, session)
    return answer


async def _where(parts: Parts, arrived: Arrived) -> tuple[str, str]:
    """The page to go on to, and the name of a sentence to read on the way ("" where there is nothing to say)."""
    if arrived.purpose != "launch":
        return arrived.next or "/", ""
    found = await _held(parts, arrived.reference) if arrived.reference else None
    return (f"/review/{found}", "") if found is not None else ("/queue", "launch_no_case")


async def _held(parts: Parts, reference: str) -> UUID | None:
    """The most urgent suggestion of a case that still waits for somebody."""
    values = {"reference": parts.keys.hidden("case", reference.encode()), "states": sorted(AWAITING)}
    async with reading(parts.database) as session:
        found: UUID | None = await session.scalar(_CASE, values)
    return found


def _onward(seen: Visitor, next_page: str, sentence: str = "") -> Response:
    answer = onward_page(seen, next_page, sentence)
    take_cookie(seen.parts, answer, FLOW_COOKIE)
    return answer


def _problem(seen: Visitor, error: GarantError) -> Response:
    """What went wrong, on the page from which one can sign in another way, or beside what one had open."""
    place = urlsplit(seen.request.url.path).path
    if seen.session is not None and place.endswith("step-up"):
        return seen.page("problem.html", error.status, message=error.said(seen.language))
    return seen.page("sign_in.html", error.status, problem=error.said(seen.language))
