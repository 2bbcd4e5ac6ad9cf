"""The pages beside the clinician's work: signing in, preferences, log, impact, stops; every page in both languages."""

from __future__ import annotations

import gzip
import re
from typing import TYPE_CHECKING

import httpx
import pytest

from gateway.audit.leaf import EventType
from gateway.errors import AuditUnavailable
from gateway.suggestions.states import State
from gateway.web.assets import assets
from gateway.web.texts import LANGUAGES, language_of, texts
from tests.stage import eventually
from tests.web.browsing import field, signed_in

if TYPE_CHECKING:
    from collections.abc import Iterator

    from tests.stage import Stage

PASSWORD = "correct-horse-battery-1"


@pytest.fixture
def browser(stage: Stage) -> Iterator[httpx.Client]:
    with httpx.Client(base_url=stage.base, follow_redirects=True, headers={"accept-language": "en"}, timeout=20) as client:
        yield client


def test_every_word_stands_in_both_languages() -> None:
    assert LANGUAGES == ("fr", "en")
    assert [
        name for name, entry in texts().items() if set(entry) != set(LANGUAGES) or not all(text.strip() for text in entry.values())
    ] == []
    assert [state for state in State if f"state_{state.value}" not in texts()] == []


def test_the_browser_chooses_the_language_and_the_choice_is_kept() -> None:
    assert (language_of(None, "de,en;q=0.8"), language_of(None, ""), language_of("fr", "en")) == ("en", "fr", "fr")


def test_a_one_time_password_has_to_be_changed_first(stage: Stage, browser: httpx.Client) -> None:
    page = browser.post("/sign-in", data={"login": "nurse", "password": stage.one_time["nurse"]})
    assert page.url.path == "/password"
    done = browser.post("/password", data={"csrf": field(page, "csrf"), "current": stage.one_time["nurse"], "new": PASSWORD})
    assert done.url.path == "/queue"


def test_a_wrong_password_is_refused_in_words(browser: httpx.Client) -> None:
    page = browser.post("/sign-in", data={"login": "dr.a", "password": "wrong"})
    assert page.status_code == 401
    assert "wrong" in page.text


def test_who_is_not_signed_in_is_sent_to_sign_in(browser: httpx.Client) -> None:
    for path in ("/queue", "/log", "/impact", "/stops", "/password"):
        assert "/sign-in" in browser.get(path).text


def test_the_log_page_verifies(stage: Stage, browser: httpx.Client) -> None:
    page = signed_in(stage, browser, "quality")
    assert page.url.path == "/log"
    assert browser.post("/log/verify", data={"csrf": field(page, "csrf")}).url.path == "/log/verification"
    eventually(lambda: "The log verifies" in browser.get("/log/verification").text, 30)
    assert "entries, sound" in browser.get("/log").text


def test_the_impact_page_counts_calls_and_claims_no_rate_without_a_volume(stage: Stage, browser: httpx.Client) -> None:
    stage.chat("letter")
    signed_in(stage, browser, "quality")
    page = browser.get("/impact").text
    assert "substitution rate is unknown" in page
    assert "No rate is known yet" in page
    assert 'href="/impact/tasks/letter"' in page


def test_the_impact_pages_have_siblings_as_data(stage: Stage, browser: httpx.Client) -> None:
    stage.chat("letter")
    signed_in(stage, browser, "quality")
    assert browser.get("/impact.json").json()["ledger"]["rows"] > 0
    assert browser.get("/impact/professions/radiologist.csv").text.startswith("profession,task,share")
    assert browser.get("/impact/scenarios/central.parquet").content[:4] == b"PAR1"
    assert [browser.get(path).status_code for path in ("/impact/tasks/letter", "/impact/professions/coder", "/impact/scenarios/slow")] == [
        200
    ] * 3
    assert [browser.get(path).status_code for path in ("/impact/tasks/none", "/impact/people/w1", "/impact.xml")] == [404] * 3


def test_who_may_not_read_the_impact_gets_no_page_and_no_data_of_it(stage: Stage, browser: httpx.Client) -> None:
    signed_in(stage, browser, "it")
    paths = ("/impact", "/impact.json", "/impact/tasks/letter", "/impact/tasks/letter.csv")
    assert [browser.get(path).status_code for path in paths] == [403] * 4


def test_the_stop_button_has_a_page(stage: Stage, browser: httpx.Client) -> None:
    signed_in(stage, browser, "it")
    page = browser.get("/stops")
    csrf = field(page, "csrf")
    assert "system:tensor" in browser.post("/stops/stop", data={"csrf": csrf, "scope": "system:tensor", "reason": "drill"}).text
    browser.post("/stops/resume", data={"csrf": csrf, "scope": "system:tensor", "reason": "drill over"})
    assert stage.api(stage.clinician("it"), "GET", "/stops").json()["active"] == []


def test_preferences_stay_on_this_browser_and_are_printed(stage: Stage, browser: httpx.Client) -> None:
    csrf = field(signed_in(stage, browser, "dr.a"), "csrf")
    page = browser.post("/preferences", data={"csrf": csrf, "theme": "room", "keys": "on", "key_next": "g"})
    assert 'data-theme="room"' in page.text
    assert 'data-key="g" aria-keyshortcuts="G"' in browser.get("/queue").text


def test_keys_can_be_switched_off(stage: Stage, browser: httpx.Client) -> None:
    csrf = field(signed_in(stage, browser, "dr.a"), "csrf")
    browser.post("/preferences", data={"csrf": csrf, "theme": "auto"})
    assert "data-key" not in browser.get("/queue").text


def test_an_impossible_preference_changes_nothing_and_says_why(stage: Stage, browser: httpx.Client) -> None:
    csrf = field(signed_in(stage, browser, "dr.a"), "csrf")
    page = browser.post("/preferences", data={"csrf": csrf, "theme": "dark", "keys": "on", "key_next": "a"})
    assert page.status_code == 422
    assert "One letter cannot do two things: A." in page.text
    assert 'data-theme="auto"' in page.text


def test_what_is_stopped_stands_on_top_of_every_page(stage: Stage, browser: httpx.Client) -> None:
    csrf = field(signed_in(stage, browser, "quality"), "csrf")
    browser.post("/stops/stop", data={"csrf": csrf, "scope": "system:tensor", "reason": "drill"})
    assert "Stopped for everybody: tensor" in browser.get("/log").text
    browser.post("/stops/resume", data={"csrf": csrf, "scope": "system:tensor", "reason": "drill over"})
    assert "Stopped for everybody" not in browser.get("/log").text


def test_an_ended_session_leads_back_to_where_one_was(stage: Stage, browser: httpx.Client) -> None:
    assert "/sign-in" in browser.get("/queue?mine=yes").text
    doctor = stage.clinician("dr.a")
    assert browser.post("/sign-in", data={"login": "dr.a", "password": doctor.password}).url.path == "/queue"


def test_an_address_that_does_not_exist_is_a_page(stage: Stage, browser: httpx.Client) -> None:
    signed_in(stage, browser, "dr.a")
    page = browser.get("/review/nothing")
    assert (page.status_code, page.headers["content-type"]) == (404, "text/html; charset=utf-8")


def test_another_language_keeps_the_page_and_its_filters(stage: Stage, browser: httpx.Client) -> None:
    signed_in(stage, browser, "dr.a")
    page = browser.get("/queue?mine=yes&lang=fr")
    assert 'lang="fr"' in page.text
    assert "/queue?mine=yes&amp;lang=en" in page.text


INLINE = r'<script(?![^>]*\bsrc=)|<style|\sstyle=|\son[a-z]+=|javascript:|href="https?:|src="https?:'


@pytest.mark.parametrize("code", [None, "log_damaged"])
def test_a_log_that_cannot_be_written_is_told_in_french_too(code: str | None) -> None:
    assert AuditUnavailable("The log is away.", code=code).said("fr").startswith("Le journal ")


def test_every_type_of_entry_has_its_word() -> None:
    assert [kind for kind in EventType if f"event_{kind}" not in texts()] == []


@pytest.mark.parametrize("language", LANGUAGES)
@pytest.mark.parametrize(
    ("login", "path"), [("dr.a", "/queue"), ("dr.a", "/preferences"), ("dr.a", "/stops"), ("dr.a", "/impact"), ("quality", "/log")]
)
def test_a_page_is_whole_in_each_language_and_asks_nobody_else(
    stage: Stage, browser: httpx.Client, login: str, path: str, language: str
) -> None:
    signed_in(stage, browser, login)
    page = browser.get(f"{path}?lang={language}")
    assert page.status_code == 200
    assert f'<html lang="{language}"' in page.text
    assert re.findall(INLINE, page.text) == []
    assert page.headers["content-security-policy"].startswith("default-src 'none'; script-src 'self'; style-src 'self'")
    assert page.headers["cache-control"] == "no-store"


def test_the_first_load_is_small(stage: Stage, browser: httpx.Client) -> None:
    page = signed_in(stage, browser, "dr.a")
    names = set(re.findall(r'/static/[0-9a-f]+/([a-z.]+)"', page.text)) | {name for name in assets() if name.endswith(".js")}
    whole = page.content + b"".join(assets()[name].data for name in names)
    assert len(gzip.compress(whole)) < 60 * 1024
