"""Signed notes and checkpoints as C2SP writes them (signed-note, tlog-checkpoint), with Ed25519 keys.

What comes from outside raises only `NoteError`. A signer nobody named is ignored; a named signer's bad signature is
an error; a checkpoint counts only when a named key that bears the log's own name has signed it.
"""

from __future__ import annotations

import base64
import binascii
from dataclasses import dataclass, field, replace
from hashlib import sha256
from typing import TYPE_CHECKING, ClassVar, Final

from cryptography.exceptions import InvalidSignature
from cryptography.hazmat.primitives.asymmetric.ed25519 import (
    Ed25519PrivateKey,
    Ed25519PublicKey,
)

if TYPE_CHECKING:
    from collections.abc import Iterable, Sequence
    from typing import Self

MAX_BYTES: Final = 65536
MAX_SIGNATURES: Final = 64
_ED25519: Final = b"\x01"
_ID_BYTES: Final = 4
_KEY_BYTES: Final = 32
_HASH_BYTES: Final = 32
_PARTS: Final = 3
_MAX_DIGITS: Final = 18
_SHOWN: Final = 100
_MARK: Final = "\u2014 "


class NoteError(ValueError):
    """A note, checkpoint or verifier key is malformed, or nobody we know has signed it."""


class UnknownSignerError(NoteError):
    """A note is well formed, but nobody we know has signed it."""


@dataclass(frozen=True, slots=True)
class VerifierKey:
    """A public key with its name; `encode` gives the C2SP line `name+id+key`."""

    ALGORITHM: ClassVar[bytes] = _ED25519

    name: str
    key: bytes

    def __post_init__(self) -> None:
        """Refuse what no note could carry."""
        _check_name(self.name)
        if len(self.key) != _KEY_BYTES:
            message = f"an Ed25519 key has {_KEY_BYTES} bytes, this one has {len(self.key)}"
            raise NoteError(message)

    @property
    def id(self) -> bytes:
        """The four bytes that name this key in a signature line."""
        return sha256(self.name.encode() + b"\n" + self.ALGORITHM + self.key).digest()[:_ID_BYTES]

    def encode(self) -> str:
        """The verifier key as one line."""
        return f"{self.name}+{self.id.hex()}+{base64.b64encode(self.ALGORITHM + self.key).decode()}"

    @classmethod
    def decode(cls, line: str) -> Self:
        """The key that `encode` wrote. Raises NoteError."""
        parts = line.strip().split("+", 2)
        if len(parts) != _PARTS:
            message = "a verifier key reads name+id+key; this line does not"
            raise NoteError(message)
        encoded = from_base64(parts[2])
        if encoded[:1] != cls.ALGORITHM:
            message = f"the verifier key is not an Ed25519 key of type {cls.ALGORITHM[0]}"
            raise NoteError(message)
        key = cls(parts[0], encoded[1:])
        if key.id.hex() != parts[1]:
            message = "the verifier key's id does not belong to its name and key; it was copied wrongly"
            raise NoteError(message)
        return key

    def accepts(self, text: bytes, signature: bytes) -> bool:
        """Whether this key signed these bytes."""
        try:
            Ed25519PublicKey.from_public_bytes(self.key).verify(signature, text)
        except (InvalidSignature, ValueError):
            return False
        return True


@dataclass(frozen=True, slots=True)
class SigningKey:
    """A private key with the name under which it signs."""

    name: str
    private: Ed25519PrivateKey

    def verifier(self) -> VerifierKey:
        """The public half."""
        return VerifierKey(self.name, self.private.public_key().public_bytes_raw())

    def sign(self, text: bytes) -> bytes:
        """The 64 bytes of the signature."""
        return self.private.sign(text)


@dataclass(frozen=True, slots=True)
class Checkpoint:
    """What a log states: its name, how many entries it has, their root hash (32 bytes); `by`: the known keys that signed it."""

    origin: str
    size: int
    root: bytes
    by: tuple[VerifierKey, ...] = field(default=(), compare=False)


def sign_note(text: str, *keys: SigningKey) -> str:
    """A note over `text` (which ends with a line break), one signature line per key."""
    signatures = (base64.b64encode(key.verifier().id + key.sign(text.encode())).decode() for key in keys)
    lines = (f"{_MARK}{key.name} {signature}\n" for key, signature in zip(keys, signatures, strict=True))
    return f"{text}\n{''.join(lines)}"


def open_note(note: str | bytes, vkeys: Iterable[VerifierKey]) -> tuple[str, tuple[VerifierKey, ...]]:
    """The text of a note and the named keys that signed it, at least one.

    Raises:
        NoteError: malformed, signed by nobody we know, or a known key's signature is wrong.
    """
    text, lines = _split(_decode(note))
    known = {(key.name, key.id): key for key in vkeys}
    signed: dict[VerifierKey, None] = {}
    signatures = [_signature(line) for line in lines]
    for name, identity, signature in signatures:
        key = known.get((name, identity))
        if key is None:
            continue
        if not key.accepts(text.encode(), signature):
            message = f"the signature of {name} does not fit the text: one of the two was changed"
            raise NoteError(message)
        signed[key] = None
    if not signed:
        others = ", ".join(f"{name[:_SHOWN]}+{identity.hex()}" for name, identity, _ in signatures[:_PARTS])
        message = f"no key we know has signed this note; it is signed by {others}"
        raise UnknownSignerError(message)
    return text, tuple(signed)


def sign_checkpoint(origin: str, size: int, root: bytes, key: SigningKey, *others: SigningKey) -> str:
    """A signed checkpoint; `others` sign too while keys are rotated."""
    return sign_note(f"{origin}\n{size}\n{base64.b64encode(root).decode()}\n", key, *others)


def open_checkpoint(note: str | bytes, vkeys: Iterable[VerifierKey]) -> Checkpoint:
    """The checkpoint of a note that the log's own key has signed.

    Raises:
        NoteError: see `open_note`; or the text is no checkpoint; or only keys of other names have signed it.
    """
    text, signed = open_note(note, vkeys)
    checkpoint = _checkpoint(text.removesuffix("\n").split("\n"))
    if all(key.name != checkpoint.origin or key.ALGORITHM != _ED25519 for key in signed):
        message = f"the checkpoint of {checkpoint.origin} is not signed by a key of that name"
        raise NoteError(message)
    return replace(checkpoint, by=tuple(key for key in signed if key.name == checkpoint.origin and key.ALGORITHM == _ED25519))


def _checkpoint(lines: Sequence[str]) -> Checkpoint:
    if len(lines) < _PARTS or "" in lines:
        message = "a checkpoint has a name, a size and a root hash on three lines; this text does not"
        raise NoteError(message)
    origin, size, root = lines[:_PARTS]
    if not (size.isascii() and size.isdigit() and len(size) <= _MAX_DIGITS and str(int(size)) == size):
        message = "the checkpoint's size is not a plain number"
        raise NoteError(message)
    digest = from_base64(root)
    if len(digest) != _HASH_BYTES:
        message = f"the checkpoint's root hash has {len(digest)} bytes instead of {_HASH_BYTES}"
        raise NoteError(message)
    return Checkpoint(origin, int(size), digest)


def _decode(note: str | bytes) -> str:
    if len(note) > MAX_BYTES:
        message = f"the note is larger than {MAX_BYTES} bytes"
        raise NoteError(message)
    try:
        text = note.decode() if isinstance(note, bytes) else note.encode().decode()
    except UnicodeError as error:
        message = "the note is not UTF-8 text"
        raise NoteError(message) from error
    if any(character < " " and character != "\n" for character in text):
        message = "the note contains control characters"
        raise NoteError(message)
    return text


def _split(note: str) -> tuple[str, list[str]]:
    text, gap, signatures = note.rpartition("\n\n")
    lines = signatures.removesuffix("\n").split("\n")
    if not gap or not signatures.endswith("\n") or len(lines) > MAX_SIGNATURES:
        message = f"the note has no block of 1 to {MAX_SIGNATURES} signature lines after a blank line"
        raise NoteError(message)
    return text + "\n", lines


def _signature(line: str) -> tuple[str, bytes, bytes]:
    name, gap, encoded = line.removeprefix(_MARK).partition(" ")
    if not line.startswith(_MARK) or not gap:
        message = "a signature line is malformed"
        raise NoteError(message)
    _check_name(name)
    signature = from_base64(encoded)
    if len(signature) <= _ID_BYTES:
        message = f"the signature of {name} is too short"
        raise NoteError(message)
    return name, signature[:_ID_BYTES], signature[_ID_BYTES:]


def _check_name(name: str) -> None:
    unfit = any(character.isspace() or character < " " or "\ud800" <= character <= "\udfff" for character in name)
    if not name or "+" in name or unfit:
        message = "a key name is empty or contains spaces or a plus sign"
        raise NoteError(message)


def from_base64(text: str) -> bytes:
    """The bytes of canonical base64. Raises NoteError."""
    try:
        data = base64.b64decode(text, validate=True)
    except (binascii.Error, ValueError) as error:
        message = "something that should be base64 is not"
        raise NoteError(message) from error
    if base64.b64encode(data).decode() != text:
        message = "base64 that is not in its only canonical form"
        raise NoteError(message)
    return data
