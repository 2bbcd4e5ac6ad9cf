"""Signatures by passkey, checked from what lies beside the log: the authenticator's own bytes, the public key, the statement.

`Assertions.check` is called with one sound entry after another and raises `BrokenRuleError` in words. A signature counts only
by a key that the log says its signer had registered before, and had not removed.
"""

from __future__ import annotations

import hashlib
import hmac
import json
from base64 import urlsafe_b64decode, urlsafe_b64encode
from dataclasses import dataclass, field
from typing import TYPE_CHECKING, Final, TypedDict, cast

from cryptography.exceptions import InvalidSignature, UnsupportedAlgorithm
from cryptography.hazmat.primitives.asymmetric.ec import ECDSA, EllipticCurvePublicKey
from cryptography.hazmat.primitives.asymmetric.ed25519 import Ed25519PublicKey
from cryptography.hazmat.primitives.asymmetric.padding import PKCS1v15
from cryptography.hazmat.primitives.asymmetric.rsa import RSAPublicKey
from cryptography.hazmat.primitives.hashes import SHA256
from cryptography.hazmat.primitives.serialization import load_der_public_key

from gateway.audit.export import ASSERTIONS
from gateway.audit.note import NoteError
from gateway.audit.rules.entries import BrokenRuleError, canonical

if TYPE_CHECKING:
    from collections.abc import Mapping
    from pathlib import Path

    from gateway.audit.rules.entries import Entry

KIND: Final = "garant/decision/1"
_LABEL: Final = b"garant/c1\nassertion\n"
_PRESENT_AND_VERIFIED: Final = 0x05
_HEADER_BYTES: Final = 37
_MAX_LINE_BYTES: Final = 64 * 1024
_DECISIONS: Final = frozenset({"signed_off", "rejected"})
SPEAKS_OF_PASSKEYS: Final = _DECISIONS | {"config_changed"}
"""Types of entries that `Assertions.check` has something to say of."""
_MALFORMED: Final = (ValueError, TypeError, KeyError, AttributeError, RecursionError, UnsupportedAlgorithm)


class _Evidence(TypedDict):
    """What `gateway.identity.passkeys.document` keeps of a signature."""

    statement: str
    client_data: str
    authenticator_data: str
    signature: str
    public_key: str
    rp_id: str
    origin: str


@dataclass(slots=True)
class Assertions:
    """The signatures by passkey beside a log.

    Args:
        kept: entry id → line of `assertions.jsonl`: `{"entry", "salt", "evidence"}`.
    """

    kept: Mapping[str, str]
    keys: dict[str, set[str]] = field(default_factory=dict)

    def check(self, entry: Entry) -> None:
        """Note keys that come and go; check the signature of a decision that says it has one."""
        if entry["type"] == "config_changed":
            self._note_key(entry)
        elif entry["type"] in _DECISIONS:
            committed = entry.get("commitments", {}).get("assertion")
            if committed is not None:
                self._check(entry, committed)
            elif entry.get("auth", {}).get("method") == "passkey":
                raise BrokenRuleError("The decision says it was signed by passkey, but commits to no such signature.")

    def _note_key(self, entry: Entry) -> None:
        detail = entry.get("detail", {})
        known = self.keys.setdefault(entry["actor"], set())
        if detail.get("change") == "passkey_added":
            known.add(detail.get("key", ""))
        elif detail.get("change") == "passkey_removed":
            known.discard(detail.get("key", ""))

    def _check(self, entry: Entry, committed: str) -> None:
        line = self.kept.get(entry["id"])
        if line is None:
            raise BrokenRuleError("The signature by passkey of this decision is missing: it does not lie beside the log.")
        try:
            evidence = _opened(line, committed)
            signed_by = _decoded(evidence["public_key"])
            _check_signature(evidence, signed_by)
            _check_statement(entry, json.loads(evidence["statement"]))
        except _MALFORMED:
            raise BrokenRuleError("The signature by passkey of this decision is malformed.") from None
        if hashlib.sha256(signed_by).hexdigest() not in self.keys.get(entry["actor"], set()):
            raise BrokenRuleError("The decision was signed with a passkey that its signer had not registered at that time.")


def read_assertions(folder: Path) -> dict[str, str]:
    """The lines of `assertions.jsonl`, and of parts of it (`assertions/*.jsonl`), by the entry they speak of. Raises NoteError."""
    found: dict[str, str] = {}
    for path in (folder / ASSERTIONS, *sorted((folder / "assertions").glob("*.jsonl"))):
        found |= _lines(path)
    return found


def _lines(path: Path) -> dict[str, str]:
    found: dict[str, str] = {}
    try:
        with path.open("rb") as file:
            while line := file.readline(_MAX_LINE_BYTES):
                found[str(json.loads(line)["entry"])] = line.decode().rstrip("\n")
    except FileNotFoundError:
        return {}
    except (OSError, *_MALFORMED) as error:
        message = f"the file {path.name} cannot be read ({type(error).__name__})"
        raise NoteError(message) from error
    return found


def assertion_line(entry: str, salt: bytes, evidence: bytes) -> str:
    """A line of `assertions.jsonl`: the signature of one entry's decision, with the salt under which the entry commits to it."""
    members = {"entry": entry, "salt": salt.hex(), "evidence": evidence.decode()}
    return canonical(members)


def _opened(line: str, committed: str) -> _Evidence:
    """The evidence in a line, if it is what the entry commits to."""
    members = json.loads(line)
    text = members["evidence"]
    if hmac.digest(bytes.fromhex(members["salt"]), _LABEL + text.encode(), "sha256").hex() != committed:
        raise BrokenRuleError("The signature by passkey beside the log is another one than this decision commits to.")
    return cast("_Evidence", json.loads(text))


def _check_signature(evidence: _Evidence, public_key: bytes) -> None:
    client_data, data = _decoded(evidence["client_data"]), _decoded(evidence["authenticator_data"])
    client = json.loads(client_data)
    challenge = hashlib.sha256(evidence["statement"].encode()).digest()
    if client["type"] != "webauthn.get" or client["challenge"] != urlsafe_b64encode(challenge).decode().rstrip("="):
        raise BrokenRuleError("The passkey signed something else than this decision.")
    if client["origin"] != evidence["origin"] or data[:32] != hashlib.sha256(evidence["rp_id"].encode()).digest():
        raise BrokenRuleError("The passkey signed for another address.")
    if len(data) < _HEADER_BYTES or data[32] & _PRESENT_AND_VERIFIED != _PRESENT_AND_VERIFIED:
        raise BrokenRuleError("The passkey signed without having verified its user.")
    try:
        _verify(public_key, _decoded(evidence["signature"]), data + hashlib.sha256(client_data).digest())
    except InvalidSignature:
        raise BrokenRuleError("The signature by passkey of this decision does not hold.") from None


def _verify(public_key: bytes, signature: bytes, signed: bytes) -> None:
    key = load_der_public_key(public_key)
    if isinstance(key, EllipticCurvePublicKey):
        key.verify(signature, signed, ECDSA(SHA256()))
    elif isinstance(key, RSAPublicKey):
        key.verify(signature, signed, PKCS1v15(), SHA256())
    elif isinstance(key, Ed25519PublicKey):
        key.verify(signature, signed)
    else:
        raise InvalidSignature


def _check_statement(entry: Entry, said: dict[str, object]) -> None:
    detail = entry.get("detail", {})
    expected = {"kind": KIND, "suggestion": entry.get("suggestion"), "decision": entry.get("decision"), "reason": detail.get("reason", "")}
    wrong = [name for name, value in expected.items() if said[name] != value]
    if wrong:
        raise BrokenRuleError(f"The passkey signed another {', '.join(wrong)} than the log says.")


def _decoded(text: str) -> bytes:
    return urlsafe_b64decode(text + "=" * (-len(text) % 4))
