"""JSON exactly as it was written: numbers as their text, members in their order, members of one name all kept."""

from __future__ import annotations

import json
from typing import TYPE_CHECKING, Final, NamedTuple, TypeAlias

if TYPE_CHECKING:
    from gateway.messages import JsonValue

Node: TypeAlias = "str | bool | Number | Members | list[Node] | None"


class Number(NamedTuple):
    """A number as its text."""

    text: str


class Members(NamedTuple):
    """An object: its names and values in their order."""

    pairs: tuple[tuple[str, Node], ...]

    def get(self, name: str) -> Node:
        """The last value of a name, as every reader takes it; None where there is none."""
        return next((value for key, value in reversed(self.pairs) if key == name), None)

    def without(self, *names: str) -> Members:
        """The other members."""
        return Members(tuple(pair for pair in self.pairs if pair[0] not in names))


def _members(pairs: list[tuple[str, Node]]) -> Members:
    return Members(tuple(pairs))


_DECODER: Final = json.JSONDecoder(object_pairs_hook=_members, parse_float=Number, parse_int=Number, parse_constant=Number)


def parsed(text: str) -> Node:
    """The tree of a JSON text. Raises ValueError where it is none or nested beyond reading."""
    try:
        node: Node = _DECODER.decode(text)
    except RecursionError as error:
        message = "nested too deeply"
        raise ValueError(message) from error
    return node


def from_value(value: JsonValue) -> Node:
    """The tree of a value that was read before."""
    if isinstance(value, dict):
        return Members(tuple((name, from_value(part)) for name, part in value.items()))
    if isinstance(value, list):
        return [from_value(part) for part in value]
    return Number(repr(value)) if isinstance(value, int | float) and not isinstance(value, bool) else value


def is_leaf(node: Node) -> bool:
    """Whether a value has no parts."""
    return not isinstance(node, Members | list)


def leaf(node: Node) -> str:
    """A value without parts as a reader sees it; text without quotation marks."""
    if isinstance(node, Number):
        return node.text
    return node if isinstance(node, str) else json.dumps(node)


def pretty(node: Node, indent: str = "") -> str:
    """The tree as indented JSON text, every number as it was written."""
    inner = indent + "  "
    if isinstance(node, Members) and node.pairs:
        lines = [f"{inner}{json.dumps(name, ensure_ascii=False)}: {pretty(value, inner)}" for name, value in node.pairs]
        return "{\n" + ",\n".join(lines) + f"\n{indent}}}"
    if isinstance(node, list) and node:
        if all(is_leaf(value) and not isinstance(value, str) for value in node):
            return "[" + ", ".join(leaf(value) for value in node) + "]"
        return "[\n" + ",\n".join(inner + pretty(value, inner) for value in node) + f"\n{indent}]"
    if isinstance(node, Members | list):
        return "{}" if isinstance(node, Members) else "[]"
    return json.dumps(node, ensure_ascii=False) if isinstance(node, str) else leaf(node)
