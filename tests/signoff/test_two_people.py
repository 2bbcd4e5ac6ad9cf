"""Two people decide blind to each other, and an arbiter where they differ (R12)."""

from __future__ import annotations

import base64
import json
from concurrent.futures import ThreadPoolExecutor
from typing import TYPE_CHECKING, Any

import pytest

from tests.fakes.model_server import CANARY
from tests.signoff.cases import new_case, received, state
from tests.signoff.test_decisions import decide, opened, refused
from tests.signoff.test_judging_first import judge
from tests.stage import built

if TYPE_CHECKING:
    from tests.stage import Stage

FIRST = "first-words-4711"
TEXT = f"{CANARY} amended by the first"


def amended(shown: dict[str, object], text: str = TEXT) -> dict[str, Any]:
    pointer = json.loads(str(shown["shown"]))["fields"][0]["pointer"]
    return {"decision": "amend", "amendment": {pointer: text}}


def rejection() -> dict[str, Any]:
    return {"decision": "reject", "reason": "wrong_finding", "comment": FIRST}


def disputed(stage: Stage, task: str = "pair") -> str:
    """A case in which dr.a approves and dr.b amends."""
    suggestion = new_case(stage, task)
    assert decide(stage, suggestion, opened(stage, suggestion)).status_code == 200
    shown = opened(stage, suggestion, "dr.b")
    assert decide(stage, suggestion, shown, "dr.b", **amended(shown)).status_code == 200
    return suggestion


@pytest.mark.parametrize("first", ["reject", "amend", "approve"])
def test_the_second_sees_no_trace_of_the_first_decision(stage: Stage, first: str) -> None:
    """R12: whatever the first decided, the second's API tells the same, but for ids, times and the fact that one decided."""
    suggestion = new_case(stage, "pair")
    shown = opened(stage, suggestion)
    more = {"reject": rejection(), "amend": {**amended(shown), "comment": FIRST}, "approve": {"comment": FIRST}}[first]
    assert decide(stage, suggestion, shown, **more).status_code == 200
    second = stage.clinician("dr.b")
    answers = [stage.api(second, "POST", f"/suggestions/{suggestion}/open", {})]
    answers += [
        stage.api(second, "GET", path)
        for path in ("/queue?task=pair", f"/suggestions/{suggestion}", f"/suggestions/{suggestion}/signatures")
    ]
    again = answers[0].json()
    text = "".join([*(answer.text for answer in answers), base64.b64decode(again["suggestion"]).decode()])
    told = dict(answers[2].json())
    assert not [mark for mark in (FIRST, TEXT, "Dr dr.a") if mark in text]
    assert (again["step"], again["shown_sha256"] == shown["shown_sha256"], again["opinions"], again["positions"]) == (
        "second",
        True,
        [],
        [],
    )
    assert (told["decision"], told["code"], told["decided_at"], answers[3].json()) == ("", "", None, [])


@pytest.mark.parametrize("kind", ["json", "pdf", "fhir.json"])
def test_no_form_of_the_record_tells_who_decides_blind_what_the_first_decided(stage: Stage, kind: str) -> None:
    """R12; the control: once both have decided, each form is there."""
    suggestion = new_case(stage, "pair")
    assert decide(stage, suggestion, opened(stage, suggestion), comment=FIRST).status_code == 200
    path = f"/suggestions/{suggestion}/record.{kind}"
    answer = stage.api(stage.clinician("dr.b"), "GET", path)
    assert (answer.status_code, answer.json()["code"]) == (404, "not_signed")
    assert decide(stage, suggestion, opened(stage, suggestion, "dr.b"), "dr.b").status_code == 200
    assert stage.api(stage.clinician("dr.b"), "GET", path).status_code == 200


@pytest.mark.parametrize("kind", ["approve", "amend", "reject"])
def test_two_who_decide_alike_settle_it(stage: Stage, kind: str) -> None:
    suggestion = new_case(stage, "pair")
    for who in ("dr.a", "dr.b"):
        shown = opened(stage, suggestion, who)
        more = {"reject": rejection(), "amend": amended(shown), "approve": {}}[kind]
        assert decide(stage, suggestion, shown, who, **more).status_code == 200
    assert state(stage, suggestion) == ("rejected" if kind == "reject" else "released")
    text = received(stage, suggestion).text
    assert (TEXT in text, CANARY in text) == (kind == "amend", kind != "reject")
    assert stage.verified().ok


def test_where_the_two_differ_nothing_leaves_and_an_arbiter_sees_both_without_names(stage: Stage) -> None:
    suggestion = disputed(stage)
    assert (state(stage, suggestion), CANARY in received(stage, suggestion).text) == ("disputed", False)
    for who in ("dr.a", "dr.b"):
        refused(stage, stage.api(stage.clinician(who), "POST", f"/suggestions/{suggestion}/open", {}), "third_person_needed")
    answer = stage.api(stage.clinician("dr.c"), "POST", f"/suggestions/{suggestion}/open", {})
    shown = answer.json()
    assert (shown["step"], [one["name"] for one in shown["positions"]]) == ("arbitrate", ["A", "B"])
    assert {one["decision"] for one in shown["positions"]} == {"approve", "amend"}
    assert {one["fields"][0]["value"] for one in shown["positions"]} == {TEXT, f"{CANARY} malignant 0.93"}
    assert not [name for name in ("dr.a", "dr.b") if name in answer.text]


@pytest.mark.parametrize("kind", ["approve", "amend", "reject"])
def test_the_arbiter_decides_and_exactly_that_leaves(stage: Stage, kind: str) -> None:
    """R12, R1: the bytes of the arbiter's decision, not those of another signature, on every door."""
    suggestion = disputed(stage)
    shown = opened(stage, suggestion, "dr.c")
    own = f"{CANARY} by the arbiter"
    more = {"reject": rejection(), "amend": amended(shown, own), "approve": {}}[kind]
    assert decide(stage, suggestion, shown, "dr.c", **more).status_code == 200
    text = stage.get(f"/suggestions/{suggestion}").text
    assert (own in text, TEXT in text, "malignant 0.93" in text) == (kind == "amend", False, kind == "approve")
    records = stage.api(stage.clinician(), "GET", f"/suggestions/{suggestion}/signatures").json()
    assert [one["arbitration"] for one in records] == [False, False, True]
    assert stage.verified().ok


def test_the_arbiter_comes_from_the_policys_groups_and_may_still_undo(stage: Stage) -> None:
    suggestion = disputed(stage, "arbitrated")
    refused(stage, stage.api(stage.clinician("dr.c"), "POST", f"/suggestions/{suggestion}/open", {}), "not_an_arbiter")
    senior = stage.clinician("dr.s")
    assert suggestion in {case["id"] for case in senior.queue("arbitrated")}
    assert suggestion not in {case["id"] for case in stage.clinician("dr.c").queue("arbitrated")}
    assert decide(stage, suggestion, opened(stage, suggestion, "dr.s"), "dr.s").json()["state"] == "signed"
    assert stage.api(senior, "POST", f"/suggestions/{suggestion}/undo").json()["state"] == "held"
    assert stage.verified().ok


def test_each_of_the_two_judges_first_for_himself(stage: Stage) -> None:
    """R12 with R13: the second reads neither the AI nor the first before an own judgement; so does the arbiter."""
    suggestion = new_case(stage, "blind")
    for who in ("dr.a", "dr.b"):
        shown = opened(stage, suggestion, who)
        assert (shown["step"], shown["suggestion"]) == ("judge", "")
        revealed = judge(stage, suggestion, shown, who).json()
        assert decide(stage, suggestion, revealed, who, after_judgement="kept").status_code == 200
    assert state(stage, suggestion) == "released"
    assert stage.verified().ok


def test_a_race_of_two_people_has_one_winner_and_the_other_is_told(stage: Stage) -> None:
    suggestion = new_case(stage, "judged")
    shown = opened(stage, suggestion)
    refused(stage, stage.api(stage.clinician("dr.b"), "POST", f"/suggestions/{suggestion}/open", {}), "leased")
    stage.rows("UPDATE suggestions SET leased_until = now() - interval '1 minute' WHERE id = $1", suggestion)
    theirs = opened(stage, suggestion, "dr.b")
    refused(stage, judge(stage, suggestion, shown), "lease_lost")
    assert judge(stage, suggestion, theirs, "dr.b").status_code == 200
    assert len(stage.rows("SELECT id FROM judgements WHERE suggestion_id = $1", suggestion)) == 1


def test_two_people_who_decide_in_the_same_moment_on_two_replicas_have_one_winner(postgres_server: str) -> None:
    """A lease that ran out lets a second person in; of both decisions one is recorded, the other refused in words."""
    for stage in built(postgres_server, 2):
        suggestion = new_case(stage)
        first = opened(stage, suggestion)
        stage.rows("UPDATE suggestions SET leased_until = now() - interval '1 minute' WHERE id = $1", suggestion)
        second = opened(stage, suggestion, "dr.b")
        with ThreadPoolExecutor(2) as both:
            one = both.submit(decide, stage, suggestion, first)
            other = both.submit(decide, stage, suggestion, second, "dr.b", decision="reject", reason="other")
        assert (one.result().status_code, other.result().status_code) == (409, 200)
        assert one.result().json()["code"] in {"lease_lost", "already_decided", "conflict"}
        assert len(stage.entries("rejected")) + len(stage.entries("signed_off")) == 1
        assert stage.verified().ok


def test_the_same_decision_sent_twice_at_once_is_recorded_once(stage: Stage) -> None:
    """A double press: both are told that it stands, one entry is written."""
    suggestion = new_case(stage)
    shown = opened(stage, suggestion)
    with ThreadPoolExecutor(2) as both:
        answers = [both.submit(decide, stage, suggestion, shown) for _ in range(2)]
    assert [answer.result().status_code for answer in answers] == [200, 200]
    assert sorted(answer.result().json()["already_recorded"] for answer in answers) == [False, True]
    assert len([entry for entry in stage.entries("signed_off") if entry["suggestion"] == suggestion]) == 1


def test_a_college_member_who_signs_second_reads_nothing_of_the_first_among_the_reasons(stage: Stage) -> None:
    """R12, R36: physicians of the college may read them; the control: once both have decided, both are counted."""
    suggestion, quality = new_case(stage, "pair"), stage.clinician("quality")

    def counted() -> int:
        return sum(one["times"] for one in stage.api(quality, "GET", "/reasons").json() if one["task"] == "pair")

    before = counted()
    assert decide(stage, suggestion, opened(stage, suggestion), **rejection()).status_code == 200
    assert counted() == before
    assert decide(stage, suggestion, opened(stage, suggestion, "dr.b"), "dr.b", **rejection()).status_code == 200
    assert counted() == before + 2
