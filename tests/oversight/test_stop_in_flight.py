"""The stop button meets calls whose AI system is still thinking (R19)."""

from __future__ import annotations

import threading
import time
from typing import TYPE_CHECKING
from unittest.mock import patch

import pytest

from tests.fakes.model_server import CANARY, Script, chat
from tests.stage import CONFIGURATION, built, eventually

if TYPE_CHECKING:
    from collections.abc import Iterator

    import httpx

    from tests.stage import Stage

CHAT = "/v1/chat/completions"
TASKS = ("diagnosis", "triage", "draft", "letter")


@pytest.fixture
def stage(postgres_server: str) -> Iterator[Stage]:
    """Two replicas that wait long enough for an AI system that thinks."""
    with patch("tests.stage.CONFIGURATION", CONFIGURATION.replace("first_byte_seconds = 1.5", "first_byte_seconds = 8")):
        yield from built(postgres_server, 2)


def asked(stage: Stage) -> tuple[list[httpx.Response], list[threading.Thread]]:
    """One call of each release mode, by turns on two replicas; the AI system takes two seconds and a half to answer."""
    stage.model.scripts[CHAT] = Script(body=chat(), delay=2.5)
    answers: list[httpx.Response] = []
    threads = [
        threading.Thread(target=lambda n=n, task=task: answers.append(stage.chat(task, replica=n % 2, prefer="wait=5")))
        for n, task in enumerate(TASKS)
    ]
    for thread in threads:
        thread.start()
    assert eventually(lambda: stage.model.count(CHAT) == len(TASKS))
    return answers, threads


def ended(threads: list[threading.Thread]) -> None:
    for thread in threads:
        thread.join(10)


@pytest.mark.parametrize("scope", ["system:reader", "site:main"])
def test_an_answer_that_arrives_after_the_stop_is_withdrawn_on_every_replica(stage: Stage, scope: str) -> None:
    """R19: pressed on one replica while the AI systems work; all callers are told to proceed without AI, nothing is released."""
    it = stage.clinician("it")
    answers, threads = asked(stage)
    began = time.monotonic()
    stage.api(it, "POST", "/stops", {"scope": scope, "reason": "wrong results"})
    ended(threads)
    assert time.monotonic() - began < 5
    assert {(answer.status_code, answer.json()["error"]["code"]) for answer in answers} == {(503, "suspended")}
    assert not any(CANARY in answer.text for answer in answers)
    assert (stage.entries("released"), stage.verified().ok) == ([], True)
    assert stage.rows("SELECT 1 FROM suggestions WHERE state NOT IN ('suspended', 'failed', 'cancelled')") == []


def test_without_the_button_the_same_calls_leave_their_marks(stage: Stage) -> None:
    """The control: the letter and the draft leave."""
    answers, threads = asked(stage)
    ended(threads)
    assert sum(CANARY in answer.text for answer in answers) == 2
    assert len(stage.entries("released")) == 2
