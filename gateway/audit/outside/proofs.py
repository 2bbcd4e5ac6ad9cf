"""Proofs as text files that need nothing else (C2SP tlog-proof): one entry, or a whole case, in a signed checkpoint.

The file of a case proves its last entry in the standard form; `extra` carries the bytes of all its entries and the paths of
the others. Entries name the previous one of their case, so none in between can be left out. Where the log's key was changed, `extra`
carries the announcements (`checking/handover.py`), so that the log's first key is enough. What comes from outside raises only `NoteError`.
"""

from __future__ import annotations

import base64
import json
from dataclasses import dataclass
from typing import TYPE_CHECKING, Final

from gateway.audit.checking.handover import Handover, learnt, listed, read
from gateway.audit.export import claimed_size
from gateway.audit.note import MAX_BYTES as MAX_NOTE_BYTES
from gateway.audit.note import Checkpoint, NoteError, VerifierKey, from_base64, open_checkpoint
from gateway.audit.rules.entries import canonical
from gateway.audit.tree import HASH_BYTES, consistency_holds, inclusion_holds, leaf_hash

if TYPE_CHECKING:
    from collections.abc import Sequence

HEADER: Final = "c2sp.org/tlog-proof@v1"
CASE: Final = "garant/case@1"
MAX_HASHES: Final = 63
MAX_BYTES: Final = 16 * 2**20
_MAX_DIGITS: Final = 18


@dataclass(frozen=True, slots=True)
class Proof:
    """One inclusion proof: the entry at `index`, siblings nearest first, the signed note; of `extra` only announced keys count, once checked."""

    index: int
    path: tuple[bytes, ...]
    checkpoint: str
    extra: bytes | None = None

    def encode(self) -> str:
        """The text of a `.tlog-proof` file."""
        extra = [] if self.extra is None else [f"extra {base64.b64encode(self.extra).decode()}"]
        hashes = (base64.b64encode(sibling).decode() for sibling in self.path)
        return "\n".join([HEADER, *extra, f"index {self.index}", *hashes, "", self.checkpoint])

    @classmethod
    def decode(cls, text: str) -> Proof:
        """The proof in a file. Raises NoteError."""
        if len(text) > MAX_BYTES:
            message = "the proof is larger than a proof can be"
            raise NoteError(message)
        head, gap, checkpoint = text.partition("\n\n")
        lines = head.split("\n")
        if not gap or lines.pop(0) != HEADER:
            message = f"the file is no proof: it does not begin with {HEADER}"
            raise NoteError(message)
        extra = from_base64(lines.pop(0).removeprefix("extra ")) if lines and lines[0].startswith("extra ") else None
        return cls(_index(lines.pop(0) if lines else ""), _hashes(lines), checkpoint, extra)

    def check(self, leaf: bytes, vkeys: Sequence[VerifierKey]) -> Checkpoint:
        """The checkpoint in which this leaf stands. Raises NoteError where the proof does not show that."""
        known = learnt(vkeys, read(self.extra), claimed_size(self.checkpoint))
        checkpoint = open_checkpoint(self.checkpoint, known)
        if not inclusion_holds(leaf_hash(leaf), self.index, checkpoint.size, self.path, checkpoint.root):
            message = f"the proof does not show that this entry stands at place {self.index} of the signed log"
            raise NoteError(message)
        return checkpoint


@dataclass(frozen=True, slots=True)
class Placed:
    """One entry of a case: where it stands, its bytes, its path."""

    index: int
    leaf: bytes
    path: tuple[bytes, ...]


@dataclass(frozen=True, slots=True)
class CaseProof:
    """All entries of a case up to its last one, in one checkpoint; `keys`: the announcements of the log's later keys, in order."""

    case: str
    entries: tuple[Placed, ...]
    checkpoint: str
    keys: tuple[Handover, ...] = ()

    def encode(self) -> str:
        """The text of the case's `.tlog-proof` file."""
        *_, last = self.entries
        entries = [_listed(entry, whole=entry is not last) for entry in self.entries]
        keys = {"keys": [one.listed() for one in self.keys]} if self.keys else {}
        extra = {"kind": CASE, "case": self.case, "entries": entries, **keys}
        return Proof(last.index, last.path, self.checkpoint, canonical(extra).encode()).encode()

    @classmethod
    def decode(cls, text: str) -> CaseProof:
        """The case in a file; nothing of it is proven yet. Raises NoteError."""
        proof = Proof.decode(text)
        try:
            extra = json.loads((proof.extra or b"").decode())
            entries = [Placed(int(one["index"]), str(one["leaf"]).encode(), _hashes(one.get("path", ()))) for one in extra["entries"]]
            last = entries.pop()
            placed = (*entries, Placed(proof.index, last.leaf, proof.path))
            found = cls(str(extra["case"]), placed, proof.checkpoint, listed(extra))
        except (ValueError, KeyError, TypeError, AttributeError, IndexError, RecursionError) as error:
            message = "the file does not hold the entries of a case; it proves one entry, whose bytes must be given"
            raise NoteError(message) from error
        if last.index != proof.index or found.encode() != text:
            message = "the entries of the case do not belong to the proof around them"
            raise NoteError(message)
        return found

    def check(self, vkeys: Sequence[VerifierKey]) -> Checkpoint:
        """The checkpoint in which every entry of this case stands, none left out in between. Raises NoteError."""
        known = learnt(vkeys, self.keys, claimed_size(self.checkpoint))
        checkpoint = open_checkpoint(self.checkpoint, known)
        before: int | None = None
        for entry in self.entries:
            Proof(entry.index, entry.path, self.checkpoint).check(entry.leaf, known)
            self._check_chain(entry, before)
            before = entry.index
        return checkpoint

    def _check_chain(self, entry: Placed, before: int | None) -> None:
        try:
            said = json.loads(entry.leaf)
            case, previous = said["case"], said.get("prev")
        except (ValueError, KeyError, TypeError, AttributeError, RecursionError) as error:
            message = f"the entry {entry.index} is no entry of a case"
            raise NoteError(message) from error
        if case != self.case:
            message = f"the entry {entry.index} belongs to another case"
            raise NoteError(message)
        if previous != before:
            message = f"the entry {entry.index} follows entry {previous} of its case, which the file leaves out"
            raise NoteError(message)


@dataclass(frozen=True, slots=True)
class ConsistencyProof:
    """The proof that a log only grew, in the form in which witnesses take it (C2SP tlog-witness, add-checkpoint)."""

    old: int
    path: tuple[bytes, ...]
    checkpoint: str

    def encode(self) -> str:
        """The text: old size, hashes, empty line, the newer checkpoint."""
        return "\n".join([f"old {self.old}", *(base64.b64encode(one).decode() for one in self.path), "", self.checkpoint])

    @classmethod
    def decode(cls, text: str) -> ConsistencyProof:
        """The proof in a text. Raises NoteError."""
        head, gap, checkpoint = text[: 2 * MAX_NOTE_BYTES].partition("\n\n")
        first, *lines = head.split("\n")
        if not gap or not first.startswith("old "):
            message = "the text is no proof of consistency: it does not begin with 'old' and a size"
            raise NoteError(message)
        return cls(_number(first.removeprefix("old ")), _hashes(lines), checkpoint)

    def holds(self, old: Checkpoint, new: Checkpoint) -> bool:
        """Whether the newer state only added entries to the older one."""
        return old.size == self.old and consistency_holds(old.size, old.root, new.size, new.root, self.path)


def read_proof(content: bytes) -> str:
    """The text of a proof file. Raises NoteError."""
    try:
        return content.decode()
    except UnicodeDecodeError as error:
        message = "the proof is not UTF-8 text"
        raise NoteError(message) from error


def _listed(entry: Placed, *, whole: bool) -> dict[str, object]:
    listed: dict[str, object] = {"index": entry.index, "leaf": entry.leaf.decode()}
    return listed | ({"path": [base64.b64encode(one).decode() for one in entry.path]} if whole else {})


def _index(line: str) -> int:
    if not line.startswith("index "):
        message = "the proof does not say which entry it is about"
        raise NoteError(message)
    return _number(line.removeprefix("index "))


def _number(text: str) -> int:
    if not (text.isascii() and text.isdigit() and len(text) <= _MAX_DIGITS and str(int(text)) == text):
        message = "a number in the proof is not a plain one"
        raise NoteError(message)
    return int(text)


def _hashes(lines: Sequence[str]) -> tuple[bytes, ...]:
    found = tuple(from_base64(line) for line in lines)
    if len(found) > MAX_HASHES or any(len(one) != HASH_BYTES for one in found):
        message = f"the proof holds more than {MAX_HASHES} hashes, or something that is no hash"
        raise NoteError(message)
    return found
