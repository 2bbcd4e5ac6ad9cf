"""The official Triton client, unmodified (`protocols.md`, "Open Inference Protocol v2")."""

from __future__ import annotations

import threading
from typing import TYPE_CHECKING, Any

import numpy as np
import pytest
import tritonclient.http as triton
from tritonclient.utils import InferenceServerException

from tests.fakes.model_server import CANARY

if TYPE_CHECKING:
    from tests.stage import Stage


def infer(stage: Stage) -> Any:  # noqa: ANN401 - whatever the client gives
    known = triton.InferenceServerClient(f"{stage.base.removeprefix('http://')}/call/diagnosis", network_timeout=20, connection_timeout=20)
    tensor = triton.InferInput("x", [1, 3], "FP64")
    tensor.set_data_from_numpy(np.random.default_rng().random((1, 3)))
    return known.infer("tensor", [tensor], request_id="r-1", headers={"Authorization": f"Bearer {stage.key}"})


def decided(stage: Stage, decision: str, **more: object) -> Any:  # noqa: ANN401 - whatever the client gives
    results: list[Any] = []

    def run() -> None:
        try:
            results.append(infer(stage))
        except InferenceServerException as error:
            results.append(error)

    thread = threading.Thread(target=run, daemon=True)
    thread.start()
    doctor = stage.clinician()
    doctor.decide(doctor.waiting("diagnosis"), decision, **more)
    thread.join(10)
    return results[0]


def test_signed_tensors_arrive(stage: Stage) -> None:
    answer = decided(stage, "approve")
    assert answer.as_numpy("probability").tolist() == [[0.93, 0.07]]
    assert answer.as_numpy("label").tolist() == [CANARY]


def test_amended_tensors_arrive(stage: Stage) -> None:
    answer = decided(stage, "amend", amend=lambda _: {"/outputs/1/data": ["benign"]})
    assert answer.as_numpy("label").tolist() == ["benign"]


def test_rejected_tensors_are_an_exception_without_content(stage: Stage) -> None:
    error = decided(stage, "reject", reason="wrong_finding")
    assert "wrong_finding" in str(error)
    assert CANARY not in str(error)


def test_tensors_nobody_signs_are_an_exception_with_the_review_link(stage: Stage) -> None:
    with pytest.raises(InferenceServerException, match="/review/"):
        infer(stage)


def test_descriptions_and_readiness_pass(stage: Stage) -> None:
    known = triton.InferenceServerClient(f"{stage.base.removeprefix('http://')}/call/diagnosis")
    headers = {"Authorization": f"Bearer {stage.key}"}
    assert known.get_model_metadata("tensor", headers=headers)["name"] == "tensor"
    assert known.is_model_ready("tensor", headers=headers)
    assert known.is_server_live(headers=headers)
