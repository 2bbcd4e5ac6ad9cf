"""Sign-ins kept on the server, and the interface through which a person proves again who they are.

Promises: only the SHA-256 of a token is stored; a sign-in ends when idle, after some hours, at sign-out, and at any change of
the account's password, roles, competence or activity (its `credentials` number no longer fits), on all replicas at once.
A token that is used after its sign-in was ended is refused in words, and that is logged.
"""

from __future__ import annotations

import hashlib
import hmac
import secrets
from contextlib import suppress
from dataclasses import dataclass, replace
from datetime import datetime, timedelta
from typing import TYPE_CHECKING, Final, Protocol
from uuid import UUID

from sqlalchemy import and_, text
from sqlmodel import col, select

from gateway.audit.batch import Statement, Write
from gateway.audit.leaf import Event, EventType
from gateway.clock import rfc3339
from gateway.database import reading
from gateway.errors import AuditUnavailable, Conflict, Forbidden, GarantError, Unauthenticated, Unknown
from gateway.identity.attempts import NOWHERE
from gateway.identity.methods import check_passwords
from gateway.identity.people import People, Person, as_person, normal, unchanged
from gateway.identity.tables import PersonRow, PreferencesRow, SessionRow, SpentProofRow
from gateway.ids import uuid7

if TYPE_CHECKING:
    from sqlalchemy.ext.asyncio import async_sessionmaker
    from sqlmodel.ext.asyncio.session import AsyncSession

    from gateway.audit.writer import Writer
    from gateway.clock import Clock
    from gateway.identity.attempts import Attempts, Origin
    from gateway.identity.passwords import Passwords
    from gateway.identity.roles import Author
    from gateway.operations.keys import Keys

PREFIX: Final = "gs_"
LIFETIME: Final = timedelta(hours=8)
IDLE: Final = timedelta(minutes=30)
_LONGEST: Final = 64
_NO_ID: Final = UUID(int=0)
_KEPT: Final = timedelta(days=7)
_SEEN_EVERY: Final = timedelta(seconds=30)
_BEGIN: Final = """
INSERT INTO sessions (token, person_id, credentials, csrf, method, created_at, authenticated_at, expires_at, id, seen_at, device)
VALUES ($1, $2, $3, $4, $5, $6, $7, $8, $9, $6, $10)
"""
_PROVEN: Final = "UPDATE sessions SET authenticated_at = $2, method = $3 WHERE token = $1"
_END: Final = "UPDATE sessions SET ended_at = $2, ended = $3 WHERE id = $1 AND person_id = $4 AND ended_at IS NULL RETURNING id"
_REUSED: Final = "UPDATE sessions SET reused_at = $2 WHERE id = $1 AND (reused_at IS NULL OR reused_at < $3) RETURNING id"
_SWEEP: Final = "DELETE FROM sessions WHERE expires_at < $1"
_SWEEP_SPENT: Final = "DELETE FROM spent_proofs WHERE at < $1"
_SPEND: Final = "INSERT INTO spent_proofs (session_id, at) VALUES ($1, $2) ON CONFLICT DO NOTHING"
_SEEN: Final = text("UPDATE sessions SET seen_at = :now WHERE token = :token AND seen_at < :now")
_WRONG: Final = "Login or password are wrong, or the account was deactivated. Try again; hospital IT can give you a new one-time password."
_WRONG_FR: Final = "Identifiant ou mot de passe incorrect, ou compte désactivé. Réessayez ; l'informatique peut vous donner un nouveau mot de passe à usage unique."
_ENDED: Final = {
    "": (
        "You are not signed in, or your session has ended (after 8 hours, at sign-out, or when your account changed). Sign in again.",
        "Vous n'êtes pas connecté, ou votre session est terminée (durée atteinte, déconnexion ou compte modifié). Connectez-vous à nouveau.",
    ),
    "idle": (
        "You were signed out because nothing was done for a while. Sign in again; what you had open is kept.",
        "Vous avez été déconnecté après un moment d'inactivité. Connectez-vous à nouveau ; votre travail ouvert est conservé.",
    ),
    "changed": (
        "Your account was changed (password, roles or rights), so this session has ended. Sign in again.",
        "Votre compte a été modifié (mot de passe, rôles ou droits) ; cette session est terminée. Connectez-vous à nouveau.",
    ),
    "signed_out": (
        "This session was ended by signing out, and yet it was used again; that was logged. If it was not you, tell hospital IT. Sign in again.",
        "Cette session a été fermée par une déconnexion, puis réutilisée ; cela a été journalisé. Si ce n'était pas vous, prévenez l'informatique. Connectez-vous à nouveau.",
    ),
}


@dataclass(frozen=True, slots=True)
class Evidence:
    """What a signature by passkey leaves behind.

    Args:
        document: what anybody can verify later, canonical JSON; nothing of the patient is in it.
        opening: what opens the salted digest in it: salt and the whole decision, to be kept encrypted.
    """

    document: bytes
    opening: bytes


@dataclass(frozen=True, slots=True)
class Authentication:
    """One proof of identity: by which method, and when; `acr`: the level a provider vouches for.

    Args:
        session: the sign-in that remembers it.
        used: a decision rests on it already.
    """

    method: str
    at: datetime
    acr: str = ""
    evidence: Evidence | None = None
    session: UUID = _NO_ID
    used: bool = False

    def for_log(self) -> dict[str, str]:
        """The `auth` member of an entry."""
        level = {"acr": self.acr} if self.acr else {}
        return {"method": self.method, "at": rfc3339(self.at)} | level


@dataclass(frozen=True, slots=True)
class Session:
    """A person who is signed in; `token` is the SHA-256 of the secret, `csrf` goes with writes made under the cookie.

    Args:
        choices: what the person chose for the pages, as those keep it; "" where nothing was chosen.
        language: `fr` or `en`; "" where none was chosen.
    """

    token: bytes
    person: Person
    csrf: str
    authentication: Authentication
    expires_at: datetime
    id: UUID = _NO_ID
    choices: str = ""
    language: str = ""

    @property
    def authenticated_at(self) -> datetime:
        """When the person last proved who they are."""
        return self.authentication.at

    def author(self, keys: Keys) -> Author:
        """This person as the one who answers for a change."""
        return self.person.author(keys, auth=self.authentication.for_log())


@dataclass(frozen=True, slots=True)
class Running:
    """A session as its owner sees it in a list."""

    id: UUID
    method: str
    device: str
    created_at: datetime
    seen_at: datetime


@dataclass(frozen=True, slots=True)
class Limits:
    """How long a sign-in lasts: without anything being done, and at most."""

    idle: timedelta = IDLE
    lifetime: timedelta = LIFETIME


class Reauthentication(Protocol):
    """A way to prove again who one is, at a signature."""

    name: str

    async def prove(self, person: Person, proof: str) -> Authentication:
        """Check the proof. Raises Unauthenticated in words."""
        ...


class PasswordReauthentication:
    """Proof by the account's password: one factor, for pilots; the production profile refuses it at a signature.

    Args:
        offered: whether this establishment signs in with passwords; otherwise one that an account has still proves nothing.
    """

    name = "password"

    def __init__(self, people: People, passwords: Passwords, clock: Clock, *, offered: bool = True) -> None:
        self._people = people
        self._passwords = passwords
        self._clock = clock
        self._offered = offered

    async def prove(self, person: Person, proof: str) -> Authentication:
        """Check the password against the account. Raises Unauthenticated, Forbidden."""
        check_passwords(offered=self._offered)
        stored = await self._people.password_hash(person.id)
        if not await self._passwords.verify(stored, proof):
            message = "This password does not fit your account, so nothing was confirmed. Try again."
            french = "Ce mot de passe n'est pas celui de votre compte ; rien n'a été confirmé. Réessayez."
            raise Unauthenticated(message, code="proof_refused", fr=french)
        return Authentication(self.name, self._clock.now())


@dataclass(frozen=True, slots=True)
class Sessions:
    """Begins, finds and ends sign-ins.

    Args:
        sessions: makes database sessions.
        reauthentication: how a person proves again who they are.
        attempts: slows down whoever fails.
        limits: how long a sign-in lasts.
    """

    sessions: async_sessionmaker[AsyncSession]
    writer: Writer
    keys: Keys
    clock: Clock
    reauthentication: Reauthentication
    attempts: Attempts
    limits: Limits = Limits()

    async def login(self, people: People, passwords: Passwords, login: str, password: str, origin: Origin = NOWHERE) -> tuple[str, Session]:
        """Sign in by password: the token (shown once) and the session.

        Raises:
            Unauthenticated: after the same work whoever it is.
            Slowed: too many attempts failed from there; nothing was looked at.
        """
        admitted = await self.attempts.admit(normal(login), origin)
        found = await people.by_login(login)
        fits = await passwords.verify(found[1] if found else None, password, known=admitted.known)
        if found is None or not fits:
            await self.failed(self.keys.hidden("login", normal(login).encode()).hex()[:32], "unknown", "login")
            raise Unauthenticated(_WRONG, code="login_refused", fr=_WRONG_FR)
        await self.attempts.succeeded(admitted)
        return await self.begin(found[0], Authentication("password", self.clock.now()), origin)

    async def begin(self, person: Person, proven: Authentication, origin: Origin = NOWHERE) -> tuple[str, Session]:
        """Begin a session of a person who was just authenticated. Raises Conflict if the account has changed since."""
        now, token = self.clock.now(), PREFIX + secrets.token_urlsafe(32)
        session = Session(token_hash(token), person, secrets.token_urlsafe(24), proven, now + self.limits.lifetime, uuid7())
        row = (
            *(session.token, person.id, person.credentials, session.csrf, proven.method, now, proven.at, session.expires_at),
            *(session.id, origin.agent),
        )
        swept = (Statement(_SWEEP, (now - _KEPT,)), Statement(_SWEEP_SPENT, (now - _KEPT,)))
        effects = (*swept, Statement(_BEGIN, row))
        entry = self._entry(EventType.AUTH_OK, person.actor(self.keys), person.role, "login", proven)
        await self.writer.append(Write((entry,), guards=(unchanged(person),), effects=effects, refusal=_WRONG, french=_WRONG_FR))
        return token, session

    async def find(self, token: str, *, seen: bool = True) -> Session:
        """The session of a token.

        Args:
            token: as it was given out.
            seen: somebody is doing something; false for what a page asks for by itself.

        Raises:
            Unauthenticated: unknown, ended, idle for too long, or expired; in words.
        """
        if not token.startswith(PREFIX) or len(token) > _LONGEST:  # never given out by us: not worth a look into the database
            raise _ended("")
        used = and_(col(SpentProofRow.session_id) == SessionRow.id, col(SpentProofRow.at) == SessionRow.authenticated_at)
        query = select(SessionRow, PersonRow, SpentProofRow, PreferencesRow).join(PersonRow, col(PersonRow.id) == SessionRow.person_id)
        query = query.join(SpentProofRow, used, isouter=True)
        query = query.join(PreferencesRow, col(PreferencesRow.person_id) == SessionRow.person_id, isouter=True)
        async with reading(self.sessions) as database:
            found = (await database.exec(query.where(SessionRow.token == token_hash(token)))).first()
        if found is None:
            raise _ended("")
        row, person, spent_proof, chosen = found
        await self._check_alive(row, person)
        if seen:
            await self._note_seen(row)
        who = as_person(person) if row.method == "password" else replace(as_person(person), must_change=False)
        proven = Authentication(row.method, row.authenticated_at, session=row.id, used=spent_proof is not None)
        return Session(row.token, who, row.csrf, proven, row.expires_at, row.id, *_pages(chosen))

    async def prove(self, session: Session, proof: str) -> Authentication:
        """Prove again who one is; the session remembers when. Raises Unauthenticated, Slowed."""
        admitted = await self.attempts.admit_proof(session.token)
        try:
            proven = await self.reauthentication.prove(session.person, proof)
        except Unauthenticated:
            await self.failed(session.person.actor(self.keys), session.person.role, "reauthenticate")
            raise
        await self.attempts.succeeded(admitted)
        await self.writer.append(self.renewed(session.token, session.person, proven))
        return replace(proven, session=session.id)

    def renewed(self, token: bytes, person: Person, proven: Authentication, *guards: Statement) -> Write:
        """The write with which a session remembers a new proof of identity."""
        entry = self._entry(EventType.AUTH_OK, person.actor(self.keys), person.role, "reauthenticate", proven)
        return Write((entry,), guards=guards, effects=(Statement(_PROVEN, (token, proven.at, proven.method)),))

    async def running(self, person: Person) -> tuple[Running, ...]:
        """A person's own sessions that have not ended, the last used first."""
        now = self.clock.now()
        alive = (
            col(SessionRow.ended_at).is_(None),
            SessionRow.credentials == person.credentials,
            col(SessionRow.expires_at) > now,
            col(SessionRow.seen_at) > now - self.limits.idle,
        )
        async with reading(self.sessions) as database:
            query = select(SessionRow).where(SessionRow.person_id == person.id, *alive).order_by(col(SessionRow.seen_at).desc())
            return tuple(Running(row.id, row.method, row.device, row.created_at, row.seen_at) for row in await database.exec(query))

    async def end(self, session: Session, which: UUID | None = None) -> None:
        """Sign out, here or (`which`) one's session elsewhere. Raises Unknown where there is none to end."""
        act = "logout" if which in {None, session.id} else "logout_elsewhere"
        entry = self._entry(EventType.AUTH_OK, session.person.actor(self.keys), session.person.role, act, session.authentication)
        ended = which or session.id
        guard = Statement(_END, (ended, self.clock.now(), "signed_out", session.person.id), key=ended)
        try:
            await self.writer.append(Write((entry,), guards=(guard,)))
        except Conflict:
            if act == "logout_elsewhere":
                message = "This session has ended already, or it is not yours. Reload to see yours."
                raise Unknown(
                    message, fr="Cette session est déjà terminée, ou ce n'est pas la vôtre. Rechargez la page pour voir les vôtres."
                ) from None

    async def failed(self, actor: str, role: str, act: str) -> None:
        """Log a proof of identity that did not hold."""
        await self.writer.append(Write((self._entry(EventType.AUTH_FAILED, actor, role, act),)))

    async def _check_alive(self, row: SessionRow, person: PersonRow) -> None:
        now = self.clock.now()
        if row.ended_at is not None and row.ended != "changed":
            await self._note_reuse(row, person, now, "session_reused")
            raise _ended(row.ended)
        if row.ended_at is not None or row.credentials != person.credentials or not person.active:
            await self._note_reuse(row, person, now, "session_changed")
            raise _ended("changed")
        if row.expires_at <= now:
            raise _ended("")
        if row.seen_at <= now - self.limits.idle:
            await self._end_idle(row, person, now)
            raise _ended("idle")

    async def _note_seen(self, row: SessionRow) -> None:
        """When a person last did something is no fact for the log."""
        now = self.clock.now()
        if now - row.seen_at < _SEEN_EVERY:
            return
        async with reading(self.sessions) as database:
            connection = await database.connection()
            await connection.execute(_SEEN, {"token": row.token, "now": now})
            await database.commit()

    async def _end_idle(self, row: SessionRow, person: PersonRow, now: datetime) -> None:
        guard = Statement(_END, (row.id, now, "idle", row.person_id), key=row.id)
        await self._denied(person, "session_idle", guard)

    async def _note_reuse(self, row: SessionRow, person: PersonRow, now: datetime, code: str) -> None:
        """Log that an ended session is used, also after a right was withdrawn; once a minute: it must not be a way to fill the log."""
        guard = Statement(_REUSED, (row.id, now, now - timedelta(minutes=1)), key=row.id)
        await self._denied(person, code, guard)

    async def _denied(self, person: PersonRow, code: str, guard: Statement) -> None:
        who = as_person(person)
        event = Event(uuid7(), EventType.DENIED, self.clock.now(), who.actor(self.keys), who.role.value, detail={"code": code})
        with suppress(Conflict, AuditUnavailable):  # refused it is in any case
            await self.writer.append(Write((event,), guards=(guard,)))

    def _entry(self, kind: EventType, actor: str, role: str, act: str, proven: Authentication | None = None) -> Event:
        auth = proven.for_log() if proven else None
        return Event(uuid7(), kind, self.clock.now(), actor, str(role), auth=auth, detail={"act": act})


def spending(proof: Authentication, *, once: bool) -> Statement:
    """The statement that notes that a decision rests on this proof; `once`: a guard that refuses a proof which was used before."""
    row = (proof.session, proof.at)
    return Statement(f"{_SPEND} RETURNING session_id", row, key=proof.session) if once else Statement(_SPEND, row)


def check_csrf(session: Session, sent: str | None) -> None:
    """Refuse a write under the cookie that another site may have caused. Raises Forbidden."""
    if sent is None or not hmac.compare_digest(sent.encode(), session.csrf.encode()):
        message = "This request did not come from a page of Garant (its X-CSRF-Token is missing or old). Reload the page and try again."
        french = "Cette demande ne vient pas d'une page de Garant (jeton absent ou ancien). Rechargez la page et réessayez."
        raise Forbidden(message, code="csrf_refused", fr=french)


def token_hash(token: str) -> bytes:
    """What is stored of a token."""
    return hashlib.sha256(token.encode()).digest()


def _pages(chosen: PreferencesRow | None) -> tuple[str, str]:
    """What somebody chose for the pages, and in which language; "" where nothing was chosen."""
    return ("", "") if chosen is None else (chosen.choices, chosen.language)


def _ended(why: str) -> GarantError:
    english, french = _ENDED.get(why, _ENDED["signed_out"])
    return Unauthenticated(english, code="session_ended", fr=french)
