"""Names that an AI system gives itself, and bodies that never come."""

from __future__ import annotations

import json
import socket
from typing import TYPE_CHECKING

import pytest

from tests.fakes.model_server import Script, chat

if TYPE_CHECKING:
    from tests.stage import Stage

CHAT = "/v1/chat/completions"


@pytest.mark.parametrize("name", ["DUPONT Jean 12/03/1950", "x" * 5000, "a\0b", "é"])
def test_what_an_ai_system_calls_itself_enters_the_log_as_an_identifier_only(stage: Stage, name: str) -> None:
    stage.model.scripts[CHAT] = Script(body=json.dumps({**json.loads(chat()), "model": name}).encode())
    assert stage.chat(prefer="wait=0").status_code == 403
    assert stage.entries("received")[-1]["model"] == {"id": "unnamed", "version": "unnamed"}
    known = stage.clinician()
    shown = stage.api(known, "POST", f"/suggestions/{known.waiting('diagnosis')}/open").json()
    assert shown["content"]["model"] == name


def test_a_body_of_which_nothing_arrives_is_given_up(stage: Stage) -> None:
    with socket.create_connection(("127.0.0.1", stage.replicas[0].port), timeout=5) as line:
        head = f"POST /call/diagnosis/predict HTTP/1.1\r\nhost: x\r\nauthorization: Bearer {stage.key}\r\ncontent-length: 10\r\n\r\n"
        line.sendall(head.encode())
        said = b""
        while b"body_too_slow" not in said:
            said += line.recv(4096)
        assert said.startswith(b"HTTP/1.1 400 ")
