"""Where in a TOML file a value stands, for messages that name file and line (tree-sitter's TOML grammar)."""

from __future__ import annotations

from typing import TYPE_CHECKING, TypeAlias

import tree_sitter_toml
from tree_sitter import Language, Parser

if TYPE_CHECKING:
    from tree_sitter import Node

Path: TypeAlias = tuple[str | int, ...]


class Positions:
    """The lines of one file, by path: `("systems", 1, "upstream", "url")` → 42.

    Args:
        text: the file's bytes; a file that is not TOML has no positions.
    """

    def __init__(self, text: bytes) -> None:
        self._lines: dict[Path, int] = {}
        self._counts: dict[Path, int] = {}
        root = Parser(Language(tree_sitter_toml.language())).parse(text).root_node
        for node in root.children:
            self._top(node)

    def line(self, path: Path) -> int:
        """The line (from 1) of a value, or of the nearest table around it."""
        for length in range(len(path), 0, -1):
            found = self._lines.get(path[:length])
            if found is not None:
                return found
        return 1

    def __contains__(self, path: Path) -> bool:
        """Whether the file says something at a path."""
        return path in self._lines

    def _top(self, node: Node) -> None:
        if node.type == "pair":
            self._pair(node, ())
        elif node.type in {"table", "table_array_element"}:
            self._table(node)

    def _table(self, node: Node) -> None:
        keys = next((_keys(child) for child in node.children if child.type in _KEY_TYPES), ())
        path = self._numbered(keys[:-1]) + keys[-1:]
        if node.type == "table_array_element":
            number = self._counts.get(path, 0)
            self._counts[path] = number + 1
            path = (*path, number)
        self._lines[path] = node.start_point[0] + 1
        for child in node.children:
            if child.type == "pair":
                self._pair(child, path)

    def _numbered(self, keys: Path) -> Path:
        """A dotted header below an array of tables means its latest element."""
        path: Path = ()
        for key in keys:
            path = (*path, key)
            if path in self._counts:
                path = (*path, self._counts[path] - 1)
        return path

    def _pair(self, node: Node, path: Path) -> None:
        here = path + _keys(node.children[0])
        self._lines[here] = node.start_point[0] + 1
        self._value(node.children[-1], here)

    def _value(self, node: Node, path: Path) -> None:
        if node.type == "inline_table":
            for child in node.children:
                if child.type == "pair":
                    self._pair(child, path)
        elif node.type == "array":
            values = [child for child in node.children if child.is_named and child.type != "comment"]
            for number, child in enumerate(values):
                self._lines[(*path, number)] = child.start_point[0] + 1
                self._value(child, (*path, number))


_KEY_TYPES = frozenset({"bare_key", "dotted_key", "quoted_key"})


def _keys(node: Node) -> tuple[str, ...]:
    if node.type == "dotted_key":
        return tuple(key for child in node.children if child.type in _KEY_TYPES for key in _keys(child))
    text = (node.text or b"").decode("utf-8", "replace")
    return (text.strip("\"'") if node.type == "quoted_key" else text,)
