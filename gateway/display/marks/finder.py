"""All that is recognised in a text, in its order and without overlaps. Read this first."""

from __future__ import annotations

import re
from heapq import merge
from typing import TYPE_CHECKING, Final

from gateway.display.marks.drugs import drugs
from gateway.display.marks.quantities import quantities
from gateway.display.marks.spans import Span, Word, fold
from gateway.display.marks.wording import negations, sides

if TYPE_CHECKING:
    from collections.abc import Iterator

_WORD: Final = re.compile(r"[^\W\d_]+")


def spans(text: str) -> Iterator[Span]:
    """What is recognised in a cleaned text; where two overlap the earlier stays, a drug before a number before a word."""
    folded = fold(text)
    words = [Word(found.start(), found.end(), found[0]) for found in _WORD.finditer(folded)]
    found = merge(drugs(words), quantities(text), negations(folded, words), sides(folded, text, words), key=lambda span: span.start)
    end = 0
    for span in found:
        if span.start >= end:
            yield span
            end = span.end
