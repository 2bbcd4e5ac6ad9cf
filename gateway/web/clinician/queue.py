"""The queue page: what waits for me and my team, one button for the next case, and the word that something changed.

Promises: filters stand in the address, every count is of the server's, and a page without script shows the same list.
"""

from __future__ import annotations

from typing import TYPE_CHECKING, Annotated, Final

from fastapi import APIRouter, Depends, Request
from fastapi.responses import Response, StreamingResponse

from gateway.api import signoff
from gateway.api.dependencies import demand, session_token
from gateway.errors import Unauthenticated
from gateway.identity.roles import Right
from gateway.web.clinician.onward import Asked, asked_of, done, onward, passed_on
from gateway.web.live import QueueWatch, stream
from gateway.web.rendering import HEADERS, PageRoute, TheVisitor, Visitor, person, posted, to
from gateway.web.texts import words

if TYPE_CHECKING:
    from gateway.identity.sessions import Session

router = APIRouter(include_in_schema=False, route_class=PageRoute)
PAGE: Final = 50
LEAST_WANTED: Final = 2
MOST_WANTED: Final = 100


def watch_of(request: Request) -> QueueWatch:
    """The watch of the running application."""
    watch = request.app.state.queue_watch
    assert isinstance(watch, QueueWatch)  # noqa: S101 - set by gateway.app, nobody else
    return watch


TheWatch = Annotated[QueueWatch, Depends(watch_of)]


@router.get("/queue")
async def queue(seen: TheVisitor) -> Response:
    """What waits for me and my team, with what was just decided on top."""
    session = await signer(seen)
    asked = asked_of(seen.request.query_params)
    notice = words(seen.language)["nothing_free"] if seen.request.query_params.get("free") == "none" else ""
    found = await _found(seen, session, asked)
    before = {"done": await done(seen, session), "passed": await passed_on(seen, session)}
    return seen.page("queue.html", 200, **found, **before, notice=notice)


@router.get("/queue/list")
async def queue_list(seen: TheVisitor) -> Response:
    """The list alone, for a page that is open."""
    session = await signer(seen)
    return seen.page("queue_list.html", 200, **await _found(seen, session, asked_of(seen.request.query_params)))


@router.post("/queue/find")
async def find(seen: TheVisitor) -> Response:
    """My cases of a patient. What is asked comes in the form's body, so that no address, and no log of addresses, holds it."""
    form = await posted(seen)
    session, desk = await signer(seen), signoff.desk_of(seen.parts)
    wanted = form.get("patient", "").strip()[:MOST_WANTED]
    cases = await signoff.find(wanted, session, seen.parts, desk, PAGE) if len(wanted) >= LEAST_WANTED else []
    patients = await signoff.patients(desk, cases)
    return seen.page("queue_found.html", 200, cases=cases, patients=patients, wanted=wanted, names=seen.names(), most=PAGE)


@router.get("/queue/find")
async def nothing_found(seen: TheVisitor) -> Response:
    """Who comes back here, from a sign-in or in another language, brings no name along: to the queue."""
    return to(f"/queue?lang={seen.language}" if "lang" in seen.request.query_params else "/queue")


@router.get("/queue/events")
async def events(seen: TheVisitor, watch: TheWatch) -> Response:
    """Server-sent events: the queue has changed; ends with the session."""
    who = (await signer(seen)).person.id
    watch.check_room(who)
    token = session_token(seen.request, seen.parts) or ""

    async def signed_in() -> bool:
        try:
            await seen.parts.sessions.find(token, seen=False)
        except Unauthenticated:
            return False
        return True

    headers = HEADERS | {"X-Accel-Buffering": "no"}
    return StreamingResponse(stream(watch, signed_in, who=who), media_type="text/event-stream", headers=headers)


@router.post("/next")
async def open_next(seen: TheVisitor) -> Response:
    """Open the first case that nobody has open, within the filters of the page."""
    form = await posted(seen)
    session = await signer(seen)
    return await onward(seen, session, within=asked_of(form))


async def signer(seen: Visitor) -> Session:
    """Whoever may sign. Raises Unauthenticated, Forbidden."""
    session = person(seen)
    await demand(seen.parts, session, Right.SIGN)
    return session


async def _found(seen: Visitor, session: Session, asked: Asked) -> dict[str, object]:
    filters = asked.filters().model_copy(update={"limit": PAGE, "offset": asked.offset})
    desk = signoff.desk_of(seen.parts)
    found = await signoff.queue(session, seen.parts, desk, filters)
    patients = await signoff.patients(desk, found.cases)
    return {"queue": found, "cases": found.cases, "patients": patients, "asked": asked, "names": seen.names(), "page_size": PAGE}
