"""The pages that people look at: sign-in, queue, review, log, impact, stops. They work without script."""

import json
from base64 import b64decode
from importlib.resources import files
from typing import TYPE_CHECKING, Annotated, Final
from uuid import UUID

from fastapi import APIRouter, Depends
from fastapi.responses import PlainTextResponse, Response
from sqlmodel import text

from gateway import usage
from gateway.api import signoff
from gateway.api.dependencies import check_own_password, demand
from gateway.database import reading
from gateway.errors import GarantError, Unauthenticated
from gateway.identity.roles import Right
from gateway.identity.sessions import Session
from gateway.signoff.models import EmergencyReason
from gateway.web.rendering import PageRoute, Visitor, to, visitor

if TYPE_CHECKING:
    from collections.abc import Callable, Iterable

router = APIRouter(include_in_schema=False, route_class=PageRoute)
TheVisitor = Annotated[Visitor, Depends(visitor)]
PAGE: Final = 100
_WITHOUT_OWN_PASSWORD: Final = frozenset({"/password", "/sign-out"})
_ENTRIES: Final = text(
    "SELECT index AS place, at, type, task, suggestion_id, leaf FROM entries WHERE establishment = :name AND index < :before ORDER BY index DESC LIMIT :n"
)
_HEAD: Final = text("SELECT size, checkpoint FROM log_head WHERE establishment = :name")


def person(seen: Visitor) -> Session:
    """Whoever is signed in with an own password. Raises Unauthenticated, Forbidden."""
    if seen.session is None:
        message = "Sign in first."
        raise Unauthenticated(message)
    if seen.request.url.path not in _WITHOUT_OWN_PASSWORD:
        check_own_password(seen.session)
    return seen.session


@router.get("/static/garant.css")
async def style() -> Response:
    """The one style sheet."""
    css = files("gateway.web").joinpath("static/garant.css").read_text(encoding="utf-8")
    return PlainTextResponse(css, media_type="text/css", headers={"Cache-Control": "max-age=3600"})


@router.get("/")
async def start(seen: TheVisitor) -> Response:
    """The first page: sign in, or go where one's work is."""
    if seen.session is None:
        return seen.page("sign_in.html", problem="")
    if seen.session.person.must_change:
        return to("/password")
    rights = seen.session.person.rights
    return to("/queue" if Right.SIGN in rights else "/log" if Right.READ_LOG in rights else "/stops")


@router.get("/password")
async def password(seen: TheVisitor) -> Response:
    """Choose an own password."""
    person(seen)
    return seen.page("password.html", problem="")


@router.get("/queue")
async def queue(seen: TheVisitor) -> Response:
    """What waits for me."""
    session = person(seen)
    await demand(seen.parts, session, Right.SIGN)
    found = await signoff.queue(session, seen.parts, signoff.desk_of(seen.parts))
    return seen.page("queue.html", queue=found, names=_names(seen))


@router.get("/review/{suggestion}")
async def review(suggestion: UUID, seen: TheVisitor) -> Response:
    """Where a case stands, and the button that opens it."""
    session = person(seen)
    await demand(seen.parts, session, Right.READ_CASES)
    desk = signoff.desk_of(seen.parts)
    row = await desk.signoff.suggestions.get(suggestion)
    signed = await signoff.signatures(suggestion, session, seen.parts, desk)
    return seen.page("review.html", row=row, signed=signed, names=_names(seen))


@router.get("/log")
async def log(seen: TheVisitor, before: int = 2**53) -> Response:
    """The newest entries, by index."""
    await demand(seen.parts, person(seen), Right.READ_LOG)
    return await log_page(seen, before)


async def log_page(seen: Visitor, before: int = 2**53, verdict: object = None) -> Response:
    """The log page, with the verdict of a verification if there was one."""
    name = seen.parts.settings.establishment.id
    async with reading(seen.parts.database) as session:
        connection = await session.connection()
        head = (await connection.execute(_HEAD, {"name": name})).first()
        rows = (await connection.execute(_ENTRIES, {"name": name, "before": min(before, 2**53), "n": PAGE})).all()
    entries = [(row, json.loads(row.leaf)) for row in rows]
    return seen.page("log.html", head=head, entries=entries, verdict=verdict, names=_names(seen), page=PAGE)


@router.get("/impact")
async def impact(seen: TheVisitor) -> Response:
    """Counts, shares and minutes per task."""
    await demand(seen.parts, person(seen), Right.READ_IMPACT)
    records = await usage.records(seen.parts.url, seen.parts.settings.establishment.id)
    counted: Callable[[Iterable[usage.LedgerRow]], tuple[object, ...]] = seen.request.app.state.usage_by_task
    return seen.page("impact.html", tasks=counted(records), names=_names(seen))


@router.get("/stops")
async def stops(seen: TheVisitor) -> Response:
    """What is stopped, and the buttons."""
    await demand(seen.parts, person(seen), Right.STOP)
    desk = signoff.desk_of(seen.parts)
    await desk.stops.refresh()
    settings = desk.settings
    scopes = [f"system:{system.id}" for system in settings.systems] + [f"task:{task.id}" for task in settings.tasks]
    scopes += [f"site:{site}" for site in settings.establishment.sites]
    return seen.page(
        "stops.html", active=sorted(desk.stops.active), scopes=scopes, problem=seen.request.query_params.get("problem", "")[:300]
    )


async def case_page(seen: Visitor, suggestion: UUID, problem: str = "", typed: dict[str, str] | None = None, status: int = 200) -> Response:
    """An opened case: exactly what is judged, beside what the AI received."""
    session = person(seen)
    try:
        shown = await signoff.open_case(suggestion, session, seen.parts, signoff.desk_of(seen.parts))
    except GarantError as error:
        return seen.page("problem.html", error.status, message=error.said(seen.language))
    sent = _pretty(b64decode(shown.input))
    content = shown.content if isinstance(shown.content, dict) else {}
    reasons = [reason.value for reason in EmergencyReason]
    return seen.page(
        "case.html",
        status,
        shown=shown,
        fields=content.get("fields", []),
        model=content,
        sent=sent,
        problem=problem,
        typed=typed or {},
        emergencies=reasons,
        names=_names(seen),
    )


def _names(seen: Visitor) -> dict[str, str]:
    return {task.id: task.name.get(seen.language, task.id) for task in seen.parts.settings.tasks}


def _pretty(data: bytes) -> str:
    try:
        return json.dumps(json.loads(data), indent=1, ensure_ascii=False)[:20_000]
    except ValueError:
        return data.decode("utf-8", "replace")[:20_000]
