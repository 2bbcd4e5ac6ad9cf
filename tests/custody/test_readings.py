"""Every reading of what is stored of a case is an entry: who, when, in which form, and why where somebody does not treat the patient."""

from __future__ import annotations

from typing import TYPE_CHECKING, Any

import httpx
import pytest

from gateway.audit.verifier import verify
from tests.audit.story import POLICIES, VKEYS, Story, mark, signed
from tests.conftest import apart
from tests.custody.ground import another, canary, decided
from tests.web.browsing import signed_in

if TYPE_CHECKING:
    from tests.stage import Stage

FORMS = {"/record.json": "record.json", "/record.pdf": "record.pdf", "/record.fhir.json": "record.fhir", "/signatures": "signatures"}


def readings(stage: Stage, suggestion: str) -> list[dict[str, Any]]:
    """The entries of readings of a suggestion."""
    return [one for one in stage.entries("viewed") if one.get("suggestion") == suggestion and one.get("decision") == "read"]


@pytest.mark.parametrize("path", FORMS)
def test_a_clinicians_reading_is_an_entry(stage: Stage, path: str) -> None:
    case, who = decided(stage, canary()), stage.clinician("dr.b")
    assert stage.api(who, "GET", f"/suggestions/{case['id']}{path}").status_code == 200
    [said] = readings(stage, case["id"])
    assert (said["role"], said["case"], said["detail"]["form"], said["auth"]["method"]) == (
        "clinician",
        case["case_id"],
        FORMS[path],
        "password",
    )
    assert stage.verified().ok


@pytest.mark.parametrize("path", FORMS)
def test_quality_reads_for_a_reason_or_not_at_all(stage: Stage, path: str) -> None:
    case, who = decided(stage, canary()), stage.clinician("quality")
    answers = [
        stage.api(who, "GET", f"/suggestions/{case['id']}{path}{asked}") for asked in ("", "?reason=curiosity", "?reason=quality_review")
    ]
    assert [one.status_code for one in answers] == [400, 400, 200]
    assert [one["detail"]["reason"] for one in readings(stage, case["id"])] == ["quality_review"]


def test_the_page_of_a_signed_case_asks_quality_why(stage: Stage) -> None:
    case = decided(stage, canary())

    def visit() -> tuple[str, str]:
        with httpx.Client(base_url=stage.base, follow_redirects=True, headers={"accept-language": "en"}, timeout=20) as browser:
            signed_in(stage, browser, "quality")
            asked = browser.get(f"/review/{case['id']}").text
            return asked, browser.get(f"/review/{case['id']}", params={"reason": "incident"}).text

    asked, shown = apart(visit)
    assert ("Why do you read this?" in asked, "Dr dr.a" in asked, "Dr dr.a" in shown) == (True, False, True)
    assert [(one["role"], one["detail"]["reason"]) for one in readings(stage, case["id"])] == [("quality", "incident")]


def test_who_takes_the_whole_log_away_says_why(stage: Stage) -> None:
    """The control: what is narrowed to a task needs no reason."""

    def visit() -> list[httpx.Response]:
        with httpx.Client(base_url=stage.base, follow_redirects=True, headers={"accept-language": "en"}, timeout=20) as browser:
            signed_in(stage, browser, "quality")
            asked: tuple[dict[str, str], ...] = (
                {},
                {"since": "2020-01-01"},
                {"why": "external_audit"},
                {"task": "diagnosis"},
                {"why": "nothing"},
            )
            return [browser.get("/log.csv", params=one) for one in asked]

    answers = apart(visit)
    kinds = [one.headers["content-type"].partition(";")[0] for one in answers]
    assert kinds == ["text/html", "text/html", "text/csv", "text/csv", "text/html"]
    assert answers[-1].status_code == 400
    [taken] = [one for one in stage.entries("viewed") if one["detail"].get("about") == "log"]
    assert (taken["detail"], taken["role"]) == ({"about": "log", "form": "log.csv", "reason": "external_audit"}, "quality")
    assert stage.verified().ok


def test_a_reading_opens_nothing_for_a_signature() -> None:
    """Otherwise reading a record would count as having opened the case that one then signs. The control: opened, it may be signed."""
    outcomes = []
    for decision in ("read", None):
        story = Story()
        story.receive(1)
        story.add("viewed", 1, decision=decision, commitments={"shown": mark(1)})
        said = {"shown": mark(1, "s"), "final": mark(1, "final")}
        story.add("signed_off", 1, decision="approve", commitments=said, auth={"method": "password"})
        leaves = story.leaves()
        report = verify(leaves, signed(leaves), VKEYS, POLICIES)
        outcomes.append([problem.sentence for problem in report.problems])
    assert outcomes == [["The suggestion was signed off by a person who had not opened it before."], []]


def test_nothing_is_given_while_the_reading_cannot_be_written(stage: Stage) -> None:
    case, who = decided(stage, canary()), another(stage, "quality.2")
    app = stage.replicas[0].app
    assert app is not None
    writer = app.parts.writer
    before, writer.damaged = writer.damaged, "closed for this test"
    try:
        answer = stage.api(who, "GET", f"/suggestions/{case['id']}/record.json?reason=incident")
    finally:
        writer.damaged = before
    assert (answer.status_code, "signatures" in answer.text) == (503, False)
