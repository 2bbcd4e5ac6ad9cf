"""Sign-off, one story per use case: open → judge first → decide | defer | hand over; every story is check, act, record.

One transaction per decision: state, log entries, signed record, active time and ledger row commit together, and the
waiting caller is woken by that commit, on whichever replica it waits. The stories are in `acts/`.
"""

from __future__ import annotations

from dataclasses import dataclass, replace
from typing import TYPE_CHECKING

from gateway.audit.batch import Write
from gateway.audit.leaf import EventType
from gateway.errors import Conflict
from gateway.identity.methods import check_method
from gateway.identity.people import unchanged
from gateway.identity.sessions import spending
from gateway.policy.lanes import scopes
from gateway.signoff.acts import opening, passing
from gateway.signoff.acts.deciding import deciding
from gateway.signoff.acts.final import final_bytes
from gateway.signoff.acts.reading import read
from gateway.signoff.acts.records import signed_records
from gateway.signoff.acts.saying import (
    check_after_judgement,
    check_amendment,
    check_findings,
    check_length,
    check_reason,
    check_shown,
)
from gateway.signoff.acts.time import measured
from gateway.signoff.record import (
    Signing,
    Texts,
    final_events,
    ledger,
    open_between_two,
    person_event,
    request_digest,
    standing,
    undone,
    wakes,
)
from gateway.signoff.rights.reading import check_may_read
from gateway.signoff.rules import (
    check_awaiting,
    check_decides,
    check_fresh,
    check_lease,
    check_may_take,
    check_meant,
    may_arbitrate,
    may_sign,
)
from gateway.suggestions.content import commitment
from gateway.suggestions.queue import Asking, LaneRight
from gateway.suggestions.repository import check_there, moved
from gateway.suggestions.states import Action

if TYPE_CHECKING:
    from collections.abc import Iterable
    from datetime import datetime
    from uuid import UUID

    from gateway.audit.writer import Writer
    from gateway.clock import Clock
    from gateway.identity.people import Person
    from gateway.identity.sessions import Authentication
    from gateway.operations.keys import Keys
    from gateway.policy.lanes import Lanes
    from gateway.policy.models import Policy, Task
    from gateway.signoff.acts.records import SignedRecord
    from gateway.signoff.models import Advice, Decision, HandingOver, Judging, Opened, Passing
    from gateway.suggestions.repository import Suggestions
    from gateway.suggestions.tables import Suggestion


@dataclass(frozen=True, slots=True)
class SignOff:
    """The sign-off desk.

    Args:
        suggestions, writer, lanes, keys, clock: its collaborators.
    """

    suggestions: Suggestions
    writer: Writer
    lanes: Lanes
    keys: Keys
    clock: Clock

    def asking(self, person: Person, now: datetime) -> Asking:
        """The queue of this person: the tasks they may sign or arbitrate, and how fast their cases age."""
        rights = {}
        for lane in self.lanes.all:
            sign, arbitrate = may_sign(person, lane, now), may_arbitrate(person, lane, now)
            if sign or arbitrate:
                rights[lane.task.id] = LaneRight(lane.task.id, float(lane.requirement.policy.ageing_seconds), sign, arbitrate)
        held = person.competence
        sites, supervised = tuple(sorted(held.sites)), held.supervised_by is not None
        return Asking(person.id, self.writer.identity.establishment, now, tuple(rights.values()), sites=sites, supervised=supervised)

    async def open(self, person: Person, suggestion: UUID) -> Opened:
        """Take a suggestion under lease and show what this person may see at their step."""
        return await opening.open_case(self, person, suggestion)

    async def take(self, person: Person, suggestion: UUID) -> None:
        """The same for who goes on to the case and is shown it there."""
        await opening.take(self, person, suggestion)

    async def again(self, person: Person, suggestion: UUID) -> Opened:
        """Show once more what is open for a person, under the same lease. Raises Conflict where it is not open for them."""
        return await opening.again(self, person, suggestion)

    async def judge(self, person: Person, suggestion: UUID, judging: Judging) -> Opened:
        """Commit a person's own judgement, then show what the AI suggests."""
        return await opening.judge(self, person, suggestion, judging)

    async def extend(self, person: Person, suggestion: UUID, lease: UUID) -> datetime:
        """Keep a case open while its person works on it; until when."""
        return await opening.extend(self, person, suggestion, lease)

    async def meant(self, person: Person, suggestion: UUID) -> None:
        """For pages: refuse what comes before the guard against double presses is over. Raises Conflict."""
        row = await self.suggestions.get(suggestion)
        check_meant(row, person, self.lanes.of(row.system, row.task).requirement.policy, self.clock.now())

    async def decide(self, person: Person, proof: Authentication, suggestion: UUID, decision: Decision, *, pressed: bool = False) -> None:
        """Approve, amend or reject exactly what was shown. Raises what the rules raise; nothing is decided then.

        `pressed`: by a button of a page, so the guard against double presses counts.
        """
        row, now = await self.suggestions.get(suggestion), self.clock.now()
        lane = self.lanes.of(row.system, row.task)
        if pressed:
            check_meant(row, person, lane.requirement.policy, now)
        check_awaiting(row)
        check_may_take(row, person, lane, now)
        check_lease(row, person, decision.lease, now)
        check_fresh(proof, lane.requirement.policy, now, row.leased_at)
        check_method(proof, lane.requirement.policy)
        check_length(decision.comment)
        opened = await read(self, row, lane, person)
        check_decides(opened.step)
        check_shown(decision, opened)
        _check_says(decision, opened)
        earlier = tuple(standing(await self.suggestions.signatures(suggestion))) if row.first_signer else ()
        times = await measured(self.suggestions.work, row, person, decision.active_seconds, "decision", now)
        signing = Signing(person, proof, decision, opened, now, final_bytes(opened, decision), earlier, times)
        write = await deciding(self, signing)
        await self.writer.append(_resting_on(write, person, proof, lane.requirement.policy))

    async def recorded(self, person: Person, suggestion: UUID, decision: Decision) -> Suggestion | None:
        """Where a suggestion stands, if this very decision of this person stands already (a double submit); else None."""
        made = standing(await self.suggestions.signatures(suggestion))
        if any(one.person_id == person.id and one.request == request_digest(decision) for one in made):
            return await self.suggestions.get(suggestion)
        return None

    async def defer(self, person: Person, suggestion: UUID, given: Passing) -> None:
        """Put a case back without deciding; its clock runs on."""
        await passing.defer(self, person, suggestion, given)

    async def leave(self, person: Person, suggestion: UUID, given: Passing) -> None:
        """Keep the time of a page that was left without a decision; the case stays open."""
        await passing.leave(self, person, suggestion, given)

    async def hand_over(self, person: Person, suggestion: UUID, colleague: Person, given: HandingOver) -> None:
        """Give a case to a colleague who may take it, or ask for an opinion; its clock runs on."""
        await passing.hand_over(self, person, suggestion, colleague, given)

    async def give_opinion(self, person: Person, suggestion: UUID, advice: Advice) -> None:
        """Give the opinion that was asked for; the case returns."""
        await passing.give_opinion(self, person, suggestion, advice)

    async def colleagues(self, person: Person, suggestion: UUID, known: Iterable[Person]) -> list[Person]:
        """Everybody else who may take this case."""
        return await passing.colleagues(self, person, suggestion, known)

    async def undo(self, person: Person, suggestion: UUID) -> None:
        """Take one's own decision back while the undo window is open; all who decided decide anew."""
        row, now = await self.suggestions.get(suggestion), self.clock.now()
        signatures = await self.suggestions.signatures(suggestion)
        if not signatures or signatures[-1].person_id != person.id:
            message = "Only the person who decided can take the decision back, and only before it is released. Call them, or the place it was released to."
            french = "Seule la personne qui a décidé peut revenir sur sa décision, et seulement avant la remise. Appelez-la, ou le service qui l'a reçue."
            raise Conflict(message, code="not_yours", fr=french)
        event = person_event(EventType.DEFERRED, row, person, self.keys, now, decision="undone")
        cleared = {"decided_at": None, "decision": "", "first_signer": None, "second_signer": None, "final_entry": None}
        guard = moved(row, Action.UNDO, {"next_clock_at": row.due_at, **cleared})
        effects = undone(signatures[-1], event.id, now)
        await self.writer.append(Write((event,), guards=(guard,), effects=effects, wake=wakes(row)))

    async def finalise(self, row: Suggestion) -> None:
        """The undo window is over: release what was signed (by the clock, for the person who signed)."""
        now = self.clock.now()
        signatures, active = standing(await self.suggestions.signatures(row.id)), await self.suggestions.work.active(row.id)
        field = "final" if row.final_entry is None else f"final/{row.final_entry}"
        final, payloads = await self.suggestions.sealed(row, field), await self.suggestions.payloads(row)
        suggestion = payloads["suggestion"]
        body = payloads.get("final", suggestion)
        value = "" if final is None else commitment(final.salt, "final", body)
        _, task = await self.ruling(row)
        work = ledger(row, task.profession, self.keys, signatures, Texts(suggestion, body, now), active)
        guard = moved(row, Action.FINALISE, {"released_at": now, "next_clock_at": None})
        events = final_events(row, row.decision, {"final": value}, now)
        await self.writer.append(Write(events, guards=(guard,), usage=work, scopes=scopes(row.system, row.task, row.site), wake=wakes(row)))

    async def ruling(self, row: Suggestion) -> tuple[Policy, Task]:
        """The policy and the task by which the clocks go: as configured; of a route that was removed, as it was received."""
        if self.lanes.knows(row.system, row.task):
            lane = self.lanes.of(row.system, row.task)
            return lane.requirement.policy, lane.task
        return await self.suggestions.ruling(row)

    async def readable(self, person: Person, suggestion: UUID) -> Suggestion:
        """A suggestion of which this person may read what was decided. Raises Unknown, Forbidden."""
        row = await self.suggestions.get(suggestion)
        signers = {one.person_id for one in await self.suggestions.signatures(suggestion)}
        check_may_read(row, person, await self.ruling(row), signers, self.clock.now())
        check_there(row)
        return row

    async def records(self, person: Person, suggestion: UUID) -> list[SignedRecord]:
        """The signed records that stand; none while the outcome is open, so that nobody who decides blind sees another's decision."""
        row = await self.readable(person, suggestion)
        return [] if open_between_two(row) else await signed_records(self, row)


def _resting_on(write: Write, person: Person, proof: Authentication, policy: Policy) -> Write:
    """The account as it was read; and the proof, which the same commit uses up: at 0 seconds it counts for one decision only."""
    once = policy.reauthenticate_seconds == 0
    spent = spending(proof, once=once)
    guards = (*write.guards, unchanged(person), *((spent,) if once else ()))
    return replace(write, guards=guards, effects=write.effects if once else (*write.effects, spent))


def _check_says(decision: Decision, opened: Opened) -> None:
    check_reason(decision, opened.lane.requirement.policy)
    check_amendment(decision, opened)
    check_findings(decision, opened)
    check_after_judgement(decision, opened)
