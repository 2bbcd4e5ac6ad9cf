"""Keys that can be remapped or switched off, themes and languages that follow the person from computer to computer (WCAG 2.1.4)."""

from __future__ import annotations

import re
from pathlib import Path
from typing import TYPE_CHECKING

import pytest
from hypothesis import given
from hypothesis import strategies as st

from gateway.errors import BadInput
from gateway.web.preferences import KEYS, THEMES, Preferences, chosen, preferences_of
from tests.web.browsing import field, signed_in

if TYPE_CHECKING:
    import httpx

    from tests.stage import Stage


def test_what_is_kept_gives_the_preferences_back() -> None:
    for theme in THEMES:
        kept = Preferences(theme, keys_on=False, keys=KEYS | {"sign": "x"})
        assert preferences_of(kept.kept()) == kept


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


def letters(browser: httpx.Client) -> dict[str, str]:
    """The keys as the page of preferences shows them."""
    return dict(re.findall(r'name="key_(\w+)" value="([A-Z])"', browser.get("/preferences").text))


def choose(browser: httpx.Client, **form: str) -> httpx.Response:
    known = {f"key_{act}": letter for act, letter in KEYS.items()} | {"keys": "on", "theme": "auto"}
    return browser.post("/preferences", data={**known, **form, "csrf": field(browser.get("/preferences"), "csrf")})


def test_two_people_at_one_computer_each_have_their_own_keys_theme_and_language(stage: Stage, browser: httpx.Client) -> None:
    signed_in(stage, browser)
    saved = choose(browser, theme="room", key_sign="x")
    assert ("kept with your account" in saved.text, letters(browser)["sign"]) == (True, "X")
    assert "Préférences" in browser.get("/preferences?lang=fr").text
    browser.post("/sign-out", data={"csrf": field(browser.get("/preferences"), "csrf")})
    signed_in(stage, browser, "dr.b")
    page = browser.get("/preferences")
    assert ('lang="en"' in page.text, letters(browser)["sign"]) == (True, "S")
    choose(browser, theme="light")
    assert 'data-theme="light"' in browser.get("/queue").text


def test_what_one_chose_is_there_on_another_computer_and_theme_and_keys_come_back(
    stage: Stage, browser: httpx.Client, colleague: httpx.Client
) -> None:
    signed_in(stage, browser, "dr.c")
    choose(browser, theme="dark", key_sign="x")
    browser.get("/queue?lang=en")
    signed_in(stage, colleague, "dr.c")
    page = colleague.get("/queue").text
    assert ('data-theme="dark"' in page, '<html lang="en"' in page, letters(colleague)["sign"]) == (True, True, "X")
    chosen_before = stage.rows("SELECT choices, language FROM person_preferences p JOIN people ON id = person_id WHERE login = 'dr.c'")
    assert [(row["choices"], row["language"]) for row in chosen_before] == [("theme=dark.keys=on.sign=x", "en")]


def test_before_signing_in_the_browser_s_own_language_and_theme_count_and_no_keys_are_kept_there(
    stage: Stage, browser: httpx.Client
) -> None:
    browser.get("/?lang=fr")
    assert '<html lang="fr"' in browser.get("/").text
    signed_in(stage, browser, "dr.s")
    choose(browser, theme="room", key_sign="x")
    assert browser.cookies["garant_preferences"].strip('"') == "theme=room.keys=on"
    browser.get("/queue?lang=en")
    browser.post("/sign-out", data={"csrf": field(browser.get("/preferences"), "csrf")})
    page = browser.get("/").text
    assert ('<html lang="fr"' in page, 'data-theme="room"' in page) == (True, True)


def test_what_another_site_asks_changes_nobody_s_preferences(stage: Stage, browser: httpx.Client) -> None:
    signed_in(stage, browser, "nurse")
    forged = browser.post("/preferences", data={"csrf": "forged", "theme": "room"})
    assert (forged.status_code, "did not come from a page of Garant" in forged.text) == (403, True)
    assert stage.rows("SELECT 1 FROM person_preferences p JOIN people ON id = person_id WHERE login = 'nurse'") == []
