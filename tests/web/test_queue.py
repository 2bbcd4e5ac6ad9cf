"""The queue page: mine and my team's, filtered by the address, live, ended with the session."""

from __future__ import annotations

import threading
import time
from typing import TYPE_CHECKING

import httpx
import pytest

from gateway.operations.serving import END_SECONDS
from tests.web.browsing import field, held, opened, signed_in

if TYPE_CHECKING:
    from tests.stage import Stage


def events(browser: httpx.Client, base: str, told: list[str], ready: threading.Event) -> None:
    with httpx.Client(base_url=base, cookies=browser.cookies, timeout=20) as client, client.stream("GET", "/queue/events") as answer:
        for line in answer.iter_lines():
            told.append(line)
            ready.set()
            if "event: queue" in told or "event: ended" in told:
                return


def test_one_button_opens_the_next_case(stage: Stage, browser: httpx.Client) -> None:
    page = signed_in(stage, browser)
    suggestion, _, _ = held(stage)
    assert browser.post("/next", data={"csrf": field(page, "csrf")}).url.path == f"/review/{suggestion}"


def test_where_nothing_is_free_the_queue_says_so(stage: Stage, browser: httpx.Client) -> None:
    page = signed_in(stage, browser)
    empty = browser.post("/next", data={"csrf": field(page, "csrf")})
    assert empty.url.path == "/queue"
    assert "Nothing waits for your signature." in empty.text


def test_next_stays_within_the_filters_of_the_page(stage: Stage, browser: httpx.Client) -> None:
    signed_in(stage, browser)
    held(stage, "refusing")
    wanted, _, _ = held(stage, "calm")
    page = browser.get("/queue?task=calm")
    assert 'name="task" value="calm"' in page.text
    assert browser.post("/next", data={"csrf": field(page, "csrf"), "task": "calm"}).url.path == f"/review/{wanted}"


def test_a_filter_stands_in_the_address_and_shows_its_part(stage: Stage, browser: httpx.Client) -> None:
    signed_in(stage, browser)
    one, other = held(stage, "refusing")[0], held(stage, "calm")[0]
    page = browser.get("/queue?task=calm")
    assert f"/review/{other}" in page.text
    assert f"/review/{one}" not in page.text
    assert 'href="/queue?task=refusing"' in page.text


@pytest.mark.parametrize(("language", "told"), [("en", "(on call: oncall, group seniors)"), ("fr", "(astreinte oncall, groupe seniors)")])
def test_who_was_asked_is_told_in_words_and_not_by_an_id_alone(stage: Stage, browser: httpx.Client, language: str, told: str) -> None:
    signed_in(stage, browser)
    held(stage)
    stage.rows("UPDATE suggestions SET rung = 2, asked = ARRAY['oncall', 'seniors']")
    assert told in browser.get(f"/queue?lang={language}").text


@pytest.mark.parametrize("query", ["urgency=x", "offset=-1", "offset=99999999999999999999", "task=%00", "state=<b>", "mine=1&mine=2"])
def test_no_address_breaks_the_queue(stage: Stage, browser: httpx.Client, query: str) -> None:
    signed_in(stage, browser)
    assert browser.get(f"/queue?{query}").status_code == 200


def test_who_has_a_case_open_is_shown_to_others(stage: Stage, browser: httpx.Client, colleague: httpx.Client) -> None:
    signed_in(stage, browser)
    signed_in(stage, colleague, "dr.b")
    suggestion, _, _ = held(stage)
    opened(browser, suggestion)
    assert "ouvert par Dr dr.a" in colleague.get("/queue").text
    assert "open for you" in browser.get("/queue").text


def test_a_change_is_told_to_a_page_that_is_open(stage: Stage, browser: httpx.Client) -> None:
    signed_in(stage, browser)
    told: list[str] = []
    ready = threading.Event()
    thread = threading.Thread(target=events, args=(browser, stage.base, told, ready), daemon=True)
    thread.start()
    assert ready.wait(10)
    held(stage)
    thread.join(10)
    assert "event: queue" in told


def test_a_change_on_one_replica_is_told_on_the_other(stage: Stage, browser: httpx.Client) -> None:
    signed_in(stage, browser)
    other = stage.add_replica()
    told: list[str] = []
    ready = threading.Event()
    thread = threading.Thread(target=events, args=(browser, other.base, told, ready), daemon=True)
    thread.start()
    assert ready.wait(10)
    held(stage)
    thread.join(10)
    stage.replicas.remove(other)
    other.stop()
    assert "event: queue" in told


def test_the_stream_ends_with_the_session(stage: Stage, browser: httpx.Client) -> None:
    csrf = field(signed_in(stage, browser), "csrf")
    told: list[str] = []
    ready = threading.Event()
    cookies = httpx.Cookies(browser.cookies)
    thread = threading.Thread(target=events, args=(browser, stage.base, told, ready), daemon=True)
    thread.start()
    assert ready.wait(10)
    browser.post("/sign-out", data={"csrf": csrf})
    held(stage)
    thread.join(10)
    assert told
    assert not thread.is_alive()
    assert httpx.get(f"{stage.base}/queue/events", cookies=cookies).status_code == 303


def test_the_list_alone_is_no_page(stage: Stage, browser: httpx.Client) -> None:
    signed_in(stage, browser)
    held(stage)
    part = browser.get("/queue/list")
    assert "<html" not in part.text
    assert "<table" in part.text


def test_a_replica_with_an_open_page_stops_at_once(stage: Stage, browser: httpx.Client) -> None:
    signed_in(stage, browser)
    other = stage.add_replica()
    told: list[str] = []
    ready = threading.Event()
    threading.Thread(target=events, args=(browser, other.base, told, ready), daemon=True).start()
    assert ready.wait(10)
    stage.replicas.remove(other)
    began = time.monotonic()
    other.stop()
    assert time.monotonic() - began < END_SECONDS
