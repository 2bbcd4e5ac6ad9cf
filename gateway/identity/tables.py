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


class SessionRow(SQLModel, table=True):
    """One sign-in: the SHA-256 of its token, and the account's `credentials` when it began."""

    __tablename__ = "sessions"

    token: bytes = Field(sa_column=Column(LargeBinary, primary_key=True))
    person_id: UUID = Field(foreign_key="people.id")
    credentials: int
    csrf: str
    method: str
    created_at: datetime = Field(sa_column=Column(DateTime(timezone=True), nullable=False))
    authenticated_at: datetime = Field(sa_column=Column(DateTime(timezone=True), nullable=False))
    expires_at: datetime = Field(sa_column=Column(DateTime(timezone=True), nullable=False))


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
