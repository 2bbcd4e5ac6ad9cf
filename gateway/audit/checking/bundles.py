"""The part of a verification that needs no memory: bundles of entries, each checked by itself, by as many processors as there are.

`examine` says of 256 entries which are malformed and what they hash to, and compares the hashes with the tile beside them.
"""

from __future__ import annotations

import marshal
from dataclasses import dataclass
from hashlib import sha256
from itertools import pairwise
from typing import TYPE_CHECKING, Final

from gateway.audit.checking.report import sentence
from gateway.audit.export import WIDTH, Export, place
from gateway.audit.note import Checkpoint, NoteError, VerifierKey, open_checkpoint
from gateway.audit.rules.entries import BrokenRuleError, parse
from gateway.audit.rules.plain import plain
from gateway.audit.tree import HASH_BYTES, Frontier

if TYPE_CHECKING:
    from collections.abc import Mapping, Sequence

    from gateway.audit.rules.entries import Entry

SPAN: Final = 16
"""Bundles that one processor takes at a time."""


@dataclass(slots=True)
class Examined:
    """What is known of one bundle.

    Args:
        entries: the members of each entry that rules read, None where it is malformed; or the same, packed to be sent.
        broken: place within the bundle → what is wrong with that entry's form.
        hashes: of the leaves; left out where `root` is enough.
        root: over 256 leaves.
        within: at each stop within the bundle, how many of its leaves → the roots of the full subtrees over them, largest first.
        tile: what is wrong with the tile beside it: the place of the first other hash (None: the whole file), and the words.
    """

    width: int
    entries: list[Entry | None] | bytes
    broken: dict[int, str]
    hashes: list[bytes] | None
    root: bytes | None
    within: dict[int, tuple[bytes, ...]]
    tile: tuple[int | None, str] | None = None

    def members(self) -> list[Entry | None]:
        """The members of each entry; None where it is malformed."""
        if isinstance(self.entries, bytes):
            unpacked: list[Entry | None] = marshal.loads(self.entries)  # noqa: S302 - packed by a process of our own
            return unpacked
        return self.entries


def examine(leaves: Sequence[bytes], number: int, export: Export | None = None, stops: Sequence[int] = ()) -> Examined:
    """Check up to 256 entries by themselves; with an export also the tile of their hashes. `stops`: where older states end within."""
    entries: list[Entry | None] = []
    broken: dict[int, str] = {}
    for n, leaf in enumerate(leaves):
        try:
            entries.append(plain(leaf) or parse(leaf))
        except BrokenRuleError as error:
            entries.append(None)
            broken[n] = str(error)
    hashes = [sha256(b"\x00" + leaf).digest() for leaf in leaves]
    root, within = _grown(hashes, stops) if len(leaves) == WIDTH else (None, {})
    return Examined(len(leaves), entries, broken, hashes, root, within, _tile(export, number, hashes) if export else None)


def _grown(hashes: Sequence[bytes], stops: Sequence[int]) -> tuple[bytes, dict[int, tuple[bytes, ...]]]:
    """The root over a whole bundle, and the subtrees at each stop on the way."""
    frontier, within = Frontier(), {}
    for start, stop in pairwise((0, *stops)):
        frontier = frontier.extend(hashes[start:stop])
        within[stop] = frontier.subtrees
    return frontier.extend(hashes[frontier.size :]).root(), within


def examined_span(export: Export, first: int, stops: Mapping[int, Sequence[int]]) -> list[Examined | str]:
    """Some bundles of an export, for a processor of its own; a text ends the list where a bundle cannot be read.

    Args:
        export: the log.
        first: number of the first bundle.
        stops: number of a bundle → where older states end within.
    """
    found: list[Examined | str] = []
    for number in range(first, min(first + SPAN, -(-export.size // WIDTH))):
        try:
            one = examine(export.bundle(number), number, export, stops.get(number, ()))
        except NoteError as error:
            return [*found, sentence(str(error))]
        one.entries = marshal.dumps(one.entries)  # half the time of pickling, and of reading the entries again
        if one.root is not None:
            one.hashes = None
        found.append(one)
    return found


def opened_notes(notes: Sequence[str], vkeys: Sequence[VerifierKey]) -> list[Checkpoint | str]:
    """Signed states, each opened; a text says why one proves nothing."""
    found: list[Checkpoint | str] = []
    for note in notes:
        try:
            found.append(open_checkpoint(note, vkeys))
        except NoteError as error:
            found.append(str(error))
    return found


def _tile(export: Export, number: int, hashes: Sequence[bytes]) -> tuple[int | None, str] | None:
    name = place("0", number, len(hashes))
    try:
        found = export.tile(name)
    except NoteError as error:
        return None, sentence(str(error))
    if found == b"".join(hashes):
        return None
    rows = (n for n, one in enumerate(hashes) if found[n * HASH_BYTES : (n + 1) * HASH_BYTES] != one)
    return next(rows, len(hashes) - 1), f"The entries do not fit the hashes kept in {name}: an entry or the file was changed."
