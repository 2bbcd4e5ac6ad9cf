"""What ends without a decision that counts: the time people spent on it is counted all the same."""

from __future__ import annotations

import json
import time
from contextlib import suppress
from typing import TYPE_CHECKING, Any

import httpx
import pytest

from tests.fakes.model_server import Script, chat_stream
from tests.signoff.cases import new_case, state
from tests.stage import Stage, built, eventually

if TYPE_CHECKING:
    from collections.abc import Iterator

LONG_UNDO = """
[[policies]]
id = "slow"
undo_seconds = 60
[[tasks]]
id = "slow"
kind = "diagnosis"
policy = "slow"
profession = "doctor"
[[routes]]
system = "reader"
task = "slow"
wait_seconds = 2
"""
SPENT = {"raw": 0.05, "capped": 0.04}


@pytest.fixture(scope="module")
def shared(postgres_server: str) -> Iterator[Stage]:
    yield from built(postgres_server, extra=LONG_UNDO)


def opened(stage: Stage, suggestion: str) -> dict[str, Any]:
    answer = stage.api(stage.clinician(), "POST", f"/suggestions/{suggestion}/open", {})
    assert answer.status_code == 200, answer.text
    time.sleep(SPENT["raw"])  # nobody is believed to have spent more than passed
    return dict(answer.json())


def signed(stage: Stage) -> str:
    suggestion = new_case(stage, "slow")
    shown = opened(stage, suggestion)
    body = {"lease": shown["lease"], "shown_sha256": shown["shown_sha256"], "decision": "approve", "active_seconds": SPENT}
    answer = stage.api(stage.clinician(), "POST", f"/suggestions/{suggestion}/decision", {**body, "proof": stage.clinician().password})
    assert (answer.status_code, state(stage, suggestion)) == (200, "signed"), answer.text
    return suggestion


def put_back(stage: Stage, task: str) -> str:
    suggestion = new_case(stage, task)
    body = {"lease": opened(stage, suggestion)["lease"], "active_seconds": SPENT}
    assert stage.api(stage.clinician(), "POST", f"/suggestions/{suggestion}/defer", body).status_code == 200
    return suggestion


def counted(stage: Stage, suggestion: str) -> tuple[str, float, float] | None:
    rows = stage.rows("SELECT facts FROM usage_records WHERE record = $1", suggestion)
    facts = json.loads(rows[0]["facts"]) if rows else {}
    return (facts["outcome"], facts["human_seconds_raw"], facts["human_seconds"]) if facts else None


def given_up(stage: Stage, suggestion: str) -> None:
    assert stage.get(f"/suggestions/{suggestion}", method="DELETE").status_code < 500
    assert state(stage, suggestion) == "cancelled"


def test_a_signed_case_that_its_caller_gives_up_before_release_counts_its_signer_s_time(stage: Stage) -> None:
    suggestion = signed(stage)
    given_up(stage, suggestion)
    assert counted(stage, suggestion) == ("ignored", 0.05, 0.04)


def test_a_case_that_was_put_back_and_then_stopped_counts_the_time_of_who_read_it(stage: Stage) -> None:
    suggestion, untouched = put_back(stage, "undoable"), new_case(stage, "undoable")
    body = {"scope": "task:undoable", "reason": "Test"}
    assert stage.api(stage.clinician("quality"), "POST", "/stops", body).status_code == 200
    assert stage.api(stage.clinician("quality"), "POST", "/stops/resume", body).status_code == 200
    assert (state(stage, suggestion), counted(stage, suggestion)) == ("suspended", ("ignored", 0.05, 0.04))
    assert (state(stage, untouched), counted(stage, untouched)) == ("suspended", None)


def test_a_case_that_nobody_opened_counts_nothing_when_it_is_given_up(stage: Stage) -> None:
    suggestion = new_case(stage)
    given_up(stage, suggestion)
    assert counted(stage, suggestion) is None


def test_a_support_stream_that_breaks_off_is_counted_as_of_no_use(stage: Stage) -> None:
    body = b"".join(chat_stream("one ", "two "))
    stage.model.scripts["/v1/chat/completions"] = Script(headers=(("content-type", "text/event-stream"),), body=body, reset=True)
    with suppress(httpx.HTTPError):
        stage.chat("letter", stream=True)
    query = "SELECT facts FROM usage_records WHERE task = 'letter'"
    found = eventually(lambda: stage.rows(query))
    assert stage.entries("delivery_failed")[-1]["task"] == "letter"
    assert [json.loads(row["facts"])["outcome"] for row in found] == ["ignored"]
