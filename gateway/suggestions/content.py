"""Bytes of a suggestion: salted commitments for the log, envelope encryption for the store.

Every payload has a random AES-256-GCM key of its own, wrapped by a key-encryption key with an id; additional data
binds establishment, case, entry and field. Contract: `audit.md`, "Leaf".
"""

from __future__ import annotations

import hashlib
import hmac
import os
from contextlib import suppress
from dataclasses import dataclass
from time import monotonic
from typing import TYPE_CHECKING, Final

from cryptography.exceptions import InvalidTag
from cryptography.hazmat.primitives.ciphers.aead import AESGCM

from gateway.audit.batch import Bulk
from gateway.errors import Conflict

if TYPE_CHECKING:
    from collections.abc import Callable, Mapping
    from uuid import UUID

_LABEL: Final = b"garant/c1\n"
_NONCE: Final = 12
_LOOK_SECONDS: Final = 1.0
PAYLOADS: Final = Bulk(
    "payloads",
    ("suggestion_id", "field", "entry_id", "salt", "kek", "wrapped_key", "nonce", "ciphertext"),
    ("uuid", "text", "uuid", "bytea", "text", "bytea", "bytea", "bytea"),
)


@dataclass(frozen=True, slots=True)
class Place:
    """What a payload is bound to."""

    establishment: str
    case: UUID
    entry: UUID

    def bind(self, field: str) -> bytes:
        """The additional authenticated data of a field here."""
        return b"\n".join((b"garant/p1", self.establishment.encode(), self.case.bytes, self.entry.bytes, field.encode()))


@dataclass(frozen=True, slots=True)
class Sealed:
    """An encrypted payload as it is stored; `commitment` (hex) is what the log says of it."""

    field: str
    entry: UUID
    salt: bytes
    kek: str | None
    wrapped_key: bytes | None
    nonce: bytes | None
    ciphertext: bytes | None
    commitment: str

    def row(self, suggestion: UUID) -> tuple[object, ...]:
        """The row of `PAYLOADS`."""
        return (suggestion, self.field, self.entry, self.salt, self.kek, self.wrapped_key, self.nonce, self.ciphertext)


def commitment(salt: bytes, field: str, data: bytes) -> str:
    """HMAC-SHA-256 under the salt, as lower-case hex."""
    return hmac.digest(salt, b"".join((_LABEL, field.encode(), b"\n", data)), "sha256").hex()


def sha256(data: bytes) -> str:
    """Lower-case hex of the SHA-256."""
    return hashlib.sha256(data).hexdigest()


def _never() -> None:
    """Keys that do not change."""


class Vault:
    """Seals and opens payloads with the key-encryption keys of this establishment.

    Args:
        keys: id → 32 bytes.
        current: the id that wraps new payloads.
        again: what the keys are now, where they have changed since it was asked last; asked at most once a second, and at once
            for a key that is not known: so keys change while replicas serve.
    """

    def __init__(
        self, keys: Mapping[str, bytes], current: str, again: Callable[[], tuple[Mapping[str, bytes], str] | None] = _never
    ) -> None:
        self._again = again
        self._look_at = 0.0
        self._take(keys, current)

    @property
    def known(self) -> tuple[str, ...]:
        """The ids of all keys, the current one first."""
        return (self._current, *sorted(self._keys.keys() - {self._current}))

    def look(self) -> None:
        """Take over keys that have changed. Raises what reading them raises; the old ones count then."""
        self._look_at = monotonic() + _LOOK_SECONDS
        found = self._again()
        if found is not None:
            self._take(*found)

    def rewrapped(self, wrapped: bytes, kek: str, bound: bytes) -> bytes:
        """A payload's key, wrapped by the current key instead of `kek`; the ciphertext stays as it is. Raises KeyError, InvalidTag."""
        return self._wrap(self._keys[kek].decrypt(wrapped[:_NONCE], wrapped[_NONCE:], bound), bound)

    def _take(self, keys: Mapping[str, bytes], current: str) -> None:
        self._keys = {name: AESGCM(key) for name, key in keys.items()}
        self._current = current

    def _wrap(self, key: bytes, bound: bytes) -> bytes:
        nonce = os.urandom(_NONCE)
        return nonce + self._keys[self._current].encrypt(nonce, key, bound)

    def _due(self) -> None:
        if monotonic() >= self._look_at:
            with suppress(OSError, ValueError, KeyError, TypeError):  # half written: the keys that are known go on
                self.look()

    def seal(self, field: str, data: bytes, place: Place) -> Sealed:
        """Encrypt bytes under a fresh key and commit to them with a fresh salt."""
        salt, key = os.urandom(32), os.urandom(32)
        bound = place.bind(field)
        nonce = os.urandom(_NONCE)
        ciphertext = AESGCM(key).encrypt(nonce, data, bound)
        self._due()
        return Sealed(field, place.entry, salt, self._current, self._wrap(key, bound), nonce, ciphertext, commitment(salt, field, data))

    def commit_only(self, field: str, data: bytes, place: Place) -> Sealed:
        """Commit to bytes that are not kept: the salt stays, so that whoever has the bytes can prove them."""
        salt = os.urandom(32)
        return Sealed(field, place.entry, salt, None, None, None, None, commitment(salt, field, data))

    def open(self, sealed: Sealed, place: Place) -> bytes:
        """Decrypt and check a payload.

        Raises:
            Conflict: the stored bytes are not those that were sealed for this case and entry, or were erased.
        """
        if sealed.kek is None or sealed.wrapped_key is None or sealed.nonce is None or sealed.ciphertext is None:
            message = "The content of this suggestion is not kept, so it cannot be shown. Proceed without AI and tell hospital IT."
            french = "Le contenu de cette proposition n'est pas conservé : il ne peut pas être affiché. Continuez sans l'IA et prévenez l'informatique."
            raise Conflict(message, code="content_not_kept", fr=french)
        bound = place.bind(sealed.field)
        if sealed.kek not in self._keys:
            self._look_at = 0.0
            self._due()
        try:
            key = self._keys[sealed.kek].decrypt(sealed.wrapped_key[:_NONCE], sealed.wrapped_key[_NONCE:], bound)
            return AESGCM(key).decrypt(sealed.nonce, sealed.ciphertext, bound)
        except (InvalidTag, KeyError) as error:
            message = (
                "The stored content does not belong to this case and entry, or its key is missing. Nothing is shown; tell hospital IT."
            )
            french = (
                "Le contenu conservé n'appartient pas à ce dossier et à cette écriture, ou sa clé manque. "
                "Rien n'est affiché ; prévenez le service informatique."
            )
            raise Conflict(message, code="content_damaged", fr=french) from error
