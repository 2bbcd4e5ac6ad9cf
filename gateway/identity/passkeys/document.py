"""A decision as one canonical text, and the statement about it that a passkey signs.

Pure. The statement names suggestion, decision and reason in clear, and the whole decision (lease, bytes shown, amendment,
comment …) by a salted digest: so it can be published with the log, while the salt and the decision stay encrypted.
The challenge of the signature is the SHA-256 of the statement. Both texts are RFC 8785 JSON; vectors: `tests/vectors/identity`.
"""

from __future__ import annotations

import hashlib
from base64 import urlsafe_b64encode
from dataclasses import dataclass
from typing import TYPE_CHECKING, Final

import rfc8785

from gateway.errors import BadInput
from gateway.identity.sessions import Evidence
from gateway.suggestions.content import commitment

if TYPE_CHECKING:
    from collections.abc import Mapping
    from uuid import UUID

KIND: Final = "garant/decision/1"
_NOT_DECIDED: Final = frozenset({"proof", "assertion", "active_seconds"})
"""Members of a request that prove or measure, and decide nothing."""


@dataclass(frozen=True, slots=True)
class Statement:
    """What is signed: its bytes, the whole decision behind them and the salt between the two."""

    text: bytes
    document: bytes
    salt: bytes

    @property
    def challenge(self) -> bytes:
        """What the authenticator signs (32 bytes)."""
        return hashlib.sha256(self.text).digest()


@dataclass(frozen=True, slots=True)
class Assertion:
    """A signature by passkey, as it came from the authenticator and with what is needed to check it later.

    Args:
        public_key: SubjectPublicKeyInfo, DER.
        algorithm: ES256, EdDSA or RS256.
    """

    client_data: bytes
    authenticator_data: bytes
    signature: bytes
    public_key: bytes
    algorithm: str
    rp_id: str
    origin: str


def decision_document(suggestion: UUID, decision: Mapping[str, object]) -> bytes:
    """The canonical text of a decision on a suggestion.

    Args:
        suggestion: what is decided about.
        decision: the members of the request as JSON values; those that prove or measure are left out.

    Raises:
        BadInput: a value has no canonical form (a number beyond 2^53).
    """
    return _canonical({"suggestion": str(suggestion), **{name: value for name, value in decision.items() if name not in _NOT_DECIDED}})


def statement(suggestion: UUID, decision: Mapping[str, object], salt: bytes) -> Statement:
    """The statement about a decision. Raises BadInput."""
    document = decision_document(suggestion, decision)
    text = _canonical(
        {
            "kind": KIND,
            "suggestion": str(suggestion),
            "decision": str(decision.get("decision", "")),
            "reason": str(decision.get("reason", "")),
            "content": commitment(salt, "decision", document),
        }
    )
    return Statement(text, document, salt)


def evidence(signed: Statement, assertion: Assertion) -> Evidence:
    """What is kept of a signature: the part that anybody may verify, and what opens its salted digest."""
    members = {
        "statement": signed.text.decode(),
        "client_data": encoded(assertion.client_data),
        "authenticator_data": encoded(assertion.authenticator_data),
        "signature": encoded(assertion.signature),
        "public_key": encoded(assertion.public_key),
        "algorithm": assertion.algorithm,
        "rp_id": assertion.rp_id,
        "origin": assertion.origin,
    }
    return Evidence(_canonical(members), _canonical({"salt": signed.salt.hex(), "document": signed.document.decode()}))


def encoded(data: bytes) -> str:
    """Base64url without padding, as WebAuthn writes bytes."""
    return urlsafe_b64encode(data).decode().rstrip("=")


def _canonical(members: Mapping[str, object]) -> bytes:
    try:
        return rfc8785.dumps(members)  # type: ignore[arg-type] # whether they are JSON values, it says itself
    except rfc8785.CanonicalizationError as error:
        message = "A number in this decision is too large to be signed exactly. Write it as text, or decide without it."
        french = "Un nombre de cette décision est trop grand pour être signé exactement. Écrivez-le en texte, ou décidez sans lui."
        raise BadInput(message, code="not_canonical", fr=french) from error
