"""Unmodified clients of the demo: they know a base URL and a key, keep every byte with the time it came, and nothing else.

They use the standard library's HTTP client, so that what they received can be counted before anybody parsed it.
"""

from __future__ import annotations

import http.client
import json
import time
from dataclasses import dataclass, field
from threading import Thread
from typing import TYPE_CHECKING
from urllib.parse import urlsplit

if TYPE_CHECKING:
    from collections.abc import Mapping


@dataclass(slots=True)
class Heard:
    """What one call received: status, and body chunks with the monotonic time each came."""

    name: str
    task: str
    secrets: tuple[bytes, ...]
    status: int = 0
    suggestion: str = ""
    chunks: list[tuple[float, bytes]] = field(default_factory=list)
    error: str = ""

    @property
    def body(self) -> bytes:
        """Everything that came."""
        return b"".join(chunk for _, chunk in self.chunks)

    def leaked(self, signed_at: float | None) -> bool:
        """Whether a secret of the AI's answer came before the signature was sent (never signed: whether it came at all)."""
        early = b"".join(chunk for at, chunk in self.chunks if signed_at is None or at < signed_at)
        return any(secret in early for secret in self.secrets)


def call(
    base: str, key: str, heard: Heard, path: str, body: object, headers: Mapping[str, str] | None = None, seconds: float = 60.0
) -> None:
    """One POST; every chunk is kept with its time."""
    place = urlsplit(base)
    connection = http.client.HTTPConnection(place.hostname or "", place.port, timeout=seconds)
    try:
        sent = {"content-type": "application/json", "authorization": f"Bearer {key}", **(headers or {})}
        connection.request("POST", path, json.dumps(body).encode(), sent)
        response = connection.getresponse()
        heard.status = response.status
        heard.suggestion = response.headers.get("garant-suggestion", "")
        while chunk := response.read1(65536):
            heard.chunks.append((time.monotonic(), chunk))
    except OSError as error:
        heard.error = type(error).__name__
    finally:
        connection.close()


def in_background(base: str, key: str, heard: Heard, path: str, body: object, headers: Mapping[str, str] | None = None) -> Thread:
    """The same, on a thread of its own, because a held call waits."""
    thread = Thread(target=call, args=(base, key, heard, path, body, headers), daemon=True)
    thread.start()
    return thread


def fetch(base: str, path: str, *, method: str = "GET", body: object = None, bearer: str = "", seconds: float = 30.0) -> tuple[int, bytes]:
    """One whole exchange with the API."""
    place = urlsplit(base)
    connection = http.client.HTTPConnection(place.hostname or "", place.port, timeout=seconds)
    try:
        headers = {"content-type": "application/json", **({"authorization": f"Bearer {bearer}"} if bearer else {})}
        connection.request(method, path, None if body is None else json.dumps(body).encode(), headers)
        response = connection.getresponse()
        return response.status, response.read()
    finally:
        connection.close()
