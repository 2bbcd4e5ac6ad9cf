"""Exact changes to JSON text: the bytes of one value are replaced or cut, and nothing else moves (R55).

Numbers, key order, spaces and unknown members stay as the AI system wrote them.
"""

from __future__ import annotations

import itertools
import json
from typing import TYPE_CHECKING, Final, NamedTuple

import orjson

from gateway.errors import BadInput

if TYPE_CHECKING:
    from collections.abc import Iterator, Mapping

    from gateway.messages import JsonValue

_DECODER: Final = json.JSONDecoder()


class Member(NamedTuple):
    """Where one member of a JSON object or array stands in the text; `name` is its key or its index as text."""

    name: str
    start: int
    value: int
    end: int


def replaced(body: bytes, changes: Mapping[str, JsonValue]) -> bytes:
    """The same JSON text with other values at some pointers; every other byte stays. Raises BadInput for a missing pointer."""
    text = body.decode()
    spans = sorted(((*span(text, pointer), value) for pointer, value in changes.items() if _checked(value)), key=lambda place: place[:2])
    if any(later[0] < earlier[1] for earlier, later in itertools.pairwise(spans)):
        message = "Two amendments change the same place. Amend each part once."
        raise BadInput(
            message, code="bad_amendment", fr="Deux modifications portent sur le même endroit. Modifiez chaque partie une seule fois."
        )
    for start, end, value in reversed(spans):
        text = text[:start] + orjson.dumps(value).decode() + text[end:]
    return text.encode()


def without_member(body: bytes, name: str) -> bytes:
    """A JSON object's text without one of its members; every other byte stays."""
    text = body.decode()
    start = skip(text, 0)
    for number in reversed([n for n, member in enumerate(members(text, start)) if member.name == name]):
        text = cut(text, list(members(text, start)), number)
    return text.encode()


def with_member(body: bytes, name: str, *, value: JsonValue) -> bytes:
    """A JSON object's text with one member set: in its place where it is there, else as the first one."""
    text = body.decode()
    start = skip(text, 0)
    found = list(members(text, start))
    if any(member.name == name for member in found):
        return replaced(body, {"/" + name: value})
    added = f"{json.dumps(name)}:{orjson.dumps(value).decode()}" + ("," if found else "")
    return (text[: start + 1] + added + text[start + 1 :]).encode()


def span(text: str, pointer: str) -> tuple[int, int]:
    """Start and end of the value at a pointer; of members with one name the last counts, as for every reader here."""
    start = skip(text, 0)
    end = len(text.rstrip(" \t\r\n"))
    try:
        for token in tokens(pointer):
            start, end = next((m.value, m.end) for m in reversed(list(members(text, start))) if m.name == token)
    except (StopIteration, KeyError) as error:
        message = f"The answer has nothing at '{pointer[:200]}', so this amendment cannot be made. Amend only the parts that are shown."
        french = f"La réponse n'a rien à l'endroit « {pointer[:200]} » : cette modification est impossible. Ne modifiez que les parties affichées."
        raise BadInput(message, code="bad_amendment", fr=french) from error
    return start, end


def members(text: str, start: int) -> Iterator[Member]:
    """The members of the object or array that starts here; nothing for other values. The text is known to be JSON."""
    closing = {"{": "}", "[": "]"}.get(text[start : start + 1])
    place, number = skip(text, start + 1), 0
    while closing and text[place] != closing:
        name, value = _key(text, place) if closing == "}" else (str(number), place)
        _, end = _DECODER.raw_decode(text, value)
        yield Member(name, place, value, end)
        place, number = skip(text, end), number + 1
        if text[place] == ",":
            place = skip(text, place + 1)


def skip(text: str, place: int) -> int:
    """The next place that is not white space."""
    while text[place : place + 1] in {" ", "\t", "\r", "\n"}:
        place += 1
    return place


def cut(text: str, found: list[Member], number: int) -> str:
    """The text without one of the members found, and without the comma that went with it."""
    if number:
        return text[: found[number - 1].end] + text[found[number].end :]
    until = found[1].start if len(found) > 1 else found[0].end
    return text[: found[0].start] + text[until:]


def tokens(pointer: str) -> list[str]:
    """The parts of a JSON Pointer. Raises KeyError for what is none."""
    if pointer and not pointer.startswith("/"):
        raise KeyError(pointer)
    return [token.replace("~1", "/").replace("~0", "~") for token in pointer.split("/")[1:]]


def is_index(token: str) -> bool:
    """Whether a pointer's part can be a place in a list."""
    return token.isascii() and token.isdigit() and str(int(token)) == token


def _checked(value: JsonValue) -> bool:
    try:
        orjson.dumps(value)
    except TypeError as error:
        message = "An amended value is not JSON that can be written (text in UTF-8, whole numbers within 64 bits). Correct it, then sign."
        french = (
            "Une valeur modifiée ne peut pas être écrite en JSON (texte en UTF-8, entiers sur 64 bits au plus). Corrigez-la, puis signez."
        )
        raise BadInput(message, code="bad_amendment", fr=french) from error
    return True


def _key(text: str, place: int) -> tuple[str, int]:
    name, end = _DECODER.raw_decode(text, place)
    return str(name), skip(text, skip(text, end) + 1)
