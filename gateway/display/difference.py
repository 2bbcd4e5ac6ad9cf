"""What an amendment changes, word by word: same + gone is the text before, same + new the text after, to the last space.

Words that occur once on both sides hold the comparison together, so that its time grows with the text; only short
stretches between them are compared each with each.
"""

from __future__ import annotations

import re
from bisect import bisect_left
from collections import Counter
from dataclasses import dataclass
from difflib import SequenceMatcher
from itertools import groupby
from typing import TYPE_CHECKING, Final, Literal, TypeAlias

from gateway.display.marks.pens import plain

if TYPE_CHECKING:
    from collections.abc import Iterator, Sequence

    from gateway.display.models import Cell

ChangeKind: TypeAlias = Literal["same", "gone", "new"]
_Piece: TypeAlias = tuple[ChangeKind, str]
_WORD: Final = re.compile(r"\s+|[0-9]++(?:[.,][0-9]++)*|\w+|[^\w\s]")
_EACH_WITH_EACH: Final = 40_000
_DEEPEST: Final = 12
_AROUND: Final = 70
"""Characters of unchanged text that stay beside a change; what has no more than `_WHOLE` of them stays whole."""
_WHOLE: Final = 180


@dataclass(frozen=True, slots=True)
class Change:
    """A stretch of text that stayed, went or came."""

    kind: ChangeKind
    text: str

    @property
    def runs(self) -> Cell:
        """The text with its hidden characters marked."""
        return plain(self.text)


def words(before: str, after: str) -> tuple[Change, ...]:
    """The changes from one text to another, in the order of reading; what went stands before what came in its place."""
    pieces = list(_compare(_WORD.findall(before), _WORD.findall(after), 0))
    return tuple(_told(pieces))


def condensed(changes: Sequence[Change]) -> Iterator[Change]:
    """The changes with some words around each; what stayed further away is left out, as `[…]`."""
    last = len(changes) - 1
    for number, change in enumerate(changes):
        if change.kind != "same" or len(change.text) <= _WHOLE or not last:
            yield change
            continue
        head = change.text[:_AROUND].rpartition(" ")[0] if number else ""
        tail = change.text[-_AROUND:].partition(" ")[2] if number < last else ""
        yield Change("same", f"{head} […] {tail}")


def _compare(old: Sequence[str], new: Sequence[str], depth: int) -> Iterator[_Piece]:
    head = _common(old, new)
    yield from (("same", word) for word in old[:head])
    tail = _common(old[head:][::-1], new[head:][::-1])
    yield from _middle(old[head : len(old) - tail], new[head : len(new) - tail], depth)
    yield from (("same", word) for word in old[len(old) - tail :])


def _common(old: Sequence[str], new: Sequence[str]) -> int:
    """How many words both begin with."""
    return next((number for number, (one, other) in enumerate(zip(old, new, strict=False)) if one != other), min(len(old), len(new)))


def _middle(old: Sequence[str], new: Sequence[str], depth: int) -> Iterator[_Piece]:
    if len(old) * len(new) <= _EACH_WITH_EACH:
        yield from _closely(old, new)
        return
    held = _held(old, new) if depth < _DEEPEST else []
    if not held:
        yield from (("gone", word) for word in old)
        yield from (("new", word) for word in new)
        return
    last, other = 0, 0
    for one, two in [*held, (len(old), len(new))]:
        yield from _compare(old[last:one], new[other:two], depth + 1)
        yield from (("same", word) for word in old[one : one + 1])
        last, other = one + 1, two + 1


def _closely(old: Sequence[str], new: Sequence[str]) -> Iterator[_Piece]:
    for _, low, high, first, last in SequenceMatcher(None, old, new, autojunk=False).get_opcodes():
        if old[low:high] == new[first:last]:
            yield from (("same", word) for word in old[low:high])
        else:
            yield from (("gone", word) for word in old[low:high])
            yield from (("new", word) for word in new[first:last])


def _held(old: Sequence[str], new: Sequence[str]) -> list[tuple[int, int]]:
    """Places of words that occur once on each side, as many as keep their order on both."""
    once, there = Counter(old), Counter(new)
    places = {word: place for place, word in enumerate(new) if there[word] == 1}
    pairs = [(place, places[word]) for place, word in enumerate(old) if once[word] == 1 and word in places]
    return _rising(pairs)


def _rising(pairs: Sequence[tuple[int, int]]) -> list[tuple[int, int]]:
    """A longest selection whose second numbers rise."""
    ends: list[int] = []
    chosen: list[int] = []
    before: list[int] = []
    for number, (_, place) in enumerate(pairs):
        size = bisect_left(ends, place)
        before.append(chosen[size - 1] if size else -1)
        ends[size : size + 1] = [place]
        chosen[size : size + 1] = [number]
    found, number = [], chosen[-1] if chosen else -1
    while number >= 0:
        found.append(pairs[number])
        number = before[number]
    return found[::-1]


def _told(pieces: Sequence[_Piece]) -> Iterator[Change]:
    """Neighbours of one kind as one change; a lone space or sign between two changes belongs to both."""
    gone, new = "", ""
    for number, (changed, group) in enumerate(groupby(pieces, key=lambda piece: piece[0] != "same")):
        stretch = list(group)
        text = "".join(word for _, word in stretch)
        if changed:
            gone += "".join(word for kind, word in stretch if kind == "gone")
            new += "".join(word for kind, word in stretch if kind == "new")
        elif number and len(text) == 1 and text != "\n" and not text.isalnum() and gone and new:
            gone, new = gone + text, new + text
        else:
            yield from _change(gone, new)
            gone, new = "", ""
            yield Change("same", text)
    yield from _change(gone, new)


def _change(gone: str, new: str) -> Iterator[Change]:
    shared = len(gone) - len(gone.rstrip())
    tail = gone[len(gone) - shared :] if shared and new.endswith(gone[len(gone) - shared :]) and gone.strip() and new.strip() else ""
    if gone.removesuffix(tail) and tail:
        gone, new = gone.removesuffix(tail), new.removesuffix(tail)
    if gone:
        yield Change("gone", gone)
    if new:
        yield Change("new", new)
    if tail:
        yield Change("same", tail)
