"""The views that a page shows: what the AI system got, and what it answered. Read this first.

Promises: the view of the request is derived from exactly the stored bytes and ends with all of them (R10); the view of
a suggestion is derived from exactly what the decision signs; nothing is dropped without a note that says how much.
"""

from __future__ import annotations

import json
from dataclasses import replace
from typing import TYPE_CHECKING, Final

from gateway.display.marks.characters import visible
from gateway.display.marks.pens import MOST_SEARCHED, MarkingPen, SourcePen
from gateway.display.models import Part, Sent
from gateway.display.views import openai, tensors
from gateway.display.views.documents import document, image_part, text
from gateway.display.views.images import image
from gateway.display.views.plain import all_bytes, unpacked
from gateway.display.views.tree import Members, from_value, parsed
from gateway.display.words import said

if TYPE_CHECKING:
    from collections.abc import Iterator, Mapping

    from gateway.display.marks.pens import Pen
    from gateway.display.models import Media
    from gateway.messages import JsonValue

MOST_PARTS: Final = 500
_LABELS: Final = {
    "content": "label_content",
    "text": "label_content",
    "answer": "label_answer",
    "refusal": "label_refusal",
    "reasoning": "label_reasoning",
    "reasoning_content": "label_reasoning",
}
_NONE: Final[Mapping[str, tuple[str, ...]]] = {}


def sent(protocol: str, body: bytes, language: str, columns: Mapping[str, tuple[str, ...]] = _NONE) -> Sent:
    """What the AI system got.

    Args:
        protocol: `openai`, `inference_v2` or `json`.
        body: the stored bytes of the request.
        language: of labels and notes, `fr` or `en`.
        columns: the route's names of tensor columns, by tensor.
    """
    pen, found = _readable(language, protocol, body, columns)
    parts = _limited(language, found)
    parts.append(all_bytes(pen, body))
    if pen.searched > MOST_SEARCHED:
        parts.insert(0, Part("plain", said(language, "not_searched_label"), notes=(said(language, "not_searched", count=MOST_SEARCHED),)))
    return Sent(tuple(parts), tuple(pen.kept), pen.exact, pen.loose, pen.denied())


def suggestion(content: Mapping[str, JsonValue], sent: Sent, language: str) -> tuple[Part, ...]:
    """What the AI system answered: the fields of the shown document, each mark linked to its source in the request or to none (R9)."""
    pen, parts = MarkingPen(sent, language), list[Part]()
    fields = content.get("fields")
    for field in fields if isinstance(fields, list) else []:
        if isinstance(field, dict):
            pointer = str(field.get("pointer", ""))
            parts += [replace(part, field=pointer) for part in _field(pen, field, pointer)]
    if len(parts) > MOST_PARTS:
        whole = pen.media("plain", "text/plain; charset=utf-8", json.dumps(fields, ensure_ascii=False, indent=1).encode("utf-8", "replace"))
        return (*_limited(language, parts)[:-1], replace(_limited(language, parts)[-1], media=whole))
    return tuple(parts)


def media(parts: tuple[Part, ...]) -> tuple[Media, ...]:
    """The images and bytes of a view, by their number."""
    return tuple(sorted((part.media for part in parts if part.media is not None), key=lambda one: one.number))


def _limited(language: str, parts: list[Part]) -> list[Part]:
    """The first parts, and one that says how many more there are."""
    if len(parts) <= MOST_PARTS:
        return parts
    note = said(language, "cut_parts", shown=MOST_PARTS, count=len(parts))
    return [*parts[:MOST_PARTS], Part("plain", said(language, "cut_parts_label"), notes=(note,))]


def _field(pen: Pen, field: Mapping[str, JsonValue], pointer: str) -> Iterator[Part]:
    kind, value = str(field.get("kind", "")), from_value(field.get("value"))
    label = _label(pen, str(field.get("label", "")))
    if kind == "tensor" and isinstance(value, Members):
        yield from tensors.tensor(pen, tensors.answered(label, value), pointer)
    elif kind == "number" and isinstance(value, str):
        yield Part("text", visible(label), pointer, pen.value(value))
    elif kind == "action":
        yield from openai.actions(pen, value, label, pointer)
    else:
        yield from document(pen, value, label, pointer)


def _label(pen: Pen, label: str) -> str:
    """A protocol's own name of a field in words; names of the configuration and of tensors stay."""
    return said(pen.language, _LABELS[label]) if label in _LABELS else label


def _readable(language: str, protocol: str, body: bytes, columns: Mapping[str, tuple[str, ...]]) -> tuple[SourcePen, list[Part]]:
    """The request as its protocol means it; as an image or as text where it cannot be read so."""
    pen, plain = SourcePen(language), unpacked(body)
    try:
        parts = list(_protocol(pen, protocol, plain, columns))
    except (ValueError, RecursionError):
        pen = SourcePen(language)
        parts = list(_other(pen, plain))
    if plain != body and parts:
        parts[0] = replace(parts[0], notes=(*parts[0].notes, said(language, "unpacked")))
    return pen, parts


def _protocol(pen: Pen, protocol: str, body: bytes, columns: Mapping[str, tuple[str, ...]]) -> Iterator[Part]:
    head, raw = _split(body) if protocol == "inference_v2" else (body, b"")
    asked = parsed(head.decode("utf-8-sig"))
    if protocol == "openai" and isinstance(asked, Members):
        yield from openai.request(pen, asked)
    elif protocol == "inference_v2" and isinstance(asked, Members):
        yield from tensors.request(pen, asked, raw, columns)
    else:
        yield from document(pen, asked, said(pen.language, "request"))


def _split(body: bytes) -> tuple[bytes, bytes]:
    """The JSON part and the binary part behind it. Raises ValueError where the bytes do not begin as JSON."""
    _, end = json.JSONDecoder().raw_decode(body.decode("latin-1"))
    rest = body[end:]
    return (body, b"") if not rest.strip() else (body[:end], rest)


def _other(pen: Pen, body: bytes) -> Iterator[Part]:
    """Bytes that are no request of this protocol: an image, or text, or nothing that a person can read."""
    found = image(body)
    if found is not None:
        yield image_part(pen, found, said(pen.language, "request"))
        return
    try:
        words = body.decode()
    except UnicodeDecodeError:
        return
    if words.strip():
        yield text(pen, words, said(pen.language, "request"))
