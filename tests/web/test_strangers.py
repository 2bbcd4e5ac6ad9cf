"""What other sites, mistyped addresses and half-filled forms get: a page in words, and nobody signed in, out or led astray."""

from __future__ import annotations

from typing import TYPE_CHECKING

import pytest

from tests.web.browsing import field, signed_in

if TYPE_CHECKING:
    import httpx

    from tests.stage import Stage

ELSEWHERE = {"sec-fetch-site": "cross-site"}
A_PAGE = {"accept": "text/html,application/xhtml+xml"}


def test_another_site_signs_nobody_in_under_a_name_of_its_choice(stage: Stage, browser: httpx.Client) -> None:
    """The control: the same form from our own page."""
    form = {"login": "dr.a", "password": stage.clinician().password}
    forged = browser.post("/sign-in", data=form, headers=ELSEWHERE)
    assert (forged.status_code, "sent by another site" in forged.text, browser.cookies.get("garant_session")) == (403, True, None)
    assert browser.post("/sign-in", data=form, headers={"sec-fetch-site": "same-origin"}).url.path == "/queue"


@pytest.mark.parametrize("path", ["/review/86a6b201-ecb7-42cf-a4c8-10fc87818070?after=x", "/"])
def test_a_link_in_a_health_record_goes_on_by_itself_to_where_the_session_s_cookie_comes_along(browser: httpx.Client, path: str) -> None:
    """The browser keeps a strict cookie back on the way from another site; the control: typed into the address bar."""
    page = browser.get(path, headers=ELSEWHERE)
    assert (page.status_code, f'url={path}"' in page.text, "password" in page.text) == (200, True, False)
    assert 'name="password"' in browser.get(path, headers={"sec-fetch-site": "none"}).text


def test_an_address_that_does_not_exist_is_a_page_for_people_and_a_problem_for_programs(stage: Stage, browser: httpx.Client) -> None:
    signed_in(stage, browser)
    for path in ("/nonsense", "/queue/", "/review/x/y/z", "/sign-in"):
        page = browser.get(path, headers={**A_PAGE, "accept-language": "fr"}, follow_redirects=False)
        assert (page.status_code, "Cette page n’existe pas" in page.text) == (404, True), path
    assert browser.get("/api/nonsense", headers=A_PAGE).headers["content-type"] == "application/problem+json"
    assert browser.get("/nonsense").headers["content-type"] == "application/problem+json"


def test_no_address_is_built_of_the_host_that_a_caller_names(browser: httpx.Client) -> None:
    answer = browser.get("/queue/", headers={"host": "evil.example"}, follow_redirects=False)
    assert (answer.status_code, "evil.example" in f"{answer.headers}{answer.text}") == (404, False)


def test_a_half_filled_form_is_told_in_words(stage: Stage, browser: httpx.Client) -> None:
    page = browser.post("/sign-in", data={"login": "", "password": ""})
    assert (page.status_code, "Type your login and your password." in page.text) == (422, True)
    unreadable = browser.post("/sign-in", content=b"--x", headers={"content-type": "multipart/form-data"})
    assert (unreadable.status_code, "form cannot be read" in unreadable.text) == (400, True)
    signed_in(stage, browser)
    page = browser.post("/password", data={"csrf": field(browser.get("/password"), "csrf"), "current": "x", "new": "y" * 300})
    assert (page.status_code, "256 characters at most" in page.text) == (422, True)


def test_signing_out_tells_the_next_page_to_forget_unsent_texts(stage: Stage, browser: httpx.Client) -> None:
    """A session that only ended keeps them for its owner."""
    page = signed_in(stage, browser)
    assert "data-signed-out" in browser.post("/sign-out", data={"csrf": field(page, "csrf")}).text
    assert "data-signed-out" not in browser.get("/").text


def test_closing_the_browser_of_a_shared_workstation_leaves_nobody_signed_in(stage: Stage, browser: httpx.Client) -> None:
    answer = browser.post("/sign-in", data={"login": "dr.a", "password": stage.clinician().password}, follow_redirects=False)
    [cookie] = [one for one in answer.headers.get_list("set-cookie") if one.startswith("garant_session=")]
    assert ("Max-Age" in cookie, "expires" in cookie.lower(), "HttpOnly" in cookie, "SameSite=strict" in cookie) == (
        False,
        False,
        True,
        True,
    )
