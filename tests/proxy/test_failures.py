"""AI systems that fail, and callers that misbehave: a clear error in the protocol's shape, an entry, never a suggestion."""

from __future__ import annotations

import os
import socket
import time
from contextlib import suppress

import httpx
import psutil
import pytest

from tests.fakes.model_server import CANARY, Script, chat, chat_stream
from tests.stage import Stage, eventually

CHAT = "/v1/chat/completions"
BROKEN = {
    "server error": (Script(status=500, body=CANARY.encode()), 502),
    "refusal": (Script(status=400, body=CANARY.encode()), 502),
    "truncated": (Script(body=chat(), announce=100_000), 502),
    "reset": (Script(body=chat(), reset=True), 502),
    "cut chunks": (Script(chunks=(chat()[:50],), reset=True), 502),
    "redirect": (Script(status=302, headers=(("location", "http://127.0.0.1:1/"),)), 502),
    "too large": (Script(body=chat("x" * 300_000)), 502),
    "not JSON": (Script(body=b"<html>" + CANARY.encode()), 502),
    "not UTF-8": (Script(body=b'{"choices": "\xff\xfe"}'), 502),
    "empty": (Script(body=b""), 502),
    "another shape": (Script(body=b'{"choices": []}'), 502),
    "never": (Script(never=True), 504),
    "stalled": (Script(chunks=(b"{", b"}"), pause=3.0), 504),
}


@pytest.mark.parametrize("kind", BROKEN)
def test_a_broken_answer_is_an_error_and_an_entry_and_never_a_suggestion(stage: Stage, kind: str) -> None:
    script, status = BROKEN[kind]
    stage.model.scripts[CHAT] = script
    before = len(stage.entries("delivery_failed"))
    answer = stage.chat()
    assert (answer.status_code, answer.headers["x-should-retry"]) == (status, "false")
    assert set(answer.json()) == {"error"}
    assert CANARY not in answer.text
    assert len(stage.entries("delivery_failed")) == before + 1
    assert stage.clinician().queue() == []


def test_hanging_up_before_the_commit_cancels_the_ai_systems_work(stage: Stage) -> None:
    stage.model.scripts[CHAT] = Script(never=True)
    with pytest.raises(httpx.ReadTimeout), httpx.Client(timeout=0.3) as known:
        known.post(
            f"{stage.base}/call/diagnosis{CHAT}", headers={"authorization": f"Bearer {stage.key}"}, json={"model": "reader", "messages": []}
        )
    assert eventually(lambda: stage.model.gone >= 1, 1.0)


def test_hanging_up_after_the_commit_cancels_nothing(stage: Stage) -> None:
    with pytest.raises(httpx.ReadTimeout), httpx.Client(timeout=0.5) as known:
        known.post(
            f"{stage.base}/call/diagnosis{CHAT}",
            headers={"authorization": f"Bearer {stage.key}"},
            json={"model": "reader", "messages": [1]},
        )
    doctor = stage.clinician()
    assert doctor.decide(doctor.waiting("diagnosis"), "approve")["state"] == "released"


def test_a_letter_streams_as_it_comes_and_is_released_before_its_first_byte(stage: Stage) -> None:
    stage.model.scripts[CHAT] = Script(chunks=chat_stream("one", "two"), pause=0.3, headers=(("content-type", "text/event-stream"),))
    body = {"model": "reader", "messages": [], "stream": True}
    with (
        httpx.Client(timeout=10) as known,
        known.stream("POST", f"{stage.base}/call/letter{CHAT}", headers={"authorization": f"Bearer {stage.key}"}, json=body) as answer,
    ):
        parts = answer.iter_bytes()
        first = next(parts)
        released = stage.entries("released")[-1]
        assert b"[DONE]" not in first
        assert released["suggestion"] == answer.headers["garant-suggestion"]
        rest = b"".join(parts)
    assert rest.endswith(b"[DONE]\n\n")
    assert eventually(lambda: any(entry["suggestion"] == released["suggestion"] for entry in stage.entries("delivered")))


def test_a_caller_who_leaves_a_letters_stream_cancels_it(stage: Stage) -> None:
    stage.model.scripts[CHAT] = Script(chunks=chat_stream(*("word",) * 50), pause=0.1, headers=(("content-type", "text/event-stream"),))
    body = {"model": "reader", "messages": [], "stream": True}
    before = stage.model.gone
    with (
        httpx.Client(timeout=10) as known,
        known.stream("POST", f"{stage.base}/call/letter{CHAT}", headers={"authorization": f"Bearer {stage.key}"}, json=body) as answer,
    ):
        next(answer.iter_bytes())
    assert eventually(lambda: stage.model.gone > before, 2.0)


@pytest.mark.parametrize("body", [b"{", b"[]", b"\xff", b'"x"', b'{"model": 1, "messages": []}', b"[" * 5000], ids=str)
def test_a_body_that_cannot_be_read_is_refused_and_not_forwarded(stage: Stage, body: bytes) -> None:
    answer = stage.post("diagnosis", CHAT, body)
    assert answer.status_code in {400, 404}
    assert set(answer.json()) == {"error"}
    assert stage.model.seen == []


def raw(stage: Stage, *pieces: bytes, pause: float = 0.0) -> bytes:
    with socket.create_connection(("127.0.0.1", stage.replicas[0].port), timeout=10) as known:
        with suppress(OSError):
            for piece in pieces:
                known.sendall(piece)
                time.sleep(pause)
        received = b""
        with suppress(OSError):
            while part := known.recv(65536):
                received += part
        return received


def head(stage: Stage, *more: str) -> bytes:
    lines = (f"POST /call/diagnosis{CHAT} HTTP/1.1", "host: x", f"authorization: Bearer {stage.key}", "connection: close", *more, "", "")
    return "\r\n".join(lines).encode()


def test_a_gigabyte_is_refused_by_its_announcement(stage: Stage) -> None:
    assert raw(stage, head(stage, f"content-length: {2**30}"), b"{").startswith(b"HTTP/1.1 413 ")


def test_a_gigabyte_that_is_sent_all_the_same_is_answered_before_its_end(stage: Stage) -> None:
    announced = head(stage, f"content-length: {2**30}")
    assert raw(stage, announced, *(b"x" * 2**20 for _ in range(100))).startswith(b"HTTP/1.1 413 ")


def test_a_gigabyte_in_chunks_is_refused_with_bounded_memory(stage: Stage) -> None:
    process = psutil.Process(os.getpid())
    before, chunk = process.memory_info().rss, b"10000\r\n" + b"x" * 65536 + b"\r\n"
    answer = raw(stage, head(stage, "transfer-encoding: chunked"), *(chunk for _ in range(2000)))
    assert answer.startswith(b"HTTP/1.1 413 ")
    assert process.memory_info().rss - before < 50 * 2**20


def test_a_header_that_drips_is_let_go(stage: Stage) -> None:
    began = time.monotonic()
    answer = raw(stage, *(bytes([byte]) for byte in head(stage)[:30]), pause=0.1)
    assert time.monotonic() - began < 6
    assert answer.startswith(b"HTTP/1.1 408 ")


def test_a_body_that_stops_is_let_go(stage: Stage) -> None:
    assert raw(stage, head(stage, "content-length: 100"), b"{").startswith(b"HTTP/1.1 400 ")


def test_huge_headers_are_refused(stage: Stage) -> None:
    answer = raw(stage, head(stage, f"x-huge: {'x' * 100_000}", "content-length: 0"))
    assert answer.startswith(b"HTTP/1.1 431 ")


def test_hostile_html_stays_text(stage: Stage) -> None:
    hostile = "<script>alert(1)</script>\u202e"
    stage.model.scripts[CHAT] = Script(body=chat(hostile))
    shown: list[dict[str, object]] = []
    with suppress(httpx.ReadTimeout), httpx.Client(timeout=0.5) as known:
        known.post(
            f"{stage.base}/call/diagnosis{CHAT}",
            headers={"authorization": f"Bearer {stage.key}"},
            json={"model": "reader", "messages": [2]},
        )
    doctor = stage.clinician()

    def amend(content: dict[str, list[dict[str, object]]]) -> dict[str, object]:
        shown.append(content["fields"][0])
        return {str(content["fields"][0]["pointer"]): "ok"}

    doctor.decide(doctor.waiting("diagnosis"), "amend", amend=amend)
    assert shown[0]["value"] == hostile


def test_planted_patient_data_never_reaches_the_logs(stage: Stage, capfd: pytest.CaptureFixture[str]) -> None:
    planted = "DUPONT-1-55-01"
    stage.model.scripts[CHAT] = Script(status=500, body=planted.encode())
    stage.post(
        "diagnosis",
        f"{CHAT}?patient={planted}",
        {"model": "reader", "messages": [planted], "metadata": {"case": planted}},
        garant_case=planted,
        x_patient=planted,
    )
    stage.post("diagnosis", f"/{planted}", {"model": planted})
    stage.post("diagnosis", CHAT, planted.encode())
    captured = capfd.readouterr()
    assert planted not in captured.err + captured.out
