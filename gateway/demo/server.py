"""The demo's AI server: one real model behind three protocols, and a letter writer.

Run as `python -m gateway.demo.server --port 0`; it prints one JSON line with its port once the model is trained.
"""

from __future__ import annotations

import argparse
import json
import socket
import struct
import time
import uuid
from typing import TYPE_CHECKING, Final

import uvicorn
from starlette.applications import Starlette
from starlette.exceptions import HTTPException
from starlette.responses import JSONResponse, Response, StreamingResponse
from starlette.routing import Route

from gateway.demo import letters
from gateway.demo.model import VERSION, Model, train
from gateway.operations.serving import bound

if TYPE_CHECKING:
    from typing import Any

    from starlette.requests import Request

READER, WRITER, NUMERIC = "wdbc-reader", "letter-writer", "wdbc"
_BINARY: Final = "inference-header-content-length"
_UNREADABLE: Final = (KeyError, ValueError, TypeError, IndexError, AttributeError, RecursionError, struct.error)


class UnknownModelError(LookupError):
    """The request names a model that this server does not have."""


class DemoServer:
    """The endpoints.

    Args:
        model: trained.
    """

    def __init__(self, model: Model) -> None:
        self._model = model

    def app(self) -> Starlette:
        """The application."""
        paths = (f"/v2/models/{NUMERIC}", f"/v2/models/{NUMERIC}/versions/{VERSION}")
        return Starlette(
            routes=[
                Route("/v1/models", self.models),
                Route("/v1/chat/completions", self.chat, methods=["POST"]),
                Route("/v1/responses", self.responses, methods=["POST"]),
                Route("/predict", self.predict, methods=["POST"]),
                Route("/v2", self.server),
                Route("/v2/health/live", self.alive),
                Route("/v2/health/ready", self.alive),
                *(Route(f"{path}/infer", self.infer, methods=["POST"]) for path in paths),
                *(Route(f"{path}/ready", self.ready) for path in paths),
                *(Route(path, self.describe) for path in paths),
            ],
            exception_handlers={404: _not_served, 405: _not_served},
        )

    async def models(self, _request: Request) -> Response:
        """The models that speak OpenAI's protocol."""
        listed = [{"id": name, "object": "model", "created": 0, "owned_by": "demo"} for name in (READER, WRITER)]
        return JSONResponse({"object": "list", "data": listed})

    async def chat(self, request: Request) -> Response:
        """OpenAI chat completions."""
        try:
            asked = await request.json()
            text = self._text(asked["model"], asked["messages"][-1]["content"])
        except (UnknownModelError, *_UNREADABLE) as error:
            return _refused(error)
        base = {
            "id": f"chatcmpl-{uuid.uuid4().hex}",
            "created": int(time.time()),
            "model": asked["model"],
            "system_fingerprint": f"demo-{VERSION}",
        }
        if asked.get("stream"):
            return StreamingResponse(letters.chat_events(base, text), media_type="text/event-stream")
        choice = {"index": 0, "message": {"role": "assistant", "content": text, "refusal": None}, "logprobs": None, "finish_reason": "stop"}
        usage = {"prompt_tokens": 0, "completion_tokens": len(text.split()), "total_tokens": len(text.split())}
        return JSONResponse({**base, "object": "chat.completion", "choices": [choice], "usage": usage})

    async def responses(self, request: Request) -> Response:
        """OpenAI responses."""
        try:
            asked = await request.json()
            given = asked["input"] if isinstance(asked["input"], str) else asked["input"][-1]["content"]
            text = self._text(asked["model"], given)
        except (UnknownModelError, *_UNREADABLE) as error:
            return _refused(error)
        document = letters.response(asked["model"], text)
        if asked.get("stream"):
            return StreamingResponse(letters.response_events(document, text), media_type="text/event-stream")
        return JSONResponse(document)

    async def predict(self, request: Request) -> Response:
        """Plain JSON."""
        try:
            measurements = (await request.json())["measurements"]
            found = self._model.predict([float(measurements[name]) for name in self._model.names])
        except _UNREADABLE as error:
            return JSONResponse({"detail": f"cannot be read: {error}"}, status_code=422)
        weighed = [{"name": name, "value": value, "weight": round(weight, 4)} for name, value, weight in found.weighed]
        probability = round(found.malignant, 6)
        return JSONResponse({"label": found.label, "probability_malignant": probability, "weighed_most": weighed, "model_version": VERSION})

    async def infer(self, request: Request) -> Response:
        """Open Inference Protocol v2, data as JSON or as the binary extension."""
        body = await request.body()
        try:
            size = int(request.headers.get(_BINARY, len(body)))
            asked = json.loads(body[:size])
            rows = _rows(asked["inputs"][0], body[size:], len(self._model.names))
            found = [self._model.predict(row) for row in rows]
            numbers = [value for one in found for value in (one.malignant, 1 - one.malignant)]
            return _inferred(asked, numbers, [one.label for one in found])
        except _UNREADABLE as error:
            return JSONResponse({"error": f"the input cannot be read: {error}"}, status_code=400)

    async def server(self, _request: Request) -> Response:
        """The server's metadata."""
        return JSONResponse({"name": "garant-demo", "version": VERSION, "extensions": ["binary_tensor_data"]})

    async def alive(self, _request: Request) -> Response:
        """Live and ready: the port opens only once the model is trained."""
        return JSONResponse({})

    async def describe(self, _request: Request) -> Response:
        """The model's metadata."""
        row = [-1, len(self._model.names)]
        inputs = [{"name": "measurements", "datatype": "FP64", "shape": row}]
        outputs = [{"name": "probability", "datatype": "FP64", "shape": [-1, 2]}, {"name": "label", "datatype": "BYTES", "shape": [-1]}]
        return JSONResponse({"name": NUMERIC, "versions": [VERSION], "platform": "scikit-learn", "inputs": inputs, "outputs": outputs})

    async def ready(self, _request: Request) -> Response:
        """The model is trained."""
        return JSONResponse({"name": NUMERIC, "ready": True})

    def _text(self, model: str, content: str | list[dict[str, str]]) -> str:
        message = content if isinstance(content, str) else "\n".join(part["text"] for part in content)
        if model == WRITER:
            return letters.letter(message)
        if model != READER:
            unknown = f"no model {model!r}; there are {READER!r} and {WRITER!r}"
            raise UnknownModelError(unknown)
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


def _refused(error: Exception) -> Response:
    unknown = isinstance(error, UnknownModelError)
    message = str(error) if unknown else f"the request cannot be read: {error}"
    code = "model_not_found" if unknown else "bad_input"
    problem = {"message": message, "type": "invalid_request_error", "param": "model" if unknown else None, "code": code}
    return JSONResponse({"error": problem}, status_code=404 if unknown else 400)


async def _not_served(request: Request, error: Exception) -> Response:
    """A path or method that is not served, said in the shape of the protocol whose path it is."""
    status = error.status_code if isinstance(error, HTTPException) else 404
    text = f"{request.method} {request.url.path} is not served here"
    openai = {"message": text, "type": "invalid_request_error", "param": None, "code": "not_found"}
    shapes: dict[str, Any] = {"v1": {"error": openai}, "v2": {"error": text}}
    return JSONResponse(shapes.get(request.url.path.split("/")[1], {"detail": text}), status_code=status)


def main() -> None:
    """Train, bind, say where, serve."""
    arguments = argparse.ArgumentParser(description="The demo's AI server.")
    place = arguments.add_mutually_exclusive_group()
    place.add_argument("--port", type=int, default=0, help="0 lets the kernel choose")
    place.add_argument("--fd", type=int, help="an open, listening socket of the parent")
    given = arguments.parse_args()
    listener = bound("127.0.0.1", given.port) if given.fd is None else socket.socket(fileno=given.fd)
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
