"""Any JSON as a person reads it: names and values as a table, lists of alike objects as a table, what is deeper as JSON.

Nothing is dropped: what is too long is cut with a count and a link to all of it.
"""

from __future__ import annotations

from dataclasses import replace
from itertools import islice
from typing import TYPE_CHECKING, Final, Literal

from gateway.display.marks.characters import visible
from gateway.display.marks.pens import plain
from gateway.display.models import Cell, Part, Run
from gateway.display.views.images import data_url, image_text
from gateway.display.views.tree import Members, Node, Number, is_leaf, leaf, pretty
from gateway.display.words import said

if TYPE_CHECKING:
    from collections.abc import Iterator

    from gateway.display.marks.pens import Pen
    from gateway.display.views.images import Image

MOST_TEXT: Final = 100_000
MOST_ROWS: Final = 200
MOST_COLUMNS: Final = 40
MOST_MEMBERS: Final = 500
_SHORT: Final = 240
_DEEPEST: Final = 3
_WIDEST: Final = 12
_LINE: Final = Run("\n")
_INSIDE: Final = " \u203a "


def document(pen: Pen, node: Node, label: str, pointer: str = "") -> Iterator[Part]:
    """A value as parts, in the order of the document; `label` may be anybody's text."""
    if isinstance(node, str):
        yield text(pen, node, label, pointer)
    elif isinstance(node, Members) and node.pairs:
        yield from _members(pen, node, label, pointer)
    elif isinstance(node, list) and _is_table(node):
        yield _table(pen, node, label, pointer)
    elif is_leaf(node):
        yield Part("text", visible(label), pointer, written(pen, node))
    else:
        yield json_part(pen, node, label, pointer)


def text(pen: Pen, value: str, label: str, pointer: str = "") -> Part:
    """A text: an image where it is one, else the words; too long a text is cut."""
    found = image_text(value)
    if found is not None:
        return image_part(pen, found, label, pointer)
    coded = data_url(value)
    if coded is not None:
        return bytes_part(pen, coded[1], label, pointer, coded[0])
    return _cut(pen, "text", value, label, pointer)


def json_part(pen: Pen, node: Node, label: str, pointer: str = "") -> Part:
    """A value as indented JSON."""
    return _cut(pen, "json", pretty(node), label, pointer)


def image_part(pen: Pen, found: Image, label: str, pointer: str = "") -> Part:
    """An image that was checked."""
    size = said(pen.language, "image_size", width=found.width, height=found.height, kind=found.type.removeprefix("image/").upper())
    return Part("image", visible(label), pointer, media=pen.media("image", found.type, found.data), notes=(size,))


def bytes_part(pen: Pen, data: bytes, label: str, pointer: str, media_type: str) -> Part:
    """Bytes that are no image and no text: their size, and a link to them."""
    note = said(pen.language, "bytes_of", count=len(data), kind=visible(media_type))
    return Part("plain", visible(label), pointer, media=pen.media("plain", "application/octet-stream", data), notes=(note,))


def written(pen: Pen, node: Node) -> Cell:
    """A value without parts, as a cell."""
    if isinstance(node, str):
        return pen.write(node)
    return pen.write(node.text) if isinstance(node, Number) else plain(leaf(node))


def step(pointer: str, name: str) -> str:
    """The pointer of a member (RFC 6901)."""
    return f"{pointer}/{name.replace('~', '~0').replace('/', '~1')}"


def _cut(pen: Pen, kind: Literal["text", "json"], value: str, label: str, pointer: str) -> Part:
    if len(value) <= MOST_TEXT:
        return Part(kind, visible(label), pointer, pen.write(value))
    note = said(pen.language, "cut", shown=MOST_TEXT, count=len(value) - MOST_TEXT)
    return with_whole(pen, Part(kind, visible(label), pointer, pen.write(value[:MOST_TEXT])), value, note, unseen=value[MOST_TEXT:])


def _members(pen: Pen, node: Members, label: str, pointer: str) -> Iterator[Part]:
    """Short values gather in one table; what needs room of its own stands between, in its place."""
    rows: list[tuple[Cell, ...]] = []
    for path, value, place in _flat(node, (), pointer):
        if _is_short(value):
            rows.append((plain(_INSIDE.join(path)), _short(pen, value)))
            continue
        yield from _rows(pen, rows, label, pointer)
        rows = []
        yield from document(pen, value, _INSIDE.join((label, *path) if label else path), place)
    yield from _rows(pen, rows, label, pointer)


def _rows(pen: Pen, rows: list[tuple[Cell, ...]], label: str, pointer: str) -> Iterator[Part]:
    part = Part("table", visible(label), pointer, rows=tuple(rows[:MOST_MEMBERS]))
    if len(rows) > MOST_MEMBERS:
        lines = ["\t".join("".join(run.text for run in cell) for cell in row) for row in rows]
        note = said(pen.language, "cut_rows", shown=MOST_MEMBERS, count=len(rows))
        yield with_whole(pen, part, "\n".join(lines), note, unseen="")
    elif rows:
        yield part


def _flat(node: Members, path: tuple[str, ...], pointer: str) -> Iterator[tuple[tuple[str, ...], Node, str]]:
    """Members with their path of names; objects are entered up to three deep."""
    for name, value in node.pairs:
        here = (*path, name)
        if isinstance(value, Members) and value.pairs and len(here) < _DEEPEST:
            yield from _flat(value, here, step(pointer, name))
        elif isinstance(value, Members) and value.pairs:
            yield here, [value] if _is_table([value]) else value, step(pointer, name)
        else:
            yield here, value, step(pointer, name)


def _is_short(value: Node) -> bool:
    if isinstance(value, list):
        return not value or (len(value) <= _WIDEST and all(is_leaf(one) and _is_short(one) for one in value))
    if isinstance(value, str):
        return len(value) <= _SHORT and "\n" not in value and not value.startswith("data:") and image_text(value) is None
    return is_leaf(value) or value == Members(())


def _short(pen: Pen, value: Node) -> Cell:
    """A short value; the items of a list one below the other."""
    if not isinstance(value, list):
        return plain("{}") if isinstance(value, Members) else written(pen, value)
    items = [written(pen, one) for one in value]
    return tuple(run for number, item in enumerate(items) for run in ((_LINE, *item) if number else item)) or plain("[]")


def _is_table(node: list[Node]) -> bool:
    """A list of objects with short values and few names."""
    if not node or not all(isinstance(row, Members) and row.pairs for row in node):
        return False
    rows = [row for row in node if isinstance(row, Members)]
    names = {name for row in rows for name, _ in row.pairs}
    return len(names) <= _WIDEST and all(_is_short(value) for row in rows for _, value in row.pairs) and all(_once(row) for row in rows)


def _once(row: Members) -> bool:
    return len({name for name, _ in row.pairs}) == len(row.pairs)


def _table(pen: Pen, node: list[Node], label: str, pointer: str) -> Part:
    rows = [row for row in node if isinstance(row, Members)]
    names = tuple(dict.fromkeys(name for row in rows for name, _ in row.pairs))
    shown = tuple(tuple(_cell(pen, row, name) for name in names) for row in islice(rows, MOST_ROWS))
    part = Part("table", visible(label), pointer, columns=tuple(map(visible, names)), rows=shown)
    if len(shown) == len(rows):
        return part
    return with_whole(pen, part, pretty(node), said(pen.language, "cut_rows", shown=len(shown), count=len(rows)))


def _cell(pen: Pen, row: Members, name: str) -> Cell:
    return next((_short(pen, value) for key, value in row.pairs if key == name), ())


def with_whole(pen: Pen, part: Part, whole: str, *notes: str, unseen: str | None = None) -> Part:
    """The part with notes about what is not shown of it (`unseen`, the whole where not given), and a link to all of it."""
    media = pen.media("plain", "text/plain; charset=utf-8", whole.encode("utf-8", "replace"))
    return replace(part, media=media, notes=(*part.notes, *notes), anchor=pen.rest(whole if unseen is None else unseen))
