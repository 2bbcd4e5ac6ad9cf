"""What goes wrong around a signature, and what is tried on purpose: refused or shown in words, noted, nothing lost."""

from __future__ import annotations

from typing import TYPE_CHECKING

import httpx
import pytest

from tests.system import ward
from tests.system.visitor import COOKIE

if TYPE_CHECKING:
    from collections.abc import Callable, Iterator

    from playwright.sync_api import Page

    from tests.stage import Stage
    from tests.system.visitor import Visit
    from tests.system.ward import Waiting

SIGNED = "SELECT count(*) AS n FROM signatures WHERE suggestion_id = $1::uuid"
PERSON = "SELECT id FROM people WHERE login = 'dr.c'"
THOUGHTS = "Half a page of thoughts about this lung."
EVIL = "http://evil.example/"


def signatures(stage: Stage, waiting: Waiting) -> int:
    return int(stage.rows(SIGNED, waiting.id)[0]["n"])


def filled(seen: Visit, page: Page, login: str = "dr.a") -> Page:
    page.locator("[value=approve]").check()
    page.locator("#comment").fill(THOUGHTS)
    page.locator("#proof").fill(seen.password(login))
    return page


def renewed(stage: Stage, login: str) -> None:
    """A new session for the other tests, where this one ended it."""
    who = stage.clinician(login)
    with httpx.Client(base_url=stage.base, timeout=20) as client:
        who.token = client.post("/api/session", json={"login": login, "password": who.password, "bearer": True}).json()["token"]


@pytest.fixture
def withdrawn(stage: Stage) -> Iterator[Callable[[], None]]:
    """Takes dr.c the right to sign, through hospital IT; given back at the end."""
    person = str(stage.rows(PERSON)[0]["id"])

    def give(roles: list[str]) -> None:
        answer = stage.api(stage.clinician("it"), "PUT", f"/people/{person}/roles", {"roles": roles, "groups": []})
        assert answer.status_code == 200, answer.text

    stage.clinician("dr.c")
    yield lambda: give(["auditor"])
    give(["clinician"])
    renewed(stage, "dr.c")


@pytest.mark.parametrize(("language", "said"), [("en", "You have signed this case already"), ("fr", "Vous avez déjà signé ce dossier")])
def test_the_back_button_after_signing_leads_to_what_was_signed(
    visit: Callable[..., Visit], stage: Stage, language: str, said: str
) -> None:
    seen, waiting = visit(language), ward.call(stage)
    page = filled(seen, seen.open_case(waiting))
    page.locator(".sign").click()
    page.wait_for_url("**/queue?after=*")
    page.go_back()
    page.get_by_text(said).wait_for()
    assert (page.locator("#decide").count(), signatures(stage, waiting)) == (0, 1)


def test_pressing_twice_signs_once(visit: Callable[..., Visit], stage: Stage) -> None:
    seen, waiting, untouched = visit(), ward.call(stage), ward.call(stage)
    page = filled(seen, seen.open_case(waiting))
    page.locator(".sign").dblclick(no_wait_after=True)
    page.wait_for_url(f"**/review/{untouched.id}?after=*")
    assert (signatures(stage, waiting), signatures(stage, untouched), page.locator("#errors").count()) == (1, 0, 0)
    assert waiting.answer().status_code == 200


def test_an_unsent_comment_survives_a_reload_and_nobody_else_s_sign_in(visit: Callable[..., Visit], stage: Stage) -> None:
    seen, waiting = visit(), ward.call(stage)
    page = seen.open_case(waiting)
    page.locator("#comment").fill(THOUGHTS)
    page.reload()
    assert page.get_by_text("Your unsent text was found").is_visible()
    assert page.locator("#comment").input_value() == THOUGHTS
    seen.context.clear_cookies()
    seen.come("dr.b")
    assert page.evaluate("JSON.stringify(sessionStorage)") == "{}"


def test_a_session_that_ended_while_writing_gives_the_text_back(visit: Callable[..., Visit], stage: Stage) -> None:
    seen, waiting = visit(), ward.call(stage)
    page = filled(seen, seen.open_case(waiting))
    seen.context.clear_cookies()
    page.locator(".sign").click()
    assert page.locator("textarea").evaluate_all("all => all.map(one => one.value)") == [THOUGHTS]
    assert (seen.password() in page.content(), signatures(stage, waiting)) == (False, 0)
    page.get_by_role("link", name="Sign in").click()
    page.locator("[name=login]").fill("dr.a")
    page.locator("[name=password]").fill(seen.password())
    page.keyboard.press("Enter")
    page.wait_for_url(f"**/review/{waiting.id}")


def test_a_comment_of_a_megabyte_is_refused_in_words_and_comes_back(visit: Callable[..., Visit], stage: Stage) -> None:
    seen, waiting = visit(), ward.call(stage)
    page = filled(seen, seen.open_case(waiting))
    page.locator("#comment").fill("word " * 200_000)
    page.locator(".sign").click()
    page.locator("#errors").wait_for()
    assert "longer than 10,000 characters" in page.locator("#errors").inner_text()
    assert len(page.locator("#comment").input_value()) > 900_000
    assert signatures(stage, waiting) == 0


def test_a_right_that_was_withdrawn_a_second_ago_signs_nothing(
    visit: Callable[..., Visit], stage: Stage, withdrawn: Callable[[], None]
) -> None:
    seen, waiting = visit(), ward.call(stage)
    page = filled(seen, seen.open_case(waiting, "dr.c"), "dr.c")
    withdrawn()
    page.locator(".sign").click()
    page.locator("#errors").wait_for()
    assert "Nothing was signed" in page.locator("main").inner_text()
    assert THOUGHTS in page.locator("textarea").first.input_value()
    assert (signatures(stage, waiting), waiting.answers) == (0, [])


def test_a_stolen_cookie_is_read_by_no_script_and_dies_with_its_session(visit: Callable[..., Visit], stage: Stage) -> None:
    owner, thief = visit(), visit()
    page = owner.sign_in()
    assert COOKIE not in page.evaluate("document.cookie")
    stolen = next(one for one in owner.context.cookies() if one["name"] == COOKIE)
    assert (stolen["httpOnly"], stolen["sameSite"]) == (True, "Strict")
    thief.context.add_cookies([{"name": COOKIE, "value": stolen["value"], "url": thief.base}])
    thief.page.goto("/queue")
    page.get_by_role("button", name="Sign out").click()
    page.locator("[name=login]").wait_for()
    thief.page.get_by_role("button", name="Open the next").click()
    thief.page.locator("[name=login]").wait_for()
    assert "dr.a" not in thief.page.locator("main").inner_text()


def test_a_sign_in_that_one_does_not_know_is_ended_from_the_account(visit: Callable[..., Visit], stage: Stage) -> None:
    owner, stranger = visit(), visit()
    stranger.sign_in("dr.b")
    page = owner.sign_in("dr.b")
    page.goto("/account")
    for _ in range(page.get_by_role("button", name="End").count()):
        page.get_by_role("button", name="End").first.click()
    stranger.page.goto("/queue")
    stranger.page.locator("[name=login]").wait_for()
    assert page.get_by_role("link", name="Dr dr.b").is_visible()
    renewed(stage, "dr.b")


@pytest.mark.parametrize("origin", [EVIL, "same site"])
def test_a_form_from_elsewhere_decides_nothing(visit: Callable[..., Visit], stage: Stage, origin: str) -> None:
    seen, waiting = visit(), ward.call(stage, "brisk")
    page = seen.open_case(waiting)
    form = {name: page.locator(f"#decide [name={name}]").first.input_value() for name in ("lease", "shown_sha256")}
    fields = "".join(f'<input name="{name}" value="{value}">' for name, value in {**form, "decision": "approve", "csrf": "guessed"}.items())
    html = f'<form method="post" action="{seen.base}/review/{waiting.id}/decision">{fields}<button>Win a prize</button></form>'
    there = EVIL if origin == EVIL else f"{seen.base}/planted"
    page.route(there, lambda route: route.fulfill(body=html, content_type="text/html"))
    page.goto(there)
    with page.expect_response("**/decision") as answer:
        page.get_by_role("button").click()
    assert answer.value.status in {401, 403}
    assert (signatures(stage, waiting), waiting.answers) == (0, [])
    seen.strangers.clear()
