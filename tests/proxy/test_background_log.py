"""A background call has two `received` entries, the promise and the answer: the log stays whole."""

from __future__ import annotations

from typing import TYPE_CHECKING
from uuid import uuid4

import pytest

from tests.stage import eventually

if TYPE_CHECKING:
    from tests.stage import Stage


@pytest.mark.parametrize("named", [False, True])
def test_the_answer_of_a_background_call_points_to_its_promise(stage: Stage, named: bool) -> None:
    before = len(stage.entries("received"))
    asked = {"model": "reader", "input": uuid4().hex, "background": True}
    if named:
        stage.post("diagnosis", "/v1/responses", asked, garant_case=uuid4().hex)
    else:
        stage.post("diagnosis", "/v1/responses", asked)
    eventually(lambda: len(stage.entries("received")) == before + 2)
    promise, answer = stage.entries("received")[-2:]
    assert (promise["suggestion"], promise["case"]) == (answer["suggestion"], answer["case"])
    assert answer["prev"] is not None
    assert stage.verified().problems == ()
