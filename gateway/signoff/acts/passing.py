"""Not deciding: put a case back, give it to a colleague, ask for an opinion, give one. Its clock runs on (R7)."""

from __future__ import annotations

from dataclasses import replace
from typing import TYPE_CHECKING, Final

from gateway.audit.batch import Statement, Write
from gateway.audit.leaf import EventType
from gateway.errors import BadInput, Conflict
from gateway.identity.people import pseudonym
from gateway.ids import uuid7
from gateway.signoff.acts.reading import asked_for_opinion
from gateway.signoff.acts.saying import check_length, check_text
from gateway.signoff.acts.time import measured, spent
from gateway.signoff.models import MAX_ANSWER, Step
from gateway.signoff.record import person_event, wakes
from gateway.signoff.rules import check_awaiting, check_decides, check_lease, check_may_take, may_take
from gateway.suggestions.content import Place
from gateway.suggestions.repository import changed, stored
from gateway.suggestions.work.repository import LEFT, added
from gateway.suggestions.work.tables import Opinion

if TYPE_CHECKING:
    from collections.abc import Iterable
    from uuid import UUID

    from gateway.audit.leaf import Event
    from gateway.identity.people import Person
    from gateway.signoff.models import Advice, HandingOver, Passing
    from gateway.signoff.service import SignOff
    from gateway.suggestions.tables import Suggestion

_FREE: Final = {"lease": None, "leased_by": None, "leased_until": None, "leased_at": None}
_STILL: Final = "SELECT id FROM suggestions WHERE id = $1 AND lease = $2 AND leased_by = $3 FOR SHARE"


async def defer(desk: SignOff, person: Person, suggestion: UUID, passing: Passing) -> None:
    """Put a case back without deciding; whoever was asked for an opinion gives it back to the colleague who asked."""
    row, now = await desk.suggestions.get(suggestion), desk.clock.now()
    check_lease(row, person, passing.lease, now)
    event = person_event(EventType.DEFERRED, row, person, desk.keys, now, detail=_reason(passing))
    back = {"assigned_to": row.returns_to, "returns_to": None} if asked_for_opinion(row, person) else {}
    if row.assigned_to == person.id and not back:
        back = {"assigned_to": None, "returns_to": None}
    times = spent(await measured(desk.suggestions.work, row, person, passing.active_seconds, "defer", now), event.id)
    await desk.writer.append(Write((event,), guards=(changed(row, {**_FREE, **back}),), effects=(times,), wake=wakes(row)))


async def leave(desk: SignOff, person: Person, suggestion: UUID, passing: Passing) -> None:
    """Keep the time of a page that was closed or left without a decision; the lease goes on until it is over."""
    row, now = await desk.suggestions.get(suggestion), desk.clock.now()
    check_lease(row, person, passing.lease, now)
    event = person_event(EventType.VIEWED, row, person, desk.keys, now, detail={"page": LEFT})
    times = spent(await measured(desk.suggestions.work, row, person, passing.active_seconds, LEFT, now), event.id)
    guard = Statement(_STILL, (row.id, passing.lease, person.id), key=row.id)
    await desk.writer.append(Write((event,), guards=(guard,), effects=(times,)))


async def hand_over(desk: SignOff, person: Person, suggestion: UUID, colleague: Person, passing: HandingOver) -> None:
    """Give a case to a colleague who may take it, or ask for an opinion that comes back; its clock runs on."""
    row, now = await desk.suggestions.get(suggestion), desk.clock.now()
    check_awaiting(row)
    check_lease(row, person, passing.lease, now)
    check_length(passing.comment, MAX_ANSWER)
    if asked_for_opinion(row, person):
        check_decides(Step.OPINION)
    _check_somebody_else(person, colleague)
    check_may_take(row, colleague, desk.lanes.of(row.system, row.task), now)
    detail = {"to": colleague.actor(desk.keys), "mode": passing.mode, **_reason(passing)}
    event = person_event(EventType.HANDED_OVER, row, person, desk.keys, now, detail=detail)
    kind = "question" if passing.mode == "ask" else "hand_over"
    event, effects = _said(desk, row, person, kind, passing.comment, event) if passing.comment.strip() else (event, ())
    times = spent(await measured(desk.suggestions.work, row, person, passing.active_seconds, "hand_over", now), event.id)
    returns = person.id if passing.mode == "ask" else None
    guard = changed(row, {**_FREE, "assigned_to": colleague.id, "returns_to": returns, "notified_person": colleague.login})
    await desk.writer.append(Write((event,), guards=(guard,), effects=(*effects, times), wake=wakes(row)))


async def give_opinion(desk: SignOff, person: Person, suggestion: UUID, advice: Advice) -> None:
    """Give the opinion that was asked for; the case returns to whoever asked."""
    row, now = await desk.suggestions.get(suggestion), desk.clock.now()
    check_awaiting(row)
    check_lease(row, person, advice.lease, now)
    if not asked_for_opinion(row, person) or row.returns_to is None:
        message = "Nobody waits for your opinion here any more. Open the case to see what it is now; your text is kept on your page."
        french = "Plus personne n'attend votre avis ici. Ouvrez le dossier pour voir où il en est ; votre texte reste sur votre page."
        raise Conflict(message, code="no_opinion_asked", fr=french)
    if row.judge_first and await desk.suggestions.work.judgement(row.id, person.id) is None:
        check_decides(Step.JUDGE)
    check_text(advice.text)
    detail = {"to": pseudonym(desk.keys, row.returns_to), "mode": "opinion"}
    event = person_event(EventType.HANDED_OVER, row, person, desk.keys, now, detail=detail)
    event, effects = _said(desk, row, person, "opinion", advice.text, event)
    times = spent(await measured(desk.suggestions.work, row, person, advice.active_seconds, "opinion", now), event.id)
    guard = changed(row, {**_FREE, "assigned_to": row.returns_to, "returns_to": None})
    await desk.writer.append(Write((event,), guards=(guard,), effects=(*effects, times), wake=wakes(row)))


async def colleagues(desk: SignOff, person: Person, suggestion: UUID, known: Iterable[Person]) -> list[Person]:
    """Everybody else who may take this case: by the same rule that a decision is checked by."""
    row, now = await desk.suggestions.get(suggestion), desk.clock.now()
    lane = desk.lanes.of(row.system, row.task)
    return [one for one in known if one.active and one.id != person.id and may_take(row, one, lane, now)]


def _said(desk: SignOff, row: Suggestion, person: Person, kind: str, text: str, event: Event) -> tuple[Event, tuple[Statement, ...]]:
    """A word to a colleague: encrypted, and committed to in its entry."""
    sealed = desk.keys.vault.seal("opinion", text.encode(), Place(row.establishment, row.case_id, event.id))
    said = Opinion(
        id=uuid7(), suggestion_id=row.id, kind=kind, person_id=person.id, printed_name=person.name, profession=person.profession,
        at=event.at, entry_id=event.id,
    )  # fmt: skip
    payload = stored(row.id, (replace(sealed, field=f"opinion/{event.id}"),))
    return replace(event, commitments={"opinion": sealed.commitment}), (added(said), *payload)


def _reason(passing: Passing) -> dict[str, str]:
    return {"reason": str(passing.reason)} if passing.reason else {}


def _check_somebody_else(person: Person, colleague: Person) -> None:
    if colleague.id == person.id:
        message = "This is you. Choose a colleague, or put the case back."
        raise BadInput(message, code="same_person", fr="C'est vous. Choisissez un collègue, ou remettez le dossier en file.")
