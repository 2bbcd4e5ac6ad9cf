"""What the routes of the control API work with: the parts, and who is asking with which right.

Promises: a machine key opens no door here; a write under the cookie carries the CSRF token; a refused right is logged.
"""

from collections.abc import Awaitable, Callable
from dataclasses import dataclass
from typing import Annotated, Final

from fastapi import Depends, Request
from sqlalchemy.ext.asyncio import async_sessionmaker
from sqlmodel.ext.asyncio.session import AsyncSession

from gateway.audit.batch import Write
from gateway.audit.leaf import Event, EventType
from gateway.audit.writer import Writer
from gateway.clock import Clock
from gateway.errors import Forbidden, Unauthenticated
from gateway.identity.machines import Machines
from gateway.identity.passwords import Passwords
from gateway.identity.people import People
from gateway.identity.roles import Author, Right
from gateway.identity.sessions import Reauthentication, Session, Sessions, check_csrf
from gateway.ids import uuid7
from gateway.operations.keys import Keys
from gateway.settings import Settings
from gateway.signals.bus import Bus

COOKIE: Final = "garant_session"
CSRF_HEADER: Final = "X-CSRF-Token"
SAFE: Final = frozenset({"GET", "HEAD", "OPTIONS"})
_NOBODY: Final = "Sign in first: POST /api/session, then send the cookie or 'Authorization: Bearer gs_…'."
_MACHINE: Final = "This is a machine's key. A machine cannot sign, open or manage anything here: only a person who is signed in can."
_ONE_TIME: Final = (
    "You are signed in with a one-time password. Choose your own first (POST /api/password); nothing else is open until then."
)


@dataclass(frozen=True, slots=True)
class Parts:
    """The collaborators of the control API, built once by `gateway.app`.

    Args:
        database: makes reading database sessions.
        signoff: the sign-off service, typed by its own room.
        url: the database, for readings outside the pool (the whole log, the ledger).
    """

    settings: Settings
    keys: Keys
    writer: Writer
    bus: Bus
    database: async_sessionmaker[AsyncSession]
    people: People
    passwords: Passwords
    sessions: Sessions
    machines: Machines
    clock: Clock
    reauthentication: Reauthentication
    signoff: object = None
    url: str = ""


def parts_of(request: Request) -> Parts:
    """The parts of the running application."""
    parts = request.app.state.parts
    assert isinstance(parts, Parts)  # noqa: S101 - set by control_app, nobody else
    return parts


TheParts = Annotated[Parts, Depends(parts_of)]


async def signed_in(request: Request, parts: TheParts) -> Session:
    """The session of the request, even one that may only change its password. Raises Unauthenticated, Forbidden."""
    bearer = _bearer(request)
    if "garant-key" in request.headers or bearer.startswith("gk_"):
        await _refuse_machine(request, parts)
    cookie = request.cookies.get(COOKIE)
    token = bearer or cookie
    if not token:
        raise Unauthenticated(_NOBODY)
    session = await parts.sessions.find(token)
    if not bearer and request.method not in SAFE:
        check_csrf(session, request.headers.get(CSRF_HEADER))
    return session


AnySession = Annotated[Session, Depends(signed_in)]


async def with_own_password(session: AnySession) -> Session:
    """The session of somebody who has chosen a password. Raises Forbidden."""
    if session.person.must_change:
        raise Forbidden(_ONE_TIME, code="password_change_required")
    return session


CurrentSession = Annotated[Session, Depends(with_own_password)]


def holding(right: Right) -> Callable[[Session, Parts], Awaitable[Session]]:
    """A dependency: the session of somebody who has this right; a refusal is logged."""

    async def check(session: CurrentSession, parts: TheParts) -> Session:
        await demand(parts, session, right)
        return session

    return check


async def demand(parts: Parts, session: Session, right: Right) -> None:
    """Refuse, and log, somebody without a right. Raises Forbidden."""
    if right in session.person.rights:
        return
    await denied(parts, session.author(parts.keys), {"right": right.value})
    held = ", ".join(sorted(session.person.roles))
    message = f"Your account ({held}) has no right to {right.value.replace('_', ' ')}. Ask hospital IT if that is wrong."
    french = (
        f"Votre compte ({held}) n’a pas le droit demandé ({right.value}). Si vous en avez besoin, adressez-vous au service informatique."
    )
    raise Forbidden(message, code="right_missing", fr=french)


async def denied(parts: Parts, by: Author, detail: dict[str, str]) -> None:
    """Log that somebody was refused."""
    event = Event(uuid7(), EventType.DENIED, parts.clock.now(), by.actor, by.role, auth=by.auth or None, detail=detail)
    await parts.writer.append(Write((event,)))


Clinician = Annotated[Session, Depends(holding(Right.SIGN))]
QualityReader = Annotated[Session, Depends(holding(Right.READ_LOG))]
ItAdministrator = Annotated[Session, Depends(holding(Right.MANAGE_ACCOUNTS))]
MachineAdministrator = Annotated[Session, Depends(holding(Right.MANAGE_MACHINES))]


def by_bearer(request: Request) -> bool:
    """Whether the caller uses the token itself and not the cookie."""
    return bool(_bearer(request))


def _bearer(request: Request) -> str:
    scheme, _, token = request.headers.get("authorization", "").partition(" ")
    return token.strip() if scheme.lower() == "bearer" else ""


async def _refuse_machine(request: Request, parts: Parts) -> None:
    machine = parts.machines.identify(tuple(request.headers.raw))
    await denied(parts, Author(f"machine:{machine.id}", "machine"), {"code": "machine_not_a_person"})
    raise Forbidden(_MACHINE, code="machine_not_a_person")
