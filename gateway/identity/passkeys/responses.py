"""What an authenticator answers, checked by the webauthn library; whatever is wrong with it becomes one code.

Pure. Attestation is not asked for: which make of key somebody has is the establishment's purchase, not our rule.
"""

from __future__ import annotations

import hashlib
import json
from base64 import urlsafe_b64decode
from dataclasses import dataclass
from typing import TYPE_CHECKING, Final

from cryptography.hazmat.primitives.serialization import Encoding, PublicFormat
from webauthn import verify_authentication_response, verify_registration_response
from webauthn.helpers import decode_credential_public_key, decoded_public_key_to_cryptography
from webauthn.helpers.cose import COSEAlgorithmIdentifier
from webauthn.helpers.exceptions import WebAuthnException

from gateway.identity.passkeys.document import Assertion

if TYPE_CHECKING:
    from collections.abc import Mapping

ALGORITHMS: Final = (
    COSEAlgorithmIdentifier.ECDSA_SHA_256,
    COSEAlgorithmIdentifier.EDDSA,
    COSEAlgorithmIdentifier.RSASSA_PKCS1_v1_5_SHA_256,
)
_NAMES: Final[Mapping[int, str]] = dict(zip(map(int, ALGORITHMS), ("ES256", "EdDSA", "RS256"), strict=True))
_BROKEN: Final = (WebAuthnException, ValueError, TypeError, KeyError, IndexError, AttributeError, OverflowError, RecursionError)


class ResponseRefusedError(Exception):
    """An answer that proves nothing; the text is a code."""


@dataclass(frozen=True, slots=True)
class Party:
    """For whom passkeys are: the host, and the origin of the pages."""

    id: str
    origin: str


@dataclass(frozen=True, slots=True)
class Registered:
    """A new credential; `public_key` is COSE."""

    credential: bytes
    public_key: bytes
    sign_count: int


@dataclass(frozen=True, slots=True)
class Asserted:
    """A signature that holds, and the counter after it."""

    assertion: Assertion
    sign_count: int


def challenge(response: Mapping[str, object]) -> bytes:
    """The challenge that an answer says it answers, unchecked; empty where it cannot be read."""
    try:
        document = json.loads(_part(response, "clientDataJSON"))
        return _decoded(document["challenge"])
    except _BROKEN:
        return b""


def credential_id(response: Mapping[str, object]) -> bytes:
    """Which credential an answer says it is of, unchecked; empty where it cannot be read."""
    try:
        return _decoded(response.get("rawId"))
    except _BROKEN:
        return b""


def registered(response: Mapping[str, object], expected: bytes, party: Party) -> Registered:
    """The credential that was made for this challenge. Raises ResponseRefusedError."""
    try:
        made = verify_registration_response(
            credential=dict(response),
            expected_challenge=expected,
            expected_rp_id=party.id,
            expected_origin=party.origin,
            require_user_verification=True,
            supported_pub_key_algs=list(ALGORITHMS),
        )
    except _BROKEN as error:
        raise ResponseRefusedError(_code(error)) from error
    return Registered(made.credential_id, made.credential_public_key, made.sign_count)


def asserted(response: Mapping[str, object], expected: bytes, party: Party, known: tuple[bytes, int]) -> Asserted:
    """The signature over this challenge, by a known key (COSE bytes, last counter). Raises ResponseRefusedError."""
    public_key, count = known
    try:
        checked = verify_authentication_response(
            credential=dict(response),
            expected_challenge=expected,
            expected_rp_id=party.id,
            expected_origin=party.origin,
            credential_public_key=public_key,
            credential_current_sign_count=count,
            require_user_verification=True,
        )
        parts = [_part(response, name) for name in ("clientDataJSON", "authenticatorData", "signature")]
    except _BROKEN as error:
        raise ResponseRefusedError(_code(error)) from error
    key, algorithm = spki(public_key)
    return Asserted(Assertion(parts[0], parts[1], parts[2], key, algorithm, party.id, party.origin), checked.new_sign_count)


def spki(public_key: bytes) -> tuple[bytes, str]:
    """A COSE key as SubjectPublicKeyInfo (DER), and the name of its algorithm."""
    decoded = decode_credential_public_key(public_key)
    key = decoded_public_key_to_cryptography(decoded)
    return key.public_bytes(Encoding.DER, PublicFormat.SubjectPublicKeyInfo), _NAMES[int(decoded.alg)]


def key_digest(public_key: bytes) -> str:
    """How the log names a key: SHA-256 hex of its SubjectPublicKeyInfo."""
    return hashlib.sha256(spki(public_key)[0]).hexdigest()


def _part(response: Mapping[str, object], name: str) -> bytes:
    inner = response.get("response")
    return _decoded(inner.get(name) if isinstance(inner, dict) else None)


def _decoded(value: object) -> bytes:
    if not isinstance(value, str):
        message = "no base64url text"
        raise TypeError(message)
    return urlsafe_b64decode(value + "=" * (-len(value) % 4))


def _code(error: BaseException) -> str:
    """The library's sentences may repeat what was sent, so only what is looked for in them is told."""
    said = str(error).lower()
    for word in ("challenge", "origin", "rp id", "verified", "present", "sign count", "signature", "type"):
        if word in said:
            return word.replace(" ", "_")
    return "malformed"
