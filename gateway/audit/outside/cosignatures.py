"""Cosignatures of witnesses (C2SP tlog-cosignature, Ed25519, version 1): "at this time this was the newest consistent state I know".

What comes from outside raises only `NoteError`.
"""

from __future__ import annotations

import base64
from dataclasses import dataclass
from typing import TYPE_CHECKING, ClassVar, Final

from gateway.audit.note import UnknownSignerError, VerifierKey, open_note

if TYPE_CHECKING:
    from collections.abc import Iterable, Sequence

    from cryptography.hazmat.primitives.asymmetric.ed25519 import Ed25519PrivateKey

_TIME_BYTES: Final = 8
_LATEST: Final = 2**63 - 1


@dataclass(frozen=True, slots=True)
class CosignerKey(VerifierKey):
    """The public key of a witness (type 0x04)."""

    ALGORITHM: ClassVar[bytes] = b"\x04"

    def accepts(self, text: bytes, signature: bytes) -> bool:
        """Whether this witness cosigned this text; the first 8 bytes say when."""
        moment = int.from_bytes(signature[:_TIME_BYTES])
        return 0 < moment <= _LATEST and VerifierKey.accepts(self, _message(moment, text), signature[_TIME_BYTES:])


@dataclass(frozen=True, slots=True)
class CosigningKey:
    """The private key of a witness, and its name."""

    name: str
    private: Ed25519PrivateKey

    def verifier(self) -> CosignerKey:
        """The public half."""
        return CosignerKey(self.name, self.private.public_key().public_bytes_raw())

    def cosign(self, text: str, moment: int) -> str:
        """The signature line over a checkpoint's text at a POSIX second."""
        signature = moment.to_bytes(_TIME_BYTES) + self.private.sign(_message(moment, text.encode()))
        return f"\u2014 {self.name} {base64.b64encode(self.verifier().id + signature).decode()}\n"


def cosigned_by(note: str, cosigners: Sequence[CosignerKey]) -> frozenset[CosignerKey]:
    """Which of these witnesses have cosigned a note; none is no error. Raises NoteError where a known one's cosignature is wrong."""
    if not any(f"\n\u2014 {key.name} " in note for key in cosigners):
        return frozenset()
    try:
        _, signed = open_note(note, cosigners)
    except UnknownSignerError:
        return frozenset()
    return frozenset(key for key in signed if isinstance(key, CosignerKey))


def lines_of(answer: str, note: str, cosigners: Sequence[CosignerKey]) -> dict[CosignerKey, str]:
    """What a witness answered, as a line each cosigner we know. Raises NoteError where one of them did not sign this note."""
    kept: dict[CosignerKey, str] = {}
    text = note.rpartition("\n\n")[0]
    for line in answer.split("\n")[:-1]:
        for key in cosigned_by(f"{text}\n\n{line}\n", cosigners):
            kept[key] = f"{line}\n"
    return kept


def with_lines(note: str, lines: Iterable[str]) -> str:
    """A note with further signature lines."""
    return note + "".join(lines)


def _message(moment: int, text: bytes) -> bytes:
    return b"cosignature/v1\ntime %d\n" % moment + text
