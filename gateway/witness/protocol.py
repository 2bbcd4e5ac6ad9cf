"""One request to a witness, judged by the rules of C2SP tlog-witness; every refusal has the status that they name."""

from __future__ import annotations

from dataclasses import dataclass
from typing import TYPE_CHECKING, Final

from gateway.audit.note import MAX_BYTES as MAX_NOTE_BYTES
from gateway.audit.note import Checkpoint, NoteError, open_checkpoint
from gateway.audit.outside.cosignatures import with_lines
from gateway.audit.outside.proofs import ConsistencyProof
from gateway.audit.tree import EMPTY_ROOT

if TYPE_CHECKING:
    from collections.abc import Callable

    from gateway.audit.outside.cosignatures import CosigningKey
    from gateway.witness.state import Memory

MAX_BYTES: Final = MAX_NOTE_BYTES + 4096
TEXT: Final = "text/plain; charset=utf-8"
FORKED: Final = 422
SIZE: Final = "text/x.tlog.size"


@dataclass(frozen=True, slots=True)
class Reply:
    """What goes back."""

    status: int
    body: str
    kind: str = TEXT


def add_checkpoint(body: bytes, memory: Memory, key: CosigningKey, now: Callable[[], int]) -> Reply:
    """Judge, keep, cosign: in this order.

    Args:
        body: as it came.
        memory: what was cosigned before.
        key: the witness's own.
        now: the POSIX second.
    """
    try:
        asked = ConsistencyProof.decode(body.decode())
        origin = asked.checkpoint.split("\n", 1)[0]
    except (NoteError, UnicodeDecodeError) as error:
        return Reply(400, f"{error}\n")
    vkeys = memory.keys_of(origin)
    if not vkeys:
        return Reply(404, "this log is not witnessed here\n")
    try:
        new = open_checkpoint(asked.checkpoint, vkeys)
    except NoteError as error:
        return Reply(403, f"{error}\n")
    with memory.alone():
        return _judged(asked, new, memory, key, now)


def _judged(asked: ConsistencyProof, new: Checkpoint, memory: Memory, key: CosigningKey, now: Callable[[], int]) -> Reply:
    known = memory.newest(new.origin) or Checkpoint(new.origin, 0, EMPTY_ROOT)
    if asked.old > new.size:
        return Reply(400, "the old size is larger than the checkpoint's\n")
    if asked.old != known.size:
        return Reply(409, f"{known.size}\n", SIZE)
    if not asked.holds(known, new):
        return Reply(FORKED, _contradiction(known, memory.note(new.origin) or "", asked.checkpoint))
    line = key.cosign(_text(asked.checkpoint), now())
    memory.keep(new.origin, with_lines(asked.checkpoint, [line]))
    return Reply(200, line)


def _contradiction(known: Checkpoint, cosigned: str, asked: str) -> str:
    """Both notes, for whoever has to explain them."""
    sentence = f"this state does not extend the one of {known.size} entries that was cosigned here: the log was forked, or its past changed"
    return f"{sentence}\n--- cosigned here:\n{cosigned}--- refused:\n{asked}"


def _text(note: str) -> str:
    return f"{note.rpartition(chr(10) * 2)[0]}\n"
