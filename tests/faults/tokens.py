"""Tokens that show whose answer some bytes are, and AI systems that answer with them."""

from __future__ import annotations

import asyncio
import hashlib
import re
import secrets
from contextlib import suppress
from typing import Any

from tests.fakes.model_server import chat, chat_stream, inference, prediction, response

QUESTION = re.compile(rb"q-[0-9a-f]{32}")
SECRET = secrets.token_bytes(16)
CHAT, RESPONSES, INFER, PREDICT = "/v1/chat/completions", "/v1/responses", "/v2/models/tensor/infer", "/predict"


def canary(question: bytes) -> bytes:
    """The token of the answer to a question; nobody can make it who does not know the secret."""
    return b"CANARY-" + hashlib.sha256(SECRET + question).hexdigest()[:32].encode()


class Model:
    """The AI systems: each answers with the token of the question it finds in the request."""

    def __init__(self) -> None:
        self.asked = 0

    async def serve(self, reader: asyncio.StreamReader, writer: asyncio.StreamWriter) -> None:
        """One kept connection."""
        with suppress(OSError, asyncio.IncompleteReadError, asyncio.CancelledError, ValueError):
            while True:
                head = await reader.readuntil(b"\r\n\r\n")
                length = int(head.lower().partition(b"content-length:")[2].split(b"\r\n", 1)[0])
                body, kind = self._answer(head.split(b" ", 2)[1].decode(), await reader.readexactly(length))
                self.asked += 1
                writer.write(b"HTTP/1.1 200 OK\r\ncontent-type: %b\r\ncontent-length: %d\r\n\r\n%b" % (kind, len(body), body))
        writer.close()

    @staticmethod
    def _answer(path: str, body: bytes) -> tuple[bytes, bytes]:
        found = QUESTION.search(body)
        token = canary(found[0]).decode() if found else "no question"
        if path == CHAT and b'"stream": true' in body:
            return b"".join(chat_stream(token, " more")), b"text/event-stream"
        made = {CHAT: lambda: chat(token), RESPONSES: lambda: response(token)}.get(path)
        whole = made() if made else (inference() if path == INFER else prediction()).replace(b"CANARY-7f3a", token.encode())
        return whole, b"application/json"


def request(door: str, question: str) -> tuple[str, dict[str, Any]]:
    """Path and body of a call through one door."""
    if door.startswith("chat"):
        return CHAT, {"model": "reader", "messages": [{"role": "user", "content": question}], "stream": door.endswith("stream")}
    if door.startswith("responses"):
        return RESPONSES, {"model": "reader", "input": question, "background": door.endswith("background")}
    if door == "tensors":
        return INFER, {"inputs": [{"name": "x", "shape": [1], "datatype": "BYTES", "data": [question]}]}
    return PREDICT, {"case": question}
