"""What comes in and goes out of the sign-off: decisions, opened suggestions. A decision has no default."""

from __future__ import annotations

from dataclasses import dataclass
from enum import StrEnum
from typing import TYPE_CHECKING, Literal
from uuid import UUID

from pydantic import BaseModel, ConfigDict, Field, JsonValue

if TYPE_CHECKING:
    from gateway.adapters.protocol import View
    from gateway.policy.lanes import Lane
    from gateway.suggestions.tables import Suggestion


class Reason(StrEnum):
    """Coded reasons for not following a suggestion; a policy may name others."""

    WRONG_FINDING = "wrong_finding"
    MISSED_FINDING = "missed_finding"
    PATIENT_CONTEXT_DIFFERS = "patient_context_differs"  # the AI may be right, this patient is another matter
    WRONG_PATIENT = "wrong_patient"
    POOR_INPUT = "poor_input"
    NOT_RELEVANT = "not_relevant"
    ALREADY_KNOWN = "already_known"
    OTHER = "other"


class EmergencyReason(StrEnum):
    """Coded reasons for break-glass: each points at what has to be mended."""

    NO_SIGNER = "no_signer"
    TOO_SLOW = "too_slow"
    AUTHENTICATION_DOWN = "authentication_down"
    VITAL_RISK = "vital_risk"


class Strict(BaseModel):
    """A body in which an unknown member is an error."""

    model_config = ConfigDict(extra="forbid", frozen=True, str_max_length=20_000)


class ActiveTime(Strict):
    """Seconds of page focus minus idle time, as the page measured them: raw, and capped."""

    raw: float = Field(ge=0, le=86_400)
    capped: float = Field(ge=0, le=86_400)


class Decision(Strict):
    """A person's decision on exactly what was shown."""

    lease: UUID
    shown_sha256: str = Field(pattern="^[0-9a-f]{64}$")
    decision: Literal["approve", "amend", "reject"]
    amendment: dict[str, JsonValue] | None = Field(default=None, description="JSON Pointer → new value, for amend")
    changes_decision: bool = Field(
        default=False, description="amend: true where the decision is another, false where only the wording is refined"
    )
    reason: str = Field(default="", max_length=64, pattern="^[a-z0-9_]*$")
    comment: str = Field(default="", max_length=10_000)
    active_seconds: ActiveTime | None = None


@dataclass(frozen=True, slots=True)
class Opened:
    """A suggestion under lease: what the person is shown, byte for byte."""

    row: Suggestion
    lane: Lane
    view: View
    shown: bytes
    shown_sha256: str
    suggestion: bytes
    payloads: dict[str, bytes]
