"""What was recognised in a text, before anybody asks where it comes from."""

from __future__ import annotations

import unicodedata
from typing import TYPE_CHECKING, Final, NamedTuple

if TYPE_CHECKING:
    from gateway.display.models import Kind


class Span(NamedTuple):
    """A stretch of a text with a meaning.

    `key` is the whole meaning; `same` are the keys that count as the same (`key` alone where empty); `loose` are parts of
    the meaning, for a hint where nothing is the same; `context` is the stretch that says it all (the negated words, the
    organ, the drug of a dose); `about` is the drug that a quantity is said of.
    """

    start: int
    end: int
    kind: Kind
    key: str
    same: tuple[str, ...] = ()
    loose: tuple[str, ...] = ()
    context: tuple[int, int] | None = None
    about: str = ""

    def offers(self) -> tuple[tuple[str, ...], tuple[str, ...]]:
        """As part of an input: the keys under which it is the same, and those under which it is a hint."""
        if not self.about:
            return (self.key,), self.loose
        any_drug = tuple(f"any:{key}" for key in (self.key, *self.loose))
        return (self._of(self.key), any_drug[0]), (*map(self._of, self.loose), self._dose(), *any_drug)

    def asks(self) -> tuple[tuple[str, ...], tuple[str, ...]]:
        """As part of a suggestion: what is the same, and what is a hint. A dose of one drug is no source for another's."""
        same = self.same or (self.key,)
        others = tuple(f"any:{key}" for key in (*same, *self.loose))
        if not self.about:
            return (*same, *(f"any:{key}" for key in same)), (*self.loose, *others)
        return (*map(self._of, same), *same), (*map(self._of, self.loose), self._dose(), *self.loose, *others)

    def _dose(self) -> str:
        """What this drug is measured in: another dose of it in the same unit."""
        return self._of(f"dose:{self.key.rpartition('|')[2]}")

    def _of(self, key: str) -> str:
        return f"{key}@{self.about}"


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
