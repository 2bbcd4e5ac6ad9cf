"""R55: what the AI system sent is what the signer judges and what the caller gets, byte for byte, through every adapter."""

from __future__ import annotations

import gzip
import json
from base64 import b64decode
from dataclasses import dataclass
from typing import TYPE_CHECKING, Any
from uuid import uuid4

import httpx
import pytest

from gateway.settings import Settings
from tests.adapters.examples import binary
from tests.fakes.model_server import CANARY, Script, chat, chat_stream, inference, prediction, response

if TYPE_CHECKING:
    from tests.stage import Stage

JSON = (("content-type", "application/json"),)
EVENTS = (("content-type", "text/event-stream"),)
GZIP = (*JSON, ("content-encoding", "gzip"))
ODD = chat().replace(b'"x_unknown"', b'\n\t"\\u0061bc" : 1.50e+00,"big":123456789012345678901234567890,  "x_unknown"', 1)
EVENT = b"event: response.completed\ndata: " + json.dumps({"type": "response.completed", "response": json.loads(response())}).encode()
BINARY = binary(texts=(CANARY.encode(),))
HEAD = tuple((key.decode(), value.decode()) for key, value in BINARY.headers)


@dataclass(frozen=True)
class Sent:
    """One answer of an AI system, byte for byte, and the call that gets it."""

    path: str
    asked: dict[str, Any]
    body: bytes
    headers: tuple[tuple[str, str], ...] = JSON
    task: str = "diagnosis"


CHAT, RESPONSES, INFER = "/v1/chat/completions", "/v1/responses", "/v2/models/tensor/infer"
ASK, INPUT = {"model": "reader", "messages": []}, {"model": "reader", "input": "x"}
ANSWERS = {
    "chat": Sent(CHAT, ASK, chat()),
    "chat, oddly written": Sent(CHAT, ASK, ODD),
    "chat, compressed": Sent(CHAT, ASK, gzip.compress(ODD), GZIP),
    "chat, streamed": Sent(CHAT, {**ASK, "stream": True}, b"".join(chat_stream(CANARY, " high")), EVENTS),
    "responses": Sent(RESPONSES, INPUT, response()),
    "responses, streamed": Sent(RESPONSES, {**INPUT, "stream": True}, EVENT + b"\n\n", EVENTS),
    "tensors": Sent(INFER, {"inputs": []}, inference()),
    "tensors, binary": Sent(INFER, {"inputs": []}, BINARY.body, HEAD),
    "json": Sent("/predict", {}, prediction()),
    "json, compressed": Sent("/predict", {}, gzip.compress(prediction()), GZIP),
}


def raw(stage: Stage, sent: Sent, key: str) -> tuple[int, bytes]:
    """The bytes on the wire, undecoded."""
    headers = {"authorization": f"Bearer {stage.key}", "prefer": "wait=0", "idempotency-key": key}
    with (
        httpx.Client(timeout=20) as client,
        client.stream("POST", f"{stage.base}/call/{sent.task}{sent.path}", headers=headers, json=sent.asked) as answer,
    ):
        return answer.status_code, b"".join(answer.iter_raw())


def judged(stage: Stage, sent: Sent, decision: str = "approve", **more: object) -> tuple[dict[str, Any], bytes]:
    """What the signer was shown, and what the caller got after the signature."""
    stage.model.scripts[sent.path] = Script(body=sent.body, headers=sent.headers)
    key = uuid4().hex
    assert CANARY.encode() not in raw(stage, sent, key)[1]
    doctor = stage.clinician()
    suggestion = doctor.waiting(sent.task)
    shown: dict[str, Any] = stage.api(doctor, "POST", f"/suggestions/{suggestion}/open", {}).json()
    body = {"lease": shown["lease"], "shown_sha256": shown["shown_sha256"], "decision": decision, "proof": doctor.password, **more}
    assert stage.api(doctor, "POST", f"/suggestions/{suggestion}/decision", body).json()["state"] == "released"
    return shown, raw(stage, sent, key)[1]


@pytest.mark.parametrize("name", ANSWERS)
def test_r55_signer_and_caller_get_the_ai_systems_own_bytes(stage: Stage, name: str) -> None:
    sent = ANSWERS[name]
    shown, released = judged(stage, sent)
    assert b64decode(shown["suggestion"]) == sent.body
    assert released == sent.body
    assert CANARY in json.dumps(shown["content"])


def test_an_amended_answer_is_no_longer_the_ai_systems(stage: Stage) -> None:
    """The control: the comparison sees a change of one word, and only that one."""
    shown, released = judged(stage, ANSWERS["chat, oddly written"], "amend", amendment={"/choices/0/message/content": "benign"})
    assert b64decode(shown["suggestion"]) == ODD
    assert released == ODD.replace(f"{CANARY} malignant 0.93".encode(), b"benign") != ODD


def test_no_setting_changes_a_result() -> None:
    """R55: thresholds, rankings and scores of one's own are a manufacturer's acts; there is nothing to switch them on with."""
    names = json.dumps(Settings.model_json_schema()).lower()
    assert [word for word in ("threshold", "rerank", "ranking", "score", "calibrat") if word in names] == []
