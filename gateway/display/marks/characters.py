"""Characters that a reader cannot see or takes for others: found, named, and read as what they look like.

`cleaned` gives the text that a person would read, so that nothing escapes recognition behind a zero-width space or a
Cyrillic letter, and the place of each of its characters in the text as it was written.
"""

from __future__ import annotations

import re
import unicodedata
from dataclasses import dataclass
from functools import lru_cache
from typing import TYPE_CHECKING, Final

if TYPE_CHECKING:
    from collections.abc import Iterator, Mapping

_PLAIN: Final = (
    "\\t\\n\\r -~\\u00a0-\\u00ac\\u00ae-\\u0130\\u0132-\\u024f\\u0391-\\u03c9\\u2010-\\u2027\\u202f-\\u205e\\u2070-\\u209c\\u20a0-\\u20bf"
    "\\u2100-\\u210f\\u2116-\\u215f\\u2190-\\u22ff\\u2500-\\u25ff"
)
_STRANGE: Final = re.compile(f"[^{_PLAIN}]")
_INVISIBLE: Final = frozenset("\u034f\u115f\u1160\u17b4\u17b5\u2028\u2029\u2800\u3164\uffa0\ufffc\ufffd")
_HIDDEN_KINDS: Final = frozenset({"Cc", "Cf", "Cs", "Co", "Cn"})
_SELECTORS: Final = ((0xFE00, 0xFE0F), (0xE0100, 0xE01EF), (0x180B, 0x180F))
_DRESSED: Final = ((0xFF01, 0xFF5E), (0x1D400, 0x1D7FF), (0x2460, 0x24FF), (0x1F100, 0x1F1FF))
_MOST_ACCENTS: Final = 2
_EMOJI: Final = chr(0xFE0F)
_WORD: Final = re.compile(r"\w+")
# Letters of other scripts that look like Latin ones; written as code points so that this file hides nothing.
_TWINS: Final[Mapping[str, str]] = {
    chr(code): latin
    for latin, codes in {
        "a": (0x430, 0x251), "c": (0x441,), "d": (0x501,), "e": (0x435,), "g": (0x261,), "h": (0x4BB,), "i": (0x456, 0x131, 0x3B9),
        "j": (0x458,), "o": (0x43E, 0x3BF, 0x585), "p": (0x440,), "q": (0x51B,), "s": (0x455,), "v": (0x475, 0x3BD), "w": (0x51D,),
        "x": (0x445,), "y": (0x443,), "A": (0x410, 0x391), "B": (0x412, 0x392), "C": (0x421,), "E": (0x415, 0x395), "F": (0x3DC,),
        "H": (0x41D, 0x397), "I": (0x406, 0x399), "J": (0x408,), "K": (0x41A, 0x39A), "M": (0x41C, 0x39C), "N": (0x39D,),
        "O": (0x41E, 0x39F), "P": (0x420, 0x3A1), "S": (0x405,), "T": (0x422, 0x3A4), "X": (0x425, 0x3A7), "Y": (0x423, 0x3A5), "Z": (0x396,),
    }.items()
    for code in codes
}  # fmt: skip
_ANY_TWIN: Final = re.compile("[" + "".join(_TWINS) + "]")


@dataclass(frozen=True, slots=True)
class Cleaned:
    """A text as a person reads it.

    `places` holds, for each character, its index in the original; None where both are the same text. `hidden` names
    what is not what it seems, by index in the original, and `order` has these indexes, ascending.
    """

    text: str
    places: tuple[int, ...] | None
    hidden: Mapping[int, str]
    order: tuple[int, ...] = ()


def cleaned(text: str) -> Cleaned:
    """The text without invisible characters, with Latin letters for their twins and ASCII digits for all others."""
    if text.isascii() and text.isprintable():
        return Cleaned(text, None, {})
    hidden = dict(_twins(text))
    read = {index: _TWINS[text[index]] for index in hidden}
    for index, seen, strange in _strange(text):
        read[index] = seen
        if strange:
            hidden[index] = name(text[index])
    if not read:
        return Cleaned(text, None, {})
    kept = [(index, read.get(index, char)) for index, char in enumerate(text)]
    return Cleaned("".join(char for _, char in kept), tuple(index for index, char in kept if char), hidden, tuple(sorted(hidden)))


def visible(text: str) -> str:
    """A short text (a name, a label) with each hidden character written out as (U+202E …)."""
    found = cleaned(text).hidden
    return "".join(f"\u2039{found[index]}\u203a" if index in found else char for index, char in enumerate(text)) if found else text


@lru_cache(maxsize=4096)
def name(char: str) -> str:
    """`U+202E RIGHT-TO-LEFT OVERRIDE`; controls and characters without a name are named by their kind."""
    kinds = {"Cc": "CONTROL CHARACTER", "Cs": "SURROGATE", "Co": "PRIVATE USE", "Cn": "UNASSIGNED"}
    said = unicodedata.name(char, "") or kinds.get(unicodedata.category(char), "CHARACTER")
    return f"U+{ord(char):04X} {said}"


def _strange(text: str) -> Iterator[tuple[int, str, bool]]:
    """Index, what is seen of it, and whether a reader has to be told, of each character that is not read as itself.

    An accent written as a character of its own is read with its letter; a pile of them covers the lines around it. The
    selector that makes a symbol an emoji is as it should be.
    """
    accents, last = 0, -1
    for found in _STRANGE.finditer(text):
        index, char = found.start(), found[0]
        if _is_accent(char):
            accents = accents + 1 if last == index - 1 else 1
            last = index
            yield index, "", accents > _MOST_ACCENTS
        elif (seen := _seen(char)) != char:
            yield index, seen, not (char == _EMOJI and index > 0 and unicodedata.category(text[index - 1]) == "So")


@lru_cache(maxsize=4096)
def _is_accent(char: str) -> bool:
    return unicodedata.category(char) in {"Mn", "Me"} and char not in _INVISIBLE and not _within(char, _SELECTORS)


@lru_cache(maxsize=4096)
def _seen(char: str) -> str:
    """What a reader sees of a character outside the plain range: nothing, a plain twin, or itself."""
    kind = unicodedata.category(char)
    if kind in _HIDDEN_KINDS or char in _INVISIBLE or _within(char, _SELECTORS):
        return ""
    if kind == "Nd":
        return str(unicodedata.decimal(char))
    return unicodedata.normalize("NFKC", char)[:1] if _within(char, _DRESSED) else char


def _within(char: str, ranges: tuple[tuple[int, int], ...]) -> bool:
    return any(low <= ord(char) <= high for low, high in ranges)


def _twins(text: str) -> Iterator[tuple[int, str]]:
    """Letters that stand for Latin ones: within a word with Latin letters, or as a word of nothing else."""
    if _ANY_TWIN.search(text) is None:
        return
    for word in _WORD.finditer(text):
        twins = [index for index, char in enumerate(word[0]) if char in _TWINS]
        others = [char for char in word[0] if char not in _TWINS and char.isalpha()]
        if twins and all(char < "\u0250" for char in others):
            yield from ((word.start() + index, name(text[word.start() + index])) for index in twins)
