"""Passkeys: registered by a person who has just proven who they are, then used to sign decisions themselves, or to prove it again.

Promises: the authenticator has verified its user at every use; a challenge is of one use, for one session and one decision,
and two minutes old at most; a counter that does not go up is refused; every registration, removal, use and refusal is an
entry. An account whose owner nobody has confirmed yet gets no passkey: it would outlive the next password (R5). Open challenges
are no facts, so they are written beside the log.
"""

from __future__ import annotations

import os
from dataclasses import dataclass, replace
from datetime import datetime, timedelta
from typing import TYPE_CHECKING, Final
from urllib.parse import urlsplit

from sqlalchemy import text
from sqlmodel import col, select
from webauthn import generate_authentication_options, generate_registration_options
from webauthn.helpers import options_to_json_dict
from webauthn.helpers.structs import (
    AuthenticatorSelectionCriteria,
    PublicKeyCredentialDescriptor,
    ResidentKeyRequirement,
    UserVerificationRequirement,
)

from gateway.audit.batch import Statement as Sql
from gateway.audit.batch import Write
from gateway.audit.leaf import Event, EventType
from gateway.database import reading
from gateway.errors import Conflict, Forbidden, Unauthenticated, Unknown
from gateway.identity.passkeys import responses
from gateway.identity.passkeys import sentences as words
from gateway.identity.passkeys.document import Statement, evidence, statement
from gateway.identity.sessions import Authentication
from gateway.identity.tables import PasskeyRow
from gateway.identity.trust.confirming import check_confirmed
from gateway.ids import uuid7

if TYPE_CHECKING:
    from collections.abc import Mapping, Sequence
    from uuid import UUID

    from gateway.identity.passkeys.document import Assertion
    from gateway.identity.passkeys.responses import Party
    from gateway.identity.people import Person
    from gateway.identity.sessions import Session, Sessions

LIFETIME: Final = timedelta(minutes=2)
FRESH: Final = timedelta(minutes=5)
"""How old the proof of identity may be with which a passkey is registered or removed."""
MOST: Final = 12
_ALGORITHMS: Final = responses.ALGORITHMS
_KEEP: Final = text("""
INSERT INTO challenges (id, challenge, session_token, purpose, suggestion_id, salt, statement, expires_at)
VALUES (:id, :challenge, :token, :purpose, :suggestion, :salt, :statement, :until)
""")
_SWEEP: Final = text("DELETE FROM challenges WHERE expires_at < :now")
_FIND: Final = text("""
SELECT id, challenge, salt, statement FROM challenges WHERE challenge = :challenge AND session_token = :token AND purpose = :purpose
AND suggestion_id IS NOT DISTINCT FROM CAST(:suggestion AS uuid) AND expires_at > :now
""")
_TAKE: Final = "DELETE FROM challenges WHERE id = $1 RETURNING id"
_ADD: Final = """
INSERT INTO passkeys (id, person_id, credential, public_key, sign_count, name, created_at) VALUES ($1, $2, $3, $4, $5, $6, $7)
ON CONFLICT (credential) DO NOTHING RETURNING id
"""
_USED: Final = "UPDATE passkeys SET sign_count = $3, used_at = $4 WHERE id = $1 AND sign_count = $2 AND removed_at IS NULL RETURNING id"
_REMOVE: Final = "UPDATE passkeys SET removed_at = $2 WHERE id = $1 AND person_id = $3 AND removed_at IS NULL RETURNING id"


@dataclass(frozen=True, slots=True)
class Passkey:
    """A passkey as its owner sees it."""

    id: UUID
    name: str
    created_at: datetime
    used_at: datetime | None


@dataclass(frozen=True, slots=True)
class _Open:
    """A challenge that was given out and not used yet."""

    id: UUID
    challenge: bytes
    salt: bytes
    statement: bytes


class Passkeys:
    """Registers, lists, removes; and proves a decision.

    Args:
        sessions: sign-ins, with writer, keys and clock.
        name: of the establishment, shown by the authenticator.
        base: our public address: its host is whom passkeys are for.
        password_counts: a signature may rest on a password; otherwise none changes the passkeys of who has one (R5).
    """

    def __init__(self, sessions: Sessions, name: str, base: str, *, password_counts: bool = True) -> None:
        self._password_counts = password_counts
        parts = urlsplit(base)
        self._accounts = sessions
        self._clock = sessions.clock
        self._name = name
        self._party: Party = responses.Party(parts.hostname or "", f"{parts.scheme}://{parts.netloc}")

    async def listed(self, person: Person) -> tuple[Passkey, ...]:
        """A person's passkeys, the oldest first."""
        return tuple(Passkey(row.id, row.name, row.created_at, row.used_at) for row in await self._rows(person))

    async def registration(self, session: Session) -> dict[str, object]:
        """Options for `navigator.credentials.create()`. Raises Forbidden: prove first who you are, or have it confirmed."""
        rows = await self._rows(session.person)
        self._check_may_change(session, rows)
        check_confirmed(session.person)
        if len(rows) >= MOST:
            raise Conflict(words.TOO_MANY[0], code="too_many_passkeys", fr=words.TOO_MANY[1])
        challenge = os.urandom(32)
        await self._keep(session, "register", None, Statement(b"", b"", b""), challenge)
        options = generate_registration_options(
            rp_id=self._party.id,
            rp_name=self._name,
            user_name=session.person.login,
            user_id=session.person.id.bytes,
            user_display_name=session.person.name,
            challenge=challenge,
            authenticator_selection=AuthenticatorSelectionCriteria(
                resident_key=ResidentKeyRequirement.PREFERRED, user_verification=UserVerificationRequirement.REQUIRED
            ),
            exclude_credentials=[PublicKeyCredentialDescriptor(id=row.credential) for row in rows],
            supported_pub_key_algs=list(_ALGORITHMS),
        )
        return dict(options_to_json_dict(options))

    async def register(self, session: Session, name: str, credential: Mapping[str, object]) -> Passkey:
        """Keep a new passkey. Raises Unauthenticated, Forbidden, Conflict."""
        self._check_may_change(session, await self._rows(session.person))
        check_confirmed(session.person)
        open_one = await self._found(session, "register", None, credential)
        try:
            made = responses.registered(credential, open_one.challenge, self._party)
        except responses.ResponseRefusedError as refused:
            raise await self._refused(session, f"passkey_add:{refused}") from None
        now, who = self._clock.now(), session.author(self._accounts.keys)
        passkey = Passkey(uuid7(), name.strip()[:60] or "Passkey", now, None)
        row = (passkey.id, session.person.id, made.credential, made.public_key, made.sign_count, passkey.name, now)
        detail = {"change": "passkey_added", "subject": who.actor, "key": responses.key_digest(made.public_key)}
        entry = Event(uuid7(), EventType.CONFIG_CHANGED, now, who.actor, who.role, auth=who.auth, detail=detail)
        await self._append(Write((entry,), guards=(Sql(_TAKE, (open_one.id,), key=open_one.id), Sql(_ADD, row, key=passkey.id))))
        return passkey

    async def remove(self, session: Session, passkey: UUID) -> None:
        """End a passkey for good. Raises Forbidden: prove first who you are; Unknown."""
        rows = await self._rows(session.person)
        self._check_may_change(session, rows)
        row = next((row for row in rows if row.id == passkey), None)
        if row is None:
            raise Unknown(words.NONE_SUCH[0], fr=words.NONE_SUCH[1])
        now, who = self._clock.now(), session.author(self._accounts.keys)
        detail = {"change": "passkey_removed", "subject": who.actor, "key": responses.key_digest(row.public_key)}
        entry = Event(uuid7(), EventType.CONFIG_CHANGED, now, who.actor, who.role, auth=who.auth, detail=detail)
        await self._append(Write((entry,), guards=(Sql(_REMOVE, (passkey, now, session.person.id), key=passkey),)))

    async def decision_options(self, session: Session, suggestion: UUID, decision: Mapping[str, object]) -> dict[str, object]:
        """Options for `navigator.credentials.get()` whose challenge is the SHA-256 of this decision's statement.

        Raises:
            Unknown: this person has no passkey.
            BadInput: the decision has no canonical form.
        """
        made = statement(suggestion, decision, os.urandom(32))
        return await self._asked(session, "decision", suggestion, made, made.challenge)

    async def confirm_options(self, session: Session) -> dict[str, object]:
        """Options for `navigator.credentials.get()` that prove who one is and decide nothing. Raises Unknown: no passkey."""
        challenge = os.urandom(32)
        return await self._asked(session, "confirm", None, Statement(b"", b"", b""), challenge)

    async def confirm(self, session: Session, assertion: Mapping[str, object]) -> Authentication:
        """Check that a passkey of this person has answered; the session remembers the proof. Raises Unauthenticated."""
        open_one = await self._found(session, "confirm", None, assertion)
        return (await self._proven(session, open_one, open_one.challenge, assertion))[0]

    async def prove_decision(
        self, session: Session, suggestion: UUID, decision: Mapping[str, object], assertion: Mapping[str, object]
    ) -> Authentication:
        """Check that a passkey of this person has signed exactly this decision; the session remembers the proof.

        Raises:
            Unauthenticated: replayed, too old, of another session or decision, of another key, or not verified; nothing was decided.
        """
        open_one = await self._found(session, "decision", suggestion, assertion)
        signed = statement(suggestion, decision, open_one.salt)
        if signed.text != open_one.statement:
            raise await self._refused(session, "passkey:other_decision")
        proven, made = await self._proven(session, open_one, signed.challenge, assertion)
        return replace(proven, evidence=evidence(signed, made))

    async def may_change(self, session: Session) -> bool:
        """Whether this session may add and remove passkeys now: the boolean twin of the check."""
        try:
            self._check_may_change(session, await self._rows(session.person))
        except Forbidden:
            return False
        return True

    def password_proves(self, count: int) -> bool:
        """Whether a password is proof enough to change the passkeys of somebody who has so many."""
        return self._password_counts or not count

    async def _asked(self, session: Session, purpose: str, suggestion: UUID | None, made: Statement, challenge: bytes) -> dict[str, object]:
        """The options for a proof by one of this person's passkeys. Raises Unknown: there is none."""
        rows = await self._rows(session.person)
        if not rows:
            raise Unknown(words.NO_PASSKEY[0], code="no_passkey", fr=words.NO_PASSKEY[1])
        await self._keep(session, purpose, suggestion, made, challenge)
        options = generate_authentication_options(
            rp_id=self._party.id,
            challenge=challenge,
            allow_credentials=[PublicKeyCredentialDescriptor(id=row.credential) for row in rows],
            user_verification=UserVerificationRequirement.REQUIRED,
        )
        return dict(options_to_json_dict(options))

    async def _proven(
        self, session: Session, open_one: _Open, challenge: bytes, assertion: Mapping[str, object]
    ) -> tuple[Authentication, Assertion]:
        """A passkey of this person has answered the challenge; it is used up, and the session remembers the proof."""
        rows = {row.credential: row for row in await self._rows(session.person)}
        row = rows.get(responses.credential_id(assertion))
        if row is None:
            raise await self._refused(session, "passkey:not_this_person")
        try:
            checked = responses.asserted(assertion, challenge, self._party, (row.public_key, row.sign_count))
        except responses.ResponseRefusedError as refused:
            raise await self._refused(session, f"passkey:{refused}") from None
        now = self._clock.now()
        proven = Authentication("passkey", now, session=session.id)
        taken = Sql(_TAKE, (open_one.id,), key=open_one.id)
        used = Sql(_USED, (row.id, row.sign_count, checked.sign_count, now), key=row.id)
        await self._append(self._accounts.renewed(session.token, session.person, proven, taken, used))
        return proven, checked.assertion

    def _check_may_change(self, session: Session, rows: Sequence[PasskeyRow]) -> None:
        """A fresh proof; and where a password signs nothing, it must not make what signs: only the first passkey is enrolled by it."""
        if self._clock.now() - session.authenticated_at > FRESH:
            raise Forbidden(words.CONFIRM[0], code="reauthentication_required", fr=words.CONFIRM[1])
        if session.authentication.method == "password" and not self.password_proves(len(rows)):
            raise Forbidden(words.STRONGER[0], code="stronger_proof_needed", fr=words.STRONGER[1])

    async def _append(self, write: Write) -> None:
        try:
            await self._accounts.writer.append(write)
        except Conflict:
            raise Unauthenticated(words.USED[0], code="passkey_replayed", fr=words.USED[1]) from None

    async def _rows(self, person: Person) -> list[PasskeyRow]:
        async with reading(self._accounts.sessions) as database:
            query = select(PasskeyRow).where(PasskeyRow.person_id == person.id, col(PasskeyRow.removed_at).is_(None))
            return list(await database.exec(query.order_by(col(PasskeyRow.created_at), col(PasskeyRow.id))))

    async def _keep(self, session: Session, purpose: str, suggestion: UUID | None, made: Statement, challenge: bytes) -> None:
        now = self._clock.now()
        values = {"challenge": challenge, "token": session.token, "purpose": purpose, "suggestion": suggestion, "salt": made.salt}
        async with reading(self._accounts.sessions) as database:
            connection = await database.connection()
            await connection.execute(_SWEEP, {"now": now})
            await connection.execute(_KEEP, {"id": uuid7(), "statement": made.text, "until": now + LIFETIME, **values})
            await database.commit()

    async def _found(self, session: Session, purpose: str, suggestion: UUID | None, response: Mapping[str, object]) -> _Open:
        """The challenge that a response answers, if it was given to this session for this and not used."""
        values = {"challenge": responses.challenge(response), "token": session.token, "purpose": purpose, "suggestion": suggestion}
        async with reading(self._accounts.sessions) as database:
            connection = await database.connection()
            row = (await connection.execute(_FIND, values | {"now": self._clock.now()})).first()
        if row is None:
            raise await self._refused(session, "passkey:replayed")
        return _Open(row.id, row.challenge, row.salt, row.statement)

    async def _refused(self, session: Session, code: str) -> Unauthenticated:
        """Log it; returns the refusal in words."""
        person = session.person
        await self._accounts.failed(person.actor(self._accounts.keys), person.role.value, code)
        english, french = words.USED if code.endswith("replayed") else words.NOT_PROVEN
        name = "passkey_replayed" if code.endswith("replayed") else "passkey_refused"
        return Unauthenticated(english, code=name, fr=french)
