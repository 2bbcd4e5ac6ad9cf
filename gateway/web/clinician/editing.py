"""A suggestion as fields that a person can rewrite, and a filled form as an amendment; values → fields → values.

Promises: the original stays in the form, a value that was not touched keeps its bytes' meaning (type and spelling), and
what cannot be edited safely as fields is not offered. Names of form fields: `text:POINTER`, `cell:N:POINTER` (tensor),
`leaf:POINTER#PLACE` (JSON), each beside `was:POINTER`, which holds the original.
"""

from __future__ import annotations

import hashlib
import json
import re
from dataclasses import dataclass
from math import isinf
from typing import TYPE_CHECKING, Final

from gateway.errors import BadInput

if TYPE_CHECKING:
    from collections.abc import Iterator, Mapping

    from gateway.messages import JsonValue

MOST_FIELDS: Final = 200
_WHOLE: Final = ("INT", "UINT")
_DIGITS: Final = re.compile(r"[+-]?(?:[0-9]+\.?[0-9]*|\.[0-9]+)(?:[eE][+-]?[0-9]+)?", re.ASCII)


@dataclass(frozen=True, slots=True)
class Cell:
    """One value that can be rewritten: its form name, what it is called, its text now."""

    name: str
    label: str
    text: str
    choices: tuple[str, ...] = ()


@dataclass(frozen=True, slots=True)
class Editor:
    """One part of a suggestion, ready to be rewritten; `cells` is empty where it is one text."""

    pointer: str
    label: str
    was: str
    cells: tuple[Cell, ...] = ()

    @property
    def text(self) -> bool:
        """Whether it is one running text."""
        return not self.cells


@dataclass(frozen=True, slots=True)
class Rewritten:
    """One value before and after, as text."""

    label: str
    before: str
    after: str


def editors(content: Mapping[str, JsonValue], document: JsonValue) -> tuple[Editor, ...]:
    """What of a shown suggestion can be rewritten.

    Args:
        content: the shown document, numbers spelled as text.
        document: the AI system's own answer, parsed, for the types of JSON values; None where it cannot be read.
    """
    fields = content.get("fields")
    made = [_editor(field, document) for field in fields if isinstance(field, dict)] if isinstance(fields, list) else []
    return tuple(editor for editor in made if editor is not None)


def amendment(form: Mapping[str, str]) -> dict[str, JsonValue]:
    """The parts whose value is another than what was shown, by pointer.

    Raises:
        BadInput: nothing was changed, or a value is not of its kind; `code` says which.
    """
    changed = dict(_rewritten(form))
    if not changed:
        raise BadInput(
            "An amendment has to change something. Change it, or approve it as it is.",
            code="nothing_changed",
            fr="Une modification doit changer quelque chose. Changez le texte, ou approuvez-le tel quel.",
        )
    return changed


def mark(changes: Mapping[str, JsonValue]) -> str:
    """What names an amendment, so that the difference a person saw is the one that is signed."""
    return hashlib.sha256(json.dumps(changes, sort_keys=True).encode()).hexdigest()[:32]


def rewritten(form: Mapping[str, str]) -> Iterator[Rewritten]:
    """Each rewritten value as text, for the word difference. Raises BadInput as `amendment` does."""
    for pointer, after in _rewritten(form):
        label = form.get(f"label:{pointer}", pointer)
        if isinstance(after, str) and f"text:{pointer}" in form:
            yield Rewritten(label, _lines(form[f"was:{pointer}"]), after)
            continue
        was = _parsed(form[f"was:{pointer}"])
        names = was.get("names") if isinstance(was, dict) and _is_tensor(was) else None
        before = was["data"] if isinstance(was, dict) and _is_tensor(was) else was
        old, new = dict(_leaves(before, "")), dict(_leaves(after, ""))
        for place in (place for place, leaf in new.items() if _text(leaf) != _text(old.get(place))):
            yield Rewritten(_place_label(label, place, names), _text(old.get(place)), _text(new[place]))


def _editor(field: Mapping[str, JsonValue], document: JsonValue) -> Editor | None:
    pointer, label, kind, value = (field.get(name) for name in ("pointer", "label", "kind", "value"))
    if not isinstance(pointer, str):
        return None
    if kind == "text" and isinstance(value, str):
        return Editor(pointer, str(label), value)
    if kind == "tensor" and isinstance(value, dict):
        return _tensor(pointer, str(label), value)
    return _json(pointer, str(label), _at(document, pointer)) if kind in {"json", "number"} else None


def _tensor(pointer: str, label: str, value: Mapping[str, JsonValue]) -> Editor | None:
    data, columns = value.get("data"), value.get("columns")
    if not isinstance(data, list) or len(data) > MOST_FIELDS or any(isinstance(item, dict | list) for item in data):
        return None
    names = [str(name) for name in columns] if isinstance(columns, list) else []
    cells = tuple(
        Cell(f"cell:{n}:{pointer}", _cell_label(n, len(data), names), _text(item), _choices(item, value)) for n, item in enumerate(data)
    )
    was = {"data": data, "datatype": value.get("datatype"), "names": [cell.label for cell in cells]}
    return Editor(pointer, label, json.dumps(was), cells) if cells else None


def _cell_label(place: int, count: int, names: list[str]) -> str:
    if not names:
        return str(place + 1)
    row, column = divmod(place, len(names))
    return names[column] if count <= len(names) else f"{row + 1} · {names[column]}"


def _choices(item: JsonValue, value: Mapping[str, JsonValue]) -> tuple[str, ...]:
    return ("true", "false") if isinstance(item, bool) or value.get("datatype") == "BOOL" else ()


def _json(pointer: str, label: str, value: JsonValue) -> Editor | None:
    leaves = list(_leaves(value, ""))
    if not 0 < len(leaves) <= MOST_FIELDS:
        return None
    cells = tuple(
        Cell(f"leaf:{pointer}#{place}", place.strip("/").replace("/", " · ") or label, _text(leaf), _choices(leaf, {}))
        for place, leaf in leaves
    )
    return Editor(pointer, label, json.dumps(value), cells)


def _leaves(value: JsonValue, place: str) -> Iterator[tuple[str, JsonValue]]:
    if isinstance(value, dict):
        for name, part in value.items():
            yield from _leaves(part, f"{place}/{name.replace('~', '~0').replace('/', '~1')}")
    elif isinstance(value, list):
        for number, part in enumerate(value):
            yield from _leaves(part, f"{place}/{number}")
    elif value is not None:
        yield place, value


def _rewritten(form: Mapping[str, str]) -> Iterator[tuple[str, JsonValue]]:
    for name in form:
        kind, _, pointer = name.partition(":")
        if kind != "was":
            continue
        before, after = _before_and_after(form, pointer, form[name])
        if after != before:
            yield pointer, after


def _before_and_after(form: Mapping[str, str], pointer: str, original: str) -> tuple[JsonValue, JsonValue]:
    if f"text:{pointer}" in form:
        return _lines(original), _lines(form[f"text:{pointer}"])
    was = _parsed(original)
    if isinstance(was, dict) and _is_tensor(was):
        return was["data"], _tensor_of(form, pointer, was)
    return was, _json_of(form, pointer, was)


def _place_label(label: str, place: str, names: JsonValue) -> str:
    number = place.strip("/")
    if isinstance(names, list) and number.isdigit() and int(number) < len(names):
        return f"{label} · {names[int(number)]}"
    return f"{label} · {number.replace('/', ' · ')}" if number else label


def _is_tensor(was: JsonValue) -> bool:
    return isinstance(was, dict) and set(was) == {"data", "datatype", "names"}


def _tensor_of(form: Mapping[str, str], pointer: str, was: Mapping[str, JsonValue]) -> JsonValue:
    data = was["data"]
    if not isinstance(data, list):
        raise _unreadable(pointer)
    texts = [form.get(f"cell:{n}:{pointer}", _text(item)).strip() for n, item in enumerate(data)]
    if texts == [_text(item).strip() for item in data]:
        return data
    return [_typed(text, str(was["datatype"]), pointer) for text in texts]


def _json_of(form: Mapping[str, str], pointer: str, was: JsonValue) -> JsonValue:
    changed = was
    for place, leaf in _leaves(was, ""):
        text = form.get(f"leaf:{pointer}#{place}")
        if text is not None and _lines(text) != _lines(_text(leaf)):
            changed = _with(changed, place.split("/")[1:], _like(leaf, _lines(text), pointer))
    return changed


def _with(value: JsonValue, path: list[str], leaf: JsonValue) -> JsonValue:
    if not path:
        return leaf
    name = path[0].replace("~1", "/").replace("~0", "~")
    if isinstance(value, list):
        return [_with(part, path[1:], leaf) if str(n) == name else part for n, part in enumerate(value)]
    if isinstance(value, dict):
        return {key: _with(part, path[1:], leaf) if key == name else part for key, part in value.items()}
    return value


def _like(leaf: JsonValue, text: str, pointer: str) -> JsonValue:
    if isinstance(leaf, bool):
        return _typed(text, "BOOL", pointer)
    return _typed(text, "FP64", pointer) if isinstance(leaf, int | float) else text


def _typed(text: str, datatype: str, pointer: str) -> JsonValue:
    if datatype == "BYTES":
        return text
    if datatype == "BOOL":
        if text in {"true", "false"}:
            return text == "true"
        raise _unreadable(pointer)
    try:
        return _number(text.replace(",", "."), whole=datatype.startswith(_WHOLE))
    except ValueError:
        raise _unreadable(pointer) from None


def _number(text: str, *, whole: bool) -> int | float:
    """What a person wrote in digits. Raises ValueError, also for what only a program calls a number (nan, inf, 1_000)."""
    if not _DIGITS.fullmatch(text):
        raise ValueError(text)
    value = int(text) if whole or text.lstrip("-").isdigit() else float(text)
    if isinf(value):
        raise ValueError(text)
    return value


def _unreadable(_pointer: str) -> BadInput:
    return BadInput(
        "One of the changed values is not a number as this place needs it. Write digits, for example 0.82; nothing was decided.",
        code="not_a_number",
        fr="Une des valeurs modifiées n’est pas un nombre comme cet endroit l’exige. Écrivez des chiffres, par exemple 0,82 ; rien n’a été décidé.",
    )


def _parsed(text: str) -> JsonValue:
    try:
        value: JsonValue = json.loads(text)
    except ValueError:
        raise _unreadable("") from None
    return value


def _text(item: JsonValue) -> str:
    if isinstance(item, bool):
        return "true" if item else "false"
    return item if isinstance(item, str) else repr(item)


def _lines(text: str) -> str:
    return text.replace("\r\n", "\n")


def _at(document: JsonValue, pointer: str) -> JsonValue:
    for step in pointer.split("/")[1:]:
        name = step.replace("~1", "/").replace("~0", "~")
        if isinstance(document, dict):
            document = document.get(name)
        elif isinstance(document, list) and name.isdigit() and int(name) < len(document):
            document = document[int(name)]
        else:
            return None
    return document
