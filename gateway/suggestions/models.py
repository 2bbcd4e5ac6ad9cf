"""A suggestion before it is stored: the same members as the table's row, made cheaply on the hot path."""

from __future__ import annotations

from dataclasses import dataclass, field
from typing import TYPE_CHECKING, NamedTuple, TypeAlias

if TYPE_CHECKING:
    from datetime import datetime
    from uuid import UUID

    from gateway.suggestions.tables import Suggestion

    AnySuggestion: TypeAlias = "NewSuggestion | Suggestion"


@dataclass(slots=True)
class NewSuggestion:
    """One suggestion on its way into the store; member by member as `tables.Suggestion`, kept equal by a test."""

    id: UUID
    establishment: str
    site: str
    case_id: UUID
    system: str
    task: str
    kind: str
    protocol: str
    mode: str
    policy: str
    machine: str
    state: str
    received_at: datetime
    model: str = ""
    model_version: str = ""
    version: int = 1
    urgency: int = 3
    attach_key: bytes | None = None
    body_hash: bytes | None = None
    stream: bool = False
    background: bool = False
    answered_at: datetime | None = None
    opened_at: datetime | None = None
    decided_at: datetime | None = None
    released_at: datetime | None = None
    delivered_at: datetime | None = None
    due_at: datetime | None = None
    expires_at: datetime | None = None
    next_clock_at: datetime | None = None
    rung: int = 0
    overdue: bool = False
    asked: list[str] = field(default_factory=list)
    notified_person: str | None = None
    lease: UUID | None = None
    leased_by: UUID | None = None
    leased_until: datetime | None = None
    signatures: int = 1
    first_signer: UUID | None = None
    code: str = ""
    decision: str = ""
    judge_first: bool = False
    second_signer: UUID | None = None
    final_entry: UUID | None = None
    assigned_to: UUID | None = None
    returns_to: UUID | None = None
    leased_at: datetime | None = None
    erased_at: datetime | None = None
    erased_basis: str = ""
    held_out: bool = False


class Waiting(NamedTuple):
    """A case in a queue: a few columns of its row, because a queue may hold thousands."""

    id: UUID
    task: str
    kind: str
    system: str
    mode: str
    state: str
    urgency: int
    overdue: bool
    rung: int
    received_at: datetime
    due_at: datetime | None
    leased_by: UUID | None
    leased_until: datetime | None
    asked: list[str]
