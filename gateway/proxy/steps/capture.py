"""A call and its answer become one write: row, payloads, entries and, where it is finished, the ledger row.

Pure but for randomness: `capture` decides from values what the release mode makes of an answer.
"""

from __future__ import annotations

from dataclasses import dataclass, replace
from datetime import datetime, timedelta
from random import SystemRandom
from typing import TYPE_CHECKING, Final, Literal

import orjson

from gateway import usage
from gateway.audit.batch import Statement, Usage, Write
from gateway.audit.leaf import Event, EventType
from gateway.ids import uuid7
from gateway.policy.escalation import clock_marks
from gateway.policy.models import ReleaseMode
from gateway.signals.bus import Topic, message
from gateway.suggestions.content import Place, Sealed, Vault
from gateway.suggestions.exchange import pack
from gateway.suggestions.labels import labelled
from gateway.suggestions.models import NewSuggestion
from gateway.suggestions.repository import inserted, moved, passed, stored
from gateway.suggestions.states import Action, State

if TYPE_CHECKING:
    from uuid import UUID

    from gateway.adapters.protocol import Answer, Recognised, View
    from gateway.identity.machines import Machine
    from gateway.policy.lanes import Lane
    from gateway.policy.models import Requirement
    from gateway.proxy.steps.cases import Case
    from gateway.suggestions.models import AnySuggestion

_CHANCE: Final = SystemRandom()
_STATES: Final = {
    ReleaseMode.HOLD: State.HELD,
    ReleaseMode.NOTIFY_NOW: State.NOTIFIED,
    ReleaseMode.DRAFT: State.DRAFTED,
    ReleaseMode.SHADOW: State.SHADOWED,
    ReleaseMode.LOG_ONLY: State.PASSED,
}
_ACTIONS: Final = {
    State.HELD: Action.ANSWER,
    State.NOTIFIED: Action.NOTIFY,
    State.DRAFTED: Action.DRAFT,
    State.SHADOWED: Action.SHADOW,
    State.PASSED: Action.PASS,
}
WAITS: Final = frozenset({State.HELD, State.NOTIFIED, State.DRAFTED})


@dataclass(frozen=True, slots=True)
class Received:
    """A call on its way: who asked what, when, under which ids."""

    id: UUID
    lane: Lane
    machine: Machine
    recognised: Recognised
    case: Case
    at: datetime
    attach_key: bytes | None
    body_hash: bytes | None
    people: tuple[str, ...] = ()  # on call, for notify_now


@dataclass(frozen=True, slots=True)
class Captured:
    """What is about to be committed: the row as it will be, its payloads, the whole write."""

    row: NewSuggestion
    sealed: tuple[Sealed, ...]
    write: Write


def blank_row(received: Received, establishment: str, state: State) -> NewSuggestion:
    """The row of a call, before its answer is known."""
    lane, requirement = received.lane, received.lane.requirement
    drawn = held_out(requirement)
    return NewSuggestion(
        id=received.id,
        establishment=establishment,
        site=received.machine.site,
        case_id=received.case.id,
        system=lane.system.id,
        task=lane.task.id,
        kind=lane.task.kind.value,
        protocol=lane.system.protocol,
        mode=requirement.mode.value,
        policy=requirement.digest,
        machine=received.machine.id,
        model=received.recognised.model,
        model_version=lane.system.version,
        state=state.value,
        urgency=requirement.policy.urgency,
        attach_key=received.attach_key,
        body_hash=received.body_hash,
        stream=received.recognised.stream,
        background=received.recognised.background,
        received_at=received.at,
        signatures=requirement.signatures,
        judge_first=requirement.policy.judge_first or drawn,
        held_out=drawn,
    )


def held_out(requirement: Requirement) -> bool:
    """Whether chance puts this case into the arm that judges before it sees anything of the AI; only where everything is held."""
    return requirement.mode is ReleaseMode.HOLD and _CHANCE.random() < requirement.policy.blind_share


def event(received: Received, kind: EventType, at: datetime, **more: object) -> Event:
    """An entry about this call, in the name of the calling machine."""
    detail = {"mode": received.lane.requirement.mode.value, "site": received.machine.site, "system": received.lane.system.id}
    base = Event(
        id=uuid7(),
        type=kind,
        at=at,
        actor=f"machine:{received.machine.id}",
        role="machine",
        case=received.case.id,
        suggestion=received.id,
        task=received.lane.task.id,
        policy=received.lane.requirement.digest,
        model={"id": received.recognised.model or received.lane.system.id, "version": received.lane.system.version},
        detail=detail,
    )
    return replace(base, **more)  # type: ignore[arg-type]


class Capturer:
    """Builds writes for one establishment.

    Args:
        establishment: its id.
        vault: seals payloads.
    """

    def __init__(self, establishment: str, vault: Vault) -> None:
        self._establishment = establishment
        self._vault = vault

    def capture(self, received: Received, answer: Answer, view: View, at: datetime, queued: AnySuggestion | None = None) -> Captured:
        """What an answer becomes under the release mode of its task; `queued` is the row of a background call."""
        state = _STATES[received.lane.requirement.mode]
        entry = event(received, EventType.RECEIVED, at if queued else received.at, model={"id": view.model, "version": view.model_version})
        sealed = self._seal(received, answer, view, entry.id)
        commitments = {part.field: part.commitment for part in sealed if part.field in {"suggestion", "labelled"}}
        entry = replace(entry, commitments={"suggestion": commitments["suggestion"]})
        row = self._row(received, view, state, at)
        guards = self._guards(received, row, queued)
        return Captured(row, sealed, _write(received, row, guards, sealed, (entry, *_consequences(received, state, at, commitments))))

    def _guards(self, received: Received, row: NewSuggestion, queued: AnySuggestion | None) -> tuple[Statement, ...]:
        """What must hold for the commit; a support task's own new row cannot conflict with anything."""
        if queued is not None:
            return (_answered(queued, row),)
        case = case_guard(received.case, self._establishment)
        return case if _is_plain(row) else (*case, inserted(row))

    def queued(self, received: Received) -> Captured:
        """A background call, promised before the AI system has answered."""
        row = blank_row(received, self._establishment, State.QUEUED)
        row.expires_at = row.next_clock_at = received.at + timedelta(seconds=received.lane.system.upstream.total_seconds + 5)
        guards = (*case_guard(received.case, self._establishment), inserted(row))
        return Captured(row, (), _write(received, row, guards, (), (event(received, EventType.RECEIVED, received.at),)))

    def failed(self, received: Received, code: str, at: datetime, queued: AnySuggestion | None = None) -> Write:
        """A call whose AI system gave no usable answer: logged, never retried by itself, never a suggestion."""
        row = blank_row(received, self._establishment, State.FAILED)
        row.attach_key, row.code = None, code
        detail = {"stage": "upstream", "code": code, "system": received.lane.system.id}
        failure = event(received, EventType.DELIVERY_FAILED, at, detail=detail)
        if queued is not None:
            changes = {"code": code, "attach_key": None, "next_clock_at": None, "expires_at": None}
            return Write((failure,), guards=(moved(queued, Action.FAIL, changes),), wake=(message(Topic.SUGGESTION, row.id),))
        guards = (*case_guard(received.case, self._establishment), inserted(row))
        return _write(received, row, guards, (), (event(received, EventType.RECEIVED, received.at), failure))

    def _row(self, received: Received, view: View, state: State, at: datetime) -> NewSuggestion:
        row = blank_row(received, self._establishment, state)
        policy = received.lane.requirement.policy
        row.model, row.model_version, row.answered_at = view.model, view.model_version, at
        if state is State.NOTIFIED:
            row.notified_person = ",".join(received.people)
            row.asked = [policy.notify_rota] if policy.notify_rota else []
        if state in WAITS:
            row.next_clock_at, row.due_at, expires_at = clock_marks(at, policy)
            row.expires_at = expires_at if state is State.HELD else None
        if state in {State.PASSED, State.DRAFTED} or (state is State.NOTIFIED and policy.unsigned_content_to_caller):
            row.released_at = at
        return row

    def _seal(self, received: Received, answer: Answer, view: View, entry: UUID) -> tuple[Sealed, ...]:
        place = Place(self._establishment, received.case.id, entry)
        requirement = received.lane.requirement
        if requirement.mode is ReleaseMode.LOG_ONLY and not requirement.policy.keep_content:
            return (self._vault.commit_only("suggestion", answer.body, place),)
        payloads = {"suggestion": answer.body, "input": received.recognised.forward_body}
        if requirement.mode is not ReleaseMode.LOG_ONLY or received.recognised.background:
            payloads["exchange"] = pack(received.recognised, answer)
        if received.recognised.patient:
            payloads["patient"] = orjson.dumps(dict(received.recognised.patient))
        if _leaves_labelled(received):
            reply = labelled(received.lane.adapter, answer, view, received.recognised, str(received.id), requirement.mode)
            payloads["labelled"] = reply.body
        return tuple(self._vault.seal(field, data, place) for field, data in payloads.items())


def _write(
    received: Received, row: NewSuggestion, guards: tuple[Statement, ...], sealed: tuple[Sealed, ...], events: tuple[Event, ...]
) -> Write:
    return Write(
        events,
        guards=guards,
        effects=(passed(row), *stored(row.id, sealed)) if _is_plain(row) else stored(row.id, sealed),
        usage=_usage(received, row),
        scopes=received.lane.scopes(received.machine.site) if row.state not in {State.FAILED, State.SHADOWED} else (),
        wake=_news(row),
        new_case=received.case.new,
        refusal="An equal call is already being answered.",
    )


def _is_plain(row: NewSuggestion) -> bool:
    return row.state == State.PASSED and row.attach_key is None and not row.background


def _usage(received: Received, row: NewSuggestion) -> Usage | None:
    if row.state not in {State.PASSED, State.SHADOWED}:
        return None
    outcome: Literal["auto", "ignored"] = "auto" if row.state == State.PASSED else "ignored"
    return usage.record(
        row, usage.Work(outcome, received.lane.task.profession, row.answered_at or received.at, released_at=row.released_at)
    )


def _answered(queued: AnySuggestion, row: NewSuggestion) -> Statement:
    names = ("model", "model_version", "answered_at", "due_at", "next_clock_at", "expires_at", "released_at", "notified_person", "asked")
    return moved(queued, _ACTIONS[State(row.state)], {name: getattr(row, name) for name in names})


def case_guard(case: Case, establishment: str) -> tuple[Statement, ...]:
    """The guard that makes a case which a caller named for the first time."""
    if case.reference is None or not case.new:
        return ()
    sql = "INSERT INTO cases (id, establishment, reference) VALUES ($1, $2, $3) ON CONFLICT (reference) DO NOTHING RETURNING id"
    return (Statement(sql, (case.id, establishment, case.reference), key=case.id),)


def _news(row: NewSuggestion) -> tuple[str, ...]:
    news = [message(Topic.SUGGESTION, row.id)] if row.background and row.state != State.QUEUED else []
    if State(row.state) in WAITS:
        news += [message(Topic.QUEUE, row.id), message(Topic.CLOCK)]
    return (*news, message(Topic.CLOCK)) if row.state == State.QUEUED else tuple(news)


def _consequences(received: Received, state: State, at: datetime, commitments: dict[str, str]) -> tuple[Event, ...]:
    decision = {State.PASSED: "log_only", State.DRAFTED: "draft"}.get(state)
    if state is State.NOTIFIED and received.lane.requirement.policy.unsigned_content_to_caller:
        decision = "notify_now"
    if decision is None:
        return ()
    return (event(received, EventType.RELEASED, at, decision=decision, commitments=commitments),)


def _leaves_labelled(received: Received) -> bool:
    requirement = received.lane.requirement
    told = requirement.mode is ReleaseMode.NOTIFY_NOW and requirement.policy.unsigned_content_to_caller
    return told or requirement.mode is ReleaseMode.DRAFT
