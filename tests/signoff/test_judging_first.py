"""Judge first (R13): the own answer is committed before anything of the AI leaves, and it stays as it was."""

from __future__ import annotations

import json
from typing import TYPE_CHECKING

import pytest

from tests.fakes.model_server import CANARY, Script, chat
from tests.signoff.cases import new_case, received, state
from tests.signoff.test_decisions import decide, opened, refused

if TYPE_CHECKING:
    import httpx

    from tests.stage import Stage

MARKS = (CANARY, "benign-lesion-in-the-answer")


@pytest.fixture(autouse=True)
def _marked(stage: Stage) -> None:
    stage.model.scripts["/v1/chat/completions"] = Script(body=chat(f"{CANARY} {MARKS[1]}"))


def judge(stage: Stage, suggestion: str, shown: dict[str, object], who: str = "dr.a", **more: object) -> httpx.Response:
    body = {"lease": shown["lease"], "answer": "malignant", "confidence": 80, **more}
    return stage.api(stage.clinician(who), "POST", f"/suggestions/{suggestion}/judgement", body)


def everything(stage: Stage, suggestion: str, who: str) -> str:
    """All that the API tells a clinician about a case before a judgement, byte for byte, decoded where it is base64."""
    import base64  # noqa: PLC0415

    doctor = stage.clinician(who)
    answers = [stage.api(doctor, "POST", f"/suggestions/{suggestion}/open", {})]
    answers += [
        stage.api(doctor, "GET", path) for path in ("/queue", f"/suggestions/{suggestion}", f"/suggestions/{suggestion}/signatures")
    ]
    shown = answers[0].json()
    inner = [base64.b64decode(shown[name]).decode() for name in ("input", "suggestion")]
    return "".join([*(answer.text for answer in answers), *inner])


def test_before_the_own_judgement_nothing_of_the_ai_leaves_the_api(stage: Stage) -> None:
    """R13: not the answer, not its digest, not its length; the control shows that the marks are there afterwards."""
    suggestion = new_case(stage, "judged")
    seen = everything(stage, suggestion, "dr.a")
    assert not [mark for mark in MARKS if mark in seen]
    shown = opened(stage, suggestion)
    assert (shown["step"], shown["content"], shown["shown"], shown["suggestion"], shown["shown_sha256"]) == ("judge", None, "", "", "")
    revealed = judge(stage, suggestion, shown).json()
    assert (revealed["step"], MARKS[1] in json.dumps(revealed["content"])) == ("decide", True)
    assert revealed["own_judgement"]["answer"] == "malignant"


def test_without_the_own_judgement_nothing_is_decided(stage: Stage) -> None:
    suggestion = new_case(stage, "judged")
    shown = opened(stage, suggestion)
    refused(stage, decide(stage, suggestion, shown, shown_sha256="0" * 64), "judgement_first")
    assert state(stage, suggestion) == "held"


def test_a_judgement_is_logged_by_commitment_and_never_changed(stage: Stage) -> None:
    """R13: committed before the reveal; a second one is refused; the database refuses to change it; the verifier agrees."""
    suggestion = new_case(stage, "judged")
    shown = opened(stage, suggestion)
    revealed = judge(stage, suggestion, shown).json()
    refused(stage, judge(stage, suggestion, revealed, answer="benign"), "already_judged")
    with pytest.raises(Exception, match="never changed"):
        stage.rows("UPDATE judgements SET confidence = 1 WHERE suggestion_id = $1", suggestion)
    kinds = [entry["type"] for entry in stage.entries() if entry.get("suggestion") == suggestion]
    assert kinds[:4] == ["received", "viewed", "judged_first", "viewed"]
    entry = next(entry for entry in stage.entries("judged_first") if entry["suggestion"] == suggestion)
    assert sorted(entry["commitments"]) == ["confidence", "judgement"]
    assert decide(stage, suggestion, revealed, after_judgement="kept").status_code == 200
    assert stage.verified().ok


def test_whether_the_judgement_was_kept_is_asked_and_recorded(stage: Stage) -> None:
    """R13, R4: both are in the signed record."""
    suggestion = new_case(stage, "judged")
    revealed = judge(stage, suggestion, opened(stage, suggestion)).json()
    refused(stage, decide(stage, suggestion, revealed), "after_judgement_required")
    assert decide(stage, suggestion, revealed, after_judgement="changed").status_code == 200
    record = stage.api(stage.clinician(), "GET", f"/suggestions/{suggestion}/signatures").json()[0]
    assert (record["after_judgement"], record["judgement"]["answer"], record["judgement"]["confidence"]) == ("changed", "malignant", 80)
    assert stage.rows("SELECT confidence FROM judgements WHERE suggestion_id = $1", suggestion)[0]["confidence"] == 80


def test_opened_again_the_same_person_goes_on_and_another_judges_for_himself(stage: Stage) -> None:
    suggestion = new_case(stage, "judged")
    revealed = judge(stage, suggestion, opened(stage, suggestion)).json()
    assert opened(stage, suggestion)["step"] == "decide"
    lease = opened(stage, suggestion)["lease"]
    stage.api(stage.clinician(), "POST", f"/suggestions/{suggestion}/defer", {"lease": lease})
    other = opened(stage, suggestion, "dr.b")
    assert (other["step"], other["own_judgement"], other["suggestion"]) == ("judge", None, "")
    assert revealed["step"] == "decide"


def test_a_judgement_says_something_and_is_one_of_the_tasks_answers(stage: Stage) -> None:
    suggestion = new_case(stage, "blind")
    shown = opened(stage, suggestion)
    assert shown["judge_options"] == ["benign", "malignant"]
    refused(stage, judge(stage, suggestion, shown, answer="perhaps"), "answer_required")
    refused(stage, judge(stage, suggestion, shown, answer="x" * 2001), "text_too_long")
    assert judge(stage, suggestion, shown, confidence=101).status_code == 422
    assert opened(stage, suggestion)["step"] == "judge"


def test_where_nobody_is_asked_to_judge_a_judgement_is_refused(stage: Stage) -> None:
    suggestion = new_case(stage)
    refused(stage, judge(stage, suggestion, opened(stage, suggestion)), "already_judged")


def test_an_emergency_release_needs_no_judgement(stage: Stage) -> None:
    """R17 with R13: the door opens; whoever signs afterwards judges first."""
    suggestion = new_case(stage, "judged")
    assert (
        stage.api(stage.clinician("nurse"), "POST", f"/suggestions/{suggestion}/break-glass", {"reason": "vital_risk"}).status_code == 200
    )
    assert MARKS[1] in received(stage, suggestion).text
    shown = opened(stage, suggestion)
    assert shown["step"] == "judge"
    revealed = judge(stage, suggestion, shown).json()
    assert decide(stage, suggestion, revealed, after_judgement="kept").status_code == 200
    assert stage.verified().ok
