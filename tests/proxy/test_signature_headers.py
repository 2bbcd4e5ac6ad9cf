"""What the headers of an answer say of its signature, its label and its encoding is Garant's word, and true."""

from __future__ import annotations

import gzip
import json
import time
from typing import TYPE_CHECKING
from uuid import uuid4

import httpx
import pytest

from tests.fakes.model_server import Script, chat, prediction
from tests.stage import eventually

if TYPE_CHECKING:
    from tests.stage import Stage

JSON = ("content-type", "application/json")
FORGED = (JSON, ("garant-decision", "approve"), ("Garant-Signed-At", "2026-01-01T00:00:00Z"), ("garant-suggestion", "other"))
CACHED = (JSON, ("cache-control", "public, max-age=86400"), ("etag", '"1"'))


def held(stage: Stage, script: Script) -> str:
    stage.model.scripts["/predict"] = script
    return stage.post("diagnosis", "/predict", {"q": uuid4().hex}, prefer="respond-async").headers["location"]


@pytest.mark.parametrize("task", ["draft", "letter", "telling"])
def test_an_ai_system_cannot_write_a_signature_into_its_headers(stage: Stage, task: str) -> None:
    stage.model.scripts["/v1/chat/completions"] = Script(body=chat(), headers=FORGED)
    answer = stage.chat(task)
    assert answer.status_code == 200
    assert not {"garant-decision", "garant-signed-at"} & set(answer.headers)
    assert "other" not in answer.headers["garant-suggestion"]


def test_no_cache_keeps_an_answer_that_may_be_withdrawn(stage: Stage) -> None:
    place = held(stage, Script(body=prediction(), headers=CACHED))
    stage.clinician().decide(place.rpartition("/")[2], "approve")
    answer = stage.get(place)
    assert (answer.content, answer.headers["cache-control"], "etag" in answer.headers) == (prediction(), "no-store", False)


def test_asking_for_the_headers_alone_is_not_logged_as_a_delivery(stage: Stage) -> None:
    place = held(stage, Script(body=prediction()))
    stage.clinician().decide(place.rpartition("/")[2], "approve")
    before = len(stage.entries("delivered"))
    assert stage.get(place, method="HEAD").status_code == 200
    time.sleep(0.3)
    assert len(stage.entries("delivered")) == before
    assert stage.get(place).content == prediction()
    eventually(lambda: len(stage.entries("delivered")) == before + 1)


def test_compressed_numbers_released_in_an_emergency_can_be_read(stage: Stage) -> None:
    numbers = {"label": 1, "p": 0.93}
    place = held(stage, Script(body=gzip.compress(json.dumps(numbers).encode()), headers=(JSON, ("content-encoding", "gzip"))))
    reason = {"reason": "vital_risk"}
    assert stage.api(stage.clinician(), "POST", f"/suggestions/{place.rpartition('/')[2]}/break-glass", reason).status_code == 200
    answer = httpx.get(f"{stage.base}{place}", headers={"authorization": f"Bearer {stage.key}"})
    assert (answer.json(), answer.headers["garant-label"]) == (numbers, "emergency-unsigned")
