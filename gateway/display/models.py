"""What a page shows of a suggestion and of the request behind it: parts, runs of text, marks, media.

Promises: the texts of a cell's runs, joined, are the text they were made from; a mark says what was recognised and
where the same stands in the input, or that it stands nowhere (R9).
"""

from __future__ import annotations

from dataclasses import dataclass, field
from typing import TYPE_CHECKING, Literal, TypeAlias

if TYPE_CHECKING:
    from collections.abc import Mapping

Kind: TypeAlias = Literal["number", "unit", "drug", "negation", "side", "hidden"]
PartKind: TypeAlias = Literal["text", "table", "json", "image", "plain"]


@dataclass(frozen=True, slots=True)
class Mark:
    """Something in a text that has to be checked.

    `source` is the id of its place in the input, "" where it stands nowhere there. `near` is the id of a place that
    says something like it (another unit, the other side) and `note` says what stands there, in words; `name` names a
    hidden character; `converted` says that the near place says the same amount in another unit or spelling.
    """

    kind: Kind
    source: str = ""
    name: str = ""
    note: str = ""
    near: str = ""
    converted: bool = False


@dataclass(frozen=True, slots=True)
class Run:
    """A piece of text with one mark or none; `anchor` is its id where marks of the suggestion may point at it."""

    text: str
    mark: Mark | None = None
    anchor: str = ""


Cell: TypeAlias = tuple[Run, ...]


@dataclass(frozen=True, slots=True)
class Media:
    """Bytes that the page links to or shows as an image; `number` counts from 0 within one view, `type` is a media type."""

    number: int
    kind: Literal["image", "plain"]
    type: str
    data: bytes


@dataclass(frozen=True, slots=True)
class Part:
    """One piece of a view.

    `pointer` is its place in the JSON it was taken from, `field` the pointer of the judged field it belongs to ("" in
    the input). `runs` hold text (text, json, plain), `columns` and `rows` a table whose `columns` may be empty; `notes`
    say what was cut or could not be read, in words, and `anchor` is the id of what was cut.
    """

    kind: PartKind
    label: str
    pointer: str = ""
    runs: Cell = ()
    columns: tuple[str, ...] = ()
    rows: tuple[tuple[Cell, ...], ...] = ()
    media: Media | None = None
    notes: tuple[str, ...] = ()
    field: str = ""
    anchor: str = ""


@dataclass(frozen=True, slots=True)
class Place:
    """A place of the input: the id of its run and what is written there."""

    anchor: str
    text: str


@dataclass(frozen=True, slots=True)
class Sent:
    """The view of the request that the AI system got, and where it says what.

    `exact` finds a place by the whole meaning (value and unit, drug, side of an organ), `loose` by a part of it;
    `denied` is what it negates and says nowhere else.
    """

    parts: tuple[Part, ...]
    media: tuple[Media, ...]
    exact: Mapping[str, Place] = field(default_factory=dict)
    loose: Mapping[str, Place] = field(default_factory=dict)
    denied: Mapping[str, tuple[str, ...]] = field(default_factory=dict)
