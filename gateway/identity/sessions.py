"""Sign-ins kept on the server, and the interface through which a person proves again who they are.

Promises: only the SHA-256 of a token is stored; a sign-in ends after eight hours, at sign-out, and at any change of the
account's password, roles or activity (its `credentials` number no longer fits), on all replicas at once.
"""

from __future__ import annotations

import hashlib
import hmac
import secrets
from dataclasses import dataclass
from datetime import datetime, timedelta
from typing import TYPE_CHECKING, Final, Protocol

from sqlmodel import col, select

from gateway.audit.batch import Statement, Write
from gateway.audit.leaf import Event, EventType
from gateway.clock import rfc3339
from gateway.errors import Forbidden, Unauthenticated
from gateway.identity.people import People, Person, as_person, normal
from gateway.identity.tables import PersonRow, SessionRow
from gateway.ids import uuid7

if TYPE_CHECKING:
    from sqlalchemy.ext.asyncio import async_sessionmaker
    from sqlmodel.ext.asyncio.session import AsyncSession

    from gateway.audit.writer import Writer
    from gateway.clock import Clock
    from gateway.identity.passwords import Passwords
    from gateway.identity.roles import Author
    from gateway.operations.keys import Keys
    from gateway.policy.models import Policy

PREFIX: Final = "gs_"
LIFETIME: Final = timedelta(hours=8)
AT_ONCE: Final = timedelta(seconds=60)
_GUARD: Final = "SELECT id FROM people WHERE id = $1 AND credentials = $2 AND active FOR SHARE"
_BEGIN: Final = """
INSERT INTO sessions (token, person_id, credentials, csrf, method, created_at, authenticated_at, expires_at)
VALUES ($1, $2, $3, $4, $5, $6, $6, $7)
"""
_PROVEN: Final = "UPDATE sessions SET authenticated_at = $2, method = $3 WHERE token = $1"
_END: Final = "DELETE FROM sessions WHERE token = $1"
_SWEEP: Final = "DELETE FROM sessions WHERE expires_at < $1"
_WRONG: Final = "Login or password are wrong, or the account was deactivated. Try again; hospital IT can give you a new one-time password."


@dataclass(frozen=True, slots=True)
class Authentication:
    """One proof of identity: by which method, and when."""

    method: str
    at: datetime

    def for_log(self) -> dict[str, str]:
        """The `auth` member of an entry."""
        return {"method": self.method, "at": rfc3339(self.at)}


@dataclass(frozen=True, slots=True)
class Session:
    """A person who is signed in; `token` is the SHA-256 of the secret, `csrf` goes with writes made under the cookie."""

    token: bytes
    person: Person
    csrf: str
    authentication: Authentication
    expires_at: datetime

    @property
    def authenticated_at(self) -> datetime:
        """When the person last proved who they are."""
        return self.authentication.at

    def author(self, keys: Keys) -> Author:
        """This person as the one who answers for a change."""
        return self.person.author(keys, auth=self.authentication.for_log())


class Reauthentication(Protocol):
    """A way to prove again who one is, at a signature."""

    name: str

    async def prove(self, person: Person, proof: str) -> Authentication:
        """Check the proof. Raises Unauthenticated in words."""
        ...


class PasswordReauthentication:
    """Proof by the account's password: one factor, for pilots; the production profile refuses it as the only one."""

    name = "password"

    def __init__(self, people: People, passwords: Passwords, clock: Clock) -> None:
        self._people = people
        self._passwords = passwords
        self._clock = clock

    async def prove(self, person: Person, proof: str) -> Authentication:
        """Check the password against the account. Raises Unauthenticated."""
        stored = await self._people.password_hash(person.id)
        if not await self._passwords.verify(stored, proof):
            message = "This password does not fit your account, so nothing was confirmed. Try again."
            raise Unauthenticated(message, code="proof_refused")
        return Authentication(self.name, self._clock.now())


class Sessions:
    """Begins, finds and ends sign-ins.

    Args:
        sessions: makes reading database sessions.
        reauthentication: how a person proves again who they are.
    """

    def __init__(
        self, sessions: async_sessionmaker[AsyncSession], writer: Writer, keys: Keys, clock: Clock, reauthentication: Reauthentication
    ) -> None:
        self._sessions = sessions
        self._writer = writer
        self._keys = keys
        self._clock = clock
        self._reauthentication = reauthentication

    async def login(self, people: People, passwords: Passwords, login: str, password: str) -> tuple[str, Session]:
        """Sign in by password: the token (shown once) and the session. Raises Unauthenticated, after the same work whoever it is."""
        found = await people.by_login(login)
        fits = await passwords.verify(found[1] if found else None, password)
        if found is None or not fits:
            await self.failed(self._keys.hidden("login", normal(login).encode()).hex()[:32], "unknown", "login")
            raise Unauthenticated(_WRONG, code="login_refused")
        return await self.begin(found[0], "password")

    async def begin(self, person: Person, method: str) -> tuple[str, Session]:
        """Begin a session of a person who was just authenticated. Raises Unauthenticated if the account has changed since."""
        now = self._clock.now()
        token, proven = PREFIX + secrets.token_urlsafe(32), Authentication(method, now)
        session = Session(_hash(token), person, secrets.token_urlsafe(24), proven, now + LIFETIME)
        row = (session.token, person.id, person.credentials, session.csrf, method, now, session.expires_at)
        guard = Statement(_GUARD, (person.id, person.credentials), key=person.id)
        entry = self._entry(EventType.AUTH_OK, person.actor(self._keys), person.role, "login", proven)
        await self._writer.append(
            Write((entry,), guards=(guard,), effects=(Statement(_SWEEP, (now,)), Statement(_BEGIN, row)), refusal=_WRONG)
        )
        return token, session

    async def find(self, token: str) -> Session:
        """The session of a token. Raises Unauthenticated for an unknown, ended or expired one."""
        query = select(SessionRow, PersonRow).join(PersonRow, col(PersonRow.id) == SessionRow.person_id)
        alive = (
            col(SessionRow.credentials) == PersonRow.credentials,
            col(PersonRow.active),
            col(SessionRow.expires_at) > self._clock.now(),
        )
        async with self._sessions() as database:
            found = (await database.exec(query.where(SessionRow.token == _hash(token), *alive))).first()
        if found is None:
            message = "You are not signed in, or your session has ended (after 8 hours, at sign-out, or when your account changed). Sign in again."
            raise Unauthenticated(message, code="session_ended")
        row, person = found
        return Session(row.token, as_person(person), row.csrf, Authentication(row.method, row.authenticated_at), row.expires_at)

    async def prove(self, session: Session, proof: str) -> Authentication:
        """Prove again who one is; the session remembers when. Raises Unauthenticated."""
        actor, role = session.person.actor(self._keys), session.person.role
        try:
            proven = await self._reauthentication.prove(session.person, proof)
        except Unauthenticated:
            await self.failed(actor, role, "reauthenticate")
            raise
        entry = self._entry(EventType.AUTH_OK, actor, role, "reauthenticate", proven)
        await self._writer.append(Write((entry,), effects=(Statement(_PROVEN, (session.token, proven.at, proven.method)),)))
        return proven

    async def end(self, session: Session) -> None:
        """Sign out."""
        entry = self._entry(EventType.AUTH_OK, session.person.actor(self._keys), session.person.role, "logout", session.authentication)
        await self._writer.append(Write((entry,), effects=(Statement(_END, (session.token,)),)))

    def _entry(self, kind: EventType, actor: str, role: str, act: str, proven: Authentication | None = None) -> Event:
        auth = proven.for_log() if proven else None
        return Event(uuid7(), kind, self._clock.now(), actor, str(role), auth=auth, detail={"act": act})

    async def failed(self, actor: str, role: str, act: str) -> None:
        """Log a proof of identity that did not hold."""
        await self._writer.append(Write((self._entry(EventType.AUTH_FAILED, actor, role, act),)))


def fresh(session: Session, policy: Policy, now: datetime) -> bool:
    """Whether the last proof of identity is as new as the policy asks; 0 seconds means for this decision, within a minute."""
    allowed = timedelta(seconds=policy.reauthenticate_seconds) or AT_ONCE
    return timedelta(0) <= now - session.authenticated_at <= allowed


def check_fresh(session: Session, policy: Policy, now: datetime) -> None:
    """Refuse a stale proof of identity (R5). Raises Forbidden."""
    if not fresh(session, policy, now):
        message = "Confirm who you are before you decide: this task asks for it. Nothing was decided yet."
        raise Forbidden(message, code="reauthentication_required")


def check_csrf(session: Session, sent: str | None) -> None:
    """Refuse a write under the cookie that another site may have caused. Raises Forbidden."""
    if sent is None or not hmac.compare_digest(sent.encode(), session.csrf.encode()):
        message = "This request did not come from a page of Garant (its X-CSRF-Token is missing or old). Reload the page and try again."
        raise Forbidden(message, code="csrf_refused")


def _hash(token: str) -> bytes:
    return hashlib.sha256(token.encode()).digest()
