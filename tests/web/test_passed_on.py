"""Whoever gave a case away reads what happened and can take it back in time, in the words of both languages (R7)."""

from __future__ import annotations

from html import unescape
from typing import TYPE_CHECKING

import pytest

from tests.web.browsing import field, form, held, opened, signed_in

if TYPE_CHECKING:
    import httpx

    from tests.stage import Stage

OPENED_BY_COLLEAGUE = "/suggestions/{}/open"


def given(stage: Stage, browser: httpx.Client, mode: str = "give") -> tuple[str, httpx.Response]:
    signed_in(stage, browser)
    suggestion, _, _ = held(stage)
    page = opened(browser, suggestion)
    data = {"csrf": field(page, "csrf"), "lease": field(page, "lease"), "to": "dr.b", "mode": mode}
    return suggestion, browser.post(f"/review/{suggestion}/hand-over", data=data)


@pytest.mark.parametrize(
    ("language", "mode", "said"),
    [
        ("en", "give", "Handed over to Dr dr.b"),
        ("fr", "give", "Confié à Dr dr.b"),
        ("en", "ask", "Opinion asked of Dr dr.b"),
        ("fr", "ask", "Avis demandé à Dr dr.b"),
    ],
)
def test_the_page_after_a_hand_over_says_to_whom(stage: Stage, browser: httpx.Client, language: str, mode: str, said: str) -> None:
    _, page = given(stage, browser, mode)
    shown = unescape(browser.get(f"{page.url}&lang={language}").text)
    assert (said in shown, {"en": "Take it back", "fr": "Reprendre"}[language] in shown) == (True, True)
    assert "No case is free" not in page.text


def test_a_case_that_nobody_opened_yet_is_taken_back(stage: Stage, browser: httpx.Client) -> None:
    suggestion, page = given(stage, browser)
    back = browser.post(f"/review/{suggestion}/open", data={"csrf": field(page, "csrf")})
    assert (back.url.path, "Your decision" in back.text) == (f"/review/{suggestion}", True)


def test_a_case_that_the_colleague_has_open_is_theirs(stage: Stage, browser: httpx.Client) -> None:
    """The control."""
    suggestion, page = given(stage, browser)
    stage.api(stage.clinician("dr.b"), "POST", OPENED_BY_COLLEAGUE.format(suggestion), {})
    again = unescape(browser.get(str(page.url)).text)
    assert ("Dr dr.b has it open" in again, "Take it back" in again) == (True, False)


def test_a_deferred_case_is_named_and_can_be_opened_again(stage: Stage, browser: httpx.Client) -> None:
    signed_in(stage, browser)
    suggestion, _, _ = held(stage)
    page = browser.post(f"/review/{suggestion}/defer", data=form(opened(browser, suggestion)))
    assert ("Put back into the queue: refusing." in page.text, "its clock runs on" in page.text) == (True, True)
    assert f'action="/review/{suggestion}/open"' in page.text.partition("<h1>")[0]


def test_whoever_gave_an_opinion_reads_who_decides(stage: Stage, browser: httpx.Client, colleague: httpx.Client) -> None:
    suggestion, _ = given(stage, browser, "ask")
    signed_in(stage, colleague, "dr.b")
    page = opened(colleague, suggestion)
    data = {"csrf": field(page, "csrf"), "lease": field(page, "lease"), "opinion": "A consolidation."}
    said = unescape(colleague.post(f"/review/{suggestion}/opinion", data=data).text)
    assert ("Votre avis est chez Dr dr.a, qui décide" in said, "Reprendre" in said) == (True, False)


@pytest.mark.parametrize("asked", ["passed=1&how=give", "passed={}&how=sold", "how=give"])
def test_an_address_that_makes_no_sense_says_nothing(stage: Stage, browser: httpx.Client, asked: str) -> None:
    suggestion, _ = given(stage, browser)
    page = browser.get(f"/queue?{asked.format(suggestion)}")
    assert (page.status_code, "Take it back" in page.text) == (200, False)


def test_who_may_not_take_a_case_learns_nothing_of_it(stage: Stage, browser: httpx.Client, colleague: httpx.Client) -> None:
    suggestion, _ = given(stage, browser)
    signed_in(stage, colleague, "nurse")
    page = colleague.get(f"/queue?passed={suggestion}&how=give")
    assert (page.status_code, "Dr dr.b" in page.text) == (200, False)
