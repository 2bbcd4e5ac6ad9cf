"""Requests to erase and legal holds as they are stored; never built from request data. Times are UTC."""

from __future__ import annotations

from datetime import datetime
from typing import Any
from uuid import UUID

from sqlalchemy import Column, DateTime
from sqlalchemy.dialects.postgresql import JSONB
from sqlmodel import Field, SQLModel


class ErasureRow(SQLModel, table=True):
    """A case that one person asked to erase, and what became of it: withdrawn, or done by another person, and what was found afterwards."""

    __tablename__ = "erasures"

    id: UUID = Field(primary_key=True)
    establishment: str
    case_id: UUID
    basis: str
    asked_by: UUID
    asked_at: datetime = Field(sa_column=Column(DateTime(timezone=True), nullable=False))
    asked_entry: UUID
    withdrawn_at: datetime | None = Field(default=None, sa_column=Column(DateTime(timezone=True)))
    confirmed_by: UUID | None = None
    done_at: datetime | None = Field(default=None, sa_column=Column(DateTime(timezone=True)))
    done_entry: UUID | None = None
    proof: dict[str, Any] | None = Field(default=None, sa_column=Column(JSONB))
    proven_at: datetime | None = Field(default=None, sa_column=Column(DateTime(timezone=True)))


class HoldRow(SQLModel, table=True):
    """A case of which nothing is erased until somebody lifts the hold; `set_by` and `lifted_by` are actors of the log."""

    __tablename__ = "legal_holds"

    id: UUID = Field(primary_key=True)
    establishment: str
    case_id: UUID
    reason: str
    set_by: str
    set_at: datetime = Field(sa_column=Column(DateTime(timezone=True), nullable=False))
    lifted_by: str | None = None
    lifted_at: datetime | None = Field(default=None, sa_column=Column(DateTime(timezone=True)))
    lifted_reason: str | None = None
