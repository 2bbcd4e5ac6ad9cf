"""Writes text as runs: the input's pen gives places to what may be a source, the suggestion's pen asks for them.

Promises: the runs of a text, joined, are the text; what a hidden character is in is never linked.
"""

from __future__ import annotations

from bisect import bisect_left
from typing import TYPE_CHECKING, Final, Literal, Protocol

from gateway.display.marks.characters import Cleaned, cleaned
from gateway.display.marks.finder import checked, spans
from gateway.display.marks.finder import said as said_words
from gateway.display.models import Cell, Mark, Media, Place, Run
from gateway.display.words import said

if TYPE_CHECKING:
    from collections.abc import Iterable, Iterator

    from gateway.display.marks.spans import Span
    from gateway.display.models import Sent

MOST_SEARCHED: Final = 200_000
_LONGEST_SAID: Final = 60
_SHORTEST_DENIED: Final = 4


class Pen(Protocol):
    """How a view writes."""

    language: str

    def write(self, text: str) -> Cell:
        """Text of a person or an AI system."""
        ...

    def value(self, text: str) -> Cell:
        """A number, a truth value or nothing, as it was written."""
        ...

    def rest(self, text: str, /) -> str:
        """Text that is not shown; the id by which its place is pointed at, "" for none."""
        ...

    def skip(self) -> None:
        """Something is too long to be read at all."""
        ...

    def media(self, kind: Literal["image", "plain"], media_type: str, data: bytes) -> Media:
        """Bytes for a link or an image."""
        ...


class _Tray:
    """Numbers the media of one view."""

    def __init__(self, language: str) -> None:
        self.language = language
        self.kept: list[Media] = []

    def media(self, kind: Literal["image", "plain"], media_type: str, data: bytes) -> Media:
        """Bytes for a link or an image."""
        self.kept.append(Media(len(self.kept), kind, media_type, data))
        return self.kept[-1]

    def skip(self) -> None:
        """Nothing is lost for the marks of this view."""


class SourcePen(_Tray):
    """Writes the input; `exact` and `loose` are what it says, by meaning.

    Args:
        language: of the notes.
    """

    def __init__(self, language: str) -> None:
        super().__init__(language)
        self.exact: dict[str, Place] = {}
        self.loose: dict[str, Place] = {}
        self.searched = 0
        self._said: set[str] = set()
        self._anchors = 0

    def write(self, text: str) -> Cell:
        """Text, with an id wherever something is said for the first time."""
        self.searched += len(text)
        if self.searched > MOST_SEARCHED:
            return plain(text)
        read = cleaned(text)
        return tuple(_runs(text, read, self._named(read)))

    def value(self, text: str) -> Cell:
        """A value; a source like text."""
        return self.write(text)

    def denied(self) -> dict[str, tuple[str, ...]]:
        """What the input negates and says nowhere else, by its first word."""
        scopes = (tuple(key.removeprefix("denied:").split()) for key in self.loose if key.startswith("denied:"))
        return {scope[0]: scope for scope in scopes if len(" ".join(scope)) >= _SHORTEST_DENIED and " ".join(scope) not in self._said}

    def rest(self, text: str, /) -> str:
        """Text that is cut off: what it says points at the note about the cut."""
        self.searched += len(text)
        if self.searched > MOST_SEARCHED:
            return ""
        anchor, read = self._next(), cleaned(text)
        found = spans(read.text)
        self._said.update(said_words(read.text, found))
        for span in found:
            start, end = span.context or (span.start, span.end)
            self._note(span, Place(anchor, read.text[start:end]))
        return anchor

    def skip(self) -> None:
        """From here on the request is not searched, which its view says."""
        self.searched = MOST_SEARCHED + 1

    def _named(self, read: Cleaned) -> Iterator[tuple[int, int, Mark | None, str]]:
        found = spans(read.text)
        self._said.update(said_words(read.text, found))
        for span in found:
            start, end = _place(span, read)
            if _is_obscured(read, start, end):
                continue
            anchor = f"source-{self._anchors + 1}"
            low, high = span.context or (span.start, span.end)
            if self._note(span, Place(anchor, read.text[low:high])):
                yield start, end, None, self._next()

    def _note(self, span: Span, place: Place) -> bool:
        """Remember a place for all that it says first; whether there was anything new."""
        before = len(self.exact) + len(self.loose)
        same, loose = span.offers()
        for key in same:
            self.exact.setdefault(key, place)
        for key in loose:
            self.loose.setdefault(key, place)
        return len(self.exact) + len(self.loose) > before

    def _next(self) -> str:
        self._anchors += 1
        return f"source-{self._anchors}"


class MarkingPen(_Tray):
    """Writes a suggestion, each mark with its source in the input or without one (R9).

    Args:
        sent: the view of the input.
        language: of the notes.
    """

    def __init__(self, sent: Sent, language: str) -> None:
        super().__init__(language)
        self._sent = sent

    def write(self, text: str) -> Cell:
        """Generated text with its marks."""
        read = cleaned(text)
        return tuple(_runs(text, read, self._marked(read)))

    def value(self, text: str) -> Cell:
        """A number that the AI system computed: not text, so that "no source" would say nothing."""
        return plain(text)

    def rest(self, _text: str, /) -> str:
        """Text that is cut off; nothing points at it."""
        return ""

    def _marked(self, read: Cleaned) -> Iterator[tuple[int, int, Mark | None, str]]:
        for span in checked(read.text, self._sent.denied):
            start, end = _place(span, read)
            yield start, end, Mark(span.kind) if _is_obscured(read, start, end) else self._mark(span), ""

    def _mark(self, span: Span) -> Mark:
        same, loose = span.asks()
        found = next((key for key in same if key in self._sent.exact), "")
        if found:
            return Mark(span.kind, self._sent.exact[found].anchor)
        near = next((key for key in loose if key in self._sent.loose), "")
        if not near:
            return Mark(span.kind)
        there = self._sent.loose[near]
        converted = near.startswith("amount:")
        note = said(self.language, "converted" if converted else "says_other", text=_short(there.text))
        return Mark(span.kind, note=note, near=there.anchor, converted=converted)


class QuietPen:
    """Writes what is neither said of a patient nor generated (settings, ids): no marks but those of hidden characters.

    Args:
        other: the pen whose media and language it shares.
    """

    def __init__(self, other: Pen) -> None:
        self.language = other.language
        self.media = other.media
        self.skip = other.skip

    def write(self, text: str) -> Cell:
        """Text as it is."""
        return plain(text)

    def value(self, text: str) -> Cell:
        """A value as it is."""
        return plain(text)

    def rest(self, _text: str, /) -> str:
        """Nothing points at it."""
        return ""


def plain(text: str) -> Cell:
    """Text without marks but those of hidden characters."""
    return tuple(_runs(text, cleaned(text), ()))


def _short(text: str) -> str:
    return text if len(text) <= _LONGEST_SAID else text[:_LONGEST_SAID] + "…"


def _place(span: Span, read: Cleaned) -> tuple[int, int]:
    if read.places is None:
        return span.start, span.end
    return read.places[span.start], read.places[span.end - 1] + 1


def _is_obscured(read: Cleaned, start: int, end: int) -> bool:
    at = bisect_left(read.order, start)
    return at < len(read.order) and read.order[at] < end


def _runs(text: str, read: Cleaned, found: Iterable[tuple[int, int, Mark | None, str]]) -> Iterator[Run]:
    place = 0
    for start, end, mark, anchor in found:
        yield from _pieces(text, read, place, start, Run(""))
        yield from _pieces(text, read, start, end, Run("", mark, anchor))
        place = end
    yield from _pieces(text, read, place, len(text), Run(""))


def _pieces(text: str, read: Cleaned, start: int, end: int, like: Run) -> Iterator[Run]:
    """A stretch as runs like the given one, broken by the hidden characters in it; equal neighbours are told once."""
    at = bisect_left(read.order, start)
    while at < len(read.order) and read.order[at] < end:
        hidden = read.order[at]
        if hidden > start:
            yield Run(text[start:hidden], like.mark, like.anchor)
        start = hidden + 1
        at += 1
        while start < end and text[start] == text[hidden] and start in read.hidden:
            start, at = start + 1, at + 1
        times = f" × {start - hidden}" if start - hidden > 1 else ""
        yield Run(text[hidden:start], Mark("hidden", name=read.hidden[hidden] + times))
    if start < end:
        yield Run(text[start:end], like.mark, like.anchor)
