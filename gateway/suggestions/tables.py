"""Rows as they are stored; never built from request data."""

from __future__ import annotations

from datetime import datetime
from typing import TYPE_CHECKING
from uuid import UUID

from sqlalchemy import ARRAY, Column, DateTime, LargeBinary, SmallInteger, Text
from sqlmodel import Field, SQLModel

if TYPE_CHECKING:
    from sqlalchemy.types import TypeEngine


def _time() -> TypeEngine[datetime]:
    return DateTime(timezone=True)


class Suggestion(SQLModel, table=True):
    """One output of an AI system for one case and task, and where it stands. Times are UTC; the state is `states.State`."""

    __tablename__ = "suggestions"

    id: UUID = Field(primary_key=True)
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
    model: str = ""
    model_version: str = ""
    state: str
    version: int = 1
    urgency: int = Field(default=3, sa_type=SmallInteger)
    attach_key: bytes | None = Field(default=None, sa_column=Column(LargeBinary, unique=True))
    body_hash: bytes | None = Field(default=None, sa_type=LargeBinary)
    stream: bool = False
    background: bool = False
    received_at: datetime = Field(sa_column=Column(_time(), nullable=False))
    answered_at: datetime | None = Field(default=None, sa_column=Column(_time()))
    opened_at: datetime | None = Field(default=None, sa_column=Column(_time()))
    decided_at: datetime | None = Field(default=None, sa_column=Column(_time()))
    released_at: datetime | None = Field(default=None, sa_column=Column(_time()))
    delivered_at: datetime | None = Field(default=None, sa_column=Column(_time()))
    due_at: datetime | None = Field(default=None, sa_column=Column(_time()))
    expires_at: datetime | None = Field(default=None, sa_column=Column(_time()))
    next_clock_at: datetime | None = Field(default=None, sa_column=Column(_time()))
    rung: int = Field(default=0, sa_type=SmallInteger)
    overdue: bool = False
    asked: list[str] = Field(default_factory=list, sa_column=Column(ARRAY(Text), nullable=False))
    notified_person: str | None = None
    lease: UUID | None = None
    leased_by: UUID | None = None
    leased_until: datetime | None = Field(default=None, sa_column=Column(_time()))
    signatures: int = Field(default=1, sa_type=SmallInteger)
    first_signer: UUID | None = None
    code: str = ""
    decision: str = ""
    judge_first: bool = False
    second_signer: UUID | None = None  # set beside `first_signer`: the two decided differently
    final_entry: UUID | None = None  # whose final bytes leave; those of the AI system where that entry keeps none
    assigned_to: UUID | None = None
    returns_to: UUID | None = None  # set: the person it is assigned to was asked for an opinion
    leased_at: datetime | None = Field(default=None, sa_column=Column(_time()))  # from when active time can be claimed
    erased_at: datetime | None = Field(default=None, sa_column=Column(_time()))
    erased_basis: str = ""
    held_out: bool = False  # drawn into the arm that judges before it sees anything of the AI


class Payload(SQLModel, table=True):
    """The encrypted bytes of one field (input, exchange, suggestion, final, reason, patient) and the salt of its commitment."""

    __tablename__ = "payloads"

    suggestion_id: UUID = Field(primary_key=True)
    field: str = Field(primary_key=True)
    entry_id: UUID
    salt: bytes
    kek: str | None = None
    wrapped_key: bytes | None = None
    nonce: bytes | None = None
    ciphertext: bytes | None = None


class Signature(SQLModel, table=True):
    """A signed record: who, in which profession, when, what it means, of which bytes and which model (R4). Seconds are active seconds."""

    __tablename__ = "signatures"

    id: UUID = Field(primary_key=True)
    suggestion_id: UUID
    person_id: UUID
    printed_name: str
    profession: str
    decision: str
    meaning: str
    amendment: str = ""
    reason: str = ""
    shown_sha256: bytes
    final_sha256: bytes | None = None
    model: str
    model_version: str
    method: str
    authenticated_at: datetime = Field(sa_column=Column(_time(), nullable=False))
    at: datetime = Field(sa_column=Column(_time(), nullable=False))
    active_seconds_raw: float
    active_seconds: float
    time_source: str
    entry_id: UUID
    step: str = "decide"
    after_judgement: str = ""
    findings: str = ""
    lease: UUID | None = None
    request: bytes | None = None  # digest of the decision as it was sent
