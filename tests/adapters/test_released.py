"""R55: an approved answer leaves byte for byte; an amended one differs in the signed part alone."""

from __future__ import annotations

import gzip
import json
import zlib
from dataclasses import replace

import brotli
import numpy as np
import orjson
import pytest
from hypothesis import given
from hypothesis import strategies as st
from openai.types.responses import Response, ResponseStreamEvent
from pydantic import TypeAdapter
from tritonclient.http import InferResult

from gateway.adapters import sse
from gateway.adapters.exact.spans import replaced, with_member, without_member
from gateway.adapters.protocol import Answer, Reading, Recognised
from gateway.adapters.registry import adapter
from gateway.errors import BadInput
from tests.adapters.examples import (
    answer,
    asked,
    binary,
    chat,
    chat_stream,
    response,
    response_stream,
    tensors,
)

CHAT, RESPONSES, INFER = asked("/v1/chat/completions"), asked("/v1/responses"), asked("/v2/models/m/infer")
TEXT = "/choices/0/message/content"
JSON = st.recursive(
    st.none() | st.booleans() | st.integers() | st.text(), lambda part: st.lists(part) | st.dictionaries(st.text(), part), max_leaves=8
)


@given(
    st.binary(),
    st.sampled_from([("openai", CHAT), ("openai", RESPONSES), ("inference_v2", INFER), ("json", asked("/predict"))]),
    st.booleans(),
)
def test_an_approved_answer_leaves_byte_for_byte(body: bytes, door: tuple[str, Recognised], stream: bool) -> None:
    sent = answer(body, (b"content-encoding", b"gzip"), (b"x-vendor", b"1"), (b"connection", b"x-hop"), (b"x-hop", b"1"))
    reply = adapter(door[0]).render(sent, None, replace(door[1], stream=stream), "s")
    assert reply.body == body
    assert reply.headers == ((b"content-type", b"application/json"), (b"content-encoding", b"gzip"), (b"x-vendor", b"1"))


@given(st.text(), st.integers())
def test_an_amended_chat_answer_keeps_every_other_byte(text: str, big: int) -> None:
    body = b'{ "big": %d, "n": 1.50, "model":"m", "choices" : [{"message":{"content": "old"},"finish_reason":"stop"}] }' % big
    reply = adapter("openai").render(answer(body), {TEXT: text}, CHAT, "s")
    assert reply.body == body.replace(b'"old"', orjson.dumps(text))


@given(st.dictionaries(st.text(), JSON, min_size=1), JSON.filter(lambda value: len(str(value)) < 50), st.data())
def test_a_replaced_member_is_the_only_one_that_changes(document: dict[str, object], value: object, data: st.DataObject) -> None:
    name = data.draw(st.sampled_from(sorted(document)))
    small = value if not isinstance(value, int) else value % 1000
    pointer = "/" + name.replace("~", "~0").replace("/", "~1")
    try:
        changed = replaced(json.dumps(document).encode(), {pointer: small})  # type: ignore[dict-item]
    except BadInput:
        return
    assert json.loads(changed) == {**document, name: small}


@given(st.dictionaries(st.text(), JSON), st.text(max_size=3))
def test_a_member_goes_and_comes_without_harm_to_the_others(document: dict[str, object], name: str) -> None:
    body = json.dumps(document).encode()
    assert json.loads(without_member(body, name)) == {key: value for key, value in document.items() if key != name}
    if "/" not in name and "~" not in name:
        assert json.loads(with_member(body, name, value=1)) == {**document, name: 1}


@pytest.mark.parametrize(("name", "packed"), [(b"gzip", gzip.compress), (b"deflate", zlib.compress), (b"br", brotli.compress)])
def test_a_compressed_answer_is_shown_unpacked_and_amended_without_its_encoding(name: bytes, packed: object) -> None:
    assert callable(packed)
    sent = answer(packed(orjson.dumps(chat())), (b"content-encoding", name))
    assert adapter("openai").read(sent, CHAT, Reading()).fields[0].value == "No fracture."
    reply = adapter("openai").render(sent, {TEXT: "Fracture."}, CHAT, "s")
    assert orjson.loads(reply.body) == chat("Fracture.")
    assert reply.headers == ((b"content-type", b"application/json"),)


@given(st.text(min_size=1))
def test_an_amended_stream_reads_back_as_the_amended_text(text: str) -> None:
    asks = replace(CHAT, stream=True)
    reply = adapter("openai").render(answer(chat_stream("No ", "fracture.")), {TEXT: text}, asks, "s")
    assert adapter("openai").read(answer(reply.body), asks, Reading()).fields[0].value == text
    assert all(event["vendor"] == 1 for event in sse.objects(reply.body)[0])


def test_an_amended_stream_of_a_response_is_made_of_events_the_official_types_accept() -> None:
    asks = replace(RESPONSES, stream=True)
    reply = adapter("openai").render(answer(response_stream()), {"/output/0/content/0/text": "Fracture."}, asks, "s")
    reader: TypeAdapter[ResponseStreamEvent] = TypeAdapter(ResponseStreamEvent)
    events = [reader.validate_python(event) for event in sse.objects(reply.body)[0]]
    assert [event.sequence_number for event in events] == list(range(len(events)))
    assert (events[0].type, events[-1].type) == ("response.created", "response.completed")
    assert b"No fracture." not in reply.body


def test_a_background_answer_is_completed_under_the_id_that_is_polled() -> None:
    asks = replace(RESPONSES, background=True)
    reply = adapter("openai").render(answer(orjson.dumps(response())), None, asks, "0198c0de-0000-7000-8000-000000000001")
    told = Response.model_validate_json(reply.body)
    assert (told.id, told.status, told.output_text) == ("resp_0198c0de000070008000000000000001", "completed", "No fracture.")
    assert adapter("openai").render(answer(reply.body), None, asks, "0198c0de-0000-7000-8000-000000000001").body == reply.body


def test_a_json_tensor_is_amended_in_place() -> None:
    reply = adapter("inference_v2").render(answer(orjson.dumps(tensors())), {"/outputs/0/data": [0.5, 0.5]}, INFER, "s")
    assert orjson.loads(reply.body) == tensors((0.5, 0.5))


@pytest.mark.parametrize("label", ["", "malignant", "b" * 900])
def test_binary_tensors_are_amended_so_that_triton_s_reader_agrees(label: str) -> None:
    reply = adapter("inference_v2").render(binary(), {"/outputs/0/data": [0.5, 0.125], "/outputs/1/data": [label]}, INFER, "s")
    length = int(dict(reply.headers)[b"inference-header-content-length"])
    found = InferResult.from_response_body(reply.body, header_length=length)
    assert found.as_numpy("p") == pytest.approx(np.array([0.5, 0.125]))
    assert found.as_numpy("label").tolist() == [label.encode()]


def test_an_amended_binary_body_beside_the_old_headers_gets_the_length_that_fits() -> None:
    amended = adapter("inference_v2").render(binary(), {"/outputs/1/data": ["b" * 900]}, INFER, "s")
    kept = Answer(200, binary().headers, amended.body)
    assert adapter("inference_v2").render(kept, None, INFER, "s") == amended


@pytest.mark.parametrize("value", [[0.5], [0.5, "x"], [0.5, True], [0.5, float("nan")], [0.5, 1e300], "x", [[0.5, 0.5]]])
def test_a_tensor_of_another_length_or_type_is_refused(value: object) -> None:
    with pytest.raises(BadInput):
        adapter("inference_v2").render(binary(), {"/outputs/0/data": value}, INFER, "s")  # type: ignore[dict-item]


@pytest.mark.parametrize("amendment", [{"/id": "x"}, {TEXT: 1}, {"/choices/9/message/content": "x"}, {"choices": "x"}])
def test_only_what_was_shown_can_be_amended(amendment: dict[str, str]) -> None:
    with pytest.raises(BadInput):
        adapter("openai").render(answer(orjson.dumps(chat())), dict(amendment), CHAT, "s")
