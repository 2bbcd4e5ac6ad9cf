"""What a decision needs, and what is refused: in words, logged, with nothing released (R1–R5, R17)."""

from __future__ import annotations

import threading
import time
from uuid import uuid4

import httpx
import pytest

from gateway.demo.clinician import Clinician
from tests.fakes.model_server import CANARY
from tests.signoff.cases import new_case, received
from tests.stage import Stage, eventually


def held(stage: Stage, task: str = "diagnosis", who: str = "dr.a") -> tuple[str, list[httpx.Response], threading.Thread]:
    answers: list[httpx.Response] = []
    thread = threading.Thread(target=lambda: answers.append(stage.chat(task)), daemon=True)
    thread.start()
    return stage.clinician(who).waiting(task), answers, thread


def leaked(answers: list[httpx.Response]) -> bool:
    """Whether a caller has got anything of the suggestion; a caller whose patience ended has got its state alone."""
    return any(CANARY in answer.text for answer in answers)


def opened(stage: Stage, suggestion: str, who: str = "dr.a") -> dict[str, object]:
    answer = stage.api(stage.clinician(who), "POST", f"/suggestions/{suggestion}/open", {})
    assert answer.status_code == 200, answer.text
    return dict(answer.json())


def decide(stage: Stage, suggestion: str, shown: dict[str, object], who: str = "dr.a", **more: object) -> httpx.Response:
    doctor = stage.clinician(who)
    body = {"lease": shown["lease"], "shown_sha256": shown["shown_sha256"], "decision": "approve", "proof": doctor.password, **more}
    return stage.api(
        doctor, "POST", f"/suggestions/{suggestion}/decision", {name: value for name, value in body.items() if value is not None}
    )


def refused(stage: Stage, answer: httpx.Response, code: str) -> None:
    assert answer.headers["content-type"].startswith("application/problem+json")
    assert answer.json()["code"] == code
    assert stage.entries("denied")[-1]["detail"]["code"] == code
    assert stage.entries("denied")[-1].get("suggestion") is not None


def signed(stage: Stage, suggestion: str) -> list[str]:
    """The decisions about a suggestion in the log."""
    return [entry["id"] for kind in ("signed_off", "rejected") for entry in stage.entries(kind) if entry["suggestion"] == suggestion]


def test_other_bytes_than_those_shown_are_refused(stage: Stage) -> None:
    suggestion, answers, _ = held(stage)
    answer = decide(stage, suggestion, opened(stage, suggestion), shown_sha256="0" * 64)
    refused(stage, answer, "shown_changed")
    assert not leaked(answers)


def test_a_suggestion_that_changed_after_it_was_opened_voids_the_decision(stage: Stage) -> None:
    """R3."""
    first, _, _ = held(stage)
    shown = opened(stage, first)
    other, _, _ = held(stage, "refusing")
    stage.rows(
        "UPDATE payloads SET ciphertext = (SELECT ciphertext FROM payloads WHERE suggestion_id = $2 AND field = 'suggestion') WHERE suggestion_id = $1 AND field = 'suggestion'",
        first,
        other,
    )
    answer = decide(stage, first, shown)
    refused(stage, answer, "content_damaged")


def test_a_stale_lease_is_refused(stage: Stage) -> None:
    suggestion, _, _ = held(stage)
    shown = opened(stage, suggestion)
    stage.rows("UPDATE suggestions SET leased_until = now() - interval '1 minute' WHERE id = $1", suggestion)
    refused(stage, decide(stage, suggestion, shown), "lease_expired")


def test_a_lease_of_somebody_else_is_refused(stage: Stage) -> None:
    suggestion, _, _ = held(stage)
    shown = opened(stage, suggestion)
    refused(stage, decide(stage, suggestion, shown, "dr.b"), "lease_lost")
    answer = stage.api(stage.clinician("dr.b"), "POST", f"/suggestions/{suggestion}/open", {})
    refused(stage, answer, "leased")


def test_the_same_decision_sent_twice_is_recorded_once(stage: Stage) -> None:
    suggestion, _, thread = held(stage)
    shown = opened(stage, suggestion)
    assert decide(stage, suggestion, shown).json()["already_recorded"] is False
    thread.join(10)
    before = signed(stage, suggestion)
    again = decide(stage, suggestion, shown)
    assert (again.status_code, again.json()["already_recorded"], again.json()["decision"]) == (200, True, "approve")
    assert (signed(stage, suggestion), len(before)) == (before, 1)


def test_another_decision_after_the_first_is_refused(stage: Stage) -> None:
    suggestion, _, thread = held(stage)
    shown = opened(stage, suggestion)
    assert decide(stage, suggestion, shown).status_code == 200
    thread.join(10)
    refused(stage, decide(stage, suggestion, shown, decision="reject", reason="other"), "already_decided")


def test_a_machine_key_cannot_sign(stage: Stage) -> None:
    suggestion, _, _ = held(stage)
    answer = httpx.post(f"{stage.base}/api/suggestions/{suggestion}/open", headers={"authorization": f"Bearer {stage.key}"}, json={})
    assert (answer.status_code, answer.json()["code"]) == (403, "machine_not_a_person")


def test_another_profession_cannot_sign(stage: Stage) -> None:
    suggestion, _, _ = held(stage)
    refused(stage, stage.api(stage.clinician("nurse"), "POST", f"/suggestions/{suggestion}/open", {}), "other_profession")


@pytest.mark.parametrize("login", ["quality", "it"])
def test_who_is_no_clinician_cannot_sign(stage: Stage, login: str) -> None:
    suggestion, _, _ = held(stage)
    answer = stage.api(stage.clinician(login), "POST", f"/suggestions/{suggestion}/open", {})
    assert (answer.status_code, answer.json()["code"]) == (403, "right_missing")


def test_expired_training_cannot_sign(stage: Stage) -> None:
    suggestion, _, _ = held(stage)
    stage.rows("UPDATE people SET trained_until = now() - interval '1 day' WHERE login = 'dr.b'")
    answer = stage.api(stage.clinician("dr.b"), "POST", f"/suggestions/{suggestion}/open", {})
    stage.rows("UPDATE people SET trained_until = NULL WHERE login = 'dr.b'")
    refused(stage, answer, "training_expired")


def test_without_a_new_proof_of_identity_nothing_is_decided(stage: Stage) -> None:
    """R5."""
    suggestion, _, _ = held(stage)
    time.sleep(0.01)
    refused(stage, decide(stage, suggestion, opened(stage, suggestion), proof=None), "reauthentication_required")


def test_a_wrong_proof_is_refused_and_logged(stage: Stage) -> None:
    suggestion, answers, _ = held(stage)
    answer = decide(stage, suggestion, opened(stage, suggestion), proof="wrong-password-1")
    assert answer.status_code == 401
    assert stage.entries("auth_failed")
    assert not leaked(answers)


def test_a_rejection_needs_a_reason_and_an_amendment_a_change_that_was_shown(stage: Stage) -> None:
    suggestion, _, _ = held(stage)
    shown = opened(stage, suggestion)
    refused(stage, decide(stage, suggestion, shown, decision="reject"), "reason_required")
    refused(stage, decide(stage, suggestion, shown, decision="amend"), "amendment_required")
    refused(stage, decide(stage, suggestion, shown, decision="amend", amendment={"/model": "x"}), "amendment_elsewhere")


def test_a_decision_has_no_default_and_there_is_no_bulk(stage: Stage) -> None:
    """R2."""
    suggestion, _, _ = held(stage)
    doctor = stage.clinician()
    shown = opened(stage, suggestion)
    body = {"lease": shown["lease"], "shown_sha256": shown["shown_sha256"], "proof": doctor.password}
    assert stage.api(doctor, "POST", f"/suggestions/{suggestion}/decision", body).status_code == 422
    assert stage.api(doctor, "POST", "/suggestions/decision", [body]).status_code in {404, 405}


def test_a_deferred_case_is_free_again(stage: Stage) -> None:
    suggestion, _, _ = held(stage)
    shown = opened(stage, suggestion)
    assert stage.api(stage.clinician(), "POST", f"/suggestions/{suggestion}/defer", {"lease": shown["lease"]}).status_code == 200
    assert stage.clinician("dr.b").waiting("diagnosis") == suggestion


def test_a_case_is_handed_over_to_who_may_sign_only(stage: Stage) -> None:
    suggestion, _, _ = held(stage)
    shown = opened(stage, suggestion)
    path = f"/suggestions/{suggestion}/hand-over"
    refused(stage, stage.api(stage.clinician(), "POST", path, {"lease": shown["lease"], "to": "nurse"}), "other_profession")
    assert stage.api(stage.clinician(), "POST", path, {"lease": shown["lease"], "to": "dr.b"}).status_code == 200
    assert stage.entries("handed_over")


def test_two_person_needs_two_different_people(stage: Stage) -> None:
    suggestion = new_case(stage, "pair")
    first, second = stage.clinician(), stage.clinician("dr.b")
    first.decide(suggestion, "approve")
    assert CANARY not in received(stage, suggestion).text
    refused(stage, stage.api(first, "POST", f"/suggestions/{suggestion}/open", {}), "second_person_needed")
    second.decide(suggestion, "approve")
    assert CANARY in received(stage, suggestion).text
    assert stage.verified().ok


def test_a_decision_can_be_taken_back_until_it_is_released(stage: Stage) -> None:
    suggestion, answers, thread = held(stage, "undoable")
    doctor = stage.clinician()
    assert doctor.decide(suggestion, "approve")["state"] == "signed"
    assert stage.api(doctor, "POST", f"/suggestions/{suggestion}/undo").json()["state"] == "held"
    doctor.decide(suggestion, "approve")
    thread.join(10)
    assert eventually(lambda: CANARY in stage.get(f"/suggestions/{suggestion}").text)
    assert len(answers) == 1
    assert stage.verified().ok


def test_the_signed_record_says_who_when_and_what_it_means(stage: Stage) -> None:
    """R4."""
    suggestion, _, thread = held(stage)
    stage.clinician().decide(suggestion, "approve")
    thread.join(10)
    record = stage.api(stage.clinician(), "GET", f"/suggestions/{suggestion}/signatures").json()[0]
    assert (record["printed_name"], record["profession"], record["model"], record["decision"]) == ("Dr dr.a", "doctor", "reader", "approve")
    assert record["meaning"]
    assert record["at"]


@pytest.mark.parametrize("later", ["approve", "reject"])
def test_break_glass_releases_labelled_at_once_and_owes_a_signature(stage: Stage, later: str) -> None:
    """R17: any bedside clinician, one request, no new authentication."""
    suggestion, answers, thread = held(stage)
    nurse = stage.clinician("nurse")
    answer = stage.api(nurse, "POST", f"/suggestions/{suggestion}/break-glass", {"reason": "vital_risk"})
    thread.join(10)
    assert answer.json()["state"] == "emergency"
    assert answers[0].headers["garant-label"] == "emergency-unsigned"
    assert "NOT SIGNED" in answers[0].json()["choices"][0]["message"]["content"]
    owed = stage.api(stage.clinician("quality"), "GET", "/owed").json()
    assert suggestion in {case["id"] for case in owed}
    stage.clinician().decide(suggestion, later, **({"reason": "other"} if later == "reject" else {}))
    assert stage.verified().ok


def test_machines_and_other_roles_cannot_break_the_glass(stage: Stage) -> None:
    suggestion, answers, _ = held(stage)
    answer = stage.api(stage.clinician("quality"), "POST", f"/suggestions/{suggestion}/break-glass", {"reason": "vital_risk"})
    assert answer.json()["code"] == "right_missing"
    assert not leaked(answers)


def test_one_ledger_row_for_each_finished_instance(stage: Stage) -> None:
    before = len(stage.rows("SELECT * FROM usage_records"))
    for decision in ("approve", "amend", "reject"):
        suggestion, _, thread = held(stage)
        more: dict[str, object] = {"amend": lambda shown: {shown["fields"][0]["pointer"]: uuid4().hex}} if decision == "amend" else {}
        stage.clinician().decide(suggestion, decision, **more, **({"reason": "other"} if decision == "reject" else {}))
        thread.join(10)
    stage.chat("letter")
    rows = stage.rows(
        "SELECT facts->>'outcome' AS outcome, (facts->>'edit_distance')::float AS edit FROM usage_records ORDER BY log_index"
    )[before:]
    assert [row["outcome"] for row in rows] == ["accepted", "amended", "rejected", "auto"]
    assert rows[0]["edit"] == 0.0
    assert rows[1]["edit"] > 0.0


def test_everything_above_leaves_a_log_that_verifies(stage: Stage) -> None:
    assert eventually(lambda: stage.verified().ok)


def test_a_session_of_a_machine_does_not_exist(stage: Stage) -> None:
    nobody = Clinician(stage.base, "ghost", "no-password-1", token="gs_nothing")
    assert stage.api(nobody, "GET", "/queue").status_code == 401
