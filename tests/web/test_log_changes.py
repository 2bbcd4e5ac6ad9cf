"""A case in the log tells what was changed before signing: to who may read cases, for a reason, as an entry; to others, that it was."""

from __future__ import annotations

import json
import re
from html import unescape
from typing import TYPE_CHECKING
from uuid import uuid4

from tests.signoff.cases import new_case
from tests.signoff.test_decisions import decide, opened
from tests.web.browsing import POINTER, field, signed_in
from tests.web.test_administration import secret_of_auditor

if TYPE_CHECKING:
    import httpx

    from tests.stage import Stage

AMENDED = "CANARY-7f3a benign, control in three months"
READ = {"reason": "quality_review"}


def amended(stage: Stage, task: str = "diagnosis", login: str = "dr.a", **more: object) -> tuple[str, str]:
    """A case that was signed with a changed text: its id and its suggestion."""
    suggestion = new_case(stage, task)
    change: dict[str, object] = {"decision": "amend", "amendment": {POINTER: AMENDED}} | more
    assert decide(stage, suggestion, opened(stage, suggestion, login), login, **change).status_code == 200
    return case_of(stage, suggestion), suggestion


def case_of(stage: Stage, suggestion: str) -> str:
    return str(next(entry["case"] for entry in stage.entries() if entry.get("suggestion") == suggestion))


def shown(browser: httpx.Client, case: str, **form: str) -> httpx.Response:
    page = browser.get(f"/log/case/{case}")
    return browser.post(f"/log/case/{case}/changes", data={"csrf": field(page, "csrf"), **form})


def changed(page: httpx.Response) -> tuple[list[str], list[str]]:
    """What went and what came, as the page marks it."""
    return tuple(
        [" ".join(unescape(re.sub(r"<[^>]*>", " ", one)).split()[1:]) for one in re.findall(rf"<{tag}>(.*?)</{tag}>", page.text, re.DOTALL)]
        for tag in ("del", "ins")
    )  # type: ignore[return-value] # two of them


def test_the_words_that_were_changed_are_shown_for_a_reason_that_is_logged_first(stage: Stage, browser: httpx.Client) -> None:
    case, suggestion = amended(stage)
    signed_in(stage, browser, "quality")
    before = browser.get(f"/log/case/{case}")
    assert ("Text changed before it was signed" in before.text, "three months" in before.text) == (True, False)
    page = shown(browser, case, **READ)
    assert changed(page) == (["malignant 0.93"], ["benign, control in three months"])
    told = stage.entries()[-1]
    assert (told["type"], told["decision"], told["suggestion"], told["role"]) == ("viewed", "read", suggestion, "quality")
    assert (told["detail"]["reason"], stage.verified().ok) == ("quality_review", True)


def test_without_a_reason_nothing_is_shown_and_nothing_is_logged(stage: Stage, browser: httpx.Client) -> None:
    case, _ = amended(stage)
    signed_in(stage, browser, "quality")
    size = len(stage.entries())
    for reason in ({}, {"reason": ""}, {"reason": "curiosity"}):
        page = shown(browser, case, **reason)
        assert (page.status_code, "three months" in page.text) == (400, False)
    assert len(stage.entries()) == size


def test_an_auditor_sees_that_a_text_was_changed_and_what_is_committed_to(stage: Stage, browser: httpx.Client) -> None:
    case, _ = amended(stage)
    stage.one_time["auditor"] = secret_of_auditor(stage)
    signed_in(stage, browser, "auditor")
    page = browser.get(f"/log/case/{case}")
    final = next(entry["commitments"]["final"] for entry in stage.entries("signed_off") if entry["case"] == case)
    assert ("Text changed before it was signed" in page.text, final[:16] in page.text) == (True, True)
    assert ("Show what was changed" in page.text, "Dr dr.a" in page.text) == (False, False)
    refused = browser.post(f"/log/case/{case}/changes", data={"csrf": field(page, "csrf"), **READ})
    assert (refused.status_code, "three months" in refused.text) == (403, False)


def test_while_two_decide_neither_text_nor_commitment_of_the_first_is_told(stage: Stage, browser: httpx.Client) -> None:
    """R12; the control: once the second has decided, both are there."""
    case, suggestion = amended(stage, "pair")
    signed_in(stage, browser, "quality")
    final = next(entry["commitments"]["final"] for entry in stage.entries("signed_off") if entry["case"] == case)
    for page in (browser.get(f"/log/case/{case}"), shown(browser, case, **READ)):
        assert (final[:16] in page.text, "three months" in page.text) == (False, False)
    change = {"decision": "amend", "amendment": {POINTER: AMENDED}}
    assert decide(stage, suggestion, opened(stage, suggestion, "dr.b"), "dr.b", **change).status_code == 200
    page = shown(browser, case, **READ)
    assert (final[:16] in page.text, page.text.count("three months")) == (True, 2)


def test_a_half_decided_case_stands_in_the_search_without_its_decision(stage: Stage, browser: httpx.Client) -> None:
    amended(stage, "pair")
    signed_in(stage, browser, "quality")
    page = browser.get("/log", params={"task": "pair"})
    assert (page.status_code, "decision whose content is not told yet" in page.text) == (200, True)


def test_what_is_not_kept_any_more_is_said(stage: Stage, browser: httpx.Client) -> None:
    case, suggestion = amended(stage)
    stage.rows("DELETE FROM payloads WHERE suggestion_id = $1::uuid", suggestion)
    signed_in(stage, browser, "quality")
    page = shown(browser, case, **READ)
    assert (page.status_code, "The texts are not kept" in page.text) == (200, True)


def test_a_case_that_is_not_there_is_unknown(stage: Stage, browser: httpx.Client) -> None:
    case, _ = amended(stage)
    signed_in(stage, browser, "quality")
    csrf = field(browser.get(f"/log/case/{case}"), "csrf")
    assert browser.post(f"/log/case/{uuid4()}/changes", data={"csrf": csrf, **READ}).status_code == 404


def test_search_names_people_for_who_may_know_them(stage: Stage, browser: httpx.Client) -> None:
    """The control is the auditor above, who sees pseudonyms."""
    amended(stage)
    signed_in(stage, browser, "quality")
    page = browser.get("/log", params={"type": "signed_off"})
    assert "<td>Dr dr.a <small>" in page.text
    assert "Dr dr.a" not in json.dumps(browser.get("/log.json", params={"type": "signed_off"}).json())
