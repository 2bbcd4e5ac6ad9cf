"""Sign-off, one story per use case: open → decide | defer | hand over; every story is check, act, record.

One transaction per decision: state, log entries, signed record and ledger row commit together, and the waiting
caller is woken by that commit, on whichever replica it waits.
"""

from __future__ import annotations

from dataclasses import dataclass, replace
from datetime import datetime, timedelta
from typing import TYPE_CHECKING, Final

from gateway.adapters.registry import adapter
from gateway.audit.batch import Write
from gateway.audit.leaf import EventType
from gateway.errors import Conflict
from gateway.identity.methods import check_method
from gateway.identity.people import unchanged
from gateway.ids import uuid7
from gateway.signoff.models import Decision, Opened
from gateway.signoff.record import (
    Signed,
    Signing,
    final_events,
    ledger,
    person_event,
    signature_row,
    standing,
    undone,
    wakes,
)
from gateway.signoff.rules import (
    check_amendment,
    check_awaiting,
    check_free,
    check_fresh,
    check_lease,
    check_may_sign,
    check_reason,
    check_second_person,
    check_shown,
    may_sign,
)
from gateway.suggestions.content import Place, Sealed, commitment, sha256
from gateway.suggestions.exchange import shown, unpack
from gateway.suggestions.repository import changed, moved, stored
from gateway.suggestions.states import Action, State

if TYPE_CHECKING:
    from uuid import UUID

    from gateway.audit.writer import Writer
    from gateway.clock import Clock
    from gateway.identity.people import Person
    from gateway.identity.sessions import Authentication
    from gateway.operations.keys import Keys
    from gateway.policy.lanes import Lane, Lanes
    from gateway.suggestions.models import Waiting
    from gateway.suggestions.repository import Suggestions
    from gateway.suggestions.tables import Suggestion

_CLEARED: Final = {"lease": None, "leased_by": None, "leased_until": None}


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

    async def queue(self, person: Person) -> list[Waiting]:
        """What waits for this person: overdue first, then urgency, then age."""
        now = self.clock.now()
        tasks = {lane.task.id for lane in self.lanes.all if may_sign(person, lane, now)}
        return await self.suggestions.waiting(tasks)

    async def open(self, person: Person, suggestion: UUID) -> Opened:
        """Take a suggestion under lease and show it; the opening is logged with a commitment to what is shown."""
        row, now = await self.suggestions.get(suggestion), self.clock.now()
        lane = self.lanes.of(row.system, row.task)
        check_may_sign(person, lane, now)
        check_awaiting(row)
        check_second_person(row, person)
        check_free(row, person, now)
        opened = await self._shown(row, lane)
        lease = {"lease": uuid7(), "leased_by": person.id, "leased_until": now + timedelta(seconds=lane.requirement.policy.lease_seconds)}
        lease["opened_at"] = row.opened_at or now
        await self.writer.append(self._viewing(person, opened, lease, now))
        return replace(opened, row=await self.suggestions.get(suggestion))

    async def decide(self, person: Person, proof: Authentication, suggestion: UUID, decision: Decision) -> Suggestion:
        """Approve, amend or reject exactly what was shown. Raises what the rules raise; nothing is decided then."""
        row, now = await self.suggestions.get(suggestion), self.clock.now()
        lane = self.lanes.of(row.system, row.task)
        check_awaiting(row)
        check_may_sign(person, lane, now)
        check_lease(row, person, decision.lease, now)
        check_second_person(row, person)
        check_fresh(proof.at, lane.requirement.policy, now, row.opened_at)
        check_method(proof, lane.requirement.policy)
        opened = await self._shown(row, lane)
        check_shown(decision, opened.shown_sha256)
        check_reason(decision, lane.requirement.policy)
        check_amendment(decision, frozenset(part.pointer for part in opened.view.fields))
        write = await self._deciding(Signing(person, proof, decision, opened, now))
        await self.writer.append(replace(write, guards=(*write.guards, unchanged(person))))
        return await self.suggestions.get(suggestion)

    async def defer(self, person: Person, suggestion: UUID, lease: UUID) -> None:
        """Put a case back without deciding; its clock runs on."""
        row, now = await self.suggestions.get(suggestion), self.clock.now()
        check_lease(row, person, lease, now)
        event = person_event(EventType.DEFERRED, row, person, self.keys, now)
        await self.writer.append(Write((event,), guards=(changed(row, _CLEARED),), wake=wakes(row)))

    async def hand_over(self, person: Person, suggestion: UUID, lease: UUID, colleague: Person) -> None:
        """Give a case to a colleague who may sign it; its clock runs on."""
        row, now = await self.suggestions.get(suggestion), self.clock.now()
        check_lease(row, person, lease, now)
        check_may_sign(colleague, self.lanes.of(row.system, row.task), now)
        check_second_person(row, colleague)
        event = person_event(EventType.HANDED_OVER, row, person, self.keys, now, detail={"to": colleague.actor(self.keys)})
        guard = changed(row, {**_CLEARED, "notified_person": colleague.login})
        await self.writer.append(Write((event,), guards=(guard,), wake=wakes(row)))

    async def undo(self, person: Person, suggestion: UUID) -> None:
        """Take one's own decision back while the undo window is open."""
        row, now = await self.suggestions.get(suggestion), self.clock.now()
        signatures = await self.suggestions.signatures(suggestion)
        if not signatures or signatures[-1].person_id != person.id:
            message = "Only the person who decided can take the decision back, and only before it is released."
            raise Conflict(message, code="not_yours")
        event = person_event(EventType.DEFERRED, row, person, self.keys, now, decision="undone")
        guard = moved(row, Action.UNDO, {"next_clock_at": row.due_at, "decided_at": None, "decision": "", "first_signer": None})
        effects = undone(signatures[-1], event.id, now)
        await self.writer.append(Write((event,), guards=(guard,), effects=effects, wake=wakes(row)))

    async def finalise(self, row: Suggestion) -> None:
        """The undo window is over: release what was signed (by the clock, for the person who signed)."""
        now = self.clock.now()
        signatures = standing(await self.suggestions.signatures(row.id))
        final, payloads = await self.suggestions.sealed(row, "final"), await self.suggestions.payloads(row)
        suggestion = payloads["suggestion"]
        body = payloads.get("final", suggestion) if final is not None and final.ciphertext is not None else suggestion
        value = "" if final is None else commitment(final.salt, "final", body)
        lane = self.lanes.of(row.system, row.task)
        work = ledger(row, lane, self.keys, signatures, suggestion, body, now)
        guard = moved(row, Action.FINALISE, {"released_at": now, "next_clock_at": None})
        events = final_events(row, row.decision, {"final": value}, now)
        await self.writer.append(Write(events, guards=(guard,), usage=work, scopes=lane.scopes(row.site), wake=wakes(row)))

    async def _shown(self, row: Suggestion, lane: Lane) -> Opened:
        payloads = await self.suggestions.payloads(row)
        exchange = unpack(payloads["exchange"])
        view = adapter(row.protocol).read(exchange.answer(payloads["suggestion"]), exchange.recognised, lane.reading)
        document = shown(view, payloads["suggestion"], row.system, row.task)
        return Opened(row, lane, view, document, sha256(document), payloads["suggestion"], payloads)

    def _viewing(self, person: Person, opened: Opened, lease: dict[str, object], now: datetime) -> Write:
        event = person_event(EventType.VIEWED, opened.row, person, self.keys, now)
        sealed = self.keys.vault.commit_only("shown", opened.shown, Place(opened.row.establishment, opened.row.case_id, event.id))
        event = replace(event, commitments={"shown": sealed.commitment})
        effects = stored(opened.row.id, (replace(sealed, field=f"shown/{event.id}"),))
        return Write((event,), guards=(changed(opened.row, lease),), effects=effects, wake=wakes(opened.row))

    async def _deciding(self, signing: Signing) -> Write:
        if signing.decision.decision == "reject":
            return self._rejecting(signing)
        return await self._signing(signing)

    def _rejecting(self, signing: Signing) -> Write:
        row = signing.opened.row
        signed = self._signed(signing, EventType.REJECTED, None)
        changes = {
            **_CLEARED,
            "decided_at": signing.at,
            "next_clock_at": None,
            "code": signing.decision.reason,
            "decision": "reject",
            "overdue": False,
        }
        signature = signature_row(signing, signed)
        work = ledger(row, signing.opened.lane, self.keys, [signature.row], signing.opened.suggestion, b"", signing.at)
        effects = (*signature.statements, *stored(row.id, signed.sealed))
        return Write((signed.event,), guards=(moved(row, Action.REJECT, changes),), effects=effects, usage=work, wake=wakes(row))

    async def _signing(self, signing: Signing) -> Write:
        row, policy = signing.opened.row, signing.opened.lane.requirement.policy
        signed = self._signed(signing, EventType.SIGNED_OFF, await self._final(signing), await self._first_final(row))
        signature = signature_row(signing, signed)
        earlier = standing(await self.suggestions.signatures(row.id))
        effects = (*signature.statements, *stored(row.id, signed.sealed))
        name = {"decision": signing.decision.decision, **_CLEARED}
        if row.signatures > 1 and row.first_signer is None:
            guard = moved(row, Action.SIGN_FIRST, {**name, "first_signer": signing.person.id})
            return Write((signed.event,), guards=(guard,), effects=effects, wake=wakes(row))
        decided = {**name, "decided_at": signing.at, "overdue": False}
        if policy.undo_seconds and row.state in {State.HELD, State.FIRST_SIGNED}:
            guard = moved(row, Action.SIGN_LATER, {**decided, "next_clock_at": signing.at + timedelta(seconds=policy.undo_seconds)})
            return Write((signed.event,), guards=(guard,), effects=effects, wake=wakes(row))
        guard = moved(row, Action.SIGN, {**decided, "released_at": signing.at, "next_clock_at": None})
        work = ledger(row, signing.opened.lane, self.keys, [*earlier, signature.row], signing.opened.suggestion, signed.final, signing.at)
        events = (signed.event, *final_events(row, signing.decision.decision, {"final": signed.commitments["final"]}, signing.at))
        return Write(events, guards=(guard,), effects=effects, usage=work, scopes=signing.opened.lane.scopes(row.site), wake=wakes(row))

    async def _final(self, signing: Signing) -> bytes:
        """The bytes this signature releases; a second signature has to be on the same bytes as the first."""
        opened = signing.opened
        exchange = unpack(opened.payloads["exchange"])
        if signing.decision.amendment is None:
            final = opened.payloads.get("final", opened.suggestion) if opened.row.first_signer is not None else opened.suggestion
        else:
            answer = exchange.answer(opened.suggestion)
            final = adapter(opened.row.protocol).render(answer, signing.decision.amendment, exchange.recognised, str(opened.row.id)).body
        first = opened.payloads.get("final", opened.suggestion)
        if opened.row.first_signer is not None and final != first:
            message = "The first signature is on another text. Two-person means both sign the same; reject it, or sign what the first person signed."
            raise Conflict(message, code="signatures_differ")
        return final

    async def _first_final(self, row: Suggestion) -> Sealed | None:
        """The final bytes as the first of two persons committed to them: the second repeats that commitment."""
        return await self.suggestions.sealed(row, "final") if row.first_signer is not None else None

    def _signed(self, signing: Signing, kind: EventType, final: bytes | None, first: Sealed | None = None) -> Signed:
        row, decision = signing.opened.row, signing.decision
        event = person_event(kind, row, signing.person, self.keys, signing.at, decision=decision.decision)
        place = Place(row.establishment, row.case_id, event.id)
        sealed = [self._named(self.keys.vault.commit_only("shown", signing.opened.shown, place), event.id)]
        if decision.comment:
            sealed.append(self._named(self.keys.vault.seal("reason", decision.comment.encode(), place), event.id))
        if signing.proof.evidence is not None:
            sealed.append(self._named(self.keys.vault.seal("decision", signing.proof.evidence.opening, place), event.id))
            sealed.append(self._named(self.keys.vault.commit_only("assertion", signing.proof.evidence.document, place), event.id))
        if final is not None and first is not None:
            sealed.append(replace(first, commitment=commitment(first.salt, "final", final)))
        elif final is not None:
            keep = self.keys.vault.seal if final != signing.opened.suggestion else self.keys.vault.commit_only
            sealed.append(self._named(keep("final", final, place), event.id))
        return Signed.of(event, signing, tuple(sealed), final or b"")

    @staticmethod
    def _named(sealed: Sealed, entry: UUID) -> Sealed:
        """Several people may decide on one suggestion, or one person again: each payload is kept under its own entry."""
        return replace(sealed, field=f"{sealed.field}/{entry}")
