"""What was recognised in a text, before anybody asks where it comes from."""

from __future__ import annotations

import unicodedata
from typing import TYPE_CHECKING, Final, NamedTuple

if TYPE_CHECKING:
    from gateway.display.models import Kind


class Span(NamedTuple):
    """A stretch of a text with a meaning.

    `key` is the whole meaning and is what an input offers; `asks` are the keys that count as the same when a suggestion
    says it (`key` alone where empty); `loose` are parts of the meaning, for a hint where nothing is the same, and
    `context` is the stretch that says it all (the negated words, the organ).
    """

    start: int
    end: int
    kind: Kind
    key: str
    asks: tuple[str, ...] = ()
    loose: tuple[str, ...] = ()
    context: tuple[int, int] | None = None


class Word(NamedTuple):
    """A word, folded, and where it stands."""

    start: int
    end: int
    text: str


class _Fold(dict[int, str]):
    """Character by character, without accents and in lower case; every character stays one character."""

    def __missing__(self, code: int) -> str:
        base = unicodedata.normalize("NFKD", chr(code)).lower()[:1]
        self[code] = folded = base or chr(code)
        return folded


_TABLE: Final = _Fold({0xB5: "µ", 0x3BC: "µ", 0x2019: "'", 0x2018: "'", 0x2BC: "'"})


def fold(text: str) -> str:
    """The text in lower case without accents, as long as it was."""
    return text.translate(_TABLE)
