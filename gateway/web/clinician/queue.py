"""The queue page: what waits for me and my team, one button for the next case, and the word that something changed.

Promises: filters stand in the address, every count is of the server's, and a page without script shows the same list.
"""

from __future__ import annotations

from dataclasses import dataclass, replace
from typing import TYPE_CHECKING, Annotated, Final
from urllib.parse import urlencode

from fastapi import APIRouter, Depends, Request
from fastapi.responses import Response, StreamingResponse

from gateway.api import signoff
from gateway.api.dependencies import COOKIE, demand
from gateway.errors import Unauthenticated
from gateway.identity.roles import Right
from gateway.web.clinician.onward import done, onward
from gateway.web.live import QueueWatch, stream
from gateway.web.rendering import HEADERS, PageRoute, TheVisitor, Visitor, person, posted
from gateway.web.texts import words

if TYPE_CHECKING:
    from collections.abc import Mapping

    from gateway.identity.sessions import Session

router = APIRouter(include_in_schema=False, route_class=PageRoute)
PAGE: Final = 50
_MOST: Final = 1_000_000
_LONGEST: Final = 64


def watch_of(request: Request) -> QueueWatch:
    """The watch of the running application."""
    watch = request.app.state.queue_watch
    assert isinstance(watch, QueueWatch)  # noqa: S101 - set by gateway.app, nobody else
    return watch


TheWatch = Annotated[QueueWatch, Depends(watch_of)]


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


@router.get("/queue")
async def queue(seen: TheVisitor) -> Response:
    """What waits for me and my team, with what was just decided on top."""
    session = await signer(seen)
    asked = asked_of(seen.request.query_params)
    notice = words(seen.language)["nothing_free"] if seen.request.query_params.get("free") == "none" else ""
    found = await _found(seen, session, asked)
    return seen.page("queue.html", 200, **found, done=await done(seen, session), notice=notice)


@router.get("/queue/list")
async def queue_list(seen: TheVisitor) -> Response:
    """The list alone, for a page that is open."""
    session = await signer(seen)
    return seen.page("queue_list.html", 200, **await _found(seen, session, asked_of(seen.request.query_params)))


@router.get("/queue/events")
async def events(seen: TheVisitor, watch: TheWatch) -> Response:
    """Server-sent events: the queue has changed; ends with the session."""
    await signer(seen)
    token = seen.request.cookies.get(COOKIE, "")

    async def signed_in() -> bool:
        try:
            await seen.parts.sessions.find(token)
        except Unauthenticated:
            return False
        return True

    headers = HEADERS | {"X-Accel-Buffering": "no"}
    return StreamingResponse(stream(watch, signed_in), media_type="text/event-stream", headers=headers)


@router.post("/next")
async def open_next(seen: TheVisitor) -> Response:
    """Open the first case that nobody has open, within the filters of the page."""
    form = await posted(seen)
    session = await signer(seen)
    return await onward(seen, session, filters=asked_of(form).filters())


async def signer(seen: Visitor) -> Session:
    """Whoever may sign. Raises Unauthenticated, Forbidden."""
    session = person(seen)
    await demand(seen.parts, session, Right.SIGN)
    return session


async def _found(seen: Visitor, session: Session, asked: Asked) -> dict[str, object]:
    filters = asked.filters().model_copy(update={"limit": PAGE, "offset": asked.offset})
    found = await signoff.queue(session, seen.parts, signoff.desk_of(seen.parts), filters)
    return {"queue": found, "asked": asked, "names": seen.names(), "page_size": PAGE}
