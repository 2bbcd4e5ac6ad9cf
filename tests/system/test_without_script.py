"""The whole path with scripts switched off: nothing that a decision needs is done by a script."""

from __future__ import annotations

from typing import TYPE_CHECKING

import pytest

from tests.system import ward

if TYPE_CHECKING:
    from collections.abc import Callable

    from playwright.sync_api import Page

    from tests.stage import Stage
    from tests.system.visitor import Visit
    from tests.system.ward import Waiting

AMENDED = "Consolidation of the right lower lobe."
WORDS = {
    "en": ("Open", "Approve as it is", "Password, to sign", "Sign", "Signed:"),
    "fr": ("Ouvrir", "Approuver tel quel", "Mot de passe, pour signer", "Signer", "Signé :"),
}


@pytest.fixture
def plain(visit: Callable[..., Visit]) -> Visit:
    return visit("en", script=False)


def text(waiting: Waiting) -> str:
    return str(waiting.answer().json()["choices"][0]["message"]["content"])


def signed(page: Page, password: str) -> None:
    page.get_by_label("Password, to sign").fill(password)
    page.get_by_role("button", name="Sign", exact=True).click()


@pytest.mark.parametrize("language", ["en", "fr"])
def test_signing_in_opening_and_approving(visit: Callable[..., Visit], stage: Stage, language: str) -> None:
    opening, approve, proof, sign, said = WORDS[language]
    seen, waiting = visit(language, script=False), ward.call(stage)
    page = seen.sign_in()
    page.get_by_role("button", name=opening).first.click()
    page.wait_for_url(f"**/review/{waiting.id}")
    page.get_by_label(approve).check()
    page.get_by_label(proof).fill(seen.password())
    page.get_by_role("button", name=sign, exact=True).click()
    page.wait_for_url("**/queue?after=*")
    assert page.get_by_text(said).is_visible()
    assert text(waiting) == ward.REPORT


def test_the_next_case_follows_the_signature(plain: Visit, stage: Stage) -> None:
    first, second = ward.call(stage, "brisk"), ward.call(stage, "brisk")
    page = plain.open_case(first)
    page.get_by_label("Approve as it is").check()
    page.get_by_role("button", name="Sign", exact=True).click()
    page.wait_for_url(f"**/review/{second.id}?after={first.id}")


def test_amending_takes_two_steps_the_difference_in_between(plain: Visit, stage: Stage) -> None:
    waiting = ward.call(stage)
    page = plain.open_case(waiting)
    page.get_by_label("Amend").check()
    page.get_by_label("Your version").fill(AMENDED)
    page.get_by_label("is another decision").check()
    signed(page, plain.password())
    assert "nothing is signed yet" in page.locator("#errors").inner_text()
    assert page.locator("#difference ins").first.is_visible()
    assert page.get_by_label("Your version").input_value() == AMENDED
    assert waiting.answers == []
    signed(page, plain.password())
    page.wait_for_url("**/queue?after=*")
    assert text(waiting) == AMENDED


def test_a_rejection_says_why(plain: Visit, stage: Stage) -> None:
    waiting = ward.call(stage)
    page = plain.open_case(waiting)
    page.get_by_label("Reject").check()
    signed(page, plain.password())
    assert page.locator("#errors").get_by_role("link", name="A rejection needs a reason.").is_visible()
    page.locator("[name=reason][value=wrong_finding]").check()
    page.get_by_label("Comment (optional, encrypted)").fill("It is the right lung.")
    signed(page, plain.password())
    page.wait_for_url("**/queue?after=*")
    assert waiting.answer().status_code == 403


def test_the_own_judgement_comes_first(plain: Visit, stage: Stage) -> None:
    """R13."""
    waiting = ward.call(stage, "breast")
    page = plain.open_case(waiting)
    assert ward.REPORT[:30] not in page.content()
    page.get_by_label("BI-RADS 3").check()
    page.locator("[name=confidence][value='90']").check()
    page.get_by_role("button", name="Record, then see the suggestion").click()
    page.locator(".suggestion").wait_for()
    page.get_by_label("I keep it").check()
    page.get_by_label("Approve as it is").check()
    signed(page, plain.password())
    page.wait_for_url("**/queue?after=*")
    assert waiting.answer().status_code == 200


def test_deferring_handing_over_and_taking_back(plain: Visit, stage: Stage) -> None:
    """R7."""
    waiting = ward.call(stage, "calm")
    page = plain.open_case(waiting)
    page.get_by_role("button", name="Defer").click()
    page.wait_for_url("**/queue?**")
    plain.open_case(waiting)
    page.get_by_label("Approve as it is").check()
    page.get_by_role("button", name="Sign", exact=True).click()
    page.get_by_role("button", name="Undo").click()
    page.wait_for_url(f"**/review/{waiting.id}")
    page.get_by_role("link", name="Hand over").click()
    page.get_by_label("Colleague", exact=False).first.select_option("dr.b")
    page.get_by_label("Give the case").check()
    page.get_by_role("button", name="Hand over").click()
    page.wait_for_url("**/queue?how=give&passed=*")
    assert page.get_by_role("row", name="Hand X-ray").get_by_text("Dr dr.b").is_visible()


def test_an_emergency_release_takes_two_presses(plain: Visit, stage: Stage) -> None:
    """R17."""
    waiting = ward.call(stage)
    page = plain.open_case(waiting)
    page.locator("summary", has_text="Emergency release").click()
    page.locator("button[name=reason]").first.click()
    assert waiting.answer().headers["garant-label"] == "emergency-unsigned"


def test_what_only_scripts_can_do_is_not_shown(plain: Visit, stage: Stage) -> None:
    page = plain.open_case(ward.call(stage))
    hidden = ("#offline", "#lease-lost", "#lease-soon", "#draft-found", "#no-choice", "#guard", "kbd >> nth=0")
    assert [one for one in hidden if page.locator(one).is_visible()] == []
    plain.come()
    assert [page.locator(one).is_visible() for one in ("#changed", "[data-live=on]")] == [False, False]
