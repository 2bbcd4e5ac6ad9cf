"""What a provider publishes about itself: its endpoints and its keys, fetched when needed and kept for a while.

Promises: an unknown key id makes the keys be fetched again, but not more often than every half minute, whatever arrives;
a provider that is down does not stop what is known already; symmetric keys are never taken from a published set.
"""

from __future__ import annotations

import json
from dataclasses import dataclass
from datetime import datetime, timedelta
from typing import TYPE_CHECKING, Final
from urllib.parse import urlsplit

from joserfc.errors import JoseError
from joserfc.jwk import ECKey, JWKRegistry, OKPKey, RSAKey

from gateway.errors import UpstreamFailed

if TYPE_CHECKING:
    from collections.abc import Mapping

    from joserfc.jwk import Key

    from gateway.clock import Clock
    from gateway.identity.oidc.profiles import Source
    from gateway.outbound import Outbound

KEPT: Final = timedelta(hours=1)
AGAIN: Final = timedelta(seconds=30)
_MOST_KEYS: Final = 64
_OK: Final = 200
_LOOPBACK: Final = frozenset({"127.0.0.1", "localhost", "::1"})


@dataclass(frozen=True, slots=True)
class Metadata:
    """The endpoints of a provider; `issuer` is exactly what its tokens have to say."""

    issuer: str
    authorization: str
    token: str
    keys: str
    userinfo: str | None
    names_itself: bool


@dataclass(frozen=True, slots=True)
class _Kept:
    at: datetime
    document: Mapping[str, object]


class Documents:
    """Fetches and keeps.

    Args:
        outbound: the only HTTP client.
    """

    def __init__(self, outbound: Outbound, clock: Clock) -> None:
        self._outbound = outbound
        self._clock = clock
        self._kept: dict[str, _Kept] = {}
        self._tried: dict[str, datetime] = {}

    async def metadata(self, source: Source) -> Metadata:
        """The endpoints. Raises UpstreamFailed: it cannot be reached, or what it says cannot be used."""
        name = "smart-configuration" if source.smart else "openid-configuration"
        found = await self._document(f"{source.issuer.rstrip('/')}/.well-known/{name}")
        issuer = _text(found, "issuer")
        if not source.smart and issuer.rstrip("/") != source.issuer.rstrip("/"):
            raise UpstreamFailed("The identity provider names itself otherwise than the configuration does.", code="provider_other_issuer")
        authorization, token, keys = (_text(found, name) for name in ("authorization_endpoint", "token_endpoint", "jwks_uri"))
        userinfo = found.get("userinfo_endpoint")
        for endpoint in (authorization, token, keys, *([userinfo] if isinstance(userinfo, str) else [])):
            _check_encrypted(endpoint)
        names_itself = found.get("authorization_response_iss_parameter_supported") is True
        return Metadata(issuer, authorization, token, keys, userinfo if isinstance(userinfo, str) else None, names_itself)

    async def keys(self, metadata: Metadata, key_id: str | None) -> list[Key]:
        """The keys that may have signed a token with this key id (without one: all of them). Raises UpstreamFailed."""
        found = _keys(await self._document(metadata.keys))
        if key_id is not None and key_id not in {key.kid for key in found} and self._may_try(metadata.keys):
            found = _keys(await self._fetched(metadata.keys))
        return [key for key in found if key_id is None or key.kid == key_id]

    def _may_try(self, url: str) -> bool:
        now, last = self._clock.now(), self._tried.get(url)
        if last is not None and now - last < AGAIN:
            return False
        self._tried[url] = now
        return True

    async def _document(self, url: str) -> Mapping[str, object]:
        kept = self._kept.get(url)
        if kept is not None and self._clock.now() - kept.at < KEPT:
            return kept.document
        try:
            return await self._fetched(url)
        except UpstreamFailed:
            if kept is None:
                raise
            return kept.document

    async def _fetched(self, url: str) -> Mapping[str, object]:
        answer = await self._outbound.ask("GET", url, ((b"accept", b"application/json"),))
        document = parsed(answer.body) if answer.status == _OK else None
        if document is None:
            raise UpstreamFailed("The identity provider's description of itself cannot be read.", code="provider_unreadable")
        self._kept[url] = _Kept(self._clock.now(), document)
        return document


def parsed(body: bytes) -> dict[str, object] | None:
    """A JSON object, or None."""
    try:
        document: object = json.loads(body)
    except (ValueError, RecursionError):
        return None
    return document if isinstance(document, dict) else None


def _text(document: Mapping[str, object], name: str) -> str:
    value = document.get(name)
    if not isinstance(value, str) or not value:
        raise UpstreamFailed(f"The identity provider's description of itself lacks {name}.", code="provider_unreadable")
    return value


def _check_encrypted(url: str) -> None:
    parts = urlsplit(url)
    if parts.scheme != "https" and parts.hostname not in _LOOPBACK:
        raise UpstreamFailed("The identity provider names an address that is not encrypted.", code="provider_not_encrypted")


def _keys(document: Mapping[str, object]) -> list[Key]:
    listed = document.get("keys")
    found: list[Key] = []
    for one in listed[:_MOST_KEYS] if isinstance(listed, list) else []:
        try:
            key = JWKRegistry.import_key(one)
        except (JoseError, ValueError, TypeError, KeyError):
            continue
        if isinstance(key, RSAKey | ECKey | OKPKey) and one.get("use", "sig") == "sig":
            found.append(key)
    return found
