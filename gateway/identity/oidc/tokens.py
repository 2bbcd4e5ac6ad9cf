"""An ID token is believed only if everything about it is as it has to be (OpenID Connect Core 3.1.3.7, RFC 9470).

Pure: token, keys and expectations in, claims out. A refusal carries a code for the log, never what the token says.
"""

from __future__ import annotations

import base64
import hmac
import json
from dataclasses import dataclass
from datetime import UTC, datetime, timedelta
from typing import TYPE_CHECKING, Final

from joserfc import jwt
from joserfc.errors import JoseError

if TYPE_CHECKING:
    from collections.abc import Iterable, Mapping, Sequence

    from joserfc.jwk import Key

LEEWAY: Final = timedelta(seconds=60)
NEVER_FRESH: Final = timedelta(hours=1)
"""How long ago a proof is taken to be of which a token does not say when it was given: too long for any signature."""
MAX_BYTES: Final = 16 * 1024
_OLDEST: Final = timedelta(minutes=10)


class TokenRefusedError(Exception):
    """A token that is not believed; the text is a code."""


@dataclass(frozen=True, slots=True)
class Expected:
    """What a token has to say.

    Args:
        since: the person has to have proven who they are after this (a new proof was asked for); None: at any time.
        acr, amr: levels and methods of which one is demanded; empty: any.
    """

    issuer: str
    audience: str
    nonce: str
    now: datetime
    algorithms: tuple[str, ...]
    since: datetime | None = None
    acr: tuple[str, ...] = ()
    amr: tuple[str, ...] = ()


@dataclass(frozen=True, slots=True)
class Claims:
    """What a believed token says: of whom, when that person proved it, at which level, and the rest."""

    subject: str
    authenticated_at: datetime
    acr: str
    all: Mapping[str, object]


def key_id(token: str) -> str | None:
    """The id of the key that a token names, unchecked. Raises TokenRefusedError for what is no token."""
    if len(token) > MAX_BYTES:
        raise TokenRefusedError("token_too_large")
    try:
        head = token.split(".", 1)[0]
        header: object = json.loads(base64.urlsafe_b64decode(head + "=" * (-len(head) % 4)))
    except (ValueError, RecursionError):
        raise TokenRefusedError("token_unreadable") from None
    named = header.get("kid") if isinstance(header, dict) else None
    return named if isinstance(named, str) else None


def believed(token: str, keys: Sequence[Key], expected: Expected) -> Claims:
    """The claims of a token that holds. Raises TokenRefusedError."""
    claims = _signed(token, keys, expected.algorithms)
    _check_parties(claims, expected)
    _check_times(claims, expected.now)
    if not hmac.compare_digest(_text(claims, "nonce").encode(), expected.nonce.encode()):
        raise TokenRefusedError("token_nonce")
    unknown = None if expected.since else _instant(claims, "iat") - NEVER_FRESH
    at = _instant(claims, "auth_time", default=unknown)
    _check_proof(claims, at, expected)
    return Claims(_text(claims, "sub"), at, _text(claims, "acr", default=""), claims)


def _signed(token: str, keys: Iterable[Key], algorithms: tuple[str, ...]) -> dict[str, object]:
    for key in keys:
        try:
            return dict(jwt.decode(token, key, algorithms=algorithms).claims)
        except (JoseError, ValueError, TypeError):
            continue
    raise TokenRefusedError("token_signature")


def _check_parties(claims: Mapping[str, object], expected: Expected) -> None:
    if _text(claims, "iss") != expected.issuer:
        raise TokenRefusedError("token_issuer")
    named = claims.get("aud")
    audiences = named if isinstance(named, list) else [named]
    if expected.audience not in audiences:
        raise TokenRefusedError("token_audience")
    authorised = claims.get("azp")
    if authorised != expected.audience and (authorised is not None or len(audiences) > 1):
        raise TokenRefusedError("token_authorised_party")


def _check_times(claims: Mapping[str, object], now: datetime) -> None:
    if _instant(claims, "exp") + LEEWAY <= now:
        raise TokenRefusedError("token_expired")
    issued = _instant(claims, "iat")
    if not now - _OLDEST <= issued <= now + LEEWAY or _instant(claims, "nbf", default=issued) > now + LEEWAY:
        raise TokenRefusedError("token_not_of_now")


def _check_proof(claims: Mapping[str, object], at: datetime, expected: Expected) -> None:
    if at > expected.now + LEEWAY or (expected.since is not None and at < expected.since):
        raise TokenRefusedError("token_stale_proof")
    if expected.acr and claims.get("acr") not in expected.acr:
        raise TokenRefusedError("token_level")
    if not used_any(claims, expected.amr):
        raise TokenRefusedError("token_methods")


def used_any(claims: Mapping[str, object], methods: tuple[str, ...]) -> bool:
    """Whether a token names one of these methods as used; where none is demanded, any will do."""
    used = claims.get("amr")
    return not methods or (isinstance(used, list) and bool(set(methods) & {str(one) for one in used}))


def _text(claims: Mapping[str, object], name: str, default: str | None = None) -> str:
    value = claims.get(name, default)
    if not isinstance(value, str) or (default is None and not value):
        raise TokenRefusedError(f"token_lacks_{name}")
    return value


def _instant(claims: Mapping[str, object], name: str, default: datetime | None = None) -> datetime:
    value = claims.get(name)
    if value is None and default is not None:
        return default
    if isinstance(value, bool) or not isinstance(value, int | float):
        raise TokenRefusedError(f"token_lacks_{name}")
    try:
        return datetime.fromtimestamp(value, UTC)
    except (ValueError, OverflowError, OSError):
        raise TokenRefusedError(f"token_lacks_{name}") from None
