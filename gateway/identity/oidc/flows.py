"""Signing in with an OpenID provider or from a health record: out with a challenge, back with a code, never with a silent account.

Promises: code flow with PKCE (S256), state and nonce, each of one use, bound to one browser and ten minutes; a token goes
nowhere, neither into a row nor into the log; whoever the provider names without having an account here is refused in words;
at a signature the proof is a new one, whatever session the provider still has (RFC 9470). Rows of a flow are no facts, so
they are written beside the log; what came of it is an entry.
"""

from __future__ import annotations

import hashlib
import secrets
from base64 import urlsafe_b64encode
from dataclasses import dataclass, replace
from datetime import datetime, timedelta
from typing import TYPE_CHECKING, Final, Literal, TypeAlias
from urllib.parse import urlencode

from sqlalchemy import text

from gateway.database import reading
from gateway.errors import Forbidden, GarantError, Unauthenticated, Unknown, UpstreamFailed
from gateway.identity.oidc import sentences as words
from gateway.identity.oidc.documents import Documents
from gateway.identity.oidc.exchange import Exchange, Told
from gateway.identity.oidc.profiles import OIDC, launch_id
from gateway.identity.oidc.tokens import NEVER_FRESH, Expected, TokenRefusedError, used_any
from gateway.identity.sessions import Authentication

if TYPE_CHECKING:
    from collections.abc import Mapping

    from sqlalchemy.ext.asyncio import async_sessionmaker
    from sqlmodel.ext.asyncio.session import AsyncSession

    from gateway.clock import Clock
    from gateway.identity.oidc.profiles import Source
    from gateway.identity.oidc.tokens import Claims
    from gateway.identity.people import People, Person
    from gateway.identity.sessions import Session, Sessions
    from gateway.outbound import Outbound

Purpose: TypeAlias = Literal["sign_in", "step_up", "launch"]
LIFETIME: Final = timedelta(minutes=10)
_SKEW: Final = timedelta(seconds=5)
_LONGEST_SIGN_IN: Final = "28800"
_BEGIN: Final = text("""
INSERT INTO sign_in_flows (state, browser, purpose, source, nonce, verifier, session_token, next, begun_at)
VALUES (:state, :browser, :purpose, :source, :nonce, :verifier, :session, :next, :now)
""")
_SWEEP: Final = text("DELETE FROM sign_in_flows WHERE begun_at < :old")
_TAKE: Final = text("DELETE FROM sign_in_flows WHERE state = :state AND browser = :browser AND begun_at > :old RETURNING *")
_OWNER: Final = text("SELECT person_id FROM sessions WHERE token = :token AND ended_at IS NULL")
_STALE: Final = frozenset({"token_stale_proof", "token_level", "token_methods", "token_lacks_auth_time"})


@dataclass(frozen=True, slots=True)
class Begun:
    """Where the browser goes, and the value of the cookie that has to come back with it."""

    address: str
    browser: str


@dataclass(frozen=True, slots=True)
class Answer:
    """What came back to our address: the query of the redirect, and the cookie."""

    query: Mapping[str, str]
    browser: str


@dataclass(frozen=True, slots=True)
class Arrived:
    """Who arrived: `token` of the session that was strengthened, `reference` of the case a health record asked for."""

    purpose: str
    person: Person
    proven: Authentication
    next: str
    token: bytes | None
    reference: str | None


@dataclass(frozen=True, slots=True)
class _Flow:
    purpose: Purpose
    source: Source
    nonce: str
    verifier: str
    token: bytes | None
    next: str
    begun_at: datetime


class Elsewhere:
    """Signing in elsewhere.

    Args:
        sources: who vouches, by id.
        base: our public address.
        outbound: the only HTTP client.
    """

    def __init__(self, sources: Mapping[str, Source], base: str, outbound: Outbound, people: People, sessions: Sessions) -> None:
        self._sources = sources
        self._base = base.rstrip("/")
        self._documents = Documents(outbound, sessions.clock)
        self._exchange = Exchange(outbound, self._documents)
        self._people = people
        self._accounts = sessions
        self._clock: Clock = sessions.clock
        self._rows: async_sessionmaker[AsyncSession] = sessions.sessions

    async def sign_in(self, next_page: str) -> Begun:
        """Begin to sign in. Raises Unknown, UpstreamFailed in words."""
        return await self._begin("sign_in", self._source(OIDC), next_page, {"max_age": _LONGEST_SIGN_IN})

    async def step_up(self, session: Session, next_page: str) -> Begun:
        """Begin to prove again who one is, for a signature. Raises Unknown, UpstreamFailed in words."""
        fresh = {"max_age": "0", "prompt": "login"}
        try:
            return await self._begin("step_up", self._source(OIDC), next_page, fresh, session.token)
        except UpstreamFailed as error:
            person = session.person
            await self._accounts.failed(person.actor(self._accounts.keys), person.role.value, f"step_up:{error.code}")
            raise

    async def launch(self, iss: str, launch: str) -> Begun:
        """Begin from a health record. Raises Forbidden for one that is not configured, UpstreamFailed in words."""
        source = self._sources.get(launch_id(iss))
        if source is None:
            raise Forbidden(words.NO_LAUNCH[0], code="launch_unknown", fr=words.NO_LAUNCH[1])
        return await self._begin("launch", source, "/queue", {"launch": launch, "aud": iss})

    async def arrive(self, answer: Answer) -> Arrived:
        """Finish what was begun; every refusal is logged with its code.

        Raises:
            Unauthenticated: not begun here, cancelled, unproven, or nobody with an account.
            UpstreamFailed: the provider is down.
        """
        flow = await self._take(answer)
        try:
            return await self._arrived(flow, answer.query)
        except TokenRefusedError as refused:
            await self._log_refused(flow, str(refused))
            stale = flow.purpose == "step_up" and str(refused) in _STALE
            said = words.NOT_NEW if stale else words.UNPROVEN
            raise Unauthenticated(said[0], code=str(refused), fr=said[1]) from None
        except Unauthenticated as refused:
            await self._log_refused(flow, refused.code)
            raise
        except UpstreamFailed as error:
            await self._log_refused(flow, error.code)
            raise _away(error) from error

    async def _arrived(self, flow: _Flow, query: Mapping[str, str]) -> Arrived:
        if "error" in query or not query.get("code"):
            raise Unauthenticated(words.CANCELLED[0], code="provider_refused", fr=words.CANCELLED[1])
        metadata = await self._documents.metadata(flow.source)
        named = query.get("iss")
        if (named is None and metadata.names_itself) or named not in {None, metadata.issuer}:
            raise TokenRefusedError("answer_of_another_provider")
        expected = Expected(metadata.issuer, flow.source.client_id, flow.nonce, self._clock.now(), flow.source.algorithms)
        expected = replace(expected, acr=flow.source.acr_values)
        if flow.purpose == "step_up":
            expected = replace(expected, since=flow.begun_at - _SKEW, amr=flow.source.amr_values)
        told = await self._exchange.redeem(flow.source, query["code"], flow.verifier, self._redirect(flow.purpose), expected)
        person = await self._person(flow, told)
        return Arrived(
            flow.purpose,
            person,
            Authentication("oidc", self._proven_at(flow, told.claims), told.claims.acr),
            flow.next,
            flow.token,
            told.context.get(flow.source.case),
        )

    def _proven_at(self, flow: _Flow, claims: Claims) -> datetime:
        """When the person proved it; what a signature may not rest on (a health record's word, weaker methods) is never fresh."""
        at, now = claims.authenticated_at, self._clock.now()
        if flow.purpose == "step_up":
            return min(max(at, flow.begun_at), now)
        strong = flow.purpose == "sign_in" and used_any(claims.all, flow.source.amr_values)
        return min(at, now if strong else now - NEVER_FRESH)

    async def _person(self, flow: _Flow, told: Told) -> Person:
        if flow.source.smart and any(told.name.startswith(f"{other.issuer.rstrip('/')}/") for other in self._others(flow.source)):
            raise TokenRefusedError("user_of_another_record")
        person = await self._people.called(flow.source.account, told.name)
        if person is None:
            raise Unauthenticated(words.STRANGER[0], code="account_unknown", fr=words.STRANGER[1])
        if flow.token is not None:
            async with reading(self._rows) as session:
                owner = await session.scalar(_OWNER, {"token": flow.token})
            if owner != person.id:
                raise Unauthenticated(words.OTHER[0], code="other_person", fr=words.OTHER[1])
        return person

    def _others(self, source: Source) -> tuple[Source, ...]:
        """The other health records."""
        return tuple(one for one in self._sources.values() if one.smart and one.id != source.id)

    async def _log_refused(self, flow: _Flow, code: str) -> None:
        """Who it was is not known, so the entry names the source by a keyed hash."""
        actor = self._accounts.keys.hidden("login", flow.source.id.encode()).hex()[:32]
        await self._accounts.failed(actor, "unknown", f"{flow.purpose}:{code}")

    def _source(self, name: str) -> Source:
        source = self._sources.get(name)
        if source is None:
            message = "No identity provider is configured here. Sign in with your password."
            raise Unknown(message, fr="Aucun fournisseur d'identité n'est configuré ici. Connectez-vous avec votre mot de passe.")
        return source

    def _redirect(self, purpose: str) -> str:
        return f"{self._base}/launch/callback" if purpose == "launch" else f"{self._base}/sign-in/oidc/callback"

    async def _begin(self, purpose: Purpose, source: Source, next_page: str, more: Mapping[str, str], token: bytes | None = None) -> Begun:
        try:
            metadata = await self._documents.metadata(source)
        except UpstreamFailed as error:
            raise _away(error) from error
        state, browser, nonce, verifier = (secrets.token_urlsafe(32) for _ in range(4))
        query = {
            "response_type": "code",
            "client_id": source.client_id,
            "redirect_uri": self._redirect(purpose),
            "scope": " ".join(source.scopes),
            "state": state,
            "nonce": nonce,
            "code_challenge": _challenge(verifier),
            "code_challenge_method": "S256",
            **({"acr_values": " ".join(source.acr_values)} if source.acr_values else {}),
            **more,
        }
        values = {"purpose": purpose, "source": source.id, "nonce": nonce, "verifier": verifier, "session": token, "next": next_page}
        await self._keep({"state": _hash(state), "browser": _hash(browser), "now": self._clock.now(), **values})
        return Begun(f"{metadata.authorization}{'&' if '?' in metadata.authorization else '?'}{urlencode(query)}", browser)

    async def _keep(self, values: Mapping[str, object]) -> None:
        async with reading(self._rows) as session:
            connection = await session.connection()
            await connection.execute(_SWEEP, {"old": self._clock.now() - LIFETIME})
            await connection.execute(_BEGIN, dict(values))
            await session.commit()

    async def _take(self, answer: Answer) -> _Flow:
        values = {"state": _hash(answer.query.get("state", "")), "browser": _hash(answer.browser), "old": self._clock.now() - LIFETIME}
        async with reading(self._rows) as session:
            connection = await session.connection()
            row = (await connection.execute(_TAKE, values)).mappings().first()
            await session.commit()
        if row is None or row["source"] not in self._sources:
            raise Unauthenticated(words.OVER[0], code="flow_over", fr=words.OVER[1])
        source = self._sources[row["source"]]
        return _Flow(row["purpose"], source, row["nonce"], row["verifier"], row["session_token"], row["next"], row["begun_at"])


def _away(error: UpstreamFailed) -> GarantError:
    return UpstreamFailed(words.AWAY[0], code=error.code, fr=words.AWAY[1])


def _challenge(verifier: str) -> str:
    return urlsafe_b64encode(hashlib.sha256(verifier.encode()).digest()).decode().rstrip("=")


def _hash(value: str) -> bytes:
    return hashlib.sha256(value.encode()).digest()
