"""R1 in bulk: hundreds of calls of every protocol, and not one byte of a suggestion before a signature; bytes stay bytes."""

from __future__ import annotations

import asyncio
import gzip
import socket
from concurrent.futures import ThreadPoolExecutor
from typing import TYPE_CHECKING
from uuid import uuid4

from gateway.audit.batch import LogIdentity
from gateway.audit.writer import Writer
from gateway.identity.machines import NewMachine, create_machine
from tests.fakes.model_server import CANARY, Script, chat, chat_stream
from tests.stage import eventually

if TYPE_CHECKING:
    import httpx

    from tests.stage import Stage

CHAT = "/v1/chat/completions"
CALLS = 240
STREAMS = 40


def mixed(stage: Stage, number: int) -> httpx.Response:
    prompt = uuid4().hex
    match number % 4:
        case 0:
            return stage.chat(prefer="wait=0")
        case 1:
            return stage.post("diagnosis", "/v1/responses", {"model": "reader", "input": prompt, "background": True})
        case 2:
            tensor = {"name": "x", "shape": [1], "datatype": "BYTES", "data": [prompt]}
            return stage.post("diagnosis", "/v2/models/tensor/infer", {"inputs": [tensor]}, prefer="wait=0")
        case _:
            return stage.post("diagnosis", "/predict", {"case": prompt}, prefer="respond-async")


def test_no_byte_of_a_suggestion_is_received_before_a_signature(stage: Stage) -> None:
    with ThreadPoolExecutor(8) as callers:
        answers = list(callers.map(lambda number: mixed(stage, number), range(CALLS)))
    assert {answer.status_code for answer in answers} <= {200, 202, 403}
    assert len(stage.model.seen) == CALLS
    assert not [answer for answer in answers if CANARY in answer.text or CANARY in str(answer.headers)]
    places = [answer.headers["location"] for answer in answers if answer.status_code == 202]
    assert not [place for place in places if CANARY in stage.get(place).text]


def test_no_byte_of_a_stream_is_received_before_a_signature(stage: Stage) -> None:
    stage.model.scripts[CHAT] = Script(chunks=chat_stream(CANARY, CANARY), headers=(("content-type", "text/event-stream"),))
    with ThreadPoolExecutor(8) as callers:
        answers = list(callers.map(lambda _: stage.chat(stream=True, prefer="wait=0"), range(STREAMS)))
    assert len(stage.model.seen) == STREAMS
    assert not [answer for answer in answers if CANARY in answer.text or "[DONE]" in answer.text]


def test_a_compressed_answer_keeps_its_encoding(stage: Stage) -> None:
    packed = (("content-type", "application/json"), ("content-encoding", "gzip"))
    stage.model.scripts[CHAT] = Script(body=gzip.compress(chat()), headers=packed)
    answer = stage.chat("letter")
    assert answer.headers["content-encoding"] == "gzip"
    assert answer.content == chat()


def test_a_key_without_the_task_is_refused_and_nothing_forwarded(stage: Stage) -> None:
    async def other() -> str:
        writer = Writer(stage.url, LogIdentity("test", stage.settings.establishment.origin, stage.keys.log, stage.keys.vkeys))
        await writer.start()
        key = await create_machine(writer, NewMachine("letters", frozenset({"letter"})))
        await writer.stop()
        return key

    body = {"model": "reader", "messages": []}
    key = asyncio.run(other())
    eventually(lambda: stage.post("letter", CHAT, body, authorization=f"Bearer {key}").status_code == 200)
    stage.model.seen.clear()
    assert stage.post("diagnosis", CHAT, body, authorization=f"Bearer {key}").status_code == 403
    assert stage.model.seen == []


def test_pipelined_requests_are_answered_in_their_order(stage: Stage) -> None:
    first = b"GET /nowhere HTTP/1.1\r\nhost: x\r\n\r\n"
    last = b"GET /nowhere HTTP/1.1\r\nhost: x\r\nconnection: close\r\n\r\n"
    received = b""
    with socket.create_connection(("127.0.0.1", stage.replicas[0].port), timeout=10) as known:
        known.sendall(first + last)
        while part := known.recv(65536):
            received += part
    assert received.count(b"HTTP/1.1 ") == 2
    assert stage.model.seen == []
