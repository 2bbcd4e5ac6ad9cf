"""Negations and sides, each with what it speaks of: "pas de fièvre" is not "pas de toux", "genou droit" not "hanche droite".

A negation or a side is the same as one of the input only where it speaks of the same thing; the word alone proves nothing.
"""

from __future__ import annotations

import re
import tomllib
from importlib.resources import files
from typing import TYPE_CHECKING, Final

from gateway.display.marks.spans import Span

if TYPE_CHECKING:
    from collections.abc import Iterable, Iterator, Mapping, Sequence

    from gateway.display.marks.spans import Word

_TABLE: Final = tomllib.loads(files("gateway.display.marks").joinpath("wording.toml").read_text(encoding="utf-8"))
_FORWARD, _BACKWARD, _CONTRACTED, _FILLERS, _STOPS, _ORGANS, _WHICH = (
    frozenset(_TABLE[name].split()) for name in ("forward", "backward", "contracted", "fillers", "stops", "organs", "which")
)
_SIDES: Final = {word: side for side, words in _TABLE["sides"].items() for word in words.split()}
_ABBREVIATIONS: Final = {written: (side, thing) for written, (side, thing) in _TABLE["abbreviations"].items()}
_RULED: Final = frozenset({"ruled", "rule", "rules", "ruling"})
_BREAK: Final = re.compile(r"[.,;:!?()\[\]\n\u2022|]")
_MOST_WORDS: Final = 3
_REACH: Final = 8
_LETTERS: Final = {"R": "right", "L": "left", "D": "right", "G": "left"}
_EYE_WORDS: Final = frozenset({"oeil", "œil", "eye", "eyes", "yeux"})
_ENGLISH: Final = frozenset({"right", "left"})
_PREPOSITIONS: Final = frozenset({"de", "d", "du", "des", "of", "for"})
# These negate a description (non dosé, not seen) rather than a finding.
_WEAK: Final = frozenset({"non", "not", "cannot"}) | _CONTRACTED
_AFTER_VERBS: Final = frozenset({"pas", "jamais", "non", "plus"})


def negations(text: str, words: Sequence[Word]) -> Iterator[Span]:
    """Negating words; `key` names up to three words that are negated, `same` what would say as much or more."""
    for place, word in enumerate(words):
        cue = _cue(words, place, text)
        if cue is None:
            continue
        end, forward, backward = cue
        end = _joined(text, words, place, end) if forward else end
        found = _scope(text, words, place, 1) if forward else ()
        found = found or (_scope(text, words, place, -1)[:1] if backward or word.text in _AFTER_VERBS else ())
        scope = tuple(one.text for one in found)
        loose = (f"not-of:{scope[0]}", f"denied:{' '.join(scope)}")[: 1 + (word.text not in _WEAK)] if scope else ()
        yield Span(word.start, end, "negation", f"not:{' '.join(scope)}", _asked(scope), loose, _context(word, found, end))


def _joined(text: str, words: Sequence[Word], place: int, end: int) -> int:
    """The end of "pas de", "absence of", "negative for"."""
    after = words[place + 1] if place + 1 < len(words) else None
    if after is None or after.start != end + 1 or after.text not in _PREPOSITIONS:
        return end
    return after.end + (text[after.end : after.end + 1] == "'")


def affirmed(words: Sequence[Word], spans: Iterable[Span], denied: Mapping[str, tuple[str, ...]]) -> Iterator[Span]:
    """Words that stand here without the negation that the input has for them.

    Args:
        words: of the suggestion.
        spans: what was recognised in it, its negations among them.
        denied: what the input negates and says nowhere else, by the first of the negated words.
    """
    found = list(counted(words, spans))
    for place, (word, is_denied) in enumerate(found):
        wanted = denied.get(word.text, ())
        there = found[place : place + len(wanted)]
        if wanted and not is_denied and tuple(one.text for one, _ in there) == wanted:
            yield Span(word.start, word.end, "negation", "affirmed", ("nothing",), (f"not-of:{word.text}",))


def counted(words: Sequence[Word], spans: Iterable[Span]) -> Iterator[tuple[Word, bool]]:
    """The words that say something, and whether a negation of the text covers them."""
    covered = {place for span in spans if span.kind == "negation" and span.context for place in range(*span.context)}
    return ((word, word.start in covered) for word in words if word.text not in _FILLERS)


def _context(word: Word, others: Sequence[Word], end: int) -> tuple[int, int]:
    """From the first to the last of some words."""
    return min(word.start, *(other.start for other in others)) if others else word.start, max([end, *(other.end for other in others)])


def _asked(scope: tuple[str, ...]) -> tuple[str, ...]:
    """`no chest pain` is covered by the input's `no chest pain` and by its `no chest`, never by `no chest infection`."""
    return tuple(f"not:{' '.join(scope[:size])}" for size in range(len(scope), 0, -1)) or ("nothing",)


def _cue(words: Sequence[Word], place: int, text: str) -> tuple[int, bool, bool] | None:
    """The end of the negating word(s), and on which sides stands what is negated; None for other words."""
    word = words[place]
    after = words[place + 1] if place + 1 < len(words) else None
    if word.text in _RULED and after is not None and after.text == "out":
        return after.end, word.text != "ruled", True
    if word.text in _CONTRACTED and after is not None and after.text == "t" and text[word.end : after.start] == "'":
        return after.end, True, False
    if word.text == "plus":
        return (word.end, True, False) if any(earlier.text in {"ne", "n"} for earlier in words[max(0, place - 4) : place]) else None
    if word.text in _FORWARD or word.text in _BACKWARD:
        return word.end, word.text in _FORWARD, word.text in _BACKWARD
    return None


def _scope(text: str, words: Sequence[Word], place: int, step: int) -> tuple[Word, ...]:
    """The words that count, from a place in one direction, until the phrase ends."""
    found: list[Word] = []
    here = place
    for _ in range(_REACH):
        there = here + step
        if not 0 <= there < len(words) or len(found) == _MOST_WORDS:
            break
        low, high = sorted((here, there))
        if _BREAK.search(text, words[low].end, words[high].start) or words[there].text in _STOPS:
            break
        here = there
        if words[there].text not in _FILLERS and words[there].text not in _FORWARD and words[there].text not in {"ne", "n"}:
            found.append(words[there])
    return tuple(found)


def sides(text: str, clean: str, words: Sequence[Word]) -> Iterator[Span]:
    """Sides of the body; `key` names the side and what it is the side of, `loose` only the latter."""
    for place, word in enumerate(words):
        written = clean[word.start : word.end]
        if written in _ABBREVIATIONS:
            yield _span(word, *_ABBREVIATIONS[written], ())
            continue
        side, english = _side(clean, words, place, written)
        if side:
            named = _named(text, words, place, english=english)
            yield _span(word, side, _thing(named), named)


def _span(word: Word, side: str, thing: str, named: Sequence[Word]) -> Span:
    if not thing:
        return Span(word.start, word.end, "side", f"side:{side}", ("nothing",))
    context = _context(word, named, word.end)
    return Span(word.start, word.end, "side", f"side:{side}:{thing}", loose=(f"side-of:{thing}",), context=context)


def _side(clean: str, words: Sequence[Word], place: int, written: str) -> tuple[str, bool]:
    """The side that a word names ("" for none), and whether it stands before its organ, as in English."""
    word = words[place].text
    if word in _SIDES:
        return _SIDES[word], word in _ENGLISH
    if written in _LETTERS and _is_side_letter(clean, words, place):
        return _LETTERS[written], written in "RL"
    return "", False


def _is_side_letter(clean: str, words: Sequence[Word], place: int) -> bool:
    """Whether a lone capital is a side: R or L before a word in lower case or in brackets, D or G behind an organ or in brackets."""
    word = words[place]
    before, after = clean[word.start - 1 : word.start], clean[word.end : word.end + 2]
    if before == "(" and after[:1] == ")":
        return True
    if (before and not before.isspace()) or (after[:1] and not (after[0].isspace() or after[0] in ",;.:)")):
        return False
    if clean[word.start : word.end] in "DG":
        return place > 0 and words[place - 1].text in _ORGANS
    behind = place > 0 and words[place - 1].text in _ORGANS
    return behind or (after[:1] == " " and after[1:].islower())


def _named(text: str, words: Sequence[Word], place: int, *, english: bool) -> tuple[Word, ...]:
    """What a side is the side of: behind it in English, before it in French; the other way round where nothing stands there."""
    first, second = (1, -1) if english else (-1, 1)
    return _until_thing(_scope(text, words, place, first)) or _until_thing(_scope(text, words, place, second))


def _until_thing(scope: Sequence[Word]) -> tuple[Word, ...]:
    """The words up to the first that names something; those before it say which one."""
    for size, word in enumerate(scope, start=1):
        if word.text not in _WHICH and word.text not in _SIDES:
            return tuple(scope[:size])
    return tuple(scope)


def _thing(named: Sequence[Word]) -> str:
    """One name for what has a side; the eye has one in both languages."""
    return "eye" if any(word.text in _EYE_WORDS for word in named) else " ".join(sorted(word.text for word in named))
