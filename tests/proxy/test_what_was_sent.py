"""R10: what a signer sees as the request is, byte for byte, what the AI system got."""

from __future__ import annotations

from base64 import b64decode
from typing import TYPE_CHECKING

import pytest

if TYPE_CHECKING:
    from tests.stage import Stage

CALLS = {
    "background": ("/v1/responses", b'{"model":"reader","background":true ,"input":"one"}'),
    "plain": ("/v1/responses", b'{ "model":"reader","input":"two", "background":true}'),
}


@pytest.mark.parametrize("name", CALLS)
def test_the_signer_sees_the_bytes_that_were_sent_to_the_ai_system(stage: Stage, name: str) -> None:
    path, body = CALLS[name]
    stage.post("diagnosis", path, body)
    doctor = stage.clinician()
    shown = stage.api(doctor, "POST", f"/suggestions/{doctor.waiting('diagnosis')}/open", {}).json()
    sent = [one.body for one in stage.model.seen if one.path == path][-1]
    assert b64decode(shown["input"]) == sent
    assert b"background" not in sent
