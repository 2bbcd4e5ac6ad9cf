"""What comes in and goes out of the sign-off: decisions, own judgements, opened suggestions. A decision has no default."""

from __future__ import annotations

from dataclasses import dataclass
from enum import StrEnum
from typing import TYPE_CHECKING, Literal
from uuid import UUID

from pydantic import BaseModel, ConfigDict, Field, JsonValue

if TYPE_CHECKING:
    from datetime import datetime

    from gateway.adapters.exact.findings import Finding
    from gateway.adapters.protocol import View
    from gateway.policy.lanes import Lane
    from gateway.suggestions.tables import Suggestion

MAX_COMMENT = 10_000
MAX_ANSWER = 2_000
_ANY_LENGTH = 2**21  # the door's limit is below; what is too long for us is refused in words, not by its form


class Step(StrEnum):
    """What a person is asked for, once a case is open."""

    JUDGE = "judge"  # an own answer, before anything of the AI is shown
    DECIDE = "decide"
    SECOND = "second"  # two-person: blind to the first decision
    ARBITRATE = "arbitrate"  # the two decided differently
    OPINION = "opinion"  # asked by a colleague, who decides


class Reason(StrEnum):
    """Coded reasons for not following a suggestion; a policy may name others.

    The second group is the clinical selection of CDS Hooks 3.0's non-adherence reasons, with `_` for `-`.
    """

    WRONG_FINDING = "wrong_finding"
    MISSED_FINDING = "missed_finding"
    PATIENT_CONTEXT_DIFFERS = "patient_context_differs"  # the AI may be right, this patient is another matter
    WRONG_PATIENT = "wrong_patient"
    POOR_INPUT = "poor_input"
    NOT_RELEVANT = "not_relevant"
    ALREADY_KNOWN = "already_known"
    CDS_NOT_APPLICABLE = "cds_not_applicable"
    CDS_SUBOPTIMAL_CONTEXT = "cds_suboptimal_context"
    RECIPIENT_DISAGREES_EVIDENCE = "recipient_disagrees_evidence"
    RECIPIENT_CONCERNS_OUTCOMES = "recipient_concerns_outcomes"
    DOES_NOT_ALIGN_PREFERENCES = "does_not_align_preferences"
    NOT_CONVENIENT_FEASIBLE = "not_convenient_feasible"
    ACTION_COMPLETED = "action_completed"
    PATIENT_CONTRAINDICATION = "patient_contraindication"
    PATIENT_REFUSES = "patient_refuses"
    TOO_COSTLY_UNCOVERED = "too_costly_uncovered"
    SERVICE_NOT_AVAILABLE = "service_not_available"
    RECIPIENT_DOES_NOT_UNDERSTAND = "recipient_does_not_understand"
    OTHER = "other"


class EmergencyReason(StrEnum):
    """Coded reasons for break-glass: each points at what has to be mended."""

    NO_SIGNER = "no_signer"
    TOO_SLOW = "too_slow"
    AUTHENTICATION_DOWN = "authentication_down"
    VITAL_RISK = "vital_risk"


class PassingReason(StrEnum):
    """Coded reasons for putting a case back or handing it over; nobody is ever forced to decide (R7)."""

    NOT_MY_COMPETENCE = "not_my_competence"
    SECOND_LOOK = "second_look"
    SHIFT_ENDS = "shift_ends"
    KNOWS_PATIENT = "knows_patient"
    OTHER = "other"


class Strict(BaseModel):
    """A body in which an unknown member is an error."""

    model_config = ConfigDict(extra="forbid", frozen=True, str_max_length=20_000)


class Phases(Strict):
    """Parts of the capped seconds: reading the case, judging it, writing."""

    read: float = Field(default=0.0, ge=0, le=86_400)
    judge: float = Field(default=0.0, ge=0, le=86_400)
    edit: float = Field(default=0.0, ge=0, le=86_400)


class ActiveTime(Strict):
    """Seconds of page focus as the page measured them: raw, and capped (without idle time over 60 s)."""

    raw: float = Field(ge=0, le=86_400)
    capped: float = Field(ge=0, le=86_400)
    phases: Phases = Phases()


class Decision(Strict):
    """A person's decision on exactly what was shown."""

    lease: UUID
    shown_sha256: str = Field(pattern="^[0-9a-f]{64}$")
    decision: Literal["approve", "amend", "reject"]
    amendment: dict[str, JsonValue] | None = Field(default=None, description="JSON Pointer → new value, for amend")
    accepted_findings: tuple[str, ...] | None = Field(default=None, description="amend: pointers of the findings that stay")
    finding_reasons: dict[str, str] = Field(default_factory=dict, description="pointer of each finding left out → coded reason")
    changes_decision: bool = Field(
        default=False, description="amend: true where the decision is another, false where only the wording is refined"
    )
    after_judgement: Literal["", "kept", "changed"] = Field(default="", description="after an own judgement: what became of it")
    reason: str = Field(default="", max_length=64, pattern="^[a-z0-9_]*$")
    comment: str = Field(default="", max_length=_ANY_LENGTH)
    active_seconds: ActiveTime | None = None


class Judging(Strict):
    """An own judgement, before anything of the AI is shown; it cannot be changed afterwards."""

    lease: UUID
    answer: str = Field(max_length=_ANY_LENGTH)
    confidence: int = Field(ge=0, le=100)
    active_seconds: ActiveTime | None = None


class Passing(Strict):
    """Putting a case back, with what it cost and why."""

    lease: UUID
    reason: Literal[""] | PassingReason = ""
    active_seconds: ActiveTime | None = None


class HandingOver(Passing):
    """To whom a case goes: for good, or for an opinion that comes back."""

    mode: Literal["give", "ask"] = "give"
    comment: str = Field(default="", max_length=_ANY_LENGTH)


class Advice(Strict):
    """An opinion for a colleague, who decides."""

    lease: UUID
    text: str = Field(max_length=_ANY_LENGTH)
    active_seconds: ActiveTime | None = None


@dataclass(frozen=True, slots=True)
class OwnJudgement:
    """What this person judged before the AI was shown."""

    answer: str
    confidence: int
    at: datetime
    entry: UUID


@dataclass(frozen=True, slots=True)
class Said:
    """A word of a colleague about this case."""

    kind: str
    by: str
    profession: str
    text: str
    at: datetime


@dataclass(frozen=True, slots=True)
class Position:
    """What one of two people decided, without a name; `fields` are those of the final text, none for a rejection."""

    name: Literal["A", "B"]
    decision: str
    reason: str
    comment: str
    fields: tuple[dict[str, JsonValue], ...]
    accepted_findings: tuple[str, ...] | None


@dataclass(frozen=True, slots=True)
class Opened:
    """A suggestion under lease: what the person is shown, byte for byte; at the step `judge` nothing of the AI.

    `before` are the fields this person was shown earlier, where they were others than those of now (R3); `earlier` the
    bytes shown to this person last.
    """

    row: Suggestion
    lane: Lane
    step: Step
    view: View
    shown: bytes
    shown_sha256: str
    suggestion: bytes
    payloads: dict[str, bytes]
    judgement: OwnJudgement | None = None
    findings: tuple[Finding, ...] = ()
    said: tuple[Said, ...] = ()
    positions: tuple[Position, ...] = ()
    before: tuple[dict[str, JsonValue], ...] | None = None
    earlier: bytes | None = None
