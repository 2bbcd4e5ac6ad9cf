"""Drug names: the list in `drugs.csv`, and what the stems of the WHO's nonproprietary names betray of names that are not in it."""

from __future__ import annotations

import csv
import re
from functools import lru_cache
from importlib.resources import files
from itertools import pairwise
from typing import TYPE_CHECKING, Final, TypeAlias

from gateway.display.marks.spans import Span, fold

if TYPE_CHECKING:
    from collections.abc import Iterator, Mapping, Sequence

    from gateway.display.marks.spans import Word

_Names: TypeAlias = "Mapping[str, tuple[tuple[tuple[str, ...], str], ...]]"
_WORD: Final = re.compile(r"[^\W\d_]+")
_STEMS: Final = (
    r"prils?|prilate?|sartan[es]{0,2}|olols?|statine?s?|cillin(?:e?s?)|mycine?s?|micine?s?|azoles?|mabs?|tinibs?|gliptine?s?|xabans?",
    r"gliflozine?s?|glutides?|floxacine?s?|cyclines?|penem[es]?s?|dipines?|setrons?|triptans?|lukasts?|zepams?|zolams?|ciclibs?|paribs?",
    r"rafenibs?|coxibs?|oxetines?|glitazones?|fibrates?|dronates?|thiazides?|semides?|profenes?|profens?|grastims?|fungine?s?|tidines?",
    r"peridols?|peridones?|gatrans?|tegravirs?|buvirs?|ciclovirs?|platine?s?|taxels?|rubicine?s?|parine?s?|vancine?s?|azepines?|trexate?s?",
    r"trexed|caftors?|poetine?s?|barbitals?|curium|curonium",
)
_STEM: Final = re.compile(rf"(?:[a-z]*?(?:{'|'.join(_STEMS)})|(?:cef|ceph)[a-z]{{4,}})")
_LONGEST: Final = 24
_SHORTEST: Final = 6
# Words of both languages that only look like such names.
_NOT_DRUGS: Final = frozenset(
    [
        "avril",
        "april",
        "aprils",
        "platine",
        "platines",
        "cephalee",
        "cephalees",
        "cephalique",
        "cephaliques",
        "cephalic",
        "cephalo",
        "cephalad",
        "cephalorachidien",
        "cephalalgia",
        "cefalee",
        "comparine",
        "farine",
        "narine",
        "narines",
        "marine",
        "marines",
        "mycine",
    ]
)


def drugs(words: Sequence[Word]) -> Iterator[Span]:
    """Every drug name among the words of a text, the longest name first; `key` is one substance, in whatever language."""
    known, place = _known(), 0
    while place < len(words):
        size, key = _listed(words, place, known.get(words[place].text, ()))
        if not size and _is_stem(words[place].text):
            size, key = 1, _singular(words[place].text)
        if size:
            yield Span(words[place].start, words[place + size - 1].end, "drug", f"drug:{key}")
        place += size or 1


def _listed(words: Sequence[Word], place: int, names: tuple[tuple[tuple[str, ...], str], ...]) -> tuple[int, str]:
    """How many words a listed name takes here, and its key."""
    for name, key in names:
        there = words[place : place + len(name)]
        near = all(later.start - earlier.end <= 1 for earlier, later in pairwise(there))
        if near and tuple(word.text for word in there) == name:
            return len(name), key
    return 0, ""


def _is_stem(word: str) -> bool:
    return len(word) >= _SHORTEST and word not in _NOT_DRUGS and _STEM.fullmatch(word[-_LONGEST:]) is not None


def _singular(word: str) -> str:
    """One form for singular and plural, French and English endings."""
    return word.removesuffix("s").removesuffix("e")


@lru_cache(maxsize=1)
def _known() -> _Names:
    """Names by their first word, longest first, with the key of their substance; plurals of single words too."""
    found: dict[str, dict[tuple[str, ...], str]] = {}
    for english, french in _rows():
        key = _singular(fold(french or english))
        for name in {fold(english), fold(french or english)}:
            words = tuple(_WORD.findall(name))
            found.setdefault(words[0], {})[words] = key
            if len(words) == 1:
                found.setdefault(words[0] + "s", {})[(words[0] + "s",)] = key
    return {first: tuple(sorted(names.items(), key=lambda item: -len(item[0]))) for first, names in found.items()}


def _rows() -> list[tuple[str, str]]:
    text = files("gateway.display.marks").joinpath("drugs.csv").read_text(encoding="utf-8")
    lines = [line for line in text.splitlines() if not line.startswith("#")]
    return [(row["en"], row["fr"]) for row in csv.DictReader(lines)]
