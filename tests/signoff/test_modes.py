"""Release modes, webhooks, clocks and the stop button (R15, R16, R18, R19, R22)."""

from __future__ import annotations

import base64
import json
import threading
import time
from typing import TYPE_CHECKING

import pytest
from standardwebhooks.webhooks import Webhook

from tests.fakes.model_server import CANARY, Script
from tests.stage import ENVIRONMENT, Stage, built, eventually

if TYPE_CHECKING:
    from collections.abc import Iterator

    import httpx


@pytest.fixture(scope="module")
def three(postgres_server: str) -> Iterator[Stage]:
    yield from built(postgres_server, 3)


def test_a_time_critical_answer_notifies_the_person_on_call_at_once(stage: Stage) -> None:
    """R15: named person, signed webhook, labelled not validated; the caller gets the state and no content."""
    stage.pager.scripts["/hook"] = Script(status=204)
    began = time.monotonic()
    answer = stage.chat("triage")
    assert (answer.status_code, CANARY in answer.text) == (403, False)
    seen = eventually(lambda: stage.pager.seen)[-1]
    assert time.monotonic() - began < 10
    body = json.loads(Webhook(ENVIRONMENT["TEST_WEBHOOK"]).verify(seen.body, seen.headers) and seen.body)
    assert (body["type"], body["data"]["person"], body["data"]["validated"]) == ("suggestion.notified", "dr.a", False)
    assert CANARY.encode() not in seen.body


def test_webhooks_carry_an_ed25519_signature_too(stage: Stage) -> None:
    stage.pager.scripts["/hook"] = Script(status=204)
    stage.pager.seen.clear()
    stage.chat("triage")
    seen = eventually(lambda: stage.pager.seen)[-1]
    signature = next(part for part in seen.headers["webhook-signature"].split() if part.startswith("v1a,"))
    text = f"{seen.headers['webhook-id']}.{seen.headers['webhook-timestamp']}.".encode() + seen.body
    stage.keys.webhook.public_key().verify(base64.b64decode(signature[4:]), text)


def test_a_receiver_that_is_gone_is_not_asked_again(stage: Stage) -> None:
    stage.pager.scripts["/hook"] = Script(status=410)
    stage.chat("triage")
    assert eventually(lambda: list(stage.rows("SELECT gone, attempts FROM notices WHERE gone")))[-1]["attempts"] == 1


def test_content_goes_to_a_time_critical_caller_labelled_and_only_where_the_policy_says_so(stage: Stage) -> None:
    answer = stage.chat("telling")
    content = answer.json()["choices"][0]["message"]["content"]
    assert "NOT VALIDATED" in content
    assert answer.headers["garant-label"] == "notify_now-unsigned"


def test_an_overdue_time_critical_case_escalates_and_is_listed(stage: Stage) -> None:
    """R16."""
    stage.chat("triage")
    suggestion = stage.clinician().waiting("triage")
    assert eventually(lambda: [entry for entry in stage.entries("escalated") if entry["suggestion"] == suggestion])
    owed = stage.api(stage.clinician("quality"), "GET", "/owed").json()
    assert [case["overdue"] for case in owed if case["id"] == suggestion] == [True]
    stage.clinician().decide(suggestion, "approve")
    assert stage.verified().ok


def test_nothing_expires_silently_and_nothing_approves_itself(stage: Stage) -> None:
    """R2, R16: reminder, escalation, then withdrawal; never an approval."""
    answers: list[httpx.Response] = []
    thread = threading.Thread(target=lambda: answers.append(stage.chat("short")), daemon=True)
    thread.start()
    suggestion = stage.clinician().waiting("short")
    thread.join(10)
    kinds = eventually(
        lambda: (
            (found := [entry["type"] for entry in stage.entries() if entry.get("suggestion") == suggestion])
            and "expired" in found
            and found
        )
    )
    assert kinds == ["received", "notified", "overdue", "escalated", "expired"]
    assert CANARY not in answers[0].text


def test_a_draft_leaves_watermarked_and_can_be_signed(stage: Stage) -> None:
    answer = stage.chat("draft")
    assert "NOT SIGNED" in answer.json()["choices"][0]["message"]["content"]
    doctor = stage.clinician()
    suggestion = doctor.waiting("draft") if doctor.queue() else None
    stage.rows("UPDATE people SET profession = 'doctor' WHERE login = 'dr.a'")
    assert suggestion is not None
    doctor.decide(suggestion, "approve")
    assert stage.get(f"/suggestions/{suggestion}").json()["choices"][0]["message"]["content"] == f"{CANARY} malignant 0.93"
    assert stage.verified().ok


def test_a_trial_leaves_nothing_and_is_measured(stage: Stage) -> None:
    answer = stage.chat("trial")
    assert (answer.status_code, answer.json()["error"]["code"], CANARY in answer.text) == (403, "not_analysed", False)
    facts = json.loads(stage.rows("SELECT facts FROM usage_records WHERE task = 'trial'")[-1]["facts"])
    assert (facts["outcome"], facts["release_mode"]) == ("ignored", "shadow")


def test_the_stop_button_works_on_every_replica_within_seconds(three: Stage) -> None:
    """R19: callers on three replicas are told to proceed without AI; nothing is released afterwards."""
    answers: list[httpx.Response] = []
    threads = [threading.Thread(target=lambda n=n: answers.append(three.chat(replica=n, prefer="wait=20")), daemon=True) for n in range(3)]
    for thread in threads:
        thread.start()
    doctor = three.clinician()
    eventually(lambda: len(doctor.queue()) == 3)
    began = time.monotonic()
    stopped = three.api(three.clinician("it"), "POST", "/stops", {"scope": "task:diagnosis", "reason": "wrong results"}).json()
    for thread in threads:
        thread.join(10)
    assert time.monotonic() - began < 5
    assert (stopped["withdrawn"], {answer.json()["error"]["code"] for answer in answers}) == (3, {"suspended"})
    before = len(three.model.seen)
    assert {three.chat(replica=n).status_code for n in range(3)} == {503}
    assert len(three.model.seen) == before
    assert three.verified().ok


def test_a_stop_outlives_a_restart_and_resuming_needs_a_name_and_a_reason(three: Stage) -> None:
    it = three.clinician("it")
    three.api(it, "POST", "/stops", {"scope": "site:main", "reason": "network incident"})
    fresh = three.add_replica()
    assert three.chat("letter", replica=three.replicas.index(fresh)).status_code == 503
    assert three.api(it, "POST", "/stops/resume", {"scope": "site:main", "reason": ""}).status_code == 422
    for scope in ("site:main", "task:diagnosis"):
        assert three.api(it, "POST", "/stops/resume", {"scope": scope, "reason": "mended"}).status_code in {200, 409}
    assert eventually(lambda: three.chat("letter").status_code == 200)
    assert three.verified().ok


def test_a_release_that_was_signed_while_the_button_was_pressed_is_refused(three: Stage) -> None:
    thread = threading.Thread(target=three.chat, daemon=True)
    thread.start()
    doctor = three.clinician()
    suggestion = doctor.waiting("diagnosis")
    three.rows("UPDATE log_head SET stops = '{task:diagnosis}'")
    shown = three.api(doctor, "POST", f"/suggestions/{suggestion}/open", {}).json()
    body = {"lease": shown["lease"], "shown_sha256": shown["shown_sha256"], "decision": "approve", "proof": doctor.password}
    answer = three.api(doctor, "POST", f"/suggestions/{suggestion}/decision", body)
    three.rows("UPDATE log_head SET stops = '{}'")
    assert (answer.status_code, answer.json()["code"]) == (503, "suspended")


def test_a_signature_on_one_replica_wakes_the_caller_on_another(three: Stage) -> None:
    answers: list[tuple[float, httpx.Response]] = []

    def wait() -> None:
        answer = three.chat("refusing", replica=2)
        answers.append((time.monotonic(), answer))

    thread = threading.Thread(target=wait, daemon=True)
    thread.start()
    doctor = three.clinician()
    suggestion = doctor.waiting("refusing")
    doctor.decide(suggestion, "approve")
    signed = time.monotonic()
    thread.join(10)
    assert CANARY in answers[0][1].text
    assert answers[0][0] - signed < 1.0


def test_a_revoked_right_or_key_is_gone_on_every_replica(three: Stage) -> None:
    three.rows("SELECT pg_notify('garant', 'machines') FROM (SELECT 1) AS one")
    assert three.chat("letter", replica=1).status_code == 200


def test_health_and_metrics_say_nothing_about_anybody(stage: Stage) -> None:
    assert stage.get("/health/ready").json() == {"status": "ready"}
    text = stage.get("/metrics").text
    assert "garant_calls_total" in text
    assert "dr.a" not in text
