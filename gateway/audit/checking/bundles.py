"""The part of a verification that needs no memory: bundles of entries, each checked by itself, by as many processors as there are.

`examine` says of 256 entries which are malformed and what they hash to, and compares the hashes with the tile beside them.
"""

from __future__ import annotations

from dataclasses import dataclass
from hashlib import sha256
from typing import TYPE_CHECKING, Final

from gateway.audit.checking.report import sentence
from gateway.audit.export import WIDTH, Export, place
from gateway.audit.note import NoteError
from gateway.audit.rules.entries import BrokenRuleError, parse
from gateway.audit.tree import HASH_BYTES, root_of

if TYPE_CHECKING:
    from collections.abc import Sequence

    from gateway.audit.rules.entries import Entry

SPAN: Final = 16
"""Bundles that one processor takes at a time."""


@dataclass(slots=True)
class Examined:
    """What is known of one bundle.

    Args:
        entries: the members of each entry; None where it is malformed, or where they were not kept.
        broken: place within the bundle → what is wrong with that entry's form.
        hashes: of the leaves; left out where `root` is enough.
        root: over 256 leaves.
        tile: what is wrong with the tile beside it: the place of the first other hash (None: the whole file), and the words.
    """

    width: int
    entries: list[Entry | None] | None
    broken: dict[int, str]
    hashes: list[bytes] | None
    root: bytes | None
    tile: tuple[int | None, str] | None = None


def examine(leaves: Sequence[bytes], number: int, export: Export | None = None) -> Examined:
    """Check up to 256 entries by themselves; with an export also the tile of their hashes."""
    entries: list[Entry | None] = []
    broken: dict[int, str] = {}
    for n, leaf in enumerate(leaves):
        try:
            entries.append(parse(leaf))
        except BrokenRuleError as error:
            entries.append(None)
            broken[n] = str(error)
    hashes = [sha256(b"\x00" + leaf).digest() for leaf in leaves]
    root = root_of(hashes) if len(leaves) == WIDTH else None
    return Examined(len(leaves), entries, broken, hashes, root, _tile(export, number, hashes) if export else None)


def examined_span(export: Export, first: int, whole: frozenset[int]) -> list[Examined | str]:
    """Some bundles of an export, for a processor of its own; a text ends the list where a bundle cannot be read.

    Args:
        export: the log.
        first: number of the first bundle.
        whole: bundles whose hashes are needed one by one.
    """
    found: list[Examined | str] = []
    for number in range(first, min(first + SPAN, -(-export.size // WIDTH))):
        try:
            one = examine(export.bundle(number), number, export)
        except NoteError as error:
            return [*found, sentence(str(error))]
        one.entries = None  # cheaper to read again than to send
        if one.root is not None and number not in whole:
            one.hashes = None
        found.append(one)
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
