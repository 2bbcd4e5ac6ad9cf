"""How a route reaches the sign-off desk, and how its refusals are logged."""

from collections.abc import Awaitable
from typing import Annotated, TypeVar
from uuid import UUID

from fastapi import Depends

from gateway.api.dependencies import Parts, TheParts
from gateway.audit.batch import Write
from gateway.audit.leaf import Event, EventType
from gateway.errors import GarantError, Unauthenticated
from gateway.identity.sessions import Session
from gateway.ids import uuid7
from gateway.signoff.desk import Desk

_T = TypeVar("_T")


def desk_of(parts: TheParts) -> Desk:
    """The sign-off desk of the running application."""
    assert isinstance(parts.signoff, Desk)  # noqa: S101 - set by gateway.app, nobody else
    return parts.signoff


TheDesk = Annotated[Desk, Depends(desk_of)]


async def logged(parts: Parts, session: Session, suggestion: UUID, work: Awaitable[_T]) -> _T:
    """Do it; a refusal is logged with its code before it is told."""
    try:
        return await work
    except Unauthenticated:
        raise
    except GarantError as error:
        raise await denied_to(parts, session, suggestion, error) from error.__cause__


async def denied_to(parts: Parts, session: Session, suggestion: UUID, error: GarantError) -> GarantError:
    """Log that somebody was refused something of a suggestion; returns the refusal."""
    author = session.author(parts.keys)
    event = Event(
        uuid7(),
        EventType.DENIED,
        parts.clock.now(),
        author.actor,
        author.role,
        suggestion=suggestion,
        auth=author.auth or None,
        detail={"code": error.code},
    )
    await parts.writer.append(Write((event,)))
    return error
