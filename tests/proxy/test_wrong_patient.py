"""R23: an answer about another patient than the question is a failure in every mode and protocol, never a suggestion."""

from __future__ import annotations

import json
from dataclasses import dataclass, replace
from typing import TYPE_CHECKING, Any
from uuid import uuid4

import pytest

from tests.fakes.model_server import CANARY, DEFAULTS, Script, chat, chat_stream, inference, response
from tests.stage import Stage, built

if TYPE_CHECKING:
    from collections.abc import Iterator

    import httpx

MODES = ("diagnosis", "triage", "telling", "draft", "trial", "letter")
EVENTS = (("content-type", "text/event-stream"),)


@dataclass(frozen=True)
class Door:
    """A protocol: where it is called, what is asked about a patient, what is answered about one, and where both say whose it is."""

    path: str
    asked: dict[str, Any]
    answered: bytes
    request: str
    answer: str
    system: str = "reader"

    def body(self, patient: str | None) -> dict[str, Any]:
        place, _, name = self.request[1:].rpartition("/")
        said = {} if patient is None else {name: patient}
        return {**self.asked, place: said} if place else {**self.asked, **said}

    def script(self, patient: object) -> Script:
        told = self.answered.replace(b"%PATIENT%", str(patient).encode())
        return Script(body=told, headers=EVENTS) if self.asked.get("stream") else Script(body=told)


NAMED = {"patient": "%PATIENT%"}
CHAT = {"model": "reader", "messages": []}
STREAM = b"".join(chat_stream(CANARY)).replace(b'"id"', b'"patient": "%PATIENT%", "id"')
IN_PARAMETERS = inference().replace(b'"outputs"', b'"parameters": {"patient": "%PATIENT%"}, "outputs"', 1)
DOORS = {
    "chat": Door("/v1/chat/completions", CHAT, chat(**NAMED), "/metadata/patient", "/patient"),
    "stream": Door("/v1/chat/completions", {**CHAT, "stream": True}, STREAM, "/metadata/patient", "/patient"),
    "responses": Door(
        "/v1/responses",
        {"model": "reader", "input": "x"},
        json.dumps({**json.loads(response()), **NAMED}).encode(),
        "/metadata/patient",
        "/patient",
    ),
    "tensor": Door("/v2/models/tensor/infer", {"inputs": []}, IN_PARAMETERS, "/parameters/patient", "/parameters/patient", "tensor"),
    "json": Door("/predict", {}, json.dumps({"label": CANARY, "p": 0.5, **NAMED}).encode(), "/patient", "/patient", "plain"),
}
EVERYWHERE = [(name, task) for name, door in DOORS.items() for task in (MODES if door.system == "reader" else ("diagnosis",))]


def configured(stage: Stage, *, compared: bool) -> None:
    """Routes that read the patient from the request, and compare it with the answer's or not."""
    doors = {door.system: door for door in DOORS.values()}
    routes = tuple(
        route.model_copy(
            update={
                "wait_seconds": 0.0,
                "patient_pointers": {"id": doors[route.system].request},
                "identity_pointers": {"id": doors[route.system].answer} if compared else {},
            }
        )
        for route in stage.settings.routes
    )
    stage.settings = stage.settings.model_copy(update={"routes": routes})
    stage.add_replica()


@pytest.fixture(scope="module")
def two(postgres_server: str) -> Iterator[Stage]:
    """The first replica compares, the second one is configured without."""
    for stage in built(postgres_server, 0):
        configured(stage, compared=True)
        configured(stage, compared=False)
        yield stage


@pytest.fixture
def stage(two: Stage) -> Iterator[Stage]:
    two.model.scripts = dict(DEFAULTS)
    yield two
    two.rows(
        "UPDATE suggestions SET state = 'cancelled', next_clock_at = NULL, attach_key = NULL WHERE state IN ('held', 'notified', 'drafted')"
    )


def asked(stage: Stage, name: str, task: str, sent: str | None, told: object, replica: int = 0) -> httpx.Response:
    door = DOORS[name]
    stage.model.scripts[door.path] = door.script(told)
    return stage.post(task, door.path, door.body(sent), replica=replica, idempotency_key=uuid4().hex)


def newest(stage: Stage) -> tuple[str, str]:
    row = stage.rows("SELECT state, code FROM suggestions ORDER BY id DESC LIMIT 1")[0]
    return row["state"], row["code"]


@pytest.mark.parametrize(("name", "task"), EVERYWHERE)
@pytest.mark.parametrize(("sent", "told"), [("P1", "P2"), ("P1", ""), (None, "P1")], ids=["swapped", "not said", "not asked"])
def test_r23_another_patients_answer_is_blocked(stage: Stage, name: str, task: str, sent: str | None, told: str) -> None:
    answer = asked(stage, name, task, sent, told)
    assert (answer.status_code, CANARY in answer.text, "error" in answer.json() or "code" in answer.json()) == (502, False, True)
    assert newest(stage) == ("failed", "wrong_patient")
    assert stage.entries()[-1]["detail"]["code"] == "wrong_patient"
    assert stage.clinician().queue() == []


@pytest.mark.parametrize(("name", "task"), EVERYWHERE)
def test_the_same_patients_answer_is_a_suggestion(stage: Stage, name: str, task: str) -> None:
    """The control, and spelling is no other patient."""
    assert asked(stage, name, task, "Dupont  É", "DUPONT É").status_code in {200, 403}
    assert newest(stage)[0] != "failed"


@pytest.mark.parametrize(("name", "task"), EVERYWHERE)
def test_without_pointers_nothing_is_compared(stage: Stage, name: str, task: str) -> None:
    """The control without the setting."""
    assert asked(stage, name, task, "P1", "P2", replica=1).status_code in {200, 403}
    assert newest(stage)[0] != "failed"


def test_a_number_that_was_rounded_is_no_proof(stage: Stage) -> None:
    door = replace(DOORS["json"], answered=DOORS["json"].answered.replace(b'"%PATIENT%"', b"1.5"))
    stage.model.scripts[door.path] = door.script("")
    assert stage.post("diagnosis", door.path, door.body("1.5")).status_code == 502


def test_r23_is_checked_again_when_a_case_is_opened(stage: Stage) -> None:
    """The pointers came with a change of the configuration, after the answer was captured."""
    asked(stage, "chat", "diagnosis", "P1", "P3", replica=1)
    doctor = stage.clinician()
    suggestion = doctor.waiting("diagnosis")
    opened = stage.api(doctor, "POST", f"/suggestions/{suggestion}/open", {})
    assert (opened.status_code, opened.json()["code"], CANARY in opened.text) == (502, "wrong_patient", False)
    assert stage.entries("denied")[-1]["detail"]["code"] == "wrong_patient"


def test_r23_is_checked_again_when_an_answer_is_given_out(stage: Stage) -> None:
    asked(stage, "json", "diagnosis", "P1", "P4", replica=1)
    doctor = stage.clinician()
    suggestion = doctor.waiting("diagnosis")
    shown = stage.api(doctor, "POST", f"/suggestions/{suggestion}/open", {}, replica=1).json()
    body = {"lease": shown["lease"], "shown_sha256": shown["shown_sha256"], "decision": "approve", "proof": doctor.password}
    assert stage.api(doctor, "POST", f"/suggestions/{suggestion}/decision", body, replica=1).json()["state"] == "released"
    kept = stage.get(f"/suggestions/{suggestion}")
    assert (kept.status_code, CANARY in kept.text) == (502, False)
    assert [one["suggestion"] for one in stage.entries("delivered") if one["suggestion"] == suggestion] == []
    assert CANARY in stage.get(f"/suggestions/{suggestion}", replica=1).text
