"""Text that deceives the eye is shown as what it is, and hides nothing from recognition."""

from __future__ import annotations

import unicodedata

import pytest
from hypothesis import given
from hypothesis import strategies as some

from gateway.display.marks.characters import cleaned, visible
from gateway.display.marks.pens import plain
from tests.display.ground import joined, marked, unsourced

HIDDEN = [
    (0x202E, "RIGHT-TO-LEFT OVERRIDE"), (0x202A, "LEFT-TO-RIGHT EMBEDDING"), (0x2066, "LEFT-TO-RIGHT ISOLATE"), (0x200B, "ZERO WIDTH SPACE"),
    (0x200D, "ZERO WIDTH JOINER"), (0xFEFF, "ZERO WIDTH NO-BREAK SPACE"), (0x00AD, "SOFT HYPHEN"), (0x2060, "WORD JOINER"),
    (0x2028, "LINE SEPARATOR"), (0x0000, "CONTROL CHARACTER"), (0x001B, "CONTROL CHARACTER"), (0x0085, "CONTROL CHARACTER"),
    (0xE0041, "TAG LATIN CAPITAL LETTER A"), (0x3164, "HANGUL FILLER"), (0xFE0E, "VARIATION SELECTOR-15"), (0xE000, "PRIVATE USE"),
    (0xD800, "SURROGATE"), (0xFFFD, "REPLACEMENT CHARACTER"), (0x0378, "UNASSIGNED"), (0x034F, "COMBINING GRAPHEME JOINER"),
]  # fmt: skip
TWINS = [
    ("p\u0430racetamol", "U+0430 CYRILLIC SMALL LETTER A"),
    ("\u0441\u043e\u0440\u0430\u0445", "U+0441 CYRILLIC SMALL LETTER ES"),
    ("ins\u03bfline", "U+03BF GREEK SMALL LETTER OMICRON"),
    ("\uff15\uff10 mg", "U+FF15 FULLWIDTH DIGIT FIVE"),
    ("\u0665 mg", "U+0665 ARABIC-INDIC DIGIT FIVE"),
    ("\U0001d7d3 mg", "U+1D7D3 MATHEMATICAL BOLD DIGIT FIVE"),
]
HONEST = [
    "β-bloquant 50 µg",
    "TNF\u03b1, χ² = 3,8 ± 0,2",
    "парацетамол",
    "ηλικία",
    "عمره ٦٤",
    "naïve œdème Ångström",
    "10⁹/L – « oui »",
    "⚠️ attention",
    "e\u0301tat",
]


def names(text: str) -> list[str]:
    return [run.mark.name for run in plain(text) if run.mark]


@pytest.mark.parametrize(("code", "name"), HIDDEN)
def test_an_invisible_character_is_named(code: int, name: str) -> None:
    assert names(f"a{chr(code)}b") == [f"U+{code:04X} {name}"]


@pytest.mark.parametrize(("text", "name"), TWINS)
def test_a_look_alike_is_named(text: str, name: str) -> None:
    assert names(text)[0] == name


@pytest.mark.parametrize("text", HONEST)
def test_honest_text_of_any_language_is_left_alone(text: str) -> None:
    assert [name for name in names(text) if "DIGIT" not in name] == []


def test_a_pile_of_accents_that_covers_other_lines_is_named() -> None:
    assert names("a" + "\u0300" * 5) == ["U+0300 COMBINING GRAVE ACCENT × 3"]


def test_equal_neighbours_are_told_once() -> None:
    assert names("a" + "\u200b" * 500 + "b") == ["U+200B ZERO WIDTH SPACE × 500"]


@pytest.mark.parametrize(
    "said",
    [
        "50\u200b0 mg",
        "5\u202e00 mg",
        "p\u0430racétamol",
        "para\u00adcétamol",
        "p\u200bas de fièvre",
        "genou dr\u043eit",
        "\uff15\uff10\uff10 mg",
    ],
)
def test_what_hides_a_character_is_marked_and_never_linked(said: str) -> None:
    """R9: nothing escapes recognition behind an invisible character, and nothing is trusted with one in it."""
    runs = marked("500 mg paracétamol pas de fièvre genou droit", said)
    assert unsourced(runs)
    assert any(run.mark and run.mark.kind == "hidden" for run in runs)


def test_a_name_with_a_hidden_character_is_written_out() -> None:
    assert visible("dose\u202e") == "dose\u2039U+202E RIGHT-TO-LEFT OVERRIDE\u203a"


@given(some.text(some.characters()))
def test_every_character_of_the_text_stays(text: str) -> None:
    assert joined(plain(text)) == text


@given(some.text(some.characters()))
def test_no_control_or_format_character_is_shown_without_its_name(text: str) -> None:
    shown = "".join(run.text for run in plain(text) if run.mark is None)
    assert [
        char for char in shown if unicodedata.category(char) in {"Cf", "Cs", "Co"} and unicodedata.name(char, "") != "VARIATION SELECTOR-16"
    ] == []


@given(some.text(some.characters()))
def test_each_character_that_is_read_has_its_place(text: str) -> None:
    read = cleaned(text)
    assert read.places is None or (len(read.places) == len(read.text) and list(read.places) == sorted(set(read.places)))
