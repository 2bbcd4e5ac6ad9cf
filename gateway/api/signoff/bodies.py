"""What comes in over HTTP: strict bodies, and the filters of the queue's address."""

from uuid import UUID

from pydantic import BaseModel, ConfigDict, Field, JsonValue

from gateway.signoff.models import ActiveTime, Advice, Decision, EmergencyReason, HandingOver, Judging, Passing, Strict

MOST_CASES = 1000


class Filters(BaseModel):
    """Which part of the queue; empty: everything. They stand in the address, so that a link keeps them."""

    model_config = ConfigDict(frozen=True, extra="ignore")

    task: list[str] = Field(default_factory=list)
    state: list[str] = Field(default_factory=list)
    urgency: list[int] = Field(default_factory=list)
    mine: bool = False
    overdue: bool = False
    limit: int = Field(default=100, ge=1, le=MOST_CASES)
    offset: int = Field(default=0, ge=0, le=1_000_000)


class DecisionBody(Decision):
    """A decision; `proof` re-authenticates in the same step, or `assertion` signs this decision itself."""

    proof: str | None = Field(default=None, max_length=1024)
    assertion: dict[str, JsonValue] | None = Field(default=None, max_length=32)

    def decision_alone(self) -> Decision:
        """The decision without what proves who made it."""
        return Decision.model_validate(self.model_dump(exclude={"proof", "assertion"}))


class JudgementBody(Judging):
    """An own judgement, before the AI is shown."""


class LeaseBody(Passing):
    """The lease that is given back, with what it cost and why."""


class Extension(Strict):
    """The lease that is kept."""

    lease: UUID


class HandOver(HandingOver):
    """To whom a case goes."""

    to: str = Field(max_length=128, description="the colleague's login")

    def without_name(self) -> HandingOver:
        """What the sign-off desk takes beside the colleague."""
        return HandingOver.model_validate(self.model_dump(exclude={"to"}))


class Opinion(Advice):
    """An opinion for the colleague who asked."""


class BreakGlass(Strict):
    """Why a suggestion is needed before its signature."""

    reason: EmergencyReason
    active_seconds: ActiveTime | None = None
