"""The official OpenAI client, unmodified, in front of the gateway (`protocols.md`, "OpenAI-compatible")."""

from __future__ import annotations

import threading
import time
from typing import TYPE_CHECKING, Any

import openai
import pytest

from tests.fakes.model_server import CANARY, Script, chat, chat_stream
from tests.stage import Stage, eventually

if TYPE_CHECKING:
    from collections.abc import Callable

CHAT = "/v1/chat/completions"


def client(stage: Stage, task: str = "diagnosis") -> openai.OpenAI:
    return openai.OpenAI(base_url=f"{stage.base}/call/{task}/v1", api_key=stage.key, timeout=20)


def ask(stage: Stage, task: str = "diagnosis", **more: Any) -> Any:  # noqa: ANN401 - whatever the client gives
    with client(stage, task) as known:
        return known.chat.completions.create(model="reader", messages=[{"role": "user", "content": f"q{time.monotonic_ns()}"}], **more)


def streamed(stage: Stage) -> str:
    with client(stage) as known:
        chunks = known.chat.completions.create(
            model="reader", messages=[{"role": "user", "content": f"q{time.monotonic_ns()}"}], stream=True
        )
        return "".join(chunk.choices[0].delta.content or "" for chunk in chunks if chunk.choices)


def later(work: Callable[[], Any]) -> tuple[threading.Thread, list[Any]]:
    results: list[Any] = []

    def run() -> None:
        try:
            results.append(work())
        except openai.OpenAIError as error:
            results.append(error)

    thread = threading.Thread(target=run, daemon=True)
    thread.start()
    return thread, results


def decided(stage: Stage, work: Callable[[], Any], decision: str, task: str = "diagnosis", **more: object) -> Any:  # noqa: ANN401 - whatever the client gives
    thread, results = later(work)
    doctor = stage.clinician()
    suggestion = doctor.waiting(task)
    assert results == []
    doctor.decide(suggestion, decision, **more)
    thread.join(10)
    return results[0]


def test_a_signed_completion_arrives_as_the_ai_system_wrote_it(stage: Stage) -> None:
    answer = decided(stage, lambda: ask(stage), "approve")
    assert answer.choices[0].message.content == f"{CANARY} malignant 0.93"


def test_an_amended_completion_changes_the_text_alone(stage: Stage) -> None:
    answer = decided(stage, lambda: ask(stage), "amend", amend=lambda shown: {shown["fields"][0]["pointer"]: "benign"})
    assert (answer.choices[0].message.content, answer.model_extra["x_unknown"]) == ("benign", {"kept": 1.5})


def test_a_rejected_completion_is_an_exception_with_the_coded_reason(stage: Stage) -> None:
    error = decided(stage, lambda: ask(stage), "reject", reason="poor_input")
    assert isinstance(error, openai.PermissionDeniedError)
    assert "poor_input" in error.message
    assert CANARY not in error.message


def test_a_completion_nobody_signs_in_time_is_one_403_and_one_inference(stage: Stage) -> None:
    with pytest.raises(openai.PermissionDeniedError) as caught:
        ask(stage)
    assert caught.value.code == "human_review_required"
    assert stage.model.count(CHAT) == 1


def test_a_refusing_route_gives_a_clean_refusal_and_no_content(stage: Stage) -> None:
    answer = ask(stage, "refusing")
    choice = answer.choices[0]
    assert (choice.finish_reason, choice.message.content) == ("content_filter", None)
    assert "/review/" in choice.message.refusal
    assert stage.model.count(CHAT) == 1


def test_tool_calls_are_held_like_text(stage: Stage) -> None:
    call = {"id": "t", "type": "function", "function": {"name": "order_ct", "arguments": "{}"}}
    choice = {"index": 0, "message": {"role": "assistant", "content": None, "tool_calls": [call]}, "finish_reason": "tool_calls"}
    stage.model.scripts[CHAT] = Script(body=chat(choices=[choice]))
    with pytest.raises(openai.PermissionDeniedError):
        ask(stage)


def test_a_stream_waits_for_the_signature_and_then_comes_whole(stage: Stage) -> None:
    stage.model.scripts[CHAT] = Script(chunks=chat_stream(CANARY, " malignant"), headers=(("content-type", "text/event-stream"),))
    assert decided(stage, lambda: streamed(stage), "approve") == f"{CANARY} malignant"


def test_an_amended_stream_carries_the_amended_text(stage: Stage) -> None:
    stage.model.scripts[CHAT] = Script(chunks=chat_stream(CANARY, " malignant"), headers=(("content-type", "text/event-stream"),))
    assert decided(stage, lambda: streamed(stage), "amend", amend=lambda shown: {shown["fields"][0]["pointer"]: "benign"}) == "benign"


def test_a_stream_nobody_signs_raises_in_the_client(stage: Stage) -> None:
    stage.model.scripts[CHAT] = Script(chunks=chat_stream(CANARY), headers=(("content-type", "text/event-stream"),))
    with pytest.raises(openai.APIError):
        streamed(stage)


def test_a_held_stream_keeps_its_connection_open_with_comments(stage: Stage) -> None:
    stage.model.scripts[CHAT] = Script(chunks=chat_stream(CANARY), headers=(("content-type", "text/event-stream"),))
    answer = stage.chat("diagnosis", stream=True)
    assert answer.content.startswith(b": held\n\n")
    assert CANARY.encode() not in answer.content


def test_a_background_response_is_the_native_hold(stage: Stage) -> None:
    with client(stage) as known:
        begun = known.responses.create(model="reader", input="q", background=True)
        assert begun.status == "queued"
        doctor = stage.clinician()
        suggestion = doctor.waiting("diagnosis")
        assert known.responses.retrieve(begun.id).status == "in_progress"
        doctor.decide(suggestion, "approve")
        done = known.responses.retrieve(begun.id)
    assert (done.id, done.status, done.output_text) == (begun.id, "completed", f"{CANARY} response")


def test_a_background_response_can_be_cancelled(stage: Stage) -> None:
    with client(stage) as known:
        begun = known.responses.create(model="reader", input="q2", background=True)
        stage.clinician().waiting("diagnosis")
        assert known.responses.cancel(begun.id).status == "cancelled"
    assert stage.clinician().queue() == []


def test_a_background_response_can_be_deleted(stage: Stage) -> None:
    with client(stage) as known:
        begun = known.responses.create(model="reader", input="q3", background=True)
        stage.clinician().waiting("diagnosis")
        known.responses.delete(begun.id)
        assert known.responses.retrieve(begun.id).status == "cancelled"


def test_a_rejected_background_response_has_failed_and_holds_nothing(stage: Stage) -> None:
    with client(stage) as known:
        begun = known.responses.create(model="reader", input="q4", background=True)
        doctor = stage.clinician()
        doctor.decide(doctor.waiting("diagnosis"), "reject", reason="other")
        found = known.responses.retrieve(begun.id)
    assert (found.status, found.output) == ("failed", [])


def test_a_background_response_of_a_broken_ai_system_fails(stage: Stage) -> None:
    stage.model.scripts["/v1/responses"] = Script(status=500)
    with client(stage) as known:
        begun = known.responses.create(model="reader", input="q5", background=True)
        found = eventually(lambda: (one := known.responses.retrieve(begun.id)).status == "failed" and one)
    assert found.output == []


def test_the_models_of_a_key_are_listed(stage: Stage) -> None:
    with client(stage) as known:
        assert [model.id for model in known.models.list()] == ["reader"]
        assert known.models.retrieve("reader").id == "reader"


def test_an_unknown_model_is_refused_and_not_forwarded(stage: Stage) -> None:
    with client(stage) as known, pytest.raises(openai.NotFoundError):
        known.chat.completions.create(model="nobody", messages=[{"role": "user", "content": "q"}])
    assert stage.model.seen == []


def test_a_call_without_a_task_is_refused_where_several_are_possible(stage: Stage) -> None:
    with openai.OpenAI(base_url=f"{stage.base}/v1", api_key=stage.key) as known, pytest.raises(openai.NotFoundError, match="several tasks"):
        known.chat.completions.create(model="reader", messages=[{"role": "user", "content": "q"}])
    assert stage.model.seen == []


def test_a_wrong_key_is_refused(stage: Stage) -> None:
    with openai.OpenAI(base_url=f"{stage.base}/call/diagnosis/v1", api_key="gk_no_key") as known, pytest.raises(openai.AuthenticationError):
        known.models.list()
