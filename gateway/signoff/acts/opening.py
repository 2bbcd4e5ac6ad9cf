"""Opening a case, judging it first, keeping it open: what is shown is logged with a commitment before anybody sees it."""

from __future__ import annotations

from dataclasses import replace
from datetime import timedelta
from typing import TYPE_CHECKING

from gateway.audit.batch import Statement, Write
from gateway.audit.leaf import EventType
from gateway.ids import uuid7
from gateway.signoff.acts.reading import read
from gateway.signoff.acts.saying import check_judging
from gateway.signoff.acts.time import measured, spent
from gateway.signoff.models import Step
from gateway.signoff.record import person_event, wakes
from gateway.signoff.rules import check_awaiting, check_free, check_hands, check_lease, check_may_take
from gateway.suggestions.content import Place
from gateway.suggestions.repository import changed, stored
from gateway.suggestions.work.repository import added
from gateway.suggestions.work.tables import Judgement

if TYPE_CHECKING:
    from datetime import datetime
    from uuid import UUID

    from gateway.identity.people import Person
    from gateway.signoff.models import Judging, Opened
    from gateway.signoff.service import SignOff
    from gateway.suggestions.work.tables import ActiveTimes

_EXTEND = "UPDATE suggestions SET leased_until = $4 WHERE id = $1 AND lease = $2 AND leased_by = $3 AND leased_until >= $5 RETURNING id"


async def open_case(desk: SignOff, person: Person, suggestion: UUID) -> Opened:
    """Take a suggestion under lease and show it."""
    opened = await take(desk, person, suggestion)
    return replace(opened, row=await desk.suggestions.get(suggestion))


async def take(desk: SignOff, person: Person, suggestion: UUID) -> Opened:
    """Take a suggestion under lease; the opening is logged with a commitment to what is shown. The row is as it was before."""
    row, now = await desk.suggestions.get(suggestion), desk.clock.now()
    lane = desk.lanes.of(row.system, row.task)
    check_awaiting(row)
    check_may_take(row, person, lane, now)
    check_free(row, person, now)
    check_hands(await desk.suggestions.queues.open_for(person.id, now, suggestion))
    opened = await read(desk, row, lane, person)
    kept = row.leased_by == person.id and row.leased_until is not None and row.leased_until > now
    lease = {"lease": uuid7(), "leased_by": person.id, "leased_at": row.leased_at if kept else now, **_until(opened, now)}
    if row.returns_to == person.id:  # who asked for an opinion decides without it
        lease |= {"assigned_to": person.id, "returns_to": None}
    await desk.writer.append(_viewing(desk, person, opened, {**lease, "opened_at": row.opened_at or now}, now))
    return opened


async def again(desk: SignOff, person: Person, suggestion: UUID) -> Opened:
    """What is open for this person, once more under the same lease; another content than they saw is a new opening (R3)."""
    row, now = await desk.suggestions.get(suggestion), desk.clock.now()
    lane = desk.lanes.of(row.system, row.task)
    check_awaiting(row)
    check_may_take(row, person, lane, now)
    check_lease(row, person, row.lease or suggestion, now)
    opened = await read(desk, row, lane, person)
    return opened if opened.before is None else await open_case(desk, person, suggestion)


async def judge(desk: SignOff, person: Person, suggestion: UUID, judging: Judging) -> Opened:
    """Commit a person's own judgement, then show what the AI suggests; the lease goes on (R13)."""
    row, now = await desk.suggestions.get(suggestion), desk.clock.now()
    lane = desk.lanes.of(row.system, row.task)
    check_awaiting(row)
    check_may_take(row, person, lane, now)
    check_lease(row, person, judging.lease, now)
    opened = await read(desk, row, lane, person)
    check_judging(judging, opened)
    times = await measured(desk.suggestions.work, row, person, judging.active_seconds, "judgement", now)
    await desk.writer.append(_judging(desk, person, opened, judging, times))
    row = await desk.suggestions.get(suggestion)
    shown = await read(desk, row, lane, person)
    await desk.writer.append(_viewing(desk, person, shown, _until(shown, now), desk.clock.now()))
    return replace(shown, row=await desk.suggestions.get(suggestion))


async def extend(desk: SignOff, person: Person, suggestion: UUID, lease: UUID) -> datetime:
    """Keep a case open while its person works on it; until when. Raises Conflict for a lease that is lost."""
    row, now = await desk.suggestions.get(suggestion), desk.clock.now()
    check_lease(row, person, lease, now)
    assert row.leased_until is not None  # noqa: S101 - checked with the lease
    length = timedelta(seconds=desk.lanes.of(row.system, row.task).requirement.policy.lease_seconds)
    if row.leased_until - now > length / 2:
        return row.leased_until
    event = person_event(EventType.VIEWED, row, person, desk.keys, now, detail={"lease": "extended"})
    guard = Statement(_EXTEND, (row.id, lease, person.id, now + length, now), key=row.id)
    await desk.writer.append(Write((event,), guards=(guard,)))
    return now + length


def _until(opened: Opened, now: datetime) -> dict[str, object]:
    return {"leased_until": now + timedelta(seconds=opened.lane.requirement.policy.lease_seconds)}


def _viewing(desk: SignOff, person: Person, opened: Opened, lease: dict[str, object], now: datetime) -> Write:
    """The entry of an opening; what is shown is kept the first time, so that a later change can be told (R3)."""
    row = opened.row
    event = person_event(EventType.VIEWED, row, person, desk.keys, now, detail={"step": opened.step.value})
    guard = changed(row, lease)
    if opened.step is Step.JUDGE:
        return Write((event,), guards=(guard,), wake=wakes(row))
    seal = desk.keys.vault.commit_only if opened.earlier == opened.shown else desk.keys.vault.seal
    sealed = seal("shown", opened.shown, Place(row.establishment, row.case_id, event.id))
    event = replace(event, commitments={"shown": sealed.commitment})
    effects = stored(row.id, (replace(sealed, field=f"shown/{person.id}/{event.id}"),))
    return Write((event,), guards=(guard,), effects=effects, wake=wakes(row))


def _judging(desk: SignOff, person: Person, opened: Opened, judging: Judging, times: ActiveTimes) -> Write:
    row, vault, now = opened.row, desk.keys.vault, times.at
    event = person_event(EventType.JUDGED_FIRST, row, person, desk.keys, now)
    place = Place(row.establishment, row.case_id, event.id)
    answer = vault.seal("judgement", judging.answer.encode(), place)
    confidence = vault.commit_only("confidence", str(judging.confidence).encode(), place)
    event = replace(event, commitments={"judgement": answer.commitment, "confidence": confidence.commitment})
    kept = Judgement(
        id=event.id, suggestion_id=row.id, person_id=person.id, printed_name=person.name, profession=person.profession,
        confidence=judging.confidence, at=now, entry_id=event.id,
    )  # fmt: skip
    payloads = stored(row.id, (replace(part, field=f"{part.field}/{event.id}") for part in (answer, confidence)))
    guards = (added(kept, unless="suggestion_id, person_id"), changed(row, {**_until(opened, now), "leased_at": now}))
    return Write((event,), guards=guards, effects=(*payloads, spent(times, event.id)), wake=wakes(row))
