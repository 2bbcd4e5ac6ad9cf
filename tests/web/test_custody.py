"""The page of retention and erasure: quality does, hospital IT looks, nobody else; what is refused is said in words."""

from __future__ import annotations

from html import unescape
from typing import TYPE_CHECKING

import httpx
import pytest

from tests.custody.ground import another, canary, decided
from tests.stage import eventually
from tests.web.browsing import field, signed_in

if TYPE_CHECKING:
    from collections.abc import Iterator

    from tests.stage import Stage


@pytest.fixture
def quality(stage: Stage) -> Iterator[httpx.Client]:
    yield from opened(stage, "quality")


@pytest.fixture
def second(stage: Stage) -> Iterator[httpx.Client]:
    another(stage, "quality.2")
    yield from opened(stage, "quality.2")


def opened(stage: Stage, login: str, language: str = "en") -> Iterator[httpx.Client]:
    """Somebody's browser."""
    with httpx.Client(base_url=stage.base, follow_redirects=True, headers={"accept-language": language}, timeout=20) as client:
        signed_in(stage, client, login)
        yield client


def sent(stage: Stage, browser: httpx.Client, login: str, path: str, **form: str) -> httpx.Response:
    """A form of the page, with its token and somebody's password."""
    csrf = field(browser.get("/custody"), "csrf")
    return browser.post(path, data={"csrf": csrf, "proof": stage.clinician(login).password, **form})


def test_two_people_erase_a_case_on_the_page(stage: Stage, quality: httpx.Client, second: httpx.Client) -> None:
    case = decided(stage, canary())["case_id"]
    asked = sent(stage, quality, "quality", "/custody/erasures", case=case, basis="wrong_patient")
    assert (asked.status_code, "another person has to confirm it" in asked.text, case in asked.text) == (200, True, True)
    erasure = str(stage.rows("SELECT id FROM erasures WHERE case_id = $1", case)[0]["id"])
    refused = sent(stage, quality, "quality", f"/custody/erasures/{erasure}/confirm")
    assert (refused.status_code, "another person has to confirm it" in refused.text) == (403, True)
    done = sent(stage, second, "quality.2", f"/custody/erasures/{erasure}/confirm")
    assert (done.status_code, "Closed requests" in done.text) == (200, True)
    eventually(lambda: "entries are still proven" in second.get("/custody").text)
    assert [entry["case"] for entry in stage.entries("erased")] == [case]


@pytest.mark.parametrize(("language", "said"), [("en", "was erased on"), ("fr", "a été effacé le")])
def test_the_pages_of_an_erased_case_say_so(stage: Stage, quality: httpx.Client, second: httpx.Client, language: str, said: str) -> None:
    case = decided(stage, canary())
    sent(stage, quality, "quality", "/custody/erasures", case=case["case_id"], basis="wrong_patient")
    erasure = str(stage.rows("SELECT id FROM erasures WHERE case_id = $1", case["case_id"])[0]["id"])
    sent(stage, second, "quality.2", f"/custody/erasures/{erasure}/confirm")
    for browser in opened(stage, "dr.a", language):
        page = browser.get(f"/review/{case['id']}")
        assert (page.status_code, said in unescape(page.text)) == (410, True)


@pytest.mark.parametrize(
    ("language", "said"),
    [("fr", ("Réponse à la personne", "17, paragraphe 3, points b et c", "R. 1112-7", "20 ans", "CNIL", "article 12, paragraphe 4")),
     ("en", ("Answer to the person", "17(3)(b) and (c)", "R. 1112-7", "20 years", "CNIL", "Article 12(4)"))],
)  # fmt: skip
def test_a_refusal_to_erase_a_signed_decision_comes_with_the_reasoned_letter(stage: Stage, language: str, said: tuple[str, ...]) -> None:
    """R26: law, term, remaining rights and remedies, to be sent. The control: a case that is held is refused without such a letter."""
    case = decided(stage, canary())["case_id"]
    for browser in opened(stage, "quality", language):
        page = sent(stage, browser, "quality", "/custody/erasures", case=case, basis="objection")
        letter = unescape(page.text).partition('class="card letter"')[2].partition("</section>")[0]
        assert (page.status_code, [word for word in (*said, case, "Test") if word not in letter]) == (409, [])
        sent(stage, browser, "quality", "/custody/holds", act="hold", case=case, reason="litigation")
        held = sent(stage, browser, "quality", "/custody/erasures", case=case, basis="objection")
        assert (held.status_code, "card letter" in held.text) == (409, False)


def test_a_hold_is_set_shown_and_lifted(stage: Stage, quality: httpx.Client) -> None:
    case = decided(stage, canary())["case_id"]
    page = sent(stage, quality, "quality", "/custody/holds", act="hold", case=case, reason="litigation")
    assert (case in page.text, "Litigation" in page.text) == (True, True)
    refused = sent(stage, quality, "quality", "/custody/erasures", case=case, basis="wrong_patient")
    assert (refused.status_code, "under a legal hold" in refused.text) == (409, True)
    assert case not in sent(stage, quality, "quality", "/custody/holds", act="lift", case=case, reason="closed").text


@pytest.mark.parametrize(
    ("form", "said"),
    [
        ({"case": "x", "basis": "wrong_patient"}, "no case id"),
        ({"case": "", "basis": ""}, "no case id"),
        ({"proof": "wrong"}, "does not fit"),
    ],
)
def test_what_is_wrong_with_a_form_is_said_and_what_was_typed_is_kept(
    stage: Stage, quality: httpx.Client, form: dict[str, str], said: str
) -> None:
    case = decided(stage, canary())["case_id"]
    page = sent(stage, quality, "quality", "/custody/erasures", **({"case": case, "basis": "wrong_patient"} | form))
    assert (page.status_code >= 400, said in unescape(page.text)) == (True, True)
    assert stage.rows("SELECT 1 FROM erasures WHERE case_id = $1", case) == []


def test_it_sees_clocks_and_holds_and_can_do_nothing(stage: Stage) -> None:
    for browser in opened(stage, "it"):
        page = browser.get("/custody")
        assert (page.status_code, "Security journal" in page.text, "Erasure before its time" in page.text) == (200, True, False)
        csrf = field(browser.get("/administration"), "csrf")
        assert (
            browser.post("/custody/holds", data={"csrf": csrf, "act": "hold", "case": canary(), "reason": "litigation"}).status_code >= 400
        )


def test_nobody_else_sees_the_page(stage: Stage) -> None:
    for browser in opened(stage, "dr.a"):
        assert browser.get("/custody").status_code == 403


def test_hospital_it_sees_the_keys_by_their_ids(stage: Stage) -> None:
    for browser in opened(stage, "it"):
        page = browser.get("/administration").text
        assert all(name in page for name in (stage.keys.log.verifier().id.hex(), stage.keys.vault.known[0]))
