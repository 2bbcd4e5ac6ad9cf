"""The demo's AI server: one real model behind three protocols, and a letter writer.

Run as `python -m gateway.demo.server --port 0`; it prints one JSON line with its port once the model is trained.
"""

from __future__ import annotations

import argparse
import json
import struct
import time
import uuid
from typing import TYPE_CHECKING, Final

import uvicorn
from starlette.applications import Starlette
from starlette.responses import JSONResponse, Response, StreamingResponse
from starlette.routing import Route

from gateway.demo import letters
from gateway.demo.model import VERSION, Model, train
from gateway.operations.serving import bound

if TYPE_CHECKING:
    from collections.abc import Iterator
    from typing import Any

    from starlette.requests import Request

READER, WRITER, NUMERIC = "wdbc-reader", "letter-writer", "wdbc"
_BINARY: Final = "inference-header-content-length"
_CHUNK: Final = 24


class DemoServer:
    """The endpoints.

    Args:
        model: trained.
    """

    def __init__(self, model: Model) -> None:
        self._model = model

    def app(self) -> Starlette:
        """The application."""
        names = ("", "/versions/{version}")
        return Starlette(
            routes=[
                Route("/v1/chat/completions", self.chat, methods=["POST"]),
                Route("/v1/responses", self.responses, methods=["POST"]),
                Route("/predict", self.predict, methods=["POST"]),
                *(Route(f"/v2/models/{NUMERIC}{name}/infer", self.infer, methods=["POST"]) for name in names),
                *(Route(f"/v2/models/{NUMERIC}{name}", self.describe) for name in names),
                Route(f"/v2/models/{NUMERIC}/ready", self.ready),
            ]
        )

    async def chat(self, request: Request) -> Response:
        """OpenAI chat completions."""
        asked = await request.json()
        try:
            text = self._text(asked["model"], asked["messages"][-1]["content"])
        except (KeyError, ValueError, TypeError, IndexError) as error:
            return _refused(error)
        base = {
            "id": f"chatcmpl-{uuid.uuid4().hex}",
            "created": int(time.time()),
            "model": asked["model"],
            "system_fingerprint": f"demo-{VERSION}",
        }
        if asked.get("stream"):
            return StreamingResponse(_chat_events(base, text), media_type="text/event-stream")
        choice = {"index": 0, "message": {"role": "assistant", "content": text, "refusal": None}, "logprobs": None, "finish_reason": "stop"}
        usage = {"prompt_tokens": 0, "completion_tokens": len(text.split()), "total_tokens": len(text.split())}
        return JSONResponse({**base, "object": "chat.completion", "choices": [choice], "usage": usage})

    async def responses(self, request: Request) -> Response:
        """OpenAI responses, without a stream."""
        asked = await request.json()
        try:
            given = asked["input"] if isinstance(asked["input"], str) else asked["input"][-1]["content"]
            text = self._text(asked["model"], given)
        except (KeyError, ValueError, TypeError, IndexError) as error:
            return _refused(error)
        part = {"type": "output_text", "text": text, "annotations": []}
        item = {"id": f"msg_{uuid.uuid4().hex}", "type": "message", "role": "assistant", "status": "completed", "content": [part]}
        document = {
            "id": f"resp_{uuid.uuid4().hex}",
            "object": "response",
            "created_at": int(time.time()),
            "status": "completed",
            "model": asked["model"],
        }
        empty: dict[str, Any] = {
            "error": None,
            "incomplete_details": None,
            "instructions": None,
            "metadata": {},
            "parallel_tool_calls": False,
            "tools": [],
        }
        return JSONResponse({**document, **empty, "output": [item], "tool_choice": "auto", "temperature": 0.0, "top_p": 1.0})

    async def predict(self, request: Request) -> Response:
        """Plain JSON."""
        try:
            measurements = (await request.json())["measurements"]
            found = self._model.predict([float(measurements[name]) for name in self._model.names])
        except (KeyError, ValueError, TypeError) as error:
            return JSONResponse({"detail": f"cannot be read: {error}"}, status_code=422)
        weighed = [{"name": name, "value": value, "weight": round(weight, 4)} for name, value, weight in found.weighed]
        probability = round(found.malignant, 6)
        return JSONResponse({"label": found.label, "probability_malignant": probability, "weighed_most": weighed, "model_version": VERSION})

    async def infer(self, request: Request) -> Response:
        """Open Inference Protocol v2, data as JSON or as the binary extension."""
        body = await request.body()
        size = int(request.headers.get(_BINARY, len(body)))
        try:
            asked = json.loads(body[:size])
            rows = _rows(asked["inputs"][0], body[size:], len(self._model.names))
            found = [self._model.predict(row) for row in rows]
        except (KeyError, ValueError, TypeError, IndexError, struct.error) as error:
            return JSONResponse({"error": f"the input cannot be read: {error}"}, status_code=400)
        numbers = [value for one in found for value in (one.malignant, 1 - one.malignant)]
        return _inferred(asked, numbers, [one.label for one in found])

    async def describe(self, _request: Request) -> Response:
        """The model's metadata."""
        row = [-1, len(self._model.names)]
        inputs = [{"name": "measurements", "datatype": "FP64", "shape": row}]
        outputs = [{"name": "probability", "datatype": "FP64", "shape": [-1, 2]}, {"name": "label", "datatype": "BYTES", "shape": [-1]}]
        return JSONResponse({"name": NUMERIC, "versions": [VERSION], "platform": "scikit-learn", "inputs": inputs, "outputs": outputs})

    async def ready(self, _request: Request) -> Response:
        """The model is trained."""
        return JSONResponse({"name": NUMERIC, "ready": True})

    def _text(self, model: str, message: str) -> str:
        if model == WRITER:
            return letters.letter(message)
        if model != READER:
            unknown = f"no model '{model}'"
            raise ValueError(unknown)
        return letters.from_message(self._model, message)


def _rows(tensor: dict[str, Any], binary: bytes, width: int) -> list[list[float]]:
    if "data" in tensor:
        flat = [float(value) for part in tensor["data"] for value in (part if isinstance(part, list) else [part])]
    else:
        code = {"FP32": "f", "FP64": "d"}[tensor["datatype"]]
        size = int(tensor["parameters"]["binary_data_size"])
        flat = list(struct.unpack(f"<{size // struct.calcsize(code)}{code}", binary[:size]))
    return [flat[n : n + width] for n in range(0, len(flat), width)]


def _inferred(asked: dict[str, Any], numbers: list[float], labels: list[str]) -> Response:
    count = len(labels)
    outputs: list[dict[str, Any]] = [
        {"name": "probability", "datatype": "FP64", "shape": [count, 2], "data": numbers},
        {"name": "label", "datatype": "BYTES", "shape": [count], "data": labels},
    ]
    wanted = {output["name"]: output for output in asked.get("outputs", ())}
    whole = bool(asked.get("parameters", {}).get("binary_data_output"))
    binary = b""
    for output, raw in zip(outputs, (struct.pack(f"<{len(numbers)}d", *numbers), _packed(labels)), strict=True):
        if wanted.get(output["name"], {}).get("parameters", {}).get("binary_data", whole):
            del output["data"]
            output["parameters"] = {"binary_data_size": len(raw)}
            binary += raw
    kept = [output for output in outputs if not wanted or output["name"] in wanted]
    document = {"model_name": NUMERIC, "model_version": VERSION, "outputs": kept, **({"id": asked["id"]} if "id" in asked else {})}
    text = json.dumps(document).encode()
    headers = {_BINARY: str(len(text))} if binary else {}
    return Response(text + binary, media_type="application/octet-stream" if binary else "application/json", headers=headers)


def _packed(texts: list[str]) -> bytes:
    return b"".join(struct.pack("<I", len(text.encode())) + text.encode() for text in texts)


def _chat_events(base: dict[str, Any], text: str) -> Iterator[bytes]:
    def event(delta: dict[str, str], finish: str | None) -> bytes:
        choice = {"index": 0, "delta": delta, "logprobs": None, "finish_reason": finish}
        return b"data: " + json.dumps({**base, "object": "chat.completion.chunk", "choices": [choice]}).encode() + b"\n\n"

    yield event({"role": "assistant", "content": ""}, None)
    for start in range(0, len(text), _CHUNK):
        yield event({"content": text[start : start + _CHUNK]}, None)
    yield event({}, "stop")
    yield b"data: [DONE]\n\n"


def _refused(error: Exception) -> Response:
    problem = {"message": f"the request cannot be read: {error}", "type": "invalid_request_error", "param": None, "code": "bad_input"}
    return JSONResponse({"error": problem}, status_code=400)


def main() -> None:
    """Train, bind, say where, serve."""
    arguments = argparse.ArgumentParser(description="The demo's AI server.")
    arguments.add_argument("--port", type=int, default=0)
    port = arguments.parse_args().port
    listener = bound("127.0.0.1", port)
    model = train()
    figures = model.figures
    line = {
        "port": listener.getsockname()[1],
        "patients": figures.patients,
        "auc": round(figures.auc, 4),
        "sensitivity": round(figures.sensitivity, 4),
    }
    print(json.dumps({**line, "specificity": round(figures.specificity, 4)}), flush=True)  # noqa: T201 - the parent reads it
    config = uvicorn.Config(DemoServer(model).app(), log_level="warning", lifespan="off", access_log=False)
    uvicorn.Server(config).run(sockets=[listener])


if __name__ == "__main__":
    main()
