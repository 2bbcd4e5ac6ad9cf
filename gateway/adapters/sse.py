"""Server-sent events: a buffered stream as a tuple of events, and events as bytes (WHATWG HTML, section 9.2)."""

from __future__ import annotations

import re
from dataclasses import dataclass
from typing import TYPE_CHECKING, Final

import orjson

from gateway.adapters.document import answer_object, unreadable

if TYPE_CHECKING:
    from gateway.messages import Headers, JsonValue

KEEP_ALIVE: Final = b": held\n\n"
DONE: Final = b"data: [DONE]\n\n"
HEADERS: Final[Headers] = ((b"content-type", b"text/event-stream; charset=utf-8"), (b"cache-control", b"no-store"))
_LINES: Final = re.compile(r"\r\n|\r|\n")


@dataclass(frozen=True, slots=True)
class Event:
    """One event: its `event` name ("" where none is given) and its data lines, joined."""

    name: str
    data: str

    @property
    def is_done(self) -> bool:
        """Whether this is the mark that ends an OpenAI stream."""
        return self.data.strip() == "[DONE]"


def events(body: bytes) -> tuple[Event, ...]:
    """The events of a whole stream; comments are skipped. Raises UpstreamFailed for bytes that are not UTF-8."""
    try:
        text = body.decode().removeprefix("\ufeff")
    except UnicodeDecodeError as error:
        raise unreadable("its stream is not UTF-8") from error
    found: list[Event] = []
    name, data = "", list[str]()
    for line in [*_LINES.split(text), ""]:
        if not line:
            if data:
                found.append(Event(name, "\n".join(data)))
            name, data = "", []
        elif line.startswith("data"):
            data += _value(line, "data")
        elif line.startswith("event"):
            name = "".join(_value(line, "event")) or name
    return tuple(found)


def objects(body: bytes) -> tuple[tuple[dict[str, JsonValue], ...], bool]:
    """The JSON objects of a stream and whether it ended with `[DONE]`. Raises UpstreamFailed for errors in the stream."""
    found = list(events(body))
    done = bool(found) and found[-1].is_done
    if any(event.is_done for event in found[:-1]):
        raise unreadable("its stream goes on after its end, where no signer would see it")
    return tuple(_object(event) for event in (found[:-1] if done else found)), done


def event(document: JsonValue, name: str = "") -> bytes:
    """One event as bytes."""
    head = f"event: {name}\n".encode() if name else b""
    return head + b"data: " + orjson.dumps(document) + b"\n\n"


def _value(line: str, field: str) -> list[str]:
    key, _, value = line.partition(":")
    return [value.removeprefix(" ")] if key == field else []


def _object(event: Event) -> dict[str, JsonValue]:
    document = answer_object(event.data.encode())
    if event.name == "error" or document.get("type") == "error" or document.get("error"):
        raise unreadable("it reported an error in its stream")
    return document
