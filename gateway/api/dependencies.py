"""What the routes of the control API work with: the parts, and who is asking with which right.

Promises: a machine key opens no door here but that of total volumes (`api/impact`); a write under the cookie carries the CSRF token; a refused right is logged.
"""

import asyncio
from collections.abc import Awaitable, Callable
from dataclasses import dataclass, field
from typing import Annotated, Final, Literal

from fastapi import Depends, Request, Response
from sqlalchemy.ext.asyncio import async_sessionmaker
from sqlmodel.ext.asyncio.session import AsyncSession

from gateway.audit.batch import Write
from gateway.audit.leaf import Event, EventType
from gateway.audit.writer import Writer
from gateway.clock import Clock
from gateway.errors import Forbidden, Unauthenticated
from gateway.identity.attempts import DEVICE_LIFETIME, Attempts, Origin
from gateway.identity.machines import Machines
from gateway.identity.oidc.flows import Elsewhere
from gateway.identity.passkeys.ceremonies import Passkeys
from gateway.identity.passwords import Passwords
from gateway.identity.people import People
from gateway.identity.roles import Author, Right
from gateway.identity.sessions import Reauthentication, Session, Sessions, check_csrf
from gateway.identity.trust.proxies import client_address
from gateway.ids import uuid7
from gateway.operations.keys import Keys
from gateway.settings import Settings
from gateway.signals.bus import Bus

COOKIE: Final = "garant_session"
DEVICE_COOKIE: Final = "garant_device"
CSRF_HEADER: Final = "X-CSRF-Token"
_OUTSIDERS: Final = 4
SAFE: Final = frozenset({"GET", "HEAD", "OPTIONS"})
_SAFE_PREFIX: Final = "__Host-"
_NOBODY: Final = "Sign in first: POST /api/session, then send the cookie or 'Authorization: Bearer gs_…'."
_NOBODY_FR: Final = "Connectez-vous d'abord : POST /api/session, puis envoyez le cookie ou « Authorization: Bearer gs_… »."
_ONE_TIME_FR: Final = (
    "Vous êtes connecté avec un mot de passe à usage unique. Choisissez d'abord le vôtre ; rien d'autre n'est accessible d'ici là."
)
_RIGHTS_FR: Final = {
    Right.SIGN: "signer",
    Right.BREAK_GLASS: "remettre en urgence",
    Right.READ_CASES: "lire les dossiers",
    Right.READ_LOG: "lire le journal",
    Right.READ_IMPACT: "lire les mesures d'impact",
    Right.GIVE_VOLUMES: "donner des volumes d'activité",
    Right.STOP: "arrêter un système d'IA",
    Right.RESUME: "remettre en service",
    Right.MANAGE_ACCOUNTS: "gérer les comptes",
    Right.MANAGE_MACHINES: "gérer les clés de machine",
    Right.ERASE: "effacer ou conserver des dossiers",
}
_AGENTS: Final = ("Firefox", "Edg", "OPR", "Chrome", "Safari")
_SYSTEMS: Final = ("Windows", "Android", "iPhone", "iPad", "Mac OS", "Linux")
_MACHINE: Final = "This is a machine's key. A machine cannot sign, open or manage anything here: only a person can. Sign in as one."
_MACHINE_FR: Final = (
    "Ceci est une clé de machine. Une machine ne signe, n'ouvre ni ne gère rien ici : seule une personne le peut. Connectez-vous."
)
_ONE_TIME: Final = (
    "You are signed in with a one-time password. Choose your own first (POST /api/password); nothing else is open until then."
)


@dataclass(frozen=True, slots=True)
class Parts:
    """The collaborators of the control API, built once by `gateway.app`.

    Args:
        database: makes reading database sessions.
        attempts: slows down whoever fails to prove who they are.
        passkeys: registration, and signatures by passkey.
        elsewhere: signing in with an OpenID provider or from a health record.
        signoff: the sign-off service, typed by its own room.
        url: the database, for readings outside the pool (the whole log, the ledger).
        outsiders: how many may read the published log at once; each has a connection that care must not lack.
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
    attempts: Attempts
    passkeys: Passkeys
    elsewhere: Elsewhere
    signoff: object = None
    url: str = ""
    outsiders: asyncio.Semaphore = field(default_factory=lambda: asyncio.Semaphore(_OUTSIDERS))


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
    token = bearer or session_token(request, parts)
    if not token:
        raise Unauthenticated(_NOBODY, fr=_NOBODY_FR)
    session = await parts.sessions.find(token)
    if not bearer and request.method not in SAFE:
        await check_ours(parts, session, request.headers.get(CSRF_HEADER))
    return session


async def check_ours(parts: Parts, session: Session, sent: str | None) -> None:
    """Refuse, and log, a write under the cookie that another site may have caused. Raises Forbidden."""
    try:
        check_csrf(session, sent)
    except Forbidden as error:
        await denied(parts, session.author(parts.keys), {"code": error.code})
        raise


AnySession = Annotated[Session, Depends(signed_in)]


async def with_own_password(session: AnySession) -> Session:
    """The session of somebody who has chosen a password. Raises Forbidden."""
    check_own_password(session)
    return session


def check_own_password(session: Session) -> None:
    """Refuse somebody who has a one-time password still. Raises Forbidden."""
    if session.person.must_change:
        raise Forbidden(_ONE_TIME, code="password_change_required", fr=_ONE_TIME_FR)


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
    french = f"Votre compte ({held}) ne permet pas de {_RIGHTS_FR[right]}. Si c'est une erreur, adressez-vous à l'informatique."
    raise Forbidden(message, code="right_missing", fr=french)


async def denied(parts: Parts, by: Author, detail: dict[str, str]) -> None:
    """Log that somebody was refused."""
    event = Event(uuid7(), EventType.DENIED, parts.clock.now(), by.actor, by.role, auth=by.auth or None, detail=detail)
    await parts.writer.append(Write((event,)))


Clinician = Annotated[Session, Depends(holding(Right.SIGN))]
QualityReader = Annotated[Session, Depends(holding(Right.READ_LOG))]
ItAdministrator = Annotated[Session, Depends(holding(Right.MANAGE_ACCOUNTS))]
MachineAdministrator = Annotated[Session, Depends(holding(Right.MANAGE_MACHINES))]


def secure(parts: Parts) -> bool:
    """Whether people reach Garant by https, so that its cookies can be kept to it."""
    return parts.settings.server.public_url.startswith("https:")


def cookie_name(parts: Parts, name: str = COOKIE) -> str:
    """A cookie's name; under https with the prefix by which a browser lets no other host or path set it."""
    return f"{_SAFE_PREFIX}{name}" if secure(parts) else name


def session_token(request: Request, parts: Parts) -> str | None:
    """The token in the session's cookie."""
    return request.cookies.get(cookie_name(parts))


def give_cookie(parts: Parts, response: Response, name: str, value: str, seconds: int | None, *, same_site: str = "strict") -> None:
    """Set a cookie that no script reads and no other site sends; without `seconds` it goes with the browser's window."""
    site: Literal["strict", "lax"] = "lax" if same_site == "lax" else "strict"
    response.set_cookie(cookie_name(parts, name), value, max_age=seconds, path="/", secure=secure(parts), httponly=True, samesite=site)


def take_cookie(parts: Parts, response: Response, name: str = COOKIE) -> None:
    """Delete a cookie."""
    response.delete_cookie(cookie_name(parts, name), path="/", secure=secure(parts), httponly=True, samesite="strict")


def give_session(parts: Parts, response: Response, token: str) -> None:
    """Set the session's cookie: whoever closes the browser of a shared workstation leaves nobody signed in there."""
    give_cookie(parts, response, COOKIE, token, None)


async def remember_device(request: Request, response: Response, parts: Parts, session: Session) -> None:
    """Note that this person has signed in from this device, so that strangers' failures never delay them here."""
    value = await parts.attempts.remember(origin_of(request, parts).device, session.person.id)
    give_cookie(parts, response, DEVICE_COOKIE, value, int(DEVICE_LIFETIME.total_seconds()))


def origin_of(request: Request, parts: Parts) -> Origin:
    """From where a request comes; X-Forwarded-For is believed from the trusted proxies alone, from its end."""
    peer, trusted = request.client.host if request.client else "", parts.settings.identity.trusted_proxies
    address = client_address(peer, ",".join(request.headers.getlist("x-forwarded-for")), trusted)
    agent = request.headers.get("user-agent", "")
    words = [next((name for name in names if name in agent), "") for names in (_AGENTS, _SYSTEMS)]
    device = request.cookies.get(cookie_name(parts, DEVICE_COOKIE), "")
    return Origin(address[:64], device[:128], ", ".join(word for word in words if word).replace("Edg", "Edge").replace("OPR", "Opera"))


def by_bearer(request: Request) -> bool:
    """Whether the caller uses the token itself and not the cookie."""
    return bool(_bearer(request))


def _bearer(request: Request) -> str:
    scheme, _, token = request.headers.get("authorization", "").partition(" ")
    return token.strip() if scheme.lower() == "bearer" else ""


async def _refuse_machine(request: Request, parts: Parts) -> None:
    machine = parts.machines.identify(tuple(request.headers.raw))
    await denied(parts, Author(f"machine:{machine.id}", "machine"), {"code": "machine_not_a_person"})
    raise Forbidden(_MACHINE, code="machine_not_a_person", fr=_MACHINE_FR)
