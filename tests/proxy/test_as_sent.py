"""What a caller asks reaches the AI system as it was sent, or is refused in words; a stopped AI system describes nothing."""

from __future__ import annotations

import socket
from typing import TYPE_CHECKING

import pytest

if TYPE_CHECKING:
    from tests.stage import Stage

BODY = b'{"image": "x"}'


def asked(stage: Stage, query: bytes) -> tuple[int, bytes]:
    """Status and body of a call whose query is sent byte for byte, which no client library does."""
    head = (
        b"POST /call/diagnosis/predict?" + query + b" HTTP/1.1\r\nhost: garant\r\nauthorization: Bearer " + stage.key.encode()
        + b"\r\nprefer: wait=0\r\nconnection: close\r\ncontent-length: %d\r\n\r\n" % len(BODY)
    )  # fmt: skip
    with socket.create_connection(("127.0.0.1", stage.replicas[0].port), timeout=20) as line:
        line.sendall(head + BODY)
        answer = b""
        while part := line.recv(65_536):
            answer += part
    return int(answer.split(b" ")[1]), answer


@pytest.mark.parametrize("query", [b"a=%zz", b"a=%", b"a=%4", b"a=b%2"])
def test_a_query_that_would_be_changed_on_its_way_is_refused_in_words(stage: Stage, query: bytes) -> None:
    status, answer = asked(stage, query)
    assert (status, stage.model.seen) == (400, [])
    assert b"query_malformed" in answer or b"Percent-encode it" in answer


def test_a_fragment_is_never_dropped_silently(stage: Stage) -> None:
    status, _ = asked(stage, b"a=b#c")
    assert (status // 100, stage.model.seen) == (4, [])


@pytest.mark.parametrize("query", [b"a=b", b"a=%26b&c=d+e", b"time=12:30&n=%C3%A9", b""])
def test_a_well_formed_query_arrives_as_it_was_sent(stage: Stage, query: bytes) -> None:
    status, _ = asked(stage, query)
    assert status != 400
    assert stage.model.seen[-1].path.partition("?")[2] == query.decode()


def test_a_stopped_ai_system_does_not_describe_its_model(stage: Stage) -> None:
    """R19. The control: before the stop it does."""
    path, body = "/call/diagnosis/v2/models/tensor", {"scope": "system:tensor", "reason": "Test"}
    assert stage.get(path).status_code == 200
    assert stage.api(stage.clinician("quality"), "POST", "/stops", body).status_code == 200
    try:
        answer = stage.get(path)
    finally:
        assert stage.api(stage.clinician("quality"), "POST", "/stops/resume", body).status_code == 200
    assert (answer.status_code, "stopped" in answer.text) == (503, True)
