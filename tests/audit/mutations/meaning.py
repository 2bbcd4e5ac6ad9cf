"""What a file says, apart from how it is written: a change that leaves it is no mutation, and tells what Go's packages can know of one."""

from __future__ import annotations

import base64
import binascii
import json
from typing import TYPE_CHECKING

from gateway.audit.note import NoteError, UnknownSignerError, open_note
from gateway.audit.outside.cosignatures import CosignerKey
from gateway.audit.outside.policy import read_policy
from tests.audit.evidence import WITNESSES
from tests.audit.story import KEY

if TYPE_CHECKING:
    from collections.abc import Hashable

KNOWN = {(key.name, key.id): key for key in (KEY.verifier(), *(one.verifier() for one in WITNESSES))}


class Anybody(CosignerKey):
    """A witness's key that accepts whatever is signed in its name."""

    def accepts(self, text: bytes, signature: bytes) -> bool:  # noqa: ARG002 - whatever it is
        return True


def meaning(name: str, content: bytes) -> Hashable:
    """What our verifier reads in a file; files that cannot be read say what they are made of."""
    try:
        if name == "policies.json":
            return tuple(sorted(json.loads(content).items()))
        if name == "witnesses.policy":
            policy = read_policy(content)
            trusted = frozenset((witness.name, witness.key) for witness in policy.witnesses)
            return frozenset(policy.logs), trusted, tuple(sorted(policy.groups.items(), key=str)).__repr__(), policy.quorum
    except (ValueError, AttributeError, RecursionError, NoteError):
        return content
    if name.startswith(("checkpoint", "cosignatures", "note")):
        text, gap, lines = content.rpartition(b"\n\n") if b"\n\n" in content else (b"", b"", content)
        return text + gap, frozenset(lines.split(b"\n"))
    if name in {"growth", "entry.tlog-proof", "case.tlog-proof"}:
        head, _, note = content.partition(b"\n\n")
        return head, meaning("note", note)
    return content


def changed(name: str, before: bytes, after: bytes) -> bool:
    """Whether a file says something else; less evidence beside a log says nothing wrong (a witness may have been away)."""
    if name.startswith("cosignatures/"):
        kept = _by_known(after)
        return not kept or not kept <= _by_known(before)
    return meaning(name, before) != meaning(name, after)


def _by_known(lines: bytes) -> frozenset[bytes]:
    """The lines of witnesses whom the policy names; none where one line of all is malformed."""
    try:
        found = [line for line in lines.decode().split("\n")[:-1] if is_known(line)]
    except (UnicodeDecodeError, NoteError):
        return frozenset()
    return frozenset(line.encode() for line in found) if lines.endswith(b"\n") else frozenset()


def is_known(line: str) -> bool:
    """Whether a signature line names a key that the policy names. Raises NoteError where it is no signature line."""
    try:
        open_note(f"x\n\n{line}\n", [Anybody(name, key.key) for (name, _), key in KNOWN.items()])
    except UnknownSignerError:
        return False
    return True


def to_go(name: str, content: bytes) -> Hashable:
    """What Go's packages read in a file, as far as a change of it must matter to them; None for files they know nothing of."""
    if name.startswith("tile/") or name == "leaf":
        return content
    if name.startswith(("checkpoint", "note")):
        return _note(content)
    if name in {"entry.tlog-proof", "case.tlog-proof", "growth"}:
        head, _, note = content.partition(b"\n\n")
        lines = [line for line in head.split(b"\n") if not line.startswith(b"extra ")]
        return tuple(_plain(line) for line in lines), _note(note)
    return None


def _note(content: bytes) -> Hashable:
    """The text, the log's own signature, and wrong signatures of witnesses we know; a witness that is missing is no matter for Go."""
    text, _, lines = content.rpartition(b"\n\n")
    found = []
    for line in lines.split(b"\n"):
        words = line.split(b" ")
        signature = _plain(words[-1])
        key = KNOWN.get((words[1].decode(errors="replace"), signature[:4])) if len(words) == 3 else None
        if key is not None and (key == KEY.verifier() or not key.accepts(text + b"\n", signature[4:])):
            found.append(signature)
    return text, frozenset(found)


def _plain(word: bytes) -> bytes:
    """Bytes of base64 as leniently as Go reads them: what does not fill a byte at the end is ignored."""
    try:
        return base64.b64decode(word, validate=True)
    except (binascii.Error, ValueError):
        return word
