"""OpenAI requests and actions as a conversation: who says what, which images go along, what shall be done with what."""

from __future__ import annotations

from typing import TYPE_CHECKING, Final

from gateway.display.marks.pens import QuietPen
from gateway.display.views.documents import bytes_part, document, step, text
from gateway.display.views.images import data_url
from gateway.display.views.tree import Members, Node, is_leaf, leaf, parsed
from gateway.display.words import said

if TYPE_CHECKING:
    from collections.abc import Iterator

    from gateway.display.marks.pens import Pen
    from gateway.display.models import Part

_TALK: Final = ("messages", "input", "instructions")
_ROLES: Final = frozenset({"system", "developer", "user", "assistant", "tool", "function"})
_CALLS: Final = frozenset({"tool_calls", "function_call"})


def request(pen: Pen, asked: Members) -> Iterator[Part]:
    """The conversation first, then every other setting of the request."""
    for name, value in asked.pairs:
        if name == "instructions" and isinstance(value, str):
            yield text(pen, value, said(pen.language, "role_system"), "/instructions")
        elif name in _TALK:
            yield from _talk(pen, value, step("", name))
    rest = asked.without(*_TALK)
    if rest.pairs:
        yield from document(QuietPen(pen), rest, said(pen.language, "settings"))


def actions(pen: Pen, value: Node, label: str, pointer: str) -> Iterator[Part]:
    """What the AI system wants done: one part an action, named, with its arguments."""
    if isinstance(value, list):
        for number, one in enumerate(value):
            yield from actions(pen, one, label, step(pointer, str(number)))
    elif isinstance(value, Members) and (call := _call(value)) is not None:
        yield from _action(pen, value, call, pointer)
    else:
        yield from document(pen, value, label, pointer)


def _talk(pen: Pen, value: Node, pointer: str) -> Iterator[Part]:
    if not isinstance(value, list):
        yield from document(pen, value, said(pen.language, "role_user"), pointer)
        return
    for number, one in enumerate(value):
        place = step(pointer, str(number))
        if isinstance(one, Members) and one.get("role") is not None:
            yield from _message(pen, one, place)
        else:
            yield from actions(pen, one, said(pen.language, "item", number=number + 1), place)


def _message(pen: Pen, message: Members, pointer: str) -> Iterator[Part]:
    """A message: its content, its actions, and whatever else it carries."""
    label = _role(pen, message.get("role"))
    for name, value in message.pairs:
        if name == "content" and value is not None:
            yield from _content(pen, value, label, step(pointer, name))
        elif name in _CALLS:
            yield from actions(pen, value, label, step(pointer, name))
    rest = message.without("role", "content", *_CALLS)
    if any(value is not None for _, value in rest.pairs):
        yield from document(pen, rest, label, pointer)


def _role(pen: Pen, role: Node) -> str:
    if isinstance(role, str) and role in _ROLES:
        return said(pen.language, f"role_{role}")
    return said(pen.language, "role_other", role=leaf(role) if is_leaf(role) else "?")


def _content(pen: Pen, value: Node, label: str, pointer: str) -> Iterator[Part]:
    if not isinstance(value, list):
        yield from document(pen, value, label, pointer)
        return
    for number, piece in enumerate(value):
        yield from _piece(pen, piece, label, step(pointer, str(number)))


def _piece(pen: Pen, piece: Node, label: str, pointer: str) -> Iterator[Part]:
    """One piece of a message: text, an image, a recording, a file, or whatever it is."""
    if not isinstance(piece, Members):
        yield from document(pen, piece, label, pointer)
        return
    kind, rest = piece.get("type"), piece.without("type")
    if kind in {"text", "input_text", "output_text", "refusal"} and [isinstance(value, str) for _, value in rest.pairs] == [True]:
        yield text(pen, leaf(rest.pairs[0][1]), label, step(pointer, rest.pairs[0][0]))
        return
    coded = _coded(rest)
    if coded is None:
        yield from document(pen, piece, label, pointer)
        return
    name, data = coded
    yield text(pen, data, label, pointer) if data.startswith("data:image/") else _file(pen, data, label, pointer)
    others = _without(rest, name)
    if others.pairs:
        yield from document(pen, others, label, pointer)


def _coded(piece: Members) -> tuple[str, str] | None:
    """The member that holds a data URL, directly or one level down, and that URL."""
    for name, value in piece.pairs:
        for text_of in value.pairs if isinstance(value, Members) else ((name, value),):
            if isinstance(text_of[1], str) and data_url(text_of[1]) is not None:
                return name, text_of[1]
    return None


def _without(piece: Members, name: str) -> Members:
    """The piece without the data URL; what stood beside it stays."""
    kept = []
    for key, value in piece.pairs:
        if key != name:
            kept.append((key, value))
        elif isinstance(value, Members):
            kept += [pair for pair in value.pairs if not (isinstance(pair[1], str) and data_url(pair[1]) is not None)]
    return Members(tuple(kept))


def _file(pen: Pen, data: str, label: str, pointer: str) -> Part:
    found = data_url(data)
    assert found is not None  # noqa: S101 - chosen because it is one
    return bytes_part(pen, found[1], label, pointer, found[0])


def _call(value: Members) -> Members | None:
    """The member that names an action and its arguments: the object itself, or its `function`."""
    inner = value.get("function")
    for one in (inner, value):
        if isinstance(one, Members) and isinstance(one.get("name"), str) and one.get("arguments") is not None:
            return one
    return None


def _action(pen: Pen, value: Members, call: Members, pointer: str) -> Iterator[Part]:
    label = said(pen.language, "action", name=leaf(call.get("name")))
    place = pointer if call is value else step(pointer, "function")
    given = _arguments(call.get("arguments"))
    yield from document(pen, given, label, step(place, "arguments"))
    rest = Members(
        (*value.without("name", "arguments", "function").pairs, *(call.without("name", "arguments").pairs if call is not value else ()))
    )
    if rest.pairs:
        yield from document(QuietPen(pen), rest, said(pen.language, "action_more", name=leaf(call.get("name"))), pointer)


def _arguments(given: Node) -> Node:
    """Arguments come as JSON text; what is none stays text."""
    try:
        return parsed(given) if isinstance(given, str) else given
    except ValueError:
        return given
