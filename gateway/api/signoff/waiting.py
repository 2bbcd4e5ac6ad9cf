"""The queue over HTTP: what waits for me, and the next case that is free."""

from dataclasses import replace
from typing import Annotated, Final

from fastapi import APIRouter, Query

from gateway.api.dependencies import Clinician, Parts, TheParts
from gateway.api.signoff.answers import Facets, Queue, Shown, shown, waiting
from gateway.api.signoff.bodies import Filters
from gateway.api.signoff.doors import TheDesk
from gateway.errors import Conflict, Unknown, UpstreamFailed
from gateway.identity.sessions import Session
from gateway.signoff.desk import Desk
from gateway.suggestions.queue import Asking

router = APIRouter()
EVERYTHING: Final = Filters()
_TRIES: Final = 20
TheFilters = Annotated[Filters, Query()]


@router.get("/queue")
async def queue(session: Clinician, parts: TheParts, desk: TheDesk, filters: TheFilters = EVERYTHING) -> Queue:
    """What waits for me: emergencies and overdue time-critical cases first, then by urgency with ageing, then the longest waiting."""
    asking = _asking(parts, desk, session, filters)
    rows, counts = await desk.signoff.suggestions.queues.page(asking)
    return Queue(
        cases=[waiting(row, asking.now) for row in rows],
        total=counts.total,
        longest_wait_seconds=counts.longest,
        overdue=counts.overdue,
        facets=Facets(**{"task": {}, "state": {}, "urgency": {}, **counts.facets}, mine=counts.mine, overdue=counts.overdue),
    )


@router.post("/queue/next")
async def open_next(session: Clinician, parts: TheParts, desk: TheDesk, filters: TheFilters = EVERYTHING) -> Shown:
    """Open the next free case: my own open one first, then what was handed to me, then as the queue stands."""
    asking = replace(_asking(parts, desk, session, filters), limit=_TRIES, offset=0)
    for suggestion in await desk.signoff.suggestions.queues.free(asking):
        try:
            return shown(await desk.signoff.open(session.person, suggestion))
        except (Conflict, UpstreamFailed):  # a colleague was quicker with this one, or it cannot be read
            continue
    message = "Nothing waits for you now that is free. Wait: what colleagues have open comes back when their time is over."
    french = "Rien de libre ne vous attend. Patientez : ce que des collègues ont ouvert revient en file quand leur temps est écoulé."
    raise Unknown(message, code="nothing_free", fr=french)


def _asking(parts: Parts, desk: Desk, session: Session, filters: Filters) -> Asking:
    chosen = {"tasks": tuple(filters.task), "states": tuple(filters.state), "urgencies": tuple(filters.urgency)}
    page = {"limit": filters.limit, "offset": filters.offset}
    asking = desk.signoff.asking(session.person, parts.clock.now())
    return replace(asking, **chosen, mine=filters.mine, overdue=filters.overdue, **page)  # type: ignore[arg-type]
