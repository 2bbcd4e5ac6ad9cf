"""What goes out over HTTP: the queue, an opened case, where it stands, its signed record."""

import base64
from datetime import datetime
from typing import Final, Literal
from uuid import UUID

import orjson
from pydantic import BaseModel, Field, JsonValue

from gateway.signoff.acts.records import SignedRecord
from gateway.signoff.acts.saying import reasons_of
from gateway.signoff.models import Opened, Step
from gateway.suggestions.queue import Waiting as WaitingRow
from gateway.suggestions.tables import Suggestion

OWED: Final = frozenset({"notified", "drafted", "emergency"})
StepName = Literal["judge", "decide", "second", "arbitrate", "opinion"]


class Waiting(BaseModel):
    """A case in the queue; nothing of its content."""

    id: UUID
    task: str
    kind: str
    system: str
    mode: str
    state: str
    step: StepName = Field(description="what is asked of me")
    urgency: int
    overdue: bool
    rung: int = Field(description="how often it was escalated")
    asked: list[str] = Field(description="rotas and groups that were asked so far")
    received_at: datetime
    due_at: datetime | None
    waiting_seconds: float
    signature_owed: bool = Field(description="something of it has left already (notified, draft, emergency)")
    leased: bool
    leased_by_me: bool
    holder: str = Field(description="who has it open, as printed; empty: nobody")
    assigned_to: str = Field(description="whom it was handed to, as printed; empty: the team")
    mine: bool = Field(description="handed to me, or open for me")


class Facets(BaseModel):
    """How many cases there are of each kind, whatever the filters."""

    task: dict[str, int]
    state: dict[str, int]
    urgency: dict[str, int]
    mine: int
    overdue: int


class Queue(BaseModel):
    """What waits for this person; longest wait, overdue and facets count everything, `total` what the filters choose."""

    cases: list[Waiting]
    total: int
    longest_wait_seconds: float
    overdue: int
    facets: Facets


class OwnJudgement(BaseModel):
    """What a person judged before the AI was shown."""

    answer: str
    confidence: int
    at: datetime


class FindingPart(BaseModel):
    """A finding that can be accepted or left out."""

    pointer: str
    label: str


class OpinionPart(BaseModel):
    """A colleague's word: a question or a hand-over with the case, or an opinion back."""

    kind: str
    by: str
    profession: str
    text: str
    at: datetime


class PositionPart(BaseModel):
    """One of two decisions that differ, without a name."""

    name: str
    decision: str
    reason: str
    comment: str
    fields: list[JsonValue]
    accepted_findings: list[str] | None


class Changed(BaseModel):
    """What this person was shown before, and what is stored now."""

    before: list[JsonValue]
    after: list[JsonValue]


class Shown(BaseModel):
    """Exactly what a decision will be about: `shown` are the bytes whose SHA-256 the decision has to name.

    At the step `judge` nothing of the AI is in it.
    """

    id: UUID
    lease: UUID
    leased_until: datetime
    task: str
    kind: str
    mode: str
    state: str
    system: str
    system_name: str
    step: StepName
    attributes: dict[str, str]
    why: str = Field(description="why a signature is asked, in words")
    shown: str
    shown_sha256: str
    content: JsonValue = Field(description="`shown`, parsed; null before an own judgement")
    input: str = Field(description="the request as the AI system got it, base64")
    suggestion: str = Field(description="the AI system's answer, byte for byte, base64")
    patient: dict[str, str]
    own_judgement: OwnJudgement | None
    findings: list[FindingPart]
    opinions: list[OpinionPart]
    positions: list[PositionPart]
    changed: Changed | None
    judge_options: list[str]
    reasons: list[str]
    guard_seconds: float
    undo_seconds: int
    reauthenticate_seconds: int
    signatures_needed: int
    first_signature_given: bool


class Stand(BaseModel):
    """Where a suggestion stands."""

    id: UUID
    state: str
    decision: str
    code: str
    decided_at: datetime | None
    released_at: datetime | None
    delivered_at: datetime | None
    already_recorded: bool = Field(default=False, description="this very decision was recorded before; nothing was added")


class Kept(BaseModel):
    """Until when a case stays open."""

    leased_until: datetime


class Colleague(BaseModel):
    """Somebody who may take this case."""

    login: str
    name: str
    profession: str


class RecordedFinding(FindingPart):
    """A finding and what became of it."""

    accepted: bool
    reason: str


class Record(BaseModel):
    """A signed record, with the same fields in every form it has (R4)."""

    printed_name: str
    profession: str
    at: datetime
    meaning: str
    decision: str
    amendment: str
    reason: str
    comment: str
    model: str
    model_version: str
    shown_sha256: str
    final_sha256: str | None
    method: str
    step: str
    arbitration: bool
    judgement: OwnJudgement | None
    after_judgement: str
    findings: list[RecordedFinding]


class ReasonCount(BaseModel):
    """How often a coded reason was given in a task, for rejections and for findings left out."""

    task: str
    reason: str
    times: int


def waiting(row: WaitingRow, now: datetime) -> Waiting:
    """A row of the queue as it is told."""
    told = {name: value for name, value in row._asdict().items() if name in Waiting.model_fields}
    return Waiting.model_construct(
        **told, step=_step(row).value, waiting_seconds=max(0.0, (now - row.received_at).total_seconds()), signature_owed=row.state in OWED
    )


def shown(opened: Opened) -> Shown:
    """An opened case as it is told."""
    row, requirement = opened.row, opened.lane.requirement
    assert row.lease is not None  # noqa: S101 - just taken
    assert row.leased_until is not None  # noqa: S101
    return Shown(
        **{name: getattr(row, name) for name in ("id", "lease", "leased_until", "task", "kind", "mode", "state", "system")},
        **_content(opened),
        **_beside(opened),
        system_name=opened.lane.system.name,
        attributes=opened.lane.system.attributes.model_dump(),
        why=requirement.reason,
        input=base64.b64encode(opened.payloads.get("input", b"")).decode(),
        patient=orjson.loads(opened.payloads["patient"]) if "patient" in opened.payloads else {},
        judge_options=list(requirement.policy.judge_options),
        reasons=list(reasons_of(requirement.policy)),
        guard_seconds=requirement.policy.guard_seconds,
        undo_seconds=requirement.policy.undo_seconds,
        reauthenticate_seconds=requirement.policy.reauthenticate_seconds,
        signatures_needed=row.signatures,
        first_signature_given=row.first_signer is not None,
    )


def stand(row: Suggestion, *, already: bool = False) -> Stand:
    """Where a suggestion stands, as it is told."""
    told = {name: getattr(row, name) for name in Stand.model_fields if name != "already_recorded"}
    return Stand(**told, already_recorded=already)


def record(signed: SignedRecord) -> Record:
    """A signed record as it is told."""
    row = signed.signature
    plain = set(Record.model_fields) & set(type(row).model_fields) - {"shown_sha256", "final_sha256", "findings"}
    judgement = signed.judgement
    return Record(
        **row.model_dump(include=plain),
        comment=signed.comment,
        shown_sha256=row.shown_sha256.hex(),
        final_sha256=row.final_sha256.hex() if row.final_sha256 else None,
        arbitration=signed.arbitration,
        judgement=None if judgement is None else OwnJudgement(answer=judgement.answer, confidence=judgement.confidence, at=judgement.at),
        findings=[
            RecordedFinding(pointer=one.pointer, label=one.label, accepted=one.accepted, reason=one.reason) for one in signed.findings
        ],
    )


def _step(row: WaitingRow) -> Step:
    if row.judge:
        return Step.JUDGE
    if row.opinion:
        return Step.OPINION
    return Step.ARBITRATE if row.disputed else Step.SECOND if row.first_signed else Step.DECIDE


def _content(opened: Opened) -> dict[str, object]:
    """What the AI suggests; before an own judgement there is nothing to tell."""
    content = orjson.loads(opened.shown) if opened.shown else None
    changed = None if opened.before is None or content is None else {"before": list(opened.before), "after": content["fields"]}
    return {
        "step": opened.step.value,
        "shown": opened.shown.decode(),
        "shown_sha256": opened.shown_sha256,
        "content": content,
        "suggestion": base64.b64encode(opened.suggestion).decode(),
        "changed": changed,
    }


def _beside(opened: Opened) -> dict[str, object]:
    own = opened.judgement
    return {
        "own_judgement": None if own is None else {"answer": own.answer, "confidence": own.confidence, "at": own.at},
        "findings": [{"pointer": one.pointer, "label": one.label} for one in opened.findings],
        "opinions": [{"kind": one.kind, "by": one.by, "profession": one.profession, "text": one.text, "at": one.at} for one in opened.said],
        "positions": [
            {
                **{name: getattr(one, name) for name in ("name", "decision", "reason", "comment")},
                "fields": list(one.fields),
                "accepted_findings": None if one.accepted_findings is None else list(one.accepted_findings),
            }
            for one in opened.positions
        ],
    }
