"""A clinician finds a patient's case: the queue names whose it is, for whoever may open it; what is searched for stands in no address."""

from __future__ import annotations

import threading
from html import unescape
from typing import TYPE_CHECKING
from unittest.mock import patch
from uuid import uuid4

import pytest

from gateway.suggestions.work.patients import fits
from tests import stage as stages
from tests.stage import eventually
from tests.web.browsing import field, signed_in

if TYPE_CHECKING:
    from collections.abc import Iterator

    import httpx

    from tests.stage import Stage

POINTERS = '{ nom = "/metadata/name", born = "/metadata/born", ins = "/metadata/ins" }'
ROUTES = "".join(
    f'[[systems]]\nid = "{system}"\nname = "{system}"\nversion = "1"\nprotocol = "openai"\nmodels = ["{system}"]\n'
    f'upstream = {{ url = "{{upstream}}" }}\n'
    f'[[routes]]\nsystem = "{system}"\ntask = "listed"\nwait_seconds = 20\npatient_pointers = {POINTERS}\n{more}'
    for system, more in (("open", ""), ("shy", "patient_in_queue = []\n"))
)
DURAND = {"name": "DURAND Éloïse", "born": "1961-04-12", "ins": "261047511800234"}
MARTIN = {"name": "MARTIN Jeanne", "born": "1970-01-02", "ins": "270017511800235"}


@pytest.fixture(scope="module")
def shared(postgres_server: str) -> Iterator[Stage]:
    with patch.dict(stages.MODES, {"nurses": ("diagnosis", 'release_mode = "hold"')}):
        yield from stages.built(postgres_server, extra=ROUTES)


def waits(stage: Stage, patient: dict[str, str], system: str = "open") -> None:
    """A call about a patient, held."""
    known = stage.rows("SELECT count(*) AS n FROM suggestions WHERE state = 'held'")[0]["n"]
    body = {"model": system, "metadata": patient, "messages": [{"role": "user", "content": uuid4().hex}]}
    threading.Thread(target=stage.post, args=("listed", "/v1/chat/completions", body), daemon=True).start()
    eventually(lambda: stage.rows("SELECT count(*) AS n FROM suggestions WHERE state = 'held'")[0]["n"] > known)


def found(browser: httpx.Client, asked: str) -> str:
    answer = browser.post("/queue/find", data={"csrf": field(browser.get("/queue"), "csrf"), "patient": asked})
    assert (answer.status_code, answer.url.query) == (200, b"")
    return unescape(answer.text).partition("</form>")[2].partition("<h1>")[2]


def test_the_queue_says_whose_a_case_is_and_not_more_than_it_needs(stage: Stage, browser: httpx.Client) -> None:
    waits(stage, DURAND)
    signed_in(stage, browser)
    page = unescape(browser.get("/queue").text)
    assert ("DURAND Éloïse · 1961-04-12" in page, DURAND["ins"] in page) == (True, False)


def test_whoever_may_not_open_a_case_does_not_read_whose_it_is(stage: Stage, browser: httpx.Client) -> None:
    waits(stage, DURAND)
    signed_in(stage, browser, "nurse")
    assert "DURAND" not in browser.get("/queue").text + found(browser, "durand")


@pytest.mark.parametrize("asked", ["durand", "Eloise DURAND", "12/04/1961", "dur 1961-04"])
def test_a_patient_is_found_without_regard_to_accents_case_or_how_a_day_is_written(stage: Stage, browser: httpx.Client, asked: str) -> None:
    waits(stage, DURAND)
    waits(stage, MARTIN)
    signed_in(stage, browser)
    rows = found(browser, asked)
    assert ("DURAND Éloïse" in rows, "MARTIN" in rows) == (True, False)


@pytest.mark.parametrize("asked", ["", "d", "dupont", "261047511800234"])
def test_what_fits_nobody_or_everybody_finds_nothing_and_the_page_says_why(stage: Stage, browser: httpx.Client, asked: str) -> None:
    waits(stage, DURAND)
    signed_in(stage, browser)
    rows = found(browser, asked)
    assert ("DURAND" in rows, "No case that waits for you fits" in rows or "at least two letters" in rows) == (False, True)


def test_a_route_that_names_nobody_in_the_queue_is_not_searched_either(stage: Stage, browser: httpx.Client) -> None:
    waits(stage, DURAND, "shy")
    signed_in(stage, browser)
    assert "DURAND" not in browser.get("/queue").text + found(browser, "durand")


def test_a_search_that_another_site_sends_is_refused(stage: Stage, browser: httpx.Client) -> None:
    signed_in(stage, browser)
    assert browser.post("/queue/find", data={"csrf": "guessed", "patient": "durand"}).status_code == 403


def test_a_search_in_an_address_is_none(stage: Stage, browser: httpx.Client) -> None:
    signed_in(stage, browser)
    waits(stage, DURAND)
    waits(stage, MARTIN)
    page = browser.get("/queue/find?patient=durand&lang=fr")
    assert (page.url.path, page.url.query, "MARTIN" in page.text, "Chercher" in page.text) == ("/queue", b"lang=fr", True, True)


def test_every_word_has_to_fit() -> None:
    assert [fits({"n": "DURAND Éloïse"}, asked) for asked in ("eloise durand", "durand martin")] == [True, False]
