"""The guard against double presses holds without script too (R47): what comes too soon is shown again, and nothing is lost or decided."""

from __future__ import annotations

from typing import TYPE_CHECKING

import pytest

from tests.web.browsing import field, form, held, opened, signed_in

if TYPE_CHECKING:
    import httpx

    from tests.stage import Stage

LATER = "UPDATE suggestions SET leased_at = leased_at - interval '11 seconds' WHERE id = $1::uuid"
OF_ANOTHER_CLOCK = "UPDATE suggestions SET leased_at = now() + interval '2 seconds' WHERE id = $1::uuid"
STATE = "SELECT state FROM suggestions WHERE id = $1::uuid"


def state(stage: Stage, suggestion: str) -> str:
    return str(stage.rows(STATE, suggestion)[0]["state"])


def pressed(stage: Stage, browser: httpx.Client, suggestion: str, page: httpx.Response) -> httpx.Response:
    data = form(page, decision="approve", comment="My thoughts.", proof=stage.clinician().password)
    return browser.post(f"/review/{suggestion}/decision", data=data)


@pytest.mark.parametrize(("language", "said"), [("en", "press again"), ("fr", "appuyez de nouveau")])
def test_a_press_that_was_meant_for_the_case_before_signs_nothing(stage: Stage, browser: httpx.Client, language: str, said: str) -> None:
    signed_in(stage, browser)
    suggestion, answers, _ = held(stage, "guarded")
    browser.get(f"/queue?lang={language}")
    again = pressed(stage, browser, suggestion, opened(browser, suggestion))
    assert (again.status_code, said in again.text, "My thoughts." in again.text) == (409, True, True)
    assert (state(stage, suggestion), answers) == ("held", [])
    assert stage.entries("denied")[-1]["detail"]["code"] == "too_soon"


def test_the_same_press_a_moment_later_signs(stage: Stage, browser: httpx.Client) -> None:
    """The control."""
    signed_in(stage, browser)
    suggestion, _, _ = held(stage, "guarded")
    page = opened(browser, suggestion)
    stage.rows(LATER, suggestion)
    assert pressed(stage, browser, suggestion, page).url.path == "/queue"
    assert state(stage, suggestion) == "released"


def test_a_replica_whose_clock_is_behind_keeps_nobody_waiting(stage: Stage, browser: httpx.Client) -> None:
    signed_in(stage, browser)
    suggestion, _, _ = held(stage, "guarded")
    page = opened(browser, suggestion)
    stage.rows(OF_ANOTHER_CLOCK, suggestion)
    assert "second press" not in pressed(stage, browser, suggestion, page).text


def test_the_guard_begins_anew_with_what_a_judgement_reveals(stage: Stage, browser: httpx.Client) -> None:
    signed_in(stage, browser)
    suggestion, _, _ = held(stage, "guarded_judge")
    page = opened(browser, suggestion)
    judged = {"csrf": field(page, "csrf"), "lease": field(page, "lease"), "answer": "nothing", "confidence": "70"}
    assert browser.post(f"/review/{suggestion}/judgement", data=judged).status_code == 409
    stage.rows(LATER, suggestion)
    revealed = browser.post(f"/review/{suggestion}/judgement", data=judged)
    assert revealed.status_code == 200
    data = form(revealed, decision="approve", after_judgement="kept", proof=stage.clinician().password)
    assert browser.post(f"/review/{suggestion}/decision", data=data).status_code == 409
    assert state(stage, suggestion) == "held"


def test_putting_back_waits_for_the_guard_and_an_emergency_does_not(stage: Stage, browser: httpx.Client) -> None:
    signed_in(stage, browser)
    suggestion, _, _ = held(stage, "guarded")
    page = opened(browser, suggestion)
    assert browser.post(f"/review/{suggestion}/defer", data=form(page)).status_code == 409
    browser.post(f"/review/{suggestion}/emergency", data=form(page, reason="vital_risk"))
    assert state(stage, suggestion) == "emergency"


def test_a_program_that_signs_for_a_person_presses_no_buttons(stage: Stage) -> None:
    """It is told `guard_seconds`, and each of its decisions names lease and content."""
    suggestion, _, _ = held(stage, "guarded")
    assert stage.clinician().decide(suggestion, "approve")["state"] == "released"
