"""A suggestion of several findings: each can be accepted or left out, and the accepted ones leave byte for byte (R14).

The list stands in a JSON answer, or in the text of an OpenAI answer that is itself a JSON object.
"""

from __future__ import annotations

from typing import TYPE_CHECKING, NamedTuple

from gateway.adapters.document import at, decoded, strict, text_at
from gateway.adapters.exact.spans import cut, members, span
from gateway.errors import BadInput

if TYPE_CHECKING:
    from collections.abc import Iterable

    from gateway.adapters.protocol import Field, Reading, View
    from gateway.messages import Answer, JsonValue


class Finding(NamedTuple):
    """One finding: where it stands in the list's document, what names it, what it says."""

    pointer: str
    label: str
    value: JsonValue


def findings(protocol: str, view: View, answer: Answer, reading: Reading) -> tuple[Finding, ...]:
    """The findings of an answer in its order; none where the configuration names no list, or none is there."""
    if reading.findings is None:
        return ()
    pointer, label = reading.findings
    if protocol == "json":
        return _listed(decoded(answer), pointer, label)
    carrier = _carrier(view, pointer)
    return () if carrier is None else _listed(str(carrier.value).encode(), pointer, label)


def amendment_without(view: View, reading: Reading, dropped: Iterable[str]) -> dict[str, JsonValue]:
    """For an answer whose text carries the list: the amendment that leaves findings out. Raises BadInput."""
    pointer = reading.findings[0] if reading.findings else ""
    carrier = _carrier(view, pointer)
    if carrier is None:
        message = "This suggestion has no list of findings, so none can be left out. Decide on it as a whole."
        raise BadInput(
            message,
            code="no_findings",
            fr="Cette proposition n'a pas de liste de constatations : aucune ne peut être écartée. Décidez de l'ensemble.",
        )
    return {carrier.pointer: without(str(carrier.value).encode(), pointer, dropped).decode()}


def without(body: bytes, pointer: str, dropped: Iterable[str]) -> bytes:
    """The JSON text without some parts of the list at a pointer; every other byte stays."""
    text, gone = body.decode(), set(dropped)
    start = span(text, pointer)[0]
    for number in reversed(range(len(list(members(text, start))))):
        if f"{pointer}/{number}" in gone:
            text = cut(text, list(members(text, start)), number)
    return text.encode()


def _carrier(view: View, pointer: str) -> Field | None:
    """The text of the answer that is a JSON object with the list."""
    texts = (part for part in view.fields if part.kind == "text" and isinstance(part.value, str))
    return next((part for part in texts if _listed(str(part.value).encode(), pointer, "")), None)


def _listed(body: bytes, pointer: str, label: str) -> tuple[Finding, ...]:
    try:
        listed = at(strict(body), pointer)
    except (KeyError, ValueError):
        return ()
    if not isinstance(listed, list):
        return ()
    return tuple(Finding(f"{pointer}/{n}", _label(value, label, n), value) for n, value in enumerate(listed))


def _label(value: JsonValue, label: str, number: int) -> str:
    named = text_at(value, label) if label.startswith("/") else f"{label} {number + 1}"
    return named or str(number + 1)
