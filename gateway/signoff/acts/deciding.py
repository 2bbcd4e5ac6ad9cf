"""What a decision becomes: released, rejected, the first of two, or a dispute; one write, whole or not at all.

Two people decide blind to each other. Alike (the same decision and the same final bytes) is the outcome; otherwise a
third person arbitrates, and only that decision counts (R12).
"""

from __future__ import annotations

from dataclasses import replace
from datetime import timedelta
from typing import TYPE_CHECKING, Final

from gateway.audit.batch import Write
from gateway.audit.leaf import EventType
from gateway.signoff.acts.final import findings_record
from gateway.signoff.acts.time import spent, together
from gateway.signoff.models import Step
from gateway.signoff.record import Signed, Texts, assertion_kept, final_events, kept, ledger, person_event, signature_row, wakes
from gateway.suggestions.content import Place, commitment
from gateway.suggestions.repository import moved, stored
from gateway.suggestions.states import Action, State

if TYPE_CHECKING:
    from uuid import UUID

    from gateway.audit.batch import Statement
    from gateway.audit.leaf import Event
    from gateway.signoff.record import Signing
    from gateway.signoff.service import SignOff
    from gateway.suggestions.content import Sealed
    from gateway.suggestions.tables import Signature

CLEARED: Final = {"lease": None, "leased_by": None, "leased_until": None, "leased_at": None, "assigned_to": None, "returns_to": None}
_UNDOABLE: Final = frozenset({State.HELD, State.FIRST_SIGNED, State.DISPUTED})


async def deciding(desk: SignOff, signing: Signing) -> Write:
    """The write of a decision."""
    signed = await _signed(desk, signing)
    signature = signature_row(signing, signed, findings_record(signing.opened, signing.decision))
    row = signing.opened.row
    effects = (kept(signature), spent(signing.times, signed.event.id), *stored(row.id, signed.sealed), *assertion_kept(signing, signed))
    if signing.first_of_two:
        return _waiting(signing, signed.event, effects, Action.SIGN_FIRST, "first_signer")
    if signing.disputes:
        return _waiting(signing, signed.event, effects, Action.DISPUTE, "second_signer")
    if signing.decision.decision == "reject":
        return await _rejecting(desk, signing, signed.event, effects, signature)
    return await _signing(desk, signing, signed, effects, signature)


def _waiting(signing: Signing, event: Event, effects: tuple[Statement, ...], action: Action, signer: str) -> Write:
    """Another person has to decide; nothing of this decision shows outside the log."""
    row = signing.opened.row
    guard = moved(row, action, {**CLEARED, signer: signing.person.id})
    return Write((event,), guards=(guard,), effects=effects, wake=wakes(row))


async def _rejecting(desk: SignOff, signing: Signing, event: Event, effects: tuple[Statement, ...], signature: Signature) -> Write:
    row = signing.opened.row
    closed = {"decided_at": signing.at, "next_clock_at": None, "code": signing.decision.reason, "decision": "reject", "overdue": False}
    active = together(await desk.suggestions.work.active(row.id), signing.times)
    texts = Texts(signing.opened.suggestion, b"", signing.at)
    work = ledger(row, signing.opened.lane.task.profession, desk.keys, [*signing.earlier, signature], texts, active)
    guard = moved(row, Action.REJECT, {**CLEARED, **closed})
    return Write((event,), guards=(guard,), effects=effects, usage=work, wake=wakes(row))


async def _signing(desk: SignOff, signing: Signing, signed: Signed, effects: tuple[Statement, ...], signature: Signature) -> Write:
    row, lane = signing.opened.row, signing.opened.lane
    entry = signing.earlier[0].entry_id if signing.opened.step is Step.SECOND else signed.event.id
    decided = {**CLEARED, "decision": signing.decision.decision, "decided_at": signing.at, "overdue": False, "final_entry": entry}
    undo = lane.requirement.policy.undo_seconds
    if undo and row.state in _UNDOABLE:
        guard = moved(row, Action.SIGN_LATER, {**decided, "next_clock_at": signing.at + timedelta(seconds=undo)})
        return Write((signed.event,), guards=(guard,), effects=effects, wake=wakes(row))
    guard = moved(row, Action.SIGN, {**decided, "released_at": signing.at, "next_clock_at": None})
    active = together(await desk.suggestions.work.active(row.id), signing.times)
    texts = Texts(signing.opened.suggestion, signing.final, signing.at)
    work = ledger(row, lane.task.profession, desk.keys, [*signing.earlier, signature], texts, active)
    events = (signed.event, *final_events(row, signing.decision.decision, {"final": signed.commitments["final"]}, signing.at))
    return Write(events, guards=(guard,), effects=effects, usage=work, scopes=lane.scopes(row.site), wake=wakes(row))


async def _signed(desk: SignOff, signing: Signing) -> Signed:
    row, decision = signing.opened.row, signing.decision
    kind = EventType.REJECTED if decision.decision == "reject" else EventType.SIGNED_OFF
    event = person_event(kind, row, signing.person, desk.keys, signing.at, decision=decision.decision)
    place, vault = Place(row.establishment, row.case_id, event.id), desk.keys.vault
    sealed = [_named(vault.commit_only("shown", signing.opened.shown, place), event.id)]
    if decision.comment:
        sealed.append(_named(vault.seal("reason", decision.comment.encode(), place), event.id))
    if signing.proof.evidence is not None:
        sealed.append(_named(vault.seal("decision", signing.proof.evidence.opening, place), event.id))
        sealed.append(_named(vault.commit_only("assertion", signing.proof.evidence.document, place), event.id))
    if decision.accepted_findings is not None:
        sealed.append(_named(vault.commit_only("findings", findings_record(signing.opened, decision).encode(), place), event.id))
    if decision.decision == "reject":
        return Signed.of(event, signing, tuple(sealed))
    final = await _final(desk, signing, place, event.id)
    signed = Signed.of(event, signing, (*sealed, final))
    agrees = signing.opened.step is Step.SECOND and not signing.disputes
    return replace(signed, sealed=tuple(sealed)) if agrees else signed


async def _final(desk: SignOff, signing: Signing, place: Place, entry: UUID) -> Sealed:
    """The final bytes under this entry; all who decide on one suggestion commit under one salt, so that equal is seen to be equal."""
    vault, opened = desk.keys.vault, signing.opened
    keep = vault.seal if signing.final != opened.suggestion else vault.commit_only
    made = keep("final", signing.final, place)
    for earlier in signing.earlier:
        salted = await desk.suggestions.sealed(opened.row, f"final/{earlier.entry_id}")
        if salted is not None:
            made = replace(made, salt=salted.salt, commitment=commitment(salted.salt, "final", signing.final))
            break
    return _named(made, entry)


def _named(sealed: Sealed, entry: UUID) -> Sealed:
    """Several people may decide on one suggestion, or one person again: each payload is kept under its own entry."""
    return replace(sealed, field=f"{sealed.field}/{entry}")
