"""What is understood of calls and answers, and what is refused."""

from __future__ import annotations

import gzip
from dataclasses import replace

import orjson
import pytest
from hypothesis import given
from hypothesis import strategies as st

from gateway.adapters import document, inference_v2, openai_chat, sse
from gateway.adapters.protocol import Operation, Reading
from gateway.adapters.registry import adapter
from gateway.errors import BadInput, GarantError, Misconfigured, UpstreamFailed
from tests.adapters.examples import (
    answer,
    asked,
    binary,
    call,
    chat,
    chat_stream,
    chunk,
    response,
    response_stream,
    tensors,
    vectors,
)

CHAT, RESPONSES, INFER = asked("/v1/chat/completions"), asked("/v1/responses"), asked("/v2/models/m/infer")
CALL: dict[str, object] = {"id": "t1", "type": "function", "function": {"name": "order", "arguments": "{}"}}


@pytest.mark.parametrize("row", vectors("addresses.json", "calls"), ids=lambda row: f"{row['method']} {row['path']}")
def test_an_address_asks_for_its_operation(row: dict[str, str]) -> None:
    speaks = adapter(row["protocol"])
    if row["operation"] is None:
        with pytest.raises(GarantError):
            speaks.recognise(call(row["method"], row["path"]), Reading())
    else:
        assert speaks.recognise(call(row["method"], row["path"]), Reading()).operation == Operation(row["operation"])


BROKEN = [b"", b"[]", b"\xff", b'{"model":NaN}', b"{", b"[" * 5000, b'{"model":"m","x":' + b"[" * 500 + b"]" * 500 + b"}"]


@pytest.mark.parametrize("body", BROKEN, ids=range(len(BROKEN)))
@pytest.mark.parametrize("path", ["/v1/chat/completions", "/v1/responses", "/v2/models/m/infer", "/predict"])
def test_a_body_that_is_not_a_plain_json_object_is_refused(path: str, body: bytes) -> None:
    name = {"/v1": "openai", "/v2": "inference_v2"}.get(path[:3], "json")
    with pytest.raises(BadInput):
        adapter(name).recognise(call("POST", path, body), Reading())


@given(st.binary())
def test_no_answer_however_broken_raises_anything_but_ours(body: bytes) -> None:
    for name, recognised in (("openai", CHAT), ("openai", RESPONSES), ("openai", replace(CHAT, stream=True)), ("inference_v2", INFER)):
        with pytest.raises(UpstreamFailed):
            adapter(name).read(answer(body), recognised, Reading())


def test_background_is_taken_out_and_nothing_else() -> None:
    found = adapter("openai").recognise(call("POST", "/v1/responses", b'{"model":"m", "background": true, "n": 1.50}'), Reading())
    assert (found.background, found.forward_body) == (True, b'{"model":"m", "n": 1.50}')


def test_a_background_stream_is_refused() -> None:
    with pytest.raises(BadInput, match="background"):
        adapter("openai").recognise(call("POST", "/v1/responses", b'{"model":"m","background":true,"stream":true}'), Reading())


@pytest.mark.parametrize(("body", "pointer"), [(b'{"model":"m","metadata":{"case":"K1"}}', None), (b'{"model":"m","k":"K1"}', "/k")])
def test_the_case_is_read_where_the_route_or_the_protocol_says(body: bytes, pointer: str | None) -> None:
    assert adapter("openai").recognise(call("POST", "/v1/chat/completions", body), Reading(case=pointer)).case_ref == "K1"


def test_everything_a_message_says_is_shown() -> None:
    fields = adapter("openai").read(answer(orjson.dumps(chat(None, "tool_calls", tool_calls=[CALL]))), CHAT, Reading()).fields  # type: ignore[list-item]
    assert [(part.pointer, part.kind) for part in fields] == [("/choices/0/message/tool_calls", "action")]


def test_a_stream_of_actions_is_put_together() -> None:
    first = {"index": 0, "id": "t1", "type": "function", "function": {"name": "order", "arguments": '{"a"'}}
    more = {"index": 0, "function": {"arguments": ":1}"}}
    body = chunk({"tool_calls": [first]}) + chunk({"tool_calls": [more]}) + chunk({}, "tool_calls") + sse.DONE  # type: ignore[list-item]
    (part,) = adapter("openai").read(answer(body), replace(CHAT, stream=True), Reading()).fields
    assert (part.kind, orjson.dumps(part.value).count(b'{\\"a\\":1}')) == ("action", 1)


def test_several_streamed_choices_stay_apart() -> None:
    body = chunk({"content": "a"}) + chunk({"content": "b"}, index=1) + chunk({"content": "c"}, "stop") + chunk({}, "stop", 1) + sse.DONE
    assert [part.value for part in adapter("openai").read(answer(body), replace(CHAT, stream=True), Reading()).fields] == ["ac", "b"]


ERROR = b'data: {"error":{"message":"x"}}\n\n'
CUT = [
    chat_stream("a").removesuffix(sse.DONE),
    chunk({"content": "a"}) + sse.DONE,
    chunk({"content": "a"}) + ERROR + chunk({}, "stop") + sse.DONE,
    chat_stream("a")[:-40],
    b"event: error\ndata: {}\n\n",
]


@pytest.mark.parametrize("body", CUT, ids=range(len(CUT)))
def test_a_cut_or_failed_chat_stream_is_no_answer(body: bytes) -> None:
    with pytest.raises(UpstreamFailed):
        adapter("openai").read(answer(body), replace(CHAT, stream=True), Reading())


@pytest.mark.parametrize(
    "body", [chat(finish=None), {"error": {"message": "x"}}, {"choices": []}, {"choices": [1]}, {"choices": [{"finish_reason": "stop"}]}]
)
def test_a_chat_answer_that_is_not_whole_is_no_answer(body: dict[str, object]) -> None:
    with pytest.raises(UpstreamFailed):
        adapter("openai").read(answer(orjson.dumps(body)), CHAT, Reading())


def test_a_response_is_read_from_its_last_event() -> None:
    (part,) = adapter("openai").read(answer(response_stream()), replace(RESPONSES, stream=True), Reading()).fields
    assert (part.pointer, part.value) == ("/output/0/content/0/text", "No fracture.")


@pytest.mark.parametrize("body", [response_stream(streamed="Fracture."), sse.event({"type": "response.created", "response": response()})])
def test_a_response_stream_that_breaks_off_or_says_two_things_is_no_answer(body: bytes) -> None:
    with pytest.raises(UpstreamFailed):
        adapter("openai").read(answer(body), replace(RESPONSES, stream=True), Reading())


def test_binary_tensors_are_shown_as_values_with_their_columns() -> None:
    view = adapter("inference_v2").read(binary(), INFER, Reading(columns={"p": ("benign", "malignant")}))
    assert view.fields[0].value == {"shape": [2], "datatype": "FP32", "data": [0.25, 0.75], "columns": ["benign", "malignant"]}
    assert (view.fields[1].label, view.model_version) == ("label", "3")


@pytest.mark.parametrize("cut", [1, 4, 9, 15])
def test_a_cut_binary_tensor_is_no_answer(cut: int) -> None:
    whole = binary()
    with pytest.raises(UpstreamFailed):
        adapter("inference_v2").read(replace(whole, body=whole.body[:-cut]), INFER, Reading())


@pytest.mark.parametrize(
    "change", [{"shape": [3]}, {"shape": None}, {"datatype": "X"}, {"data": ["x", 1]}, {"data": [True, 1]}, {"name": 1}]
)
def test_a_tensor_that_contradicts_itself_is_no_answer(change: dict[str, object]) -> None:
    body = orjson.loads(orjson.dumps(tensors()))
    body["outputs"][0].update(change)
    with pytest.raises(UpstreamFailed):
        adapter("inference_v2").read(answer(orjson.dumps(body)), INFER, Reading())


def test_an_answer_to_another_request_is_no_answer() -> None:
    with pytest.raises(UpstreamFailed, match="another request"):
        adapter("inference_v2").read(answer(orjson.dumps(tensors())), replace(INFER, request_id="other"), Reading())


def test_a_json_answer_is_shown_where_the_configuration_points() -> None:
    reading = Reading(fields=(("/risk", "Risk"), ("/text", "Text")), version="/v")
    view = adapter("json").read(answer(b'{"risk":123456789012345678901234,"text":"t","v":"1"}'), asked("/predict"), reading)
    assert [(part.kind, part.value) for part in view.fields] == [("number", 123456789012345678901234), ("text", "t")]


@pytest.mark.parametrize("reading", [Reading(fields=(("/none", "x"),)), Reading(version="/none")])
def test_a_json_answer_without_a_configured_place_is_no_answer(reading: Reading) -> None:
    with pytest.raises(UpstreamFailed):
        adapter("json").read(answer(b'{"a":1}'), asked("/predict"), reading)


@pytest.mark.parametrize("encoding", [b"gzip", b"deflate", b"br", b"zstd"])
def test_a_broken_or_unknown_encoding_is_no_answer(encoding: bytes) -> None:
    with pytest.raises(UpstreamFailed):
        adapter("json").read(answer(b"\x1f\x8bnot it", (b"content-encoding", encoding)), asked("/predict"), Reading())


def test_a_bomb_is_not_inflated(monkeypatch: pytest.MonkeyPatch) -> None:
    monkeypatch.setattr(document, "MAX_DECODED", 1000)
    with pytest.raises(UpstreamFailed):
        document.decoded(answer(gzip.compress(b"0" * 100_000), (b"content-encoding", b"gzip")))


def test_the_gateway_s_own_lists_name_the_models() -> None:
    assert [model["id"] for model in orjson.loads(openai_chat.models_reply(["a", "b"]).body)["data"]] == ["a", "b"]
    assert [openai_chat.models_reply(["a"], name).status for name in ("a", "z")] == [200, 404]
    assert [inference_v2.local_reply(path).status for path in ("/v2", "/v2/health/live", "/v2/x")] == [200, 200, 404]


def test_a_protocol_nobody_speaks_is_a_misconfiguration() -> None:
    with pytest.raises(Misconfigured):
        adapter("soap")
