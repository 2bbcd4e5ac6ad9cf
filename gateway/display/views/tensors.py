"""Tensors of the Open Inference Protocol v2 as tables: one row a case, one column a name."""

from __future__ import annotations

import math
import struct
from dataclasses import dataclass, replace
from typing import TYPE_CHECKING, Final, TypeAlias

from gateway.display.marks.characters import visible
from gateway.display.marks.pens import QuietPen, plain
from gateway.display.models import Cell, Part
from gateway.display.views.documents import MOST_COLUMNS, MOST_ROWS, bytes_part, document, image_part, step, text, with_whole, written
from gateway.display.views.images import data_url, image, image_text
from gateway.display.views.tree import Members, Node, Number, is_leaf, leaf, pretty
from gateway.display.words import said

if TYPE_CHECKING:
    from collections.abc import Iterator, Mapping, Sequence

    from gateway.display.marks.pens import Pen

Value: TypeAlias = "Node | bytes"
_FORMATS: Final = {
    "INT8": "b", "INT16": "h", "INT32": "i", "INT64": "q", "UINT8": "B", "UINT16": "H", "UINT32": "I", "UINT64": "Q",
    "FP16": "e", "FP32": "f", "FP64": "d", "BOOL": "?",
}  # fmt: skip
_MOST_VALUES: Final = 20_000
_DIGITS: Final = {"e": 5, "f": 9, "d": 17}
_OWN: Final = ("name", "shape", "datatype", "data")


@dataclass(frozen=True, slots=True)
class Tensor:
    """Flat values with a shape; `columns` are the configuration's names of the last dimension, empty where it has none.

    `more` counts values that were not read because there are too many.
    """

    name: str
    datatype: str
    shape: tuple[int, ...]
    data: Sequence[Value]
    columns: tuple[str, ...] = ()
    more: int = 0

    @property
    def width(self) -> int:
        """How many values a row has."""
        if len(self.shape) > 1:
            return max(1, self.shape[-1])
        return len(self.columns) if len(self.columns) == len(self.data) else 1


def tensor(pen: Pen, found: Tensor, pointer: str) -> Iterator[Part]:
    """A tensor as a table, with images and bytes of its values after it."""
    width, count = min(found.width, MOST_COLUMNS), math.ceil((len(found.data) + found.more) / found.width)
    rows = tuple(_row(pen, found, number, width, count) for number in range(min(count, MOST_ROWS)))
    part = Part("table", visible(found.name), pointer, (), _columns(pen, found, width, count), rows, None, _notes(pen, found))
    cuts = [said(pen.language, "cut_rows", shown=len(rows), count=count)] if len(rows) < count else []
    cuts += [said(pen.language, "cut_columns", shown=width, count=found.width)] if width < found.width else []
    if found.more:
        pen.skip()
        yield replace(part, notes=(*part.notes, *cuts))
    else:
        yield with_whole(pen, part, "\n".join(_whole(value) for value in found.data), *cuts) if cuts else part
    yield from _apart(pen, found, pointer)


def answered(name: str, value: Members) -> Tensor:
    """The tensor of a judged field, whose numbers are texts."""
    data, shape, columns = value.get("data"), value.get("shape"), value.get("columns")
    sizes = tuple(int(leaf(size)) for size in shape if is_leaf(size) and leaf(size).isdecimal()) if isinstance(shape, list) else ()
    names = tuple(map(leaf, columns)) if isinstance(columns, list) and all(map(is_leaf, columns)) else ()
    return Tensor(
        name,
        leaf(value.get("datatype")),
        sizes,
        tuple(_decoded(one, leaf(value.get("datatype"))) for one in data) if isinstance(data, list) else (),
        names,
    )


def request(pen: Pen, asked: Members, raw: bytes, columns: Mapping[str, tuple[str, ...]]) -> Iterator[Part]:
    """The inputs of an inference request, then everything else that it says. Raises ValueError where they do not fit."""
    inputs, used = asked.get("inputs"), 0
    for number, one in enumerate(inputs if isinstance(inputs, list) else []):
        found, used = _input(one, raw, used, columns)
        yield from tensor(pen, found, f"/inputs/{number}")
        if isinstance(one, Members) and one.without(*_OWN).pairs:
            yield from document(pen, one.without(*_OWN), found.name, step("/inputs", str(number)))
    if used < len(raw):
        yield bytes_part(pen, raw[used:], said(pen.language, "rest_of_bytes"), "", "application/octet-stream")
    rest = asked.without("inputs") if isinstance(inputs, list) else asked
    if rest.pairs:
        yield from document(QuietPen(pen), rest, said(pen.language, "settings"))


def unpacked(kind: str, raw: bytes) -> Sequence[Value]:
    """The values of a binary tensor, of numbers the first twenty thousand. Raises ValueError where the bytes do not fit."""
    if kind == "BYTES":
        return tuple(_texts(raw))
    form = _FORMATS.get(kind, "")
    if not form or len(raw) % struct.calcsize(f"<{form}"):
        message = "a binary tensor does not fit its datatype"
        raise ValueError(message)
    count = min(len(raw) // struct.calcsize(f"<{form}"), _MOST_VALUES)
    values = struct.unpack_from(f"<{count}{form}", raw)
    return tuple(value if isinstance(value, bool) else Number(_spelled(value, form)) for value in values)


def _counted(kind: str, raw: bytes) -> int:
    """How many values a binary tensor of a fixed width has; 0 for texts."""
    return len(raw) // struct.calcsize(f"<{_FORMATS[kind]}") if kind in _FORMATS else 0


def flat(data: list[Node]) -> list[Node]:
    """Nested rows as one."""
    out: list[Node] = []
    for value in data:
        out += flat(value) if isinstance(value, list) else [value]
    return out


def _texts(raw: bytes) -> Iterator[Value]:
    place = 0
    while place < len(raw):
        end = place + 4 + int.from_bytes(raw[place : place + 4], "little")
        if end > len(raw):
            message = "a binary tensor is cut off"
            raise ValueError(message)
        yield _readable(raw[place + 4 : end])
        place = end


def _readable(raw: bytes) -> Value:
    try:
        return raw.decode()
    except UnicodeDecodeError:
        return raw


def _decoded(value: Node, datatype: str) -> Value:
    """A judged value; numbers come as text, bytes that are no text as base64."""
    if datatype != "BYTES":
        return Number(leaf(value)) if is_leaf(value) else value
    coded = value.get("base64") if isinstance(value, Members) else None
    found = data_url(f"data:;base64,{coded}") if isinstance(coded, str) else None
    return found[1] if found else value


def _spelled(value: float, form: str) -> str:
    """The shortest text that gives the same binary number back."""
    if form not in _DIGITS or not math.isfinite(value):
        return repr(value)
    texts = (f"{value:.{digits}g}" for digits in range(1, _DIGITS[form] + 1))
    return next((text for text in texts if _is_exact(text, value, form)), repr(value))


def _is_exact(text: str, value: float, form: str) -> bool:
    try:
        return struct.pack(f"<{form}", float(text)) == struct.pack(f"<{form}", value)
    except OverflowError:
        return False


def _row(pen: Pen, found: Tensor, number: int, width: int, count: int) -> tuple[Cell, ...]:
    start = number * found.width
    values = tuple(_cell(pen, value) for value in found.data[start : start + width])
    return (plain(str(number + 1)), *values) if count > 1 else values


def _cell(pen: Pen, value: Value) -> Cell:
    if _shown_apart(value):
        return plain(said(pen.language, "shown_below"))
    if isinstance(value, Number):
        return pen.value(value.text)
    return written(pen, value) if not isinstance(value, bytes) and is_leaf(value) else plain(_whole(value))


def _shown_apart(value: Value) -> bool:
    return isinstance(value, bytes) or (isinstance(value, str) and (value.startswith("data:") or image_text(value) is not None))


def _whole(value: Value) -> str:
    if isinstance(value, bytes):
        return value.hex()
    return leaf(value) if is_leaf(value) else pretty(value)


def _columns(pen: Pen, found: Tensor, width: int, count: int) -> tuple[str, ...]:
    if len(found.columns) == found.width:
        names = tuple(map(visible, found.columns[:width]))
    else:
        names = tuple(str(number + 1) for number in range(width)) if width > 1 else (said(pen.language, "value"),)
    return (said(pen.language, "row"), *names) if count > 1 else names


def _notes(pen: Pen, found: Tensor) -> tuple[str, ...]:
    shape = said(pen.language, "tensor", shape=" × ".join(map(str, found.shape)), kind=visible(found.datatype))
    if not found.columns or len(found.columns) == found.width:
        return (shape,)
    return shape, said(pen.language, "columns_differ", named=len(found.columns), count=found.width)


def _apart(pen: Pen, found: Tensor, pointer: str) -> Iterator[Part]:
    """What a tensor holds beside text and numbers, one part each."""
    for number, value in enumerate(found.data, start=1):
        label = f"{found.name} {number}"
        if isinstance(value, str) and _shown_apart(value):
            yield text(pen, value, label, pointer)
        elif isinstance(value, bytes):
            shown = image(value)
            yield image_part(pen, shown, label, pointer) if shown else bytes_part(pen, value, label, pointer, "application/octet-stream")


def _input(one: Node, raw: bytes, used: int, columns: Mapping[str, tuple[str, ...]]) -> tuple[Tensor, int]:
    """An input and where its binary data ends. Raises ValueError where it is no tensor."""
    message = "an input is not a tensor"
    if not isinstance(one, Members) or not isinstance(one.get("name"), str) or not isinstance(one.get("datatype"), str):
        raise ValueError(message)  # noqa: TRY004 - what the bytes say is wrong, not the program
    name, kind, shape, parameters = leaf(one.get("name")), leaf(one.get("datatype")), one.get("shape"), one.get("parameters")
    sizes = tuple(int(size.text) for size in shape if isinstance(size, Number)) if isinstance(shape, list) else ()
    stated = parameters.get("binary_data_size") if isinstance(parameters, Members) else None
    if not isinstance(stated, Number):
        data = one.get("data")
        return Tensor(name, kind, sizes, flat(data) if isinstance(data, list) else [data], columns.get(name, ())), used
    end = used + int(stated.text)
    if not used <= end <= len(raw):
        raise ValueError(message)
    values = unpacked(kind, raw[used:end])
    return Tensor(name, kind, sizes, values, columns.get(name, ()), max(0, _counted(kind, raw[used:end]) - len(values))), end
