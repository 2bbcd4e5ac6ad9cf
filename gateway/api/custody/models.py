"""What the routes of custody take and give: codes, ids and dates; never content."""

from datetime import date, datetime
from typing import Annotated, Any, Literal, Self
from uuid import UUID

from pydantic import BaseModel, Field, JsonValue

from gateway.api.accounts import Strict
from gateway.custody.tables import ErasureRow, HoldRow

Json = Annotated[dict[str, JsonValue], Field(max_length=32)]


class Proving(Strict):
    """A proof of identity of its own: a password now, or a passkey's answer; without either, the sign-in must be two minutes old at most."""

    proof: str | None = Field(default=None, max_length=1024)
    assertion: Json | None = None


class Asking(Proving):
    """Which case, on which legal basis."""

    case: UUID
    basis: str = Field(max_length=40)


class AskingOptions(Strict):
    """What a passkey is to sign: the request for a case, or the confirmation of a request."""

    case: UUID | None = None
    basis: str = Field(default="", max_length=40)
    erasure: UUID | None = None


class ErasureView(BaseModel):
    """A request to erase and what became of it; `proof`: what was searched afterwards, and where something was found (nowhere)."""

    id: UUID
    case: UUID
    basis: str
    asked_by: str = Field(description="the pseudonym by which the log knows the person")
    asked_at: datetime
    mine: bool = Field(description="you asked, so another person has to confirm")
    state: Literal["asked", "withdrawn", "done"]
    done_at: datetime | None
    proven_at: datetime | None
    proof: dict[str, Any] | None

    @classmethod
    def of(cls, row: ErasureRow, asked_by: str, me: UUID) -> Self:
        """The view of a row, for somebody."""
        state: Literal["asked", "withdrawn", "done"] = "done" if row.done_at else "withdrawn" if row.withdrawn_at else "asked"
        same = {name: getattr(row, name) for name in ("id", "basis", "asked_at", "done_at", "proven_at", "proof")}
        return cls(**same, case=row.case_id, asked_by=asked_by, mine=row.asked_by == me, state=state)


class HoldBody(Strict):
    """Which case, and a coded reason."""

    case: UUID
    reason: str = Field(max_length=40)


class DeathBody(Strict):
    """On which day the patient of a case died; null takes it back."""

    case: UUID
    day: date | None


class HoldView(BaseModel):
    """A hold in force."""

    case: UUID
    reason: str
    set_by: str
    set_at: datetime

    @classmethod
    def of(cls, row: HoldRow) -> Self:
        """The view of a row."""
        return cls(case=row.case_id, reason=row.reason, set_by=row.set_by, set_at=row.set_at)


class ClassView(BaseModel):
    """One class of what is kept, and its clock."""

    name: Literal["security", "use", "decision"]
    months: int
    oldest: datetime | None
    due_at: datetime | None
    due_now: int


class RetentionView(BaseModel):
    """The clocks, whether replicas erase by themselves, and the holds that stop them."""

    automatic: bool
    classes: list[ClassView]
    holds: list[HoldView]


class KeyView(BaseModel):
    """A key by its id; never the key."""

    id: str
    kind: Literal["log", "encryption"]
    state: Literal["current", "next", "retired", "older"]
    since: datetime | None
    wraps: int | None
