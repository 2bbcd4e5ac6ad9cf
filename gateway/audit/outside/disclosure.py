"""Disclosed bytes against the log: whoever is given bytes and their salt checks that these are the ones that an entry commits to."""

from __future__ import annotations

import hmac
from enum import StrEnum
from typing import TYPE_CHECKING, Final

from gateway.audit.export import WIDTH, read_export
from gateway.audit.note import NoteError
from gateway.audit.outside.proofs import CaseProof, read_proof
from gateway.audit.rules.entries import BrokenRuleError, parse

if TYPE_CHECKING:
    from pathlib import Path

SALT_BYTES: Final = 32
_LABEL: Final = b"garant/c1\n"


class Purpose(StrEnum):
    """Why content is read by who does not treat the patient, or disclosed."""

    QUALITY_REVIEW = "quality_review"
    COURT_ORDER = "court_order"
    PATIENT_REQUEST = "patient_request"
    COMPLAINT = "complaint"
    AUDIT = "audit"


def opens(leaf: bytes, field: str, data: bytes, salt: bytes) -> bool:
    """Whether an entry commits to exactly these bytes in this field. Raises NoteError where it commits to nothing of that name."""
    try:
        commitments = parse(leaf).get("commitments", {})
    except BrokenRuleError as error:
        raise NoteError(str(error)) from error
    if field not in commitments:
        message = f"the entry commits to nothing called {field!r}; it has {', '.join(sorted(commitments)) or 'no commitments'}"
        raise NoteError(message)
    if len(salt) != SALT_BYTES:
        message = f"a salt has {SALT_BYTES} bytes, this one has {len(salt)}"
        raise NoteError(message)
    found = hmac.digest(salt, _LABEL + field.encode() + b"\n" + data, "sha256").hex()
    return hmac.compare_digest(found, commitments[field])


def leaf_in(source: Path, index: int) -> bytes:
    """The entry at an index of an export, or of a case's proof file; whether it stands in the log is for `verify` to say. Raises NoteError."""
    if source.is_dir():
        export = read_export(source)
        if not 0 <= index < export.size:
            message = f"there is no entry {index} among {export.size}"
            raise NoteError(message)
        return export.bundle(index // WIDTH)[index % WIDTH]
    proof = CaseProof.decode(read_proof(source.read_bytes()))
    leaf = next((entry.leaf for entry in proof.entries if entry.index == index), None)
    if leaf is None:
        message = f"the file holds no entry {index}; it holds {', '.join(str(entry.index) for entry in proof.entries)}"
        raise NoteError(message)
    return leaf
