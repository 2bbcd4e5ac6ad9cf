"""The stop button over HTTP, and what is owed and uncovered: overdue signatures, gaps in rotas."""

from dataclasses import asdict
from datetime import datetime
from typing import Final
from uuid import UUID

from fastapi import APIRouter
from pydantic import BaseModel, Field

from gateway.api.dependencies import CurrentSession, TheParts, demand
from gateway.api.signoff import OWED, TheDesk
from gateway.identity.roles import Right
from gateway.policy.escalation import gaps
from gateway.signoff.models import Strict
from gateway.signoff.watch.alarms import alarms

router = APIRouter(tags=["stop button"])
_HOURS_AHEAD: Final = 48


class Stop(Strict):
    """What is stopped or resumed, and why."""

    scope: str = Field(max_length=200, description="system:ID, task:ID or site:ID")
    reason: str = Field(min_length=3, max_length=500)


class Stopped(BaseModel):
    """What is stopped now, and how many waiting answers were withdrawn by this call."""

    active: list[str]
    withdrawn: int = 0


class Gap(BaseModel):
    """A time in which nobody of a rota is on call."""

    rota: str
    start: datetime
    end: datetime


@router.get("/stops")
async def active(session: CurrentSession, parts: TheParts, desk: TheDesk) -> Stopped:
    """What is stopped now."""
    await demand(parts, session, Right.STOP)
    await desk.stops.refresh()
    return Stopped(active=sorted(desk.stops.active))


@router.post("/stops")
async def stop(body: Stop, session: CurrentSession, parts: TheParts, desk: TheDesk) -> Stopped:
    """Stop an AI system, a task or a site, for everybody, now."""
    await demand(parts, session, Right.STOP)
    withdrawn = await desk.stopping.stop(session.person, body.scope, body.reason)
    await desk.stops.refresh()
    return Stopped(active=sorted(desk.stops.active), withdrawn=withdrawn)


@router.post("/stops/resume")
async def resume(body: Stop, session: CurrentSession, parts: TheParts, desk: TheDesk) -> Stopped:
    """Let it run again; what was withdrawn stays withdrawn."""
    await demand(parts, session, Right.RESUME)
    await desk.stopping.resume(session.person, body.scope, body.reason)
    await desk.stops.refresh()
    return Stopped(active=sorted(desk.stops.active))


@router.get("/rotas/gaps")
async def rota_gaps(session: CurrentSession, parts: TheParts, desk: TheDesk) -> list[Gap]:
    """Times within the next 48 hours in which nobody is on call, so that they can be filled a day ahead."""
    await demand(parts, session, Right.STOP)
    now = parts.clock.now()
    found = [(rota.id, gap) for rota in desk.settings.rotas for gap in gaps(rota, now, _HOURS_AHEAD)]
    return [Gap(rota=name, start=start, end=end) for name, (start, end) in found]


class AlarmNow(BaseModel):
    """Something that somebody must do now; a red one is a broken promise."""

    kind: str = Field(description="review_overdue: emergency releases not reviewed within 72 hours; rota_gap: nobody on call within a day")
    count: int
    oldest: datetime
    address: str
    red: bool


@router.get("/alarms")
async def alarms_now(session: CurrentSession, parts: TheParts) -> list[AlarmNow]:
    """What everybody has to know now: unreviewed emergency releases, gaps of rotas."""
    await demand(parts, session, Right.STOP)
    found = await alarms(parts.database, parts.settings.establishment.id, parts.settings.rotas, parts.clock.now())
    return [AlarmNow(**asdict(alarm)) for alarm in found]


class Owed(BaseModel):
    """A signature that is owed: overdue, or for something that has left already."""

    id: UUID
    task: str
    mode: str
    state: str
    overdue: bool
    rung: int
    asked: list[str]
    received_at: datetime
    due_at: datetime | None


@router.get("/owed")
async def owed(session: CurrentSession, parts: TheParts, desk: TheDesk) -> list[Owed]:
    """Signatures that are overdue, or owed for what has left unsigned; overdue ones first."""
    await demand(parts, session, Right.STOP)
    rows = await desk.signoff.suggestions.waiting({task.id for task in desk.settings.tasks})
    listed = [row for row in rows if row.overdue or row.state in OWED]
    return [Owed(**{name: getattr(row, name) for name in Owed.model_fields}) for row in listed]
