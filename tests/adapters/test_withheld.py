"""R18: whatever the protocol and the state, a withheld answer is never a normal or negative result."""

from __future__ import annotations

import itertools

import orjson
import pytest
from openai.types.chat import ChatCompletion, ChatCompletionChunk
from openai.types.responses import Response, ResponseStreamEvent
from pydantic import TypeAdapter
from tritonclient.http import InferResult

from gateway.adapters import json_body, openai_chat, openai_responses, sse
from gateway.adapters.protocol import Reading, State
from gateway.adapters.registry import adapter, adapter_for_path
from gateway.errors import AuditUnavailable, Suspended, UpstreamFailed
from tests.adapters.examples import answer, asked, vectors, withheld

ROWS = vectors("withheld.json", "states")
STATES = tuple(State)
DOORS = (("openai", "/v1/chat/completions"), ("openai", "/v1/responses"), ("inference_v2", "/v2/models/m/infer"), ("json", "/predict"))
MATRIX = list(itertools.product(DOORS, STATES, (False, True), (False, True)))


def test_the_vectors_name_every_state() -> None:
    assert {row["state"] for row in ROWS} == {state.value for state in State}


@pytest.mark.parametrize(("door", "state", "stream", "as_refusal"), MATRIX)
def test_no_adapter_reads_its_own_withheld_reply_as_an_answer_that_says_something(
    door: tuple[str, str], state: State, stream: bool, as_refusal: bool
) -> None:
    recognised = asked(door[1], stream=stream)
    reply = adapter(door[0]).withhold(withheld(state, as_refusal=as_refusal), recognised)
    openai_refusal = door[0] == "openai" and as_refusal
    assert reply.status == (200 if openai_refusal else 403)
    assert b"not a negative result" in reply.body
    assert state.value.encode() in reply.body
    assert b'"finish_reason":"stop"' not in reply.body
    assert b'"outputs"' not in reply.body
    assert b"response.completed" not in reply.body
    if not openai_refusal and door[0] != "json":
        with pytest.raises(UpstreamFailed):
            adapter(door[0]).read(answer(reply.body), recognised, Reading())


@pytest.mark.parametrize("state", [State.SUSPENDED, State.FAILED, State.NOT_ANALYSED])
@pytest.mark.parametrize("door", DOORS)
def test_where_no_ai_is_to_be_had_the_reply_says_to_proceed_without(door: tuple[str, str], state: State) -> None:
    assert b"Proceed without AI" in adapter(door[0]).withhold(withheld(state), asked(door[1])).body


@pytest.mark.parametrize("door", DOORS)
def test_every_state_has_bytes_of_its_own(door: tuple[str, str]) -> None:
    replies = {adapter(door[0]).withhold(withheld(state), asked(door[1])).body for state in STATES}
    assert len(replies) == len(STATES)


@pytest.mark.parametrize("row", ROWS, ids=lambda row: row["state"])
def test_the_coded_reason_is_in_the_403(row: dict[str, str]) -> None:
    reply = adapter("openai").withhold(withheld(State(row["state"])), asked("/v1/chat/completions"))
    assert orjson.loads(reply.body)["error"]["code"] == row["code"]
    assert (b"x-should-retry", b"false") in reply.headers


@pytest.mark.parametrize("row", ROWS, ids=lambda row: row["state"])
def test_a_polled_response_is_never_completed_and_has_no_text(row: dict[str, str]) -> None:
    reply = adapter("openai").withhold(withheld(State(row["state"])), asked("", background=True))
    polled = Response.model_construct(**orjson.loads(reply.body))
    assert polled.status == row["polled"]
    assert polled.output == []
    assert polled.id == "resp_0198c0de000070008000000000000001"
    assert (polled.error is not None) == (row["polled"] in {"failed", "cancelled"})


@pytest.mark.parametrize("state", STATES)
def test_the_chat_refusal_is_a_whole_completion_without_content(state: State) -> None:
    reply = openai_chat.withhold(withheld(state, as_refusal=True), asked("/v1/chat/completions"))
    choice = ChatCompletion.model_validate_json(reply.body, strict=False).choices[0]
    assert choice.finish_reason == "content_filter"
    assert choice.message.content is None
    assert "garant.example/review/1" in (choice.message.refusal or "")


@pytest.mark.parametrize("state", STATES)
def test_the_streamed_chat_refusal_is_chunks_without_content(state: State) -> None:
    events, done = sse.objects(openai_chat.stream_tail(withheld(state, as_refusal=True), asked("/v1/chat/completions", stream=True)))
    chunks = [ChatCompletionChunk.model_validate(event) for event in events]
    assert done
    assert all(not chunk.choices[0].delta.content for chunk in chunks)
    assert [chunk.choices[0].finish_reason for chunk in chunks] == [None, "content_filter"]


@pytest.mark.parametrize("state", STATES)
def test_the_streamed_refusal_of_a_response_ends_incomplete(state: State) -> None:
    events, _ = sse.objects(openai_chat.stream_tail(withheld(state, as_refusal=True), asked("/v1/responses", stream=True)))
    reader: TypeAdapter[ResponseStreamEvent] = TypeAdapter(ResponseStreamEvent)
    types = [reader.validate_python(event).type for event in events]
    assert types[-1] == "response.incomplete"
    assert not [name for name in types if "output_text" in name]


@pytest.mark.parametrize("path", ["/v1/chat/completions", "/v1/responses"])
def test_the_error_at_a_stream_s_end_has_the_member_that_clients_raise_on(path: str) -> None:
    (event,) = sse.events(openai_chat.stream_tail(withheld(State.REJECTED), asked(path, stream=True)))
    assert orjson.loads(event.data)["error"]["code"] == "rejected_by_clinician"


@pytest.mark.parametrize("state", STATES)
def test_triton_s_own_reader_finds_no_tensor_in_a_withheld_reply(state: State) -> None:
    reply = adapter("inference_v2").withhold(withheld(state), asked("/v2/models/m/infer"))
    assert InferResult.from_response_body(reply.body).as_numpy("p") is None


def test_the_202_says_where_to_poll_and_that_nothing_is_negative() -> None:
    reply = json_body.accepted("s1", 5)
    assert (reply.status, dict(reply.headers)[b"location"], dict(reply.headers)[b"retry-after"]) == (202, b"/suggestions/s1", b"5")
    assert b"not a negative result" in reply.body


@pytest.mark.parametrize("path", ["/v1/x", "/call/t/v1/x", "/v2/x", "/call/t/v2/x", "/predict"])
def test_only_an_unwritable_log_may_be_tried_again(path: str) -> None:
    speaks = adapter_for_path(path)
    assert (b"x-should-retry", b"false") in speaks.refuse(Suspended("Stopped."), None).headers
    assert (b"x-should-retry", b"false") not in speaks.refuse(AuditUnavailable("No log."), None).headers


def test_a_deleted_response_is_told_as_the_client_expects() -> None:
    assert orjson.loads(openai_responses.deleted("s1").body) == {"id": "resp_s1", "object": "response", "deleted": True}
