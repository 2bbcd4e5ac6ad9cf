"""The demo's AI server in front of the official clients."""

from __future__ import annotations

import json
import socket
import subprocess
import sys
from typing import TYPE_CHECKING

import httpx
import numpy as np
import openai
import pytest
import tritonclient.http as triton

from gateway.demo.model import Model, RealCase, train

if TYPE_CHECKING:
    from collections.abc import Iterator

COMMAND = [sys.executable, "-m", "gateway.demo.server"]


@pytest.fixture(scope="module")
def place() -> Iterator[str]:
    with socket.create_server(("127.0.0.1", 0)) as listener:
        number = listener.fileno()
        process = subprocess.Popen([*COMMAND, "--fd", str(number)], stdout=subprocess.PIPE, text=True, pass_fds=[number])
        assert process.stdout is not None
        yield f"127.0.0.1:{json.loads(process.stdout.readline())['port']}"
        process.terminate()
        process.wait(10)
        process.stdout.close()


@pytest.fixture(scope="module")
def model() -> Model:
    return train()


@pytest.fixture(scope="module")
def case(model: Model) -> RealCase:
    return model.cases(1)[0]


@pytest.fixture
def client(place: str) -> Iterator[openai.OpenAI]:
    with openai.OpenAI(base_url=f"http://{place}/v1", api_key="none", max_retries=0) as known:
        yield known


@pytest.mark.parametrize("binary", [True, False])
@pytest.mark.parametrize("datatype", [np.float64, np.float32])
def test_a_triton_client_gets_the_models_own_figures(place: str, model: Model, case: RealCase, datatype: type, binary: bool) -> None:
    row = list(case.measurements.values())
    tensor = triton.InferInput("measurements", [1, 30], "FP64" if datatype is np.float64 else "FP32")
    tensor.set_data_from_numpy(np.array([row], dtype=datatype), binary_data=binary)
    wanted = [triton.InferRequestedOutput(name, binary_data=binary) for name in ("probability", "label")]
    answer = triton.InferenceServerClient(place).infer("wdbc", [tensor], model_version="1.0", outputs=wanted, request_id="r-1")
    expected = model.predict(row).malignant
    assert answer.as_numpy("probability").tolist() == [pytest.approx([expected, 1 - expected], abs=1e-6)]
    assert answer.as_numpy("label").tolist() == [b"malignant" if binary else "malignant"]
    assert answer.get_response()["id"] == "r-1"


def test_a_triton_client_finds_server_and_model_ready(place: str) -> None:
    known = triton.InferenceServerClient(place)
    assert known.is_server_live()
    assert known.is_server_ready()
    assert known.is_model_ready("wdbc", "1.0")
    assert known.get_server_metadata()["extensions"] == ["binary_tensor_data"]


def test_a_streamed_completion_is_the_plain_one_in_pieces(client: openai.OpenAI, case: RealCase) -> None:
    message = json.dumps(case.measurements)
    plain = client.chat.completions.create(model="wdbc-reader", messages=[{"role": "user", "content": message}])
    stream = client.chat.completions.create(model="wdbc-reader", messages=[{"role": "user", "content": message}], stream=True)
    pieces = [chunk.choices[0].delta.content or "" for chunk in stream]
    assert len(pieces) > 5
    assert "".join(pieces) == plain.choices[0].message.content


def test_a_streamed_response_is_the_plain_one_in_pieces(client: openai.OpenAI, case: RealCase) -> None:
    message = json.dumps(case.measurements)
    plain = client.responses.create(model="wdbc-reader", input=message).output_text
    events = list(client.responses.create(model="wdbc-reader", input=message, stream=True))
    last = events[-1]
    assert "".join(event.delta for event in events if event.type == "response.output_text.delta") == plain
    assert last.type == "response.completed"
    assert last.response.output_text == plain


def test_the_letter_passes_the_signed_result_on_word_for_word(client: openai.OpenAI) -> None:
    signed = "Malignant, probability 0.994 (signed)."
    answer = client.chat.completions.create(model="letter-writer", messages=[{"role": "user", "content": signed}])
    assert f"\n\n{signed}\n\n" in (answer.choices[0].message.content or "")


def test_an_unknown_model_is_refused_by_name(client: openai.OpenAI) -> None:
    assert [model.id for model in client.models.list()] == ["wdbc-reader", "letter-writer"]
    with pytest.raises(openai.NotFoundError, match="no model 'other'"):
        client.responses.create(model="other", input="{}")


UNREADABLE = (
    ("/v1/chat/completions", 400, {"error": {"message", "type", "param", "code"}}),
    ("/v2/models/wdbc/infer", 400, {"error": None}),
    ("/predict", 422, {"detail": None}),
    ("/v1/other", 404, {"error": {"message", "type", "param", "code"}}),
    ("/v2/models/other/infer", 404, {"error": None}),
)


@pytest.mark.parametrize(("path", "status", "shape"), UNREADABLE)
@pytest.mark.parametrize("body", [b"{", b"\xff", b"[]", b'{"model": 1, "inputs": [1], "measurements": 1}'])
def test_what_cannot_be_read_is_refused_in_the_protocols_own_shape(
    place: str, path: str, status: int, shape: dict[str, set[str] | None], body: bytes
) -> None:
    answer = httpx.post(f"http://{place}{path}", content=body)
    told = {key: set(value) if isinstance(value, dict) else None for key, value in answer.json().items()}
    assert (answer.status_code, told) == (status, shape)
