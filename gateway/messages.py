"""What travels: requests, answers and replies as bytes with headers."""

from __future__ import annotations

from dataclasses import dataclass
from typing import TypeAlias

JsonValue: TypeAlias = "str | int | float | bool | list[JsonValue] | dict[str, JsonValue] | None"
Headers: TypeAlias = tuple[tuple[bytes, bytes], ...]


@dataclass(frozen=True, slots=True)
class Call:
    """One inbound request, as bytes.

    `path` starts with "/" and is below the door (`/v1/chat/completions`, never `/call/TASK/v1/…`).
    Header names are lower case.
    """

    method: str
    path: str
    query: bytes
    headers: Headers
    body: bytes

    def header(self, name: bytes) -> bytes | None:
        """The first value of a header, or None."""
        return next((value for key, value in self.headers if key == name), None)


@dataclass(frozen=True, slots=True)
class Answer:
    """What the AI system sent, whole: `body` as received, still encoded as `content-encoding` says."""

    status: int
    headers: Headers
    body: bytes


@dataclass(frozen=True, slots=True)
class Reply:
    """What the caller gets."""

    status: int
    headers: Headers
    body: bytes
