"""Accounts, sessions and machine keys as they are stored; never built from request data. Times are UTC."""

from __future__ import annotations

from datetime import datetime
from uuid import UUID

from sqlalchemy import ARRAY, Column, DateTime, LargeBinary, Text
from sqlmodel import Field, SQLModel


class PersonRow(SQLModel, table=True):
    """One account; `credentials` counts up whenever its sessions must end."""

    __tablename__ = "people"

    id: UUID = Field(primary_key=True)
    login: str = Field(unique=True)
    name: str
    profession: str
    national_id: str | None = None
    roles: list[str] = Field(sa_column=Column(ARRAY(Text), nullable=False))
    groups: list[str] = Field(default_factory=list, sa_column=Column(ARRAY(Text), nullable=False))
    password_hash: str
    must_change: bool = True
    trained_until: datetime | None = Field(default=None, sa_column=Column(DateTime(timezone=True)))
    active: bool = True
    credentials: int = 1
    ehr_user: str | None = None
    specialties: list[str] = Field(default_factory=list, sa_column=Column(ARRAY(Text), nullable=False))
    sites: list[str] = Field(default_factory=list, sa_column=Column(ARRAY(Text), nullable=False))
    units: list[str] = Field(default_factory=list, sa_column=Column(ARRAY(Text), nullable=False))
    trained_for: list[str] = Field(default_factory=list, sa_column=Column(ARRAY(Text), nullable=False))
    delegated_tasks: list[str] = Field(default_factory=list, sa_column=Column(ARRAY(Text), nullable=False))
    delegated_until: datetime | None = Field(default=None, sa_column=Column(DateTime(timezone=True)))
    supervised_by: UUID | None = None
    unconfirmed_since: datetime | None = Field(default=None, sa_column=Column(DateTime(timezone=True)))
    unconfirmed_by: str = ""


class SessionRow(SQLModel, table=True):
    """One sign-in: the SHA-256 of its token, and the account's `credentials` when it began.

    It stays for a while after its end, so that a token which is used again is told why, and noticed.
    """

    __tablename__ = "sessions"

    token: bytes = Field(sa_column=Column(LargeBinary, primary_key=True))
    person_id: UUID = Field(foreign_key="people.id")
    credentials: int
    csrf: str
    method: str
    created_at: datetime = Field(sa_column=Column(DateTime(timezone=True), nullable=False))
    authenticated_at: datetime = Field(sa_column=Column(DateTime(timezone=True), nullable=False))
    expires_at: datetime = Field(sa_column=Column(DateTime(timezone=True), nullable=False))
    id: UUID
    seen_at: datetime = Field(sa_column=Column(DateTime(timezone=True), nullable=False))
    ended_at: datetime | None = Field(default=None, sa_column=Column(DateTime(timezone=True)))
    ended: str = ""
    reused_at: datetime | None = Field(default=None, sa_column=Column(DateTime(timezone=True)))
    device: str = ""


class PreferencesRow(SQLModel, table=True):
    """What a person chose for the pages; `choices` as the pages write it, "" where nothing was chosen."""

    __tablename__ = "person_preferences"

    person_id: UUID = Field(primary_key=True, foreign_key="people.id")
    choices: str = ""
    language: str = ""


class SpentProofRow(SQLModel, table=True):
    """One proof of identity of a sign-in, told by its instant, that a decision has used."""

    __tablename__ = "spent_proofs"

    session_id: UUID = Field(primary_key=True)
    at: datetime = Field(sa_column=Column(DateTime(timezone=True), primary_key=True))


class PasskeyRow(SQLModel, table=True):
    """One passkey of a person; `public_key` is COSE, as the authenticator gave it."""

    __tablename__ = "passkeys"

    id: UUID = Field(primary_key=True)
    person_id: UUID = Field(foreign_key="people.id")
    credential: bytes = Field(sa_column=Column(LargeBinary, nullable=False, unique=True))
    public_key: bytes = Field(sa_column=Column(LargeBinary, nullable=False))
    sign_count: int
    name: str
    created_at: datetime = Field(sa_column=Column(DateTime(timezone=True), nullable=False))
    used_at: datetime | None = Field(default=None, sa_column=Column(DateTime(timezone=True)))
    removed_at: datetime | None = Field(default=None, sa_column=Column(DateTime(timezone=True)))


class MachineRow(SQLModel, table=True):
    """One machine key: the SHA-256 of its secret, and what it may call."""

    __tablename__ = "machines"

    id: str = Field(primary_key=True)
    name: str
    secret_hash: bytes = Field(sa_column=Column(LargeBinary, nullable=False))
    tasks: list[str] = Field(sa_column=Column(ARRAY(Text), nullable=False))
    site: str
    created_at: datetime = Field(sa_column=Column(DateTime(timezone=True), nullable=False))
    revoked_at: datetime | None = Field(default=None, sa_column=Column(DateTime(timezone=True)))
