"""All that is recognised in a text, in its order and without overlaps. Read this first."""

from __future__ import annotations

import re
from heapq import merge
from typing import TYPE_CHECKING, Final

from gateway.display.marks.drugs import drugs
from gateway.display.marks.quantities import quantities
from gateway.display.marks.spans import Span, Word, fold
from gateway.display.marks.wording import affirmed, counted, negations, sides

if TYPE_CHECKING:
    from collections.abc import Iterable, Iterator, Mapping, Sequence

_REACH: Final = 60
_NEAR: Final = 3
_BREAK: Final = re.compile(r"[;\n!?]|[.,](?![0-9])")
_OF: Final = re.compile(r"\s(?:d['\u2019]\s?|de\s|of\s)?")
_WORD: Final = re.compile(r"[^\W\d_]+")


def spans(text: str) -> list[Span]:
    """What is recognised in a cleaned text; where two overlap the earlier stays, a drug before a number before a word."""
    return list(_alone(text, words_of(text)))


def words_of(text: str) -> list[Word]:
    """The words of a text, folded."""
    return [Word(found.start(), found.end(), found[0]) for found in _WORD.finditer(fold(text))]


def checked(text: str, denied: Mapping[str, tuple[str, ...]]) -> list[Span]:
    """What is recognised in a suggestion, and the words that lost the negation which the input has for them."""
    words = words_of(text)
    found = list(_alone(text, words))
    return list(_apart(merge(affirmed(words, found, denied), found, key=lambda span: span.start))) if denied else found


def said(text: str, found: Sequence[Span]) -> Iterator[str]:
    """What an input says without negating it: its words, and two and three of them in a row."""
    row: list[str] = []
    for word, is_denied in counted(words_of(text), found):
        row = [] if is_denied else [*row[-2:], word.text]
        yield from (" ".join(row[-size:]) for size in range(1, len(row) + 1))


def _alone(text: str, words: Sequence[Word]) -> Iterator[Span]:
    folded = fold(text)
    found = merge(drugs(words), quantities(text), negations(folded, words), sides(folded, text, words), key=lambda span: span.start)
    last: Span | None = None
    apart = list(_apart(found))
    for span, after in zip(apart, [*apart[1:], None], strict=False):
        last = span if span.kind == "drug" else last
        yield _said_of(text, span, last, after) if span.kind == "number" else span


def _apart(found: Iterable[Span]) -> Iterator[Span]:
    """Without those that overlap an earlier one."""
    end = 0
    for span in found:
        if span.start >= end:
            end = span.end
            yield span


def _said_of(text: str, span: Span, last: Span | None, after: Span | None) -> Span:
    """A quantity of a drug: "500 mg de paracétamol", or the drug before it in the same phrase."""
    if after is not None and after.kind == "drug" and _OF.fullmatch(text, span.end, after.start):
        return span._replace(about=after.key.removeprefix("drug:"), context=(span.start, after.end))
    if last is None or not _is_same_phrase(text, last.end, span.start):
        return span
    return span._replace(about=last.key.removeprefix("drug:"), context=(last.start, span.end))


def _is_same_phrase(text: str, start: int, end: int) -> bool:
    return end - start <= _NEAR or (end - start <= _REACH and _BREAK.search(text, start, end) is None)
