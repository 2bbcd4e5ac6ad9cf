"""The pages without script: sign in, sign, refuse; in both languages, escaped, with nothing lost."""

from __future__ import annotations

import re
import threading
from html import unescape
from typing import TYPE_CHECKING

import httpx
import pytest

from gateway.suggestions.states import State
from gateway.web.texts import LANGUAGES, language_of, texts
from tests.fakes.model_server import Script, chat

if TYPE_CHECKING:
    from collections.abc import Iterator

    from tests.stage import Stage

PASSWORD = "correct-horse-battery-1"
HOSTILE = "<script>alert(1)</script>"


@pytest.fixture
def browser(stage: Stage) -> Iterator[httpx.Client]:
    with httpx.Client(base_url=stage.base, follow_redirects=True, headers={"accept-language": "en"}, timeout=20) as client:
        yield client


def field(page: httpx.Response, name: str) -> str:
    found = re.search(rf'name="{re.escape(name)}" value="([^"]*)"', page.text)
    assert found, page.text[:2000]
    return unescape(found[1])


def signed_in(stage: Stage, browser: httpx.Client, login: str) -> httpx.Response:
    doctor = stage.clinician(login)
    page = browser.post("/sign-in", data={"login": login, "password": doctor.password})
    assert page.status_code == 200
    return page


def held(stage: Stage) -> tuple[str, list[httpx.Response], threading.Thread]:
    answers: list[httpx.Response] = []
    thread = threading.Thread(target=lambda: answers.append(stage.chat("refusing")), daemon=True)
    thread.start()
    return stage.clinician().waiting("refusing"), answers, thread


def opened(browser: httpx.Client, suggestion: str) -> httpx.Response:
    return browser.post(f"/review/{suggestion}/open", data={"csrf": field(browser.get("/queue"), "csrf")})


def form(page: httpx.Response, **more: str) -> dict[str, str]:
    return {name: field(page, name) for name in ("csrf", "lease", "shown_sha256")} | more


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


def test_a_case_is_opened_signed_and_released(stage: Stage, browser: httpx.Client) -> None:
    stage.model.scripts["/v1/chat/completions"] = Script(body=chat(HOSTILE))
    suggestion, answers, thread = held(stage)
    signed_in(stage, browser, "dr.a")
    page = opened(browser, suggestion)
    assert HOSTILE not in page.text
    assert HOSTILE in unescape(page.text)
    assert "checked" not in page.text
    done = browser.post(f"/review/{suggestion}/decision", data=form(page, decision="approve", proof=stage.clinician().password))
    assert done.url.path == "/queue"
    thread.join(10)
    assert HOSTILE in answers[0].json()["choices"][0]["message"]["content"]


def test_a_refused_decision_keeps_what_was_typed(stage: Stage, browser: httpx.Client) -> None:
    suggestion, answers, _ = held(stage)
    signed_in(stage, browser, "dr.a")
    page = opened(browser, suggestion)
    again = browser.post(
        f"/review/{suggestion}/decision",
        data=form(page, decision="reject", reason="", comment="typed words", proof=stage.clinician().password),
    )
    assert again.status_code == 400
    assert "typed words" in again.text
    assert answers == []


def test_an_amended_text_leaves_amended(stage: Stage, browser: httpx.Client) -> None:
    suggestion, answers, thread = held(stage)
    signed_in(stage, browser, "dr.a")
    page = opened(browser, suggestion)
    pointer = "/choices/0/message/content"
    texts = {f"text:{pointer}": "benign", f"was:{pointer}": "malignant"}
    browser.post(f"/review/{suggestion}/decision", data=form(page, decision="amend", proof=stage.clinician().password, **texts))
    thread.join(10)
    assert answers[0].json()["choices"][0]["message"]["content"] == "benign"


def test_a_forged_form_is_refused(stage: Stage, browser: httpx.Client) -> None:
    suggestion, _, _ = held(stage)
    signed_in(stage, browser, "dr.a")
    answer = browser.post(f"/review/{suggestion}/open", data={"csrf": "forged"})
    assert answer.status_code == 403
    assert "Reload the page" in unescape(answer.text)


def test_an_emergency_release_is_one_form(stage: Stage, browser: httpx.Client) -> None:
    suggestion, answers, thread = held(stage)
    signed_in(stage, browser, "dr.a")
    page = opened(browser, suggestion)
    browser.post(f"/review/{suggestion}/emergency", data={"csrf": field(page, "csrf"), "reason": "vital_risk"})
    thread.join(10)
    assert answers[0].headers["garant-label"] == "emergency-unsigned"


def test_the_log_page_verifies(stage: Stage, browser: httpx.Client) -> None:
    page = signed_in(stage, browser, "quality")
    assert page.url.path == "/log"
    assert "The log verifies" in browser.post("/log/verify", data={"csrf": field(page, "csrf")}).text


def test_the_impact_page_suppresses_minutes_of_few(stage: Stage, browser: httpx.Client) -> None:
    stage.chat("letter")
    signed_in(stage, browser, "quality")
    assert "substitution rate is unknown" in browser.get("/impact").text


def test_the_stop_button_has_a_page(stage: Stage, browser: httpx.Client) -> None:
    signed_in(stage, browser, "it")
    page = browser.get("/stops")
    csrf = field(page, "csrf")
    assert "system:tensor" in browser.post("/stops/stop", data={"csrf": csrf, "scope": "system:tensor", "reason": "drill"}).text
    browser.post("/stops/resume", data={"csrf": csrf, "scope": "system:tensor", "reason": "drill over"})
    assert stage.api(stage.clinician("it"), "GET", "/stops").json()["active"] == []


def test_pages_allow_nothing_inline_and_nothing_from_elsewhere(stage: Stage, browser: httpx.Client) -> None:
    for path in ("/", "/static/garant.css"):
        page = browser.get(path)
        assert "http" not in re.sub(r"https?-equiv", "", page.text)
    policy = browser.get("/").headers["content-security-policy"]
    assert "default-src 'none'" in policy
    assert "script-src 'self';" in policy
    assert "unsafe" not in policy
    assert signed_in(stage, browser, "dr.a").headers["cache-control"] == "no-store"
