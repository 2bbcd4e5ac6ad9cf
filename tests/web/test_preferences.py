"""Keys that can be remapped or switched off, themes that stay on this browser (WCAG 2.1.4)."""

from __future__ import annotations

from pathlib import Path

import pytest
from hypothesis import given
from hypothesis import strategies as st

from gateway.errors import BadInput
from gateway.web.preferences import KEYS, THEMES, Preferences, chosen, preferences_of


def test_a_cookie_gives_the_preferences_back() -> None:
    for theme in THEMES:
        kept = Preferences(theme, keys_on=False, keys=KEYS | {"sign": "x"})
        assert preferences_of(kept.cookie()) == kept


@given(st.text())
def test_no_cookie_breaks_a_page(cookie: str) -> None:
    read = preferences_of(cookie)
    assert read.theme in THEMES
    assert len(set(read.keys.values())) == len(KEYS)


def test_keys_are_letters_that_every_keyboard_has_and_no_two_acts_share_one() -> None:
    assert all("a" <= letter <= "z" for letter in KEYS.values())
    assert len(set(KEYS.values())) == len(KEYS)


def test_choices_of_a_list_take_the_letters_that_are_left() -> None:
    spare = [Preferences().spare(place) for place in range(30)]
    assert spare[0]
    assert not set(spare) - {""} & set(KEYS.values())
    assert spare[-1] == ""


def test_switched_off_no_letter_is_printed_or_heard() -> None:
    off = Preferences(keys_on=False)
    assert {off.key(act) for act in KEYS} | {off.spare(0)} == {""}


@pytest.mark.parametrize("changes", [{"key_sign": "1"}, {"key_sign": ""}, {"key_sign": "é"}, {"theme": "pink"}])
def test_what_is_no_letter_or_theme_is_refused_in_words(changes: dict[str, str]) -> None:
    with pytest.raises(BadInput, match="A key is one letter"):
        chosen(changes)


def test_one_letter_for_two_acts_is_refused_in_words() -> None:
    with pytest.raises(BadInput) as refused:
        chosen({"key_sign": "a", "keys": "on"})
    assert "deux actions : A" in refused.value.said("fr")


def test_the_readme_lists_every_key() -> None:
    text = (Path(__file__).parents[2] / "gateway/web/clinician/README.md").read_text(encoding="utf-8")
    cells = {letter for line in text.splitlines() if line.startswith("| ") for cell in line.split("|")[1::2] for letter in cell.split(",")}
    assert {letter.strip().lower() for letter in cells} >= set(KEYS.values())
