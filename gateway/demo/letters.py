"""The texts of the demo AI, a reading and a letter, and the OpenAI documents and events that carry them.

Both texts are written from the data they are given; nothing is invented.
"""

from __future__ import annotations

import json
import time
import uuid
from typing import TYPE_CHECKING, Final

if TYPE_CHECKING:
    from collections.abc import Iterator
    from typing import Any

    from gateway.demo.model import Model, Prediction

_CHUNK: Final = 24


def reading(prediction: Prediction) -> str:
    """A short text with the probability and the measurements that weighed most."""
    lines = [
        f"Cytology reading: {prediction.label}. Probability of malignancy {prediction.malignant:.3f}.",
        "Measurements that weighed most:",
    ]
    lines += [f"- {name} = {value:.4g} ({'towards' if weight > 0 else 'against'} malignancy)" for name, value, weight in prediction.weighed]
    return "\n".join(lines)


def from_message(model: Model, text: str) -> str:
    """The reading for measurements given as JSON in a message. Raises ValueError where there are none."""
    start, end = text.find("{"), text.rfind("}")
    if start < 0 or end < start:
        message = "the message holds no JSON object with measurements"
        raise ValueError(message)
    measurements = json.loads(text[start : end + 1])
    return reading(model.predict([float(measurements[name]) for name in model.names]))


def letter(text: str) -> str:
    """A letter that passes a signed result on, word for word."""
    result = text.strip()
    return (
        "Dear colleague,\n\nthank you for referring your patient to our cytology laboratory. The result that we have signed reads:\n\n"
        f"{result}\n\nPlease contact us with any question.\n\nKind regards,\nThe cytology laboratory (demonstration, fictitious)"
    )


def chat_events(base: dict[str, Any], text: str) -> Iterator[bytes]:
    """The server-sent events of a streamed chat completion."""

    def event(delta: dict[str, str], finish: str | None) -> bytes:
        choice = {"index": 0, "delta": delta, "logprobs": None, "finish_reason": finish}
        return b"data: " + json.dumps({**base, "object": "chat.completion.chunk", "choices": [choice]}).encode() + b"\n\n"

    yield event({"role": "assistant", "content": ""}, None)
    for start in range(0, len(text), _CHUNK):
        yield event({"content": text[start : start + _CHUNK]}, None)
    yield event({}, "stop")
    yield b"data: [DONE]\n\n"


def response(model: str, text: str) -> dict[str, Any]:
    """A completed response of the Responses protocol that carries a text."""
    part = {"type": "output_text", "text": text, "annotations": []}
    item = {"id": f"msg_{uuid.uuid4().hex}", "type": "message", "role": "assistant", "status": "completed", "content": [part]}
    known = {"id": f"resp_{uuid.uuid4().hex}", "object": "response", "created_at": int(time.time()), "status": "completed", "model": model}
    empty: dict[str, Any] = {
        "error": None,
        "incomplete_details": None,
        "instructions": None,
        "metadata": {},
        "parallel_tool_calls": False,
        "tools": [],
    }
    return {**known, **empty, "output": [item], "tool_choice": "auto", "temperature": 0.0, "top_p": 1.0}


def response_events(document: dict[str, Any], text: str) -> Iterator[bytes]:
    """The server-sent events of a streamed response; the last one carries the whole document."""
    item = document["output"][0]
    place = {"item_id": item["id"], "output_index": 0, "content_index": 0}
    begun = {**document, "status": "in_progress", "output": []}
    pieces = [text[start : start + _CHUNK] for start in range(0, len(text), _CHUNK)]
    events: list[tuple[str, dict[str, Any]]] = [
        ("response.created", {"response": begun}),
        ("response.in_progress", {"response": begun}),
        ("response.output_item.added", {"output_index": 0, "item": {**item, "status": "in_progress", "content": []}}),
        ("response.content_part.added", {**place, "part": {**item["content"][0], "text": ""}}),
        *(("response.output_text.delta", {**place, "delta": piece, "logprobs": []}) for piece in pieces),
        ("response.output_text.done", {**place, "text": text, "logprobs": []}),
        ("response.content_part.done", {**place, "part": item["content"][0]}),
        ("response.output_item.done", {"output_index": 0, "item": item}),
        ("response.completed", {"response": document}),
    ]
    for number, (kind, told) in enumerate(events):
        data = json.dumps({"type": kind, "sequence_number": number, **told})
        yield f"event: {kind}\ndata: {data}\n\n".encode()
