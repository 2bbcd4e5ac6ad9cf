"""What people did on a suggestion beside signing it; never built from request data. Texts are in `payloads`, encrypted."""

from __future__ import annotations

from datetime import datetime
from uuid import UUID

from sqlalchemy import Column, DateTime, SmallInteger
from sqlmodel import Field, SQLModel


class Judgement(SQLModel, table=True):
    """An own judgement, recorded before anything of the AI was shown (R13); one a person and suggestion, never changed.

    `confidence` is 0 to 100, as the person gave it. The answer is the payload `judgement/ENTRY`.
    """

    __tablename__ = "judgements"

    id: UUID = Field(primary_key=True)
    suggestion_id: UUID
    person_id: UUID
    printed_name: str
    profession: str
    confidence: int = Field(sa_type=SmallInteger)
    at: datetime = Field(sa_column=Column(DateTime(timezone=True), nullable=False))
    entry_id: UUID


class Opinion(SQLModel, table=True):
    """A word between colleagues: `question` or `hand_over` with a case, `opinion` back. The text is the payload `opinion/ENTRY`."""

    __tablename__ = "opinions"

    id: UUID = Field(primary_key=True)
    suggestion_id: UUID
    kind: str
    person_id: UUID
    printed_name: str
    profession: str
    at: datetime = Field(sa_column=Column(DateTime(timezone=True), nullable=False))
    entry_id: UUID


class ActiveTimes(SQLModel, table=True):
    """Active seconds of one act on a suggestion; summed into the ledger, never told per person.

    `raw` is page focus, at most what the lease lasted; `capped` is without idle time; the phases are parts of `capped`.
    """

    __tablename__ = "active_times"

    id: UUID = Field(primary_key=True)
    suggestion_id: UUID
    person_id: UUID
    act: str
    raw: float
    capped: float
    read: float = 0.0
    judge: float = 0.0
    edit: float = 0.0
    source: str
    at: datetime = Field(sa_column=Column(DateTime(timezone=True), nullable=False))
    entry_id: UUID
