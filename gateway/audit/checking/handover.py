"""How a proof reaches a reader who knows only the log's older key: it carries the entry that announced the newer one, under a note both signed.

Such an entry counts as in a whole log (`keys.py`): only in a state that a key signed which the reader knows or has learnt in this way before.
"""

from __future__ import annotations

import base64
import json
from dataclasses import dataclass
from typing import TYPE_CHECKING, Final

from gateway.audit.note import NoteError, UnknownSignerError, VerifierKey, from_base64, open_checkpoint
from gateway.audit.rules.entries import canonical
from gateway.audit.tree import inclusion_holds, leaf_hash

if TYPE_CHECKING:
    from collections.abc import Iterable, Mapping, Sequence
    from typing import Self

KEYS: Final = "garant/keys@1"
_MALFORMED: Final = (ValueError, KeyError, TypeError, AttributeError, RecursionError)
MOST: Final = 64


@dataclass(frozen=True, slots=True)
class Handover:
    """One announced key.

    Args:
        index: of the entry `key_changed` that announces it.
        leaf: that entry's bytes.
        path: its inclusion proof in the state that the note signs, siblings nearest first.
        checkpoint: the note, signed by the key before and by the announced one.
    """

    index: int
    leaf: bytes
    path: tuple[bytes, ...]
    checkpoint: str

    def listed(self) -> dict[str, object]:
        """As it stands in a proof file."""
        path = [base64.b64encode(one).decode() for one in self.path]
        return {"index": self.index, "leaf": self.leaf.decode(), "path": path, "checkpoint": self.checkpoint}

    @classmethod
    def read(cls, one: Mapping[str, object]) -> Self:
        """What `listed` gave. Raises NoteError, or what reading something of another form raises."""
        path = tuple(from_base64(str(line)) for line in one["path"])  # type: ignore[attr-defined] # raises where it is no list
        return cls(int(str(one["index"])), str(one["leaf"]).encode(), path, str(one["checkpoint"]))

    def key(self) -> VerifierKey:
        """The key that the entry announces. Raises NoteError where it announces none."""
        try:
            entry = json.loads(self.leaf)
            detail = entry["detail"]
            announces = (entry["type"], detail["kind"], detail["step"]) == ("key_changed", "log", "announced")
            line = str(detail["key"]) if announces else ""
        except _MALFORMED as error:
            message = f"the entry {self.index}, which is to announce a key of the log, is no such entry"
            raise NoteError(message) from error
        return VerifierKey.decode(line)

    def check(self, known: Sequence[VerifierKey]) -> VerifierKey:
        """The announced key.

        Raises:
            UnknownSignerError: no key that is known has signed the note.
            NoteError: the entry does not stand in what was signed, or the announced key has not signed the note too.
        """
        open_checkpoint(self.checkpoint, known)
        key = self.key()
        state = open_checkpoint(self.checkpoint, [key])
        if key.name != state.origin or not inclusion_holds(leaf_hash(self.leaf), self.index, state.size, self.path, state.root):
            message = f"the announcement of the key {key.id.hex()} does not stand at place {self.index} of a state that was signed"
            raise NoteError(message)
        return key


def learnt(vkeys: Sequence[VerifierKey], handovers: Iterable[Handover], size: int) -> tuple[VerifierKey, ...]:
    """The keys by which a state may be signed: the reader's own, and those announced under them before it.

    Args:
        vkeys: the reader's own keys.
        handovers: in the order of the log; those under keys that the reader does not know are passed over.
        size: entries of the state; an announcement that it does not cover counts for nothing.

    Raises:
        NoteError: an announcement does not hold.
    """
    known = list(vkeys)
    for one in handovers:
        try:
            key = one.check(known)
        except UnknownSignerError:
            continue
        if one.index < size and key not in known:
            known.append(key)
    return tuple(known)


def written(handovers: Sequence[Handover]) -> bytes | None:
    """What lies beside the proof of one entry (`extra`); nothing where the log's key was never changed."""
    if not handovers:
        return None
    members = {"kind": KEYS, "keys": [one.listed() for one in handovers]}
    return canonical(members).encode()


def read(extra: bytes | None) -> tuple[Handover, ...]:
    """What `written` gave; nothing where something else lies beside the proof. Raises NoteError."""
    try:
        members = json.loads((extra or b"").decode())
        ours = members["kind"] == KEYS
    except _MALFORMED:
        return ()
    try:
        found = listed(members) if ours else ()
    except _MALFORMED as error:
        message = "what lies beside the proof is no list of announced keys"
        raise NoteError(message) from error
    if ours and written(found) != extra:
        message = "the announced keys beside the proof are not in the one form in which they are written"
        raise NoteError(message)
    return found


def listed(members: Mapping[str, object]) -> tuple[Handover, ...]:
    """The handovers among the members of a file; raises NoteError, or what reading something of another form raises."""
    found = tuple(map(Handover.read, members.get("keys", ())))  # type: ignore[call-overload] # raises where they are none
    if len(found) > MOST:
        message = f"the proof announces more than {MOST} keys"
        raise NoteError(message)
    return found
