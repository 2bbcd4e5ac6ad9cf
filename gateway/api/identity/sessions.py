"""One's own sign-ins over HTTP: where they are, and ending them."""

from datetime import datetime
from uuid import UUID

from fastapi import APIRouter
from pydantic import BaseModel

from gateway.api.dependencies import AnySession, TheParts

router = APIRouter(tags=["accounts"])


class RunningView(BaseModel):
    """One of one's own sign-ins."""

    id: UUID
    here: bool
    method: str
    device: str
    created_at: datetime
    seen_at: datetime


class RunningViews(BaseModel):
    """One's own sign-ins, the last used first."""

    sessions: list[RunningView]


@router.get("/sessions", summary="Where am I signed in")
async def list_sessions(session: AnySession, parts: TheParts) -> RunningViews:
    """One's own sign-ins that have not ended."""
    found = await parts.sessions.running(session.person)
    views = [RunningView.model_validate({"here": one.id == session.id, **_members(one)}) for one in found]
    return RunningViews(sessions=views)


@router.delete("/sessions/{which}", status_code=204, summary="Sign out elsewhere")
async def end_session(which: UUID, session: AnySession, parts: TheParts) -> None:
    """End one of one's own sign-ins."""
    await parts.sessions.end(session, which)


def _members(one: object) -> dict[str, object]:
    return {name: getattr(one, name) for name in ("id", "method", "device", "created_at", "seen_at")}
