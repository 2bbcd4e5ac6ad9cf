"""The values that policy speaks in: kinds, release modes, requirements.

A policy says what oversight a task demands; `rules.py` decides, from values alone, what happens to one call.
"""

from __future__ import annotations

from enum import StrEnum
from typing import Literal

from pydantic import BaseModel, ConfigDict, Field


class Kind(StrEnum):
    """The nature of a task. The first three are clinical: their suggestions always need a sign-off."""

    DIAGNOSIS = "diagnosis"
    TREATMENT = "treatment"
    TRIAGE = "triage"
    DOCUMENTATION = "documentation"
    ADMINISTRATIVE = "administrative"
    LOGISTIC = "logistic"


CLINICAL = frozenset({Kind.DIAGNOSIS, Kind.TREATMENT, Kind.TRIAGE})


class ReleaseMode(StrEnum):
    """What leaves before a person has signed, chosen by clinical clock."""

    HOLD = "hold"
    NOTIFY_NOW = "notify_now"
    DRAFT = "draft"
    SHADOW = "shadow"
    LOG_ONLY = "log_only"


CLINICAL_MODES = frozenset({ReleaseMode.HOLD, ReleaseMode.NOTIFY_NOW, ReleaseMode.SHADOW})


class Frozen(BaseModel):
    """A configuration table: frozen, and an unknown key is an error."""

    model_config = ConfigDict(frozen=True, extra="forbid")


class Policy(Frozen):
    """What oversight a task demands. Times are in seconds."""

    id: str = Field(pattern=r"^[a-z0-9][a-z0-9_-]{0,62}$")
    release_mode: ReleaseMode = ReleaseMode.HOLD
    clock_seconds: int = Field(default=3600, gt=0, le=30 * 86400, description="sign-off is owed within this time")
    expires_seconds: int = Field(
        default=86400, gt=0, le=90 * 86400, description="an undecided hold is withdrawn, never approved, after this time"
    )
    escalation: tuple[str, ...] = Field(default=(), description="rotas or groups, asked in this order when the clock runs out")
    sign_groups: tuple[str, ...] = Field(default=(), description="groups whose clinicians may sign; empty: the task's profession")
    two_person: bool = Field(
        default=False, description="two people decide, the second without seeing the first; an arbiter where they differ"
    )
    arbiter_groups: tuple[str, ...] = Field(
        default=(), description="two_person: groups whose clinicians decide where the two differ; empty: who may sign"
    )
    judge_first: bool = Field(default=False, description="whoever signs records an own answer before anything of the AI is shown")
    blind_share: float = Field(
        default=0.0,
        ge=0,
        le=0.5,
        description="hold only: this share of cases, drawn at random, is judged before anything of the AI is shown, to be compared with the others",
    )
    judge_options: tuple[str, ...] = Field(default=(), description="judge_first: the answers to choose from; empty: free text")
    ageing_seconds: int = Field(
        default=1800, gt=0, le=30 * 86400, description="each such span waited lifts a case by one level of urgency in the queue"
    )
    guard_seconds: float = Field(
        default=2.0,
        ge=0,
        le=10,
        description="the pages' buttons do nothing before, with script or without; a guard against double presses, never a stopwatch of reading",
    )
    reauthenticate_seconds: int = Field(
        default=0, ge=0, le=900, description="how old the last re-authentication may be at a decision; 0: at each decision"
    )
    reauthenticate_with: tuple[Literal["password", "passkey", "oidc"], ...] = Field(
        default=(), description="proofs of identity that a signature may rest on; empty: any that the configuration offers"
    )
    undo_seconds: int = Field(default=0, ge=0, le=60, description="between decision and release")
    lease_seconds: int = Field(default=300, gt=0, le=3600)
    urgency: int = Field(default=3, ge=1, le=5, description="1 most urgent … 5 least")
    unsigned_content_to_caller: bool = Field(default=False, description="notify_now only: the caller gets the content, labelled unsigned")
    notify_rota: str | None = Field(default=None, description="notify_now only: the rota whose on-call clinician is notified")
    keep_content: bool = Field(default=True, description="store the encrypted request and answer")
    reject_reasons: tuple[str, ...] = Field(default=(), description="coded reasons; empty: the built-in list")


class Task(Frozen):
    """An activity an AI system is used for."""

    id: str = Field(pattern=r"^[a-z0-9][a-z0-9_-]{0,62}$")
    kind: Kind
    policy: str
    name: dict[str, str] = Field(default_factory=dict, description='by language: {fr = "…", en = "…"}')
    profession: str = Field(default="physician", description="whose work it is; counted in the ledger")
    specialties: tuple[str, ...] = Field(default=(), description="specialties that may sign; empty: any of the profession")
    units: tuple[str, ...] = Field(default=(), description="units (wards, departments) whose people may sign; empty: any")


class Requirement(BaseModel):
    """What one call must undergo, and why, in words."""

    model_config = ConfigDict(frozen=True)

    mode: ReleaseMode
    reason: str
    policy: Policy
    digest: str
    signatures: int = 1
