"""Calls and answers that the adapter tests share."""

from __future__ import annotations

import json
import struct
from pathlib import Path

import orjson

from gateway.adapters import sse
from gateway.adapters.protocol import (
    Answer,
    Call,
    JsonValue,
    Operation,
    Recognised,
    State,
    Withheld,
)

VECTORS = Path(__file__).parent.parent / "vectors" / "protocols"
BODY = b'{"model":"m","inputs":[],"messages":[]}'


def vectors(name: str, part: str) -> list[dict[str, str]]:
    found: list[dict[str, str]] = json.loads((VECTORS / name).read_text())[part]
    return found


def call(method: str, path: str, body: bytes = BODY, *headers: tuple[bytes, bytes]) -> Call:
    return Call(method, path, b"", headers, body)


def asked(path: str, *, stream: bool = False, background: bool = False) -> Recognised:
    return Recognised(Operation.INFER, "m", path, b"", stream=stream, background=background)


def withheld(state: State, *, as_refusal: bool = False) -> Withheld:
    return Withheld(state, "0198c0de-0000-7000-8000-000000000001", "https://garant.example/review/1", "Held.", "", 1, as_refusal)


def answer(body: bytes, *headers: tuple[bytes, bytes]) -> Answer:
    return Answer(200, ((b"content-type", b"application/json"), *headers), body)


def chat(content: JsonValue = "No fracture.", finish: str | None = "stop", **more: JsonValue) -> dict[str, JsonValue]:
    message: dict[str, JsonValue] = {"role": "assistant", "content": content, **more}
    choice: JsonValue = {"index": 0, "message": message, "finish_reason": finish}
    return {"id": "c1", "object": "chat.completion", "created": 1, "model": "m-7", "choices": [choice], "vendor": {"kept": 1}}


def chunk(delta: dict[str, JsonValue], finish: str | None = None, index: int = 0) -> bytes:
    choice: JsonValue = {"index": index, "delta": delta, "finish_reason": finish}
    return sse.event({"id": "c1", "object": "chat.completion.chunk", "created": 1, "model": "m-7", "choices": [choice], "vendor": 1})


def chat_stream(*texts: str) -> bytes:
    return b"".join(chunk({"content": text}) for text in texts) + chunk({}, "stop") + sse.DONE


def response(text: str = "No fracture.") -> dict[str, JsonValue]:
    part: JsonValue = {"type": "output_text", "text": text, "annotations": []}
    item: JsonValue = {"id": "msg_1", "type": "message", "role": "assistant", "status": "completed", "content": [part]}
    rest: dict[str, JsonValue] = {"parallel_tool_calls": False, "tool_choice": "auto", "tools": []}
    return {"id": "resp_up", "object": "response", "created_at": 1, "status": "completed", "model": "m-7", "output": [item], **rest}


def response_stream(text: str = "No fracture.", streamed: str = "No fracture.") -> bytes:
    delta: JsonValue = {"type": "response.output_text.delta", "output_index": 0, "content_index": 0, "delta": streamed}
    return sse.event(delta) + sse.event({"type": "response.completed", "response": response(text)})


def tensors(values: tuple[float, ...] = (0.25, 0.75)) -> dict[str, JsonValue]:
    output: JsonValue = {"name": "p", "datatype": "FP32", "shape": [1, len(values)], "data": list(values)}
    return {"model_name": "m", "model_version": "3", "id": "q1", "outputs": [output]}


def binary(values: tuple[float, ...] = (0.25, 0.75), texts: tuple[bytes, ...] = (b"benign",)) -> Answer:
    raw = struct.pack(f"<{len(values)}f", *values)
    said = b"".join(struct.pack("<I", len(text)) + text for text in texts)
    sized: list[tuple[str, str, int, bytes]] = [("p", "FP32", len(values), raw), ("label", "BYTES", len(texts), said)]
    outputs: list[JsonValue] = [
        {"name": n, "datatype": d, "shape": [s], "parameters": {"binary_data_size": len(b)}} for n, d, s, b in sized
    ]
    head = orjson.dumps({"model_name": "m", "model_version": "3", "outputs": outputs})
    return answer(head + raw + said, (b"inference-header-content-length", str(len(head)).encode()))
