"""A hostile AI system: what it hides from the signer and shows to the caller is no answer at all."""

from __future__ import annotations

import json

import pytest

from gateway.adapters.protocol import Answer, Operation, Reading, Recognised
from gateway.adapters.registry import adapter
from gateway.errors import UpstreamFailed

JSON = ((b"content-type", b"application/json"),)
CHAT, RESPONSES, INFER = "/v1/chat/completions", "/v1/responses", "/v2/models/m/infer"
TWICE = b'{"choices":[{"message":{"role":"assistant","content":"ill","content":"well"},"finish_reason":"stop"}]}'
CALL: dict[str, object] = {
    "type": "function_call",
    "id": "f",
    "call_id": "c",
    "name": "prescribe",
    "arguments": '{"mg":1}',
    "status": "completed",
}
TEXT: dict[str, object] = {"type": "output_text", "text": "well", "annotations": []}
MESSAGE: dict[str, object] = {"type": "message", "id": "m", "role": "assistant", "status": "completed", "content": [TEXT]}
WHOLE: dict[str, object] = {"id": "r", "object": "response", "status": "completed", "model": "m", "output": [MESSAGE, CALL]}


def event(**members: object) -> bytes:
    return b"data: " + json.dumps(members).encode() + b"\n\n"


def chunk(content: object, finish: str | None = None) -> bytes:
    return event(model="m", choices=[{"index": 0, "delta": {"content": content}, "finish_reason": finish}])


def responses(*told: dict[str, object]) -> bytes:
    return b"".join(event(**one) for one in told) + event(type="response.completed", response=WHOLE)


def read(path: str, body: bytes, *, stream: bool = False) -> list[object]:
    protocol = "inference_v2" if path == INFER else "openai"
    asked = Recognised(Operation.INFER, "m", path, b"", stream=stream, request_id="q")
    return [part.value for part in adapter(protocol).read(Answer(200, JSON, body), asked, Reading()).fields]


END = chunk(None, "stop") + b"data: [DONE]\n\n"
HIDDEN = {
    "a text and its replacement": (CHAT, chunk("ill") + chunk(0) + chunk("well") + END),
    "a text and an object": (CHAT, chunk("ill") + chunk({"x": 1}) + END),
    "a text after the end": (CHAT, chunk("well") + END + chunk("ill")),
    "an action with a list as its place": (
        CHAT,
        chunk(None) + event(choices=[{"index": 0, "delta": {"tool_calls": [{"index": [0]}] * 2}}]),
    ),
    "a second end": (CHAT, chunk("well") + END + b"data: [DONE]\n\n"),
    "two members of one name": (CHAT, b'data: {"choices":[{"index":0,"delta":{"content":"ill","content":"well"}}]}\n\n' + END),
    "another text when done": (
        RESPONSES,
        responses({"type": "response.output_text.done", "output_index": 0, "content_index": 0, "text": "ill"}),
    ),
    "another item": (
        RESPONSES,
        responses({"type": "response.output_item.done", "output_index": 0, "item": {**MESSAGE, "content": [{**TEXT, "text": "ill"}]}}),
    ),
    "another dose": (RESPONSES, responses({"type": "response.function_call_arguments.done", "output_index": 1, "arguments": '{"mg":9}'})),
    "another dose bit by bit": (
        RESPONSES,
        responses({"type": "response.function_call_arguments.delta", "output_index": 1, "delta": '{"mg":9}'}),
    ),
    "a text in the beginning": (
        RESPONSES,
        responses({"type": "response.output_item.added", "output_index": 1, "item": {**CALL, "arguments": '{"mg":9}'}}),
    ),
    "a finished snapshot": (
        RESPONSES,
        responses({"type": "response.in_progress", "response": {**WHOLE, "output": [{**TEXT, "text": "ill"}]}}),
    ),
    "sound": (RESPONSES, responses({"type": "response.audio.delta", "delta": "aWxs"})),
}


@pytest.mark.parametrize("kind", HIDDEN)
def test_a_stream_that_shows_its_reader_more_than_its_signer_is_refused(kind: str) -> None:
    path, body = HIDDEN[kind]
    with pytest.raises(UpstreamFailed):
        read(path, body, stream=True)


def test_an_honest_stream_of_texts_and_actions_is_read() -> None:
    told: list[dict[str, object]] = [
        {"type": "response.created", "response": {**WHOLE, "output": [], "status": "in_progress", "tools": [{"name": "prescribe"}]}},
        {"type": "response.output_item.added", "output_index": 0, "item": {**MESSAGE, "content": []}},
        {"type": "response.output_text.delta", "output_index": 0, "content_index": 0, "delta": "we"},
        {"type": "response.output_text.delta", "output_index": 0, "content_index": 0, "delta": "ll"},
        {"type": "response.content_part.done", "output_index": 0, "content_index": 0, "part": {**TEXT, "logprobs": []}},
        {"type": "response.output_item.added", "output_index": 1, "item": {**CALL, "arguments": ""}},
        {"type": "response.function_call_arguments.delta", "output_index": 1, "delta": '{"mg":1}'},
        {"type": "response.output_item.done", "output_index": 1, "item": CALL},
    ]
    assert read(RESPONSES, responses(*told), stream=True) == ["well", CALL]
    assert read(CHAT, chunk("we") + chunk("ll") + END, stream=True) == ["well"]


STRANGE = {
    "two members of one name": (CHAT, TWICE),
    "a list as its status": (RESPONSES, json.dumps({**WHOLE, "status": ["completed"]}).encode()),
    "a list as its id": (
        INFER,
        json.dumps({"id": ["q"], "outputs": [{"name": "p", "datatype": "FP64", "shape": [1], "data": [1.0]}]}).encode(),
    ),
}


@pytest.mark.parametrize("kind", STRANGE)
def test_an_answer_of_a_strange_shape_is_a_failure_of_the_ai_system(kind: str) -> None:
    with pytest.raises(UpstreamFailed):
        read(*STRANGE[kind])
