"""The queue over HTTP: what waits for me, and the next case that is free."""

import asyncio
from collections.abc import Awaitable, Callable, Iterable, Mapping
from dataclasses import replace
from typing import Annotated, Final, TypeVar
from uuid import UUID

from fastapi import APIRouter, Query

from gateway.api.dependencies import Clinician, Parts, TheParts
from gateway.api.signoff.answers import Facets, Queue, Shown, Waiting, shown, waiting
from gateway.api.signoff.bodies import Filters
from gateway.api.signoff.doors import TheDesk
from gateway.errors import Conflict, Unknown, UpstreamFailed
from gateway.identity.people import Person
from gateway.identity.sessions import Session
from gateway.signoff.desk import Desk
from gateway.suggestions.queue import Asking
from gateway.suggestions.queue import Waiting as WaitingRow
from gateway.suggestions.work.patients import chosen, fits

router = APIRouter()
_T = TypeVar("_T")
EVERYTHING: Final = Filters()
MOST_SEARCHED: Final = 20_000
_TRIES: Final = 20
_AT_A_TIME: Final = 100
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
    return shown(await _first(session, parts, desk, filters, desk.signoff.open))


async def take_next(session: Session, parts: Parts, desk: Desk, filters: Filters) -> UUID:
    """For the pages: take the next free case without reading it again; the page that is gone on to shows it."""

    async def taken(person: Person, suggestion: UUID) -> UUID:
        await desk.signoff.take(person, suggestion)
        return suggestion

    return await _first(session, parts, desk, filters, taken)


async def _first(session: Session, parts: Parts, desk: Desk, filters: Filters, take: Callable[[Person, UUID], Awaitable[_T]]) -> _T:
    asking = replace(_asking(parts, desk, session, filters), limit=_TRIES, offset=0)
    for suggestion in await desk.signoff.suggestions.queues.free(asking):
        try:
            return await take(session.person, suggestion)
        except (Conflict, UpstreamFailed):  # a colleague was quicker with this one, or it cannot be read
            continue
    message = "Nothing waits for you now that is free. Wait: what colleagues have open comes back when their time is over."
    french = "Rien de libre ne vous attend. Patientez : ce que des collègues ont ouvert revient en file quand leur temps est écoulé."
    raise Unknown(message, code="nothing_free", fr=french)


async def patients(desk: Desk, cases: Iterable[Waiting]) -> dict[UUID, str]:
    """For the pages: whose these cases are, as each route lets the queue say; only what is asked for is decrypted."""
    named = {case.id: labels for case in cases if (labels := _labels(desk, case))}
    if not named:
        return {}
    found = await desk.signoff.suggestions.patients.of(named)
    return {case: chosen(values, named[case]) for case, values in found.items()}


async def find(asked: str, session: Session, parts: Parts, desk: Desk, most: int) -> list[Waiting]:
    """For the pages: my cases whose patient fits what is asked, as the queue stands, at most `most`; nothing but those is kept of it."""
    asking = replace(_asking(parts, desk, session, EVERYTHING), limit=MOST_SEARCHED)
    rows, _ = await desk.signoff.suggestions.queues.page(asking)
    kept = {one.suggestion: one for one in await desk.signoff.suggestions.patients.kept(row.id for row in rows)}
    found: list[Waiting] = []
    for n, row in enumerate(rows):
        if n % _AT_A_TIME == 0:  # others are served in between
            await asyncio.sleep(0)
        labels = _labels(desk, row)
        if labels and row.id in kept and fits(_only(desk.signoff.suggestions.patients.opened(kept[row.id]), labels), asked):
            found.append(waiting(row, asking.now))
            if len(found) == most:
                break
    return found


def _labels(desk: Desk, case: Waiting | WaitingRow) -> tuple[str, ...]:
    lanes = desk.signoff.lanes
    return lanes.of(case.system, case.task).route.queue_patient if lanes.knows(case.system, case.task) else ()


def _only(values: Mapping[str, str], labels: Iterable[str]) -> dict[str, str]:
    return {label: values[label] for label in labels if label in values}


def _asking(parts: Parts, desk: Desk, session: Session, filters: Filters) -> Asking:
    chosen = {"tasks": tuple(filters.task), "states": tuple(filters.state), "urgencies": tuple(filters.urgency)}
    page = {"limit": filters.limit, "offset": filters.offset}
    asking = desk.signoff.asking(session.person, parts.clock.now())
    return replace(asking, **chosen, mine=filters.mine, overdue=filters.overdue, **page)  # type: ignore[arg-type]
