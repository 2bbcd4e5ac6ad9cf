"""Sign-off over HTTP: queue, open, decide, defer, hand over, undo, emergency release, signed records.

Promises: a decision has no default and there is no bulk form; every refusal is logged with its code and told in words.
"""

import base64
from collections.abc import Awaitable
from datetime import datetime
from typing import Annotated, Final, TypeVar
from uuid import UUID

import orjson
from fastapi import APIRouter, Depends
from pydantic import BaseModel, Field, JsonValue

from gateway.api.dependencies import Clinician, CurrentSession, Parts, TheParts, demand
from gateway.audit.batch import Write
from gateway.audit.leaf import Event, EventType
from gateway.errors import GarantError, Unauthenticated, Unknown
from gateway.identity.roles import Right
from gateway.identity.sessions import Session
from gateway.ids import uuid7
from gateway.signoff.desk import Desk
from gateway.signoff.models import Decision, EmergencyReason, Opened, Reason, Strict
from gateway.signoff.record import standing
from gateway.suggestions.models import Waiting as WaitingRow
from gateway.suggestions.tables import Suggestion

router = APIRouter(tags=["sign-off"])
_T = TypeVar("_T")
OWED: Final = frozenset({"notified", "drafted", "emergency"})


def desk_of(parts: TheParts) -> Desk:
    """The sign-off desk of the running application."""
    assert isinstance(parts.signoff, Desk)  # noqa: S101 - set by gateway.app, nobody else
    return parts.signoff


TheDesk = Annotated[Desk, Depends(desk_of)]


class Waiting(BaseModel):
    """A case in the queue; nothing of its content."""

    id: UUID
    task: str
    kind: str
    system: str
    mode: str
    state: str
    urgency: int
    overdue: bool
    received_at: datetime
    due_at: datetime | None
    waiting_seconds: float
    signature_owed: bool = Field(description="something of it has left already (notified, draft, emergency)")
    leased: bool
    leased_by_me: bool
    asked: list[str]


class Queue(BaseModel):
    """What waits for this person, the longest wait beside it."""

    cases: list[Waiting]
    longest_wait_seconds: float
    overdue: int


class Shown(BaseModel):
    """Exactly what a decision will be about: `shown` are the bytes whose SHA-256 the decision has to name."""

    id: UUID
    lease: UUID
    leased_until: datetime
    task: str
    kind: str
    mode: str
    state: str
    system: str
    system_name: str
    attributes: dict[str, str]
    why: str = Field(description="why a signature is asked, in words")
    shown: str
    shown_sha256: str
    content: JsonValue = Field(description="`shown`, parsed")
    input: str = Field(description="the request as the AI system got it, base64")
    suggestion: str = Field(description="the AI system's answer, byte for byte, base64")
    patient: dict[str, str]
    reasons: list[str]
    undo_seconds: int
    reauthenticate_seconds: int
    signatures_needed: int
    first_signature_given: bool


class DecisionBody(Decision):
    """A decision; `proof` re-authenticates in the same step, `assertion` is the signature of a passkey on exactly this decision."""

    proof: str | None = Field(default=None, max_length=1024)
    assertion: dict[str, JsonValue] | None = Field(default=None, max_length=32)


class LeaseBody(Strict):
    """The lease that is given back."""

    lease: UUID


class HandOver(LeaseBody):
    """To whom a case goes."""

    to: str = Field(max_length=128, description="the colleague's login")


class BreakGlass(Strict):
    """Why a suggestion is needed before its signature."""

    reason: EmergencyReason


class Stand(BaseModel):
    """Where a suggestion stands."""

    id: UUID
    state: str
    decision: str
    code: str
    decided_at: datetime | None
    released_at: datetime | None
    delivered_at: datetime | None


class Record(BaseModel):
    """A signed record, with the same fields in every form it has (R4)."""

    printed_name: str
    profession: str
    at: datetime
    meaning: str
    decision: str
    amendment: str
    reason: str
    model: str
    model_version: str
    shown_sha256: str
    final_sha256: str | None
    method: str


@router.get("/queue")
async def queue(session: Clinician, parts: TheParts, desk: TheDesk) -> Queue:
    """What waits for me: overdue first, then by urgency, then the longest waiting."""
    now = parts.clock.now()
    cases = [_waiting(row, session, now) for row in await desk.signoff.queue(session.person)]
    longest = max((case.waiting_seconds for case in cases), default=0.0)
    return Queue(cases=cases, longest_wait_seconds=longest, overdue=sum(case.overdue for case in cases))


@router.post("/suggestions/{suggestion}/open")
async def open_case(suggestion: UUID, session: Clinician, parts: TheParts, desk: TheDesk) -> Shown:
    """Take a case: the lease, and exactly what is to be judged."""
    return _shown(await _logged(parts, session, suggestion, desk.signoff.open(session.person, suggestion)))


@router.post("/suggestions/{suggestion}/decision")
async def decide(suggestion: UUID, body: DecisionBody, session: Clinician, parts: TheParts, desk: TheDesk) -> Stand:
    """Approve, amend or reject; one case, one decision, one proof."""
    decision = Decision.model_validate(body.model_dump(exclude={"proof", "assertion"}))
    proof = session.authentication if body.proof is None else await parts.sessions.prove(session, body.proof)
    if body.assertion is not None:
        proof = await parts.passkeys.prove_decision(session, suggestion, decision.model_dump(mode="json"), body.assertion)
    return _stand(await _logged(parts, session, suggestion, desk.signoff.decide(session.person, proof, suggestion, decision)))


@router.post("/suggestions/{suggestion}/defer")
async def defer(suggestion: UUID, body: LeaseBody, session: Clinician, parts: TheParts, desk: TheDesk) -> Stand:
    """Put a case back; its clock runs on."""
    await _logged(parts, session, suggestion, desk.signoff.defer(session.person, suggestion, body.lease))
    return _stand(await desk.signoff.suggestions.get(suggestion))


@router.post("/suggestions/{suggestion}/hand-over")
async def hand_over(suggestion: UUID, body: HandOver, session: Clinician, parts: TheParts, desk: TheDesk) -> Stand:
    """Give a case to a colleague who may sign it."""
    found = await parts.people.by_login(body.to)
    if found is None:
        message = "Nobody has this login. Check its spelling; hospital IT knows who has an account."
        raise Unknown(message)
    await _logged(parts, session, suggestion, desk.signoff.hand_over(session.person, suggestion, body.lease, found[0]))
    return _stand(await desk.signoff.suggestions.get(suggestion))


@router.post("/suggestions/{suggestion}/undo")
async def undo(suggestion: UUID, session: Clinician, parts: TheParts, desk: TheDesk) -> Stand:
    """Take my decision back, before it is released."""
    await _logged(parts, session, suggestion, desk.signoff.undo(session.person, suggestion))
    return _stand(await desk.signoff.suggestions.get(suggestion))


@router.post("/suggestions/{suggestion}/break-glass")
async def break_glass(suggestion: UUID, body: BreakGlass, session: CurrentSession, parts: TheParts, desk: TheDesk) -> Stand:
    """Release now, labelled, with a coded reason; a signature stays owed."""
    await demand(parts, session, Right.BREAK_GLASS)
    work = desk.emergency.break_glass(session.person, session.authentication, suggestion, body.reason)
    return _stand(await _logged(parts, session, suggestion, work))


@router.get("/suggestions/{suggestion}")
async def stand(suggestion: UUID, session: CurrentSession, parts: TheParts, desk: TheDesk) -> Stand:
    """Where a suggestion stands; nothing of its content."""
    await demand(parts, session, Right.READ_CASES)
    return _stand(await desk.signoff.suggestions.get(suggestion))


@router.get("/suggestions/{suggestion}/signatures")
async def signatures(suggestion: UUID, session: CurrentSession, parts: TheParts, desk: TheDesk) -> list[Record]:
    """Who signed, when, what it meant, for which model."""
    await demand(parts, session, Right.READ_CASES)
    found = standing(await desk.signoff.suggestions.signatures(suggestion))
    return [
        Record(
            **row.model_dump(include=set(Record.model_fields) - {"shown_sha256", "final_sha256"}),
            shown_sha256=row.shown_sha256.hex(),
            final_sha256=row.final_sha256.hex() if row.final_sha256 else None,
        )
        for row in found
    ]


async def _logged(parts: Parts, session: Session, suggestion: UUID, work: Awaitable[_T]) -> _T:
    """Do it; a refusal is logged with its code before it is told."""
    try:
        return await work
    except Unauthenticated:
        raise
    except GarantError as error:
        author = session.author(parts.keys)
        detail = {"code": error.code}
        event = Event(
            uuid7(),
            EventType.DENIED,
            parts.clock.now(),
            author.actor,
            author.role,
            suggestion=suggestion,
            auth=author.auth or None,
            detail=detail,
        )
        await parts.writer.append(Write((event,)))
        raise


def _waiting(row: WaitingRow, session: Session, now: datetime) -> Waiting:
    held = row.leased_until is not None and row.leased_until > now
    return Waiting.model_construct(
        **row._asdict(),
        waiting_seconds=max(0.0, (now - row.received_at).total_seconds()),
        signature_owed=row.state in OWED,
        leased=held,
        leased_by_me=held and row.leased_by == session.person.id,
    )


def _shown(opened: Opened) -> Shown:
    row, requirement = opened.row, opened.lane.requirement
    assert row.lease is not None  # noqa: S101 - just taken
    assert row.leased_until is not None  # noqa: S101
    patient = orjson.loads(opened.payloads["patient"]) if "patient" in opened.payloads else {}
    return Shown(
        **{name: getattr(row, name) for name in ("id", "lease", "leased_until", "task", "kind", "mode", "state", "system")},
        system_name=opened.lane.system.name,
        attributes=opened.lane.system.attributes.model_dump(),
        why=requirement.reason,
        shown=opened.shown.decode(),
        shown_sha256=opened.shown_sha256,
        content=orjson.loads(opened.shown),
        input=base64.b64encode(opened.payloads.get("input", b"")).decode(),
        suggestion=base64.b64encode(opened.suggestion).decode(),
        patient=patient,
        reasons=list(requirement.policy.reject_reasons) or [reason.value for reason in Reason],
        undo_seconds=requirement.policy.undo_seconds,
        reauthenticate_seconds=requirement.policy.reauthenticate_seconds,
        signatures_needed=row.signatures,
        first_signature_given=row.first_signer is not None,
    )


def _stand(row: Suggestion) -> Stand:
    return Stand(**{name: getattr(row, name) for name in Stand.model_fields})
