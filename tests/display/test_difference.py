"""What an amendment changed can be read, and both texts can be read from it."""

from __future__ import annotations

import random
import time

import pytest
from hypothesis import given
from hypothesis import strategies as some

from gateway.display import difference

CHANGES = [
    ("500 mg par jour", "50 mg par jour", [("gone", "500"), ("new", "50"), ("same", " mg par jour")]),
    ("genou droit", "genou gauche", [("same", "genou "), ("gone", "droit"), ("new", "gauche")]),
    ("pas de fièvre", "de fièvre", [("gone", "pas "), ("same", "de fièvre")]),
    ("a b c d", "a x y d", [("same", "a "), ("gone", "b c"), ("new", "x y"), ("same", " d")]),
    ("dose 5 mg", "dose 2,5 mg", [("same", "dose "), ("gone", "5"), ("new", "2,5"), ("same", " mg")]),
    ("", "nouveau", [("new", "nouveau")]),
    ("ancien", "", [("gone", "ancien")]),
    ("pareil", "pareil", [("same", "pareil")]),
    ("", "", []),
    ("fin", "fin\n", [("same", "fin"), ("new", "\n")]),
]


def sides(before: str, after: str) -> tuple[str, str]:
    changes = difference.words(before, after)
    return "".join(c.text for c in changes if c.kind != "new"), "".join(c.text for c in changes if c.kind != "gone")


@pytest.mark.parametrize(("before", "after", "expected"), CHANGES)
def test_changes_read_like_an_editor_would_tell_them(before: str, after: str, expected: list[tuple[str, str]]) -> None:
    assert [(change.kind, change.text) for change in difference.words(before, after)] == expected


WORDS = some.lists(some.sampled_from(["pas", "de", "fièvre", " ", "  ", "\n", "500", "mg", ",", ".", "\u202e", "é"]), max_size=60).map(
    "".join
)


@given(some.text(), some.text())
def test_both_texts_can_be_read_from_any_difference(before: str, after: str) -> None:
    assert sides(before, after) == (before, after)


@given(WORDS, WORDS)
def test_both_texts_can_be_read_from_a_difference_of_words(before: str, after: str) -> None:
    assert sides(before, after) == (before, after)


@given(WORDS)
def test_a_text_differs_in_nothing_from_itself(text: str) -> None:
    assert {change.kind for change in difference.words(text, text)} <= {"same"}


def long(size: int) -> tuple[str, str]:
    """A text of common words, and the same with every tenth word another."""
    chance = random.Random(size)  # noqa: S311 - a text, not a secret
    before = [f"mot{chance.randrange(400)}" for _ in range(size)]
    after = [f"autre{chance.randrange(400)}" if number % 10 == 0 else word for number, word in enumerate(before)]
    return " ".join(before), " ".join(after)


def duration(before: str, after: str) -> float:
    start = time.process_time()
    assert sides(before, after) == (before, after)
    return time.process_time() - start


@pytest.mark.parametrize("texts", [long, lambda size: ("a " * size, "b a " * size), lambda size: ("x y " * size, "y x " * size)])
def test_twenty_thousand_words_take_no_more_than_their_share(texts: object) -> None:
    assert callable(texts)
    small, large = duration(*texts(2_500)), duration(*texts(20_000))
    assert large < 8 * 4 * max(small, 0.02)


def test_what_stays_far_from_a_change_is_left_out_and_every_change_stays() -> None:
    before = "one " * 100 + "left lung " + "two " * 100
    shown = tuple(difference.condensed(difference.words(before, before.replace("left", "right"))))
    assert [(change.kind, change.text) for change in shown if change.kind != "same"] == [("gone", "left"), ("new", "right")]
    assert all("[…]" in change.text and len(change.text) < 90 for change in shown if change.kind == "same")


def test_a_short_text_is_shown_whole() -> None:
    changes = difference.words("left lung, 3 mm", "right lung, 3 mm")
    assert tuple(difference.condensed(changes)) == changes
