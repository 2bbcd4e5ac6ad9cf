"""Signed records over HTTP, and the coded reasons of a task for quality; of people's speed nothing (R4, R8)."""

from typing import Annotated
from uuid import UUID

from fastapi import APIRouter, Query

from gateway.api.dependencies import CurrentSession, TheParts, demand
from gateway.api.reading import noted
from gateway.api.signoff.answers import ReasonCount, Record, record
from gateway.api.signoff.doors import TheDesk, logged
from gateway.identity.roles import Right

router = APIRouter()
Reason = Annotated[str, Query(max_length=40, description="why it is read: a code of reading_reasons; clinicians need none")]


@router.get("/suggestions/{suggestion}/signatures")
async def signatures(suggestion: UUID, session: CurrentSession, parts: TheParts, desk: TheDesk, reason: Reason = "") -> list[Record]:
    """Who signed, when, what it meant, for which model; nothing while the second of two has still to decide. Reading it is an entry."""
    await demand(parts, session, Right.READ_CASES)
    found = await logged(parts, session, suggestion, desk.signoff.records(session.person, suggestion))
    if found:
        await noted(parts, session, (await desk.signoff.suggestions.get(suggestion),), "signatures", reason)
    return [record(one) for one in found]


@router.get("/reasons")
async def reasons(session: CurrentSession, parts: TheParts, desk: TheDesk) -> list[ReasonCount]:
    """How often each coded reason was given, by task."""
    await demand(parts, session, Right.READ_LOG)
    found = await desk.signoff.suggestions.work.reasons()
    return [ReasonCount(task=one.task, reason=one.reason, times=one.times) for one in found]
