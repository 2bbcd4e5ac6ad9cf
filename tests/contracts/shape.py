"""Measures the shape of source code: how long, how branched, how complete.

A function's lines are all of its definition, nested functions included, without its docstring and without blank
lines. Its complexity is McCabe's: one, plus one for each `if`, loop, `except` and `case`; a nested function counts
for itself. A percentile is the smallest measured value that is not exceeded by that share of the values.
"""

from __future__ import annotations

import ast
import math
from collections import Counter
from dataclasses import dataclass
from typing import TYPE_CHECKING, TypeAlias

if TYPE_CHECKING:
    from collections.abc import Iterator, Sequence
    from pathlib import Path

FunctionNode: TypeAlias = ast.FunctionDef | ast.AsyncFunctionDef
_BRANCHES = (ast.If, ast.For, ast.AsyncFor, ast.While, ast.ExceptHandler, ast.match_case)


@dataclass(frozen=True, slots=True)
class Function:
    """One function or method; `place` is file, line and name."""

    place: str
    lines: int
    complexity: int
    typed: bool


@dataclass(frozen=True, slots=True)
class Module:
    """One source file; `folder` and `place` are relative to the measured tree."""

    place: str
    folder: str
    name: str
    lines: int
    functions: tuple[Function, ...]


@dataclass(frozen=True, slots=True)
class Limits:
    """What a tree may measure: lines, branches, modules a folder."""

    function_median: float = 7
    function_p90: int = 24
    function_max: int = 40
    file_p90: int = 250
    file_max: int = 400
    complexity_p90: int = 5
    complexity_max: int = 10
    modules_a_folder: int = 8


def measure(root: Path, *folders: str) -> tuple[Module, ...]:
    """Every module below the folders of a tree that holds something (an empty `__init__.py` is none)."""
    paths = sorted(path for folder in folders for path in (root / folder).rglob("*.py"))
    return tuple(_module(root, path) for path in paths if path.read_text(encoding="utf-8").strip())


def _module(root: Path, path: Path) -> Module:
    text = path.read_text(encoding="utf-8")
    place, lines = path.relative_to(root), text.splitlines()
    functions = tuple(_function(str(place), node, lines) for node in ast.walk(ast.parse(text)) if isinstance(node, FunctionNode))
    return Module(str(place), str(place.parent), place.stem, len(lines), functions)


def _function(place: str, node: FunctionNode, lines: Sequence[str]) -> Function:
    body = set(range(node.lineno, (node.end_lineno or node.lineno) + 1)) - _docstring(node)
    length = sum(1 for number in body if lines[number - 1].strip())
    branches = sum(isinstance(inner, _BRANCHES) for inner in _own(node))
    return Function(f"{place}:{node.lineno} {node.name}", length, 1 + branches, node.returns is not None)


def _docstring(node: FunctionNode) -> set[int]:
    if ast.get_docstring(node, clean=False) is None:
        return set()
    first = node.body[0]
    return set(range(first.lineno, (first.end_lineno or first.lineno) + 1))


def _own(node: ast.AST) -> Iterator[ast.AST]:
    for inner in ast.iter_child_nodes(node):
        if not isinstance(inner, FunctionNode):
            yield inner
            yield from _own(inner)


def percentile(values: Sequence[int], share: float) -> int:
    """The nearest-rank percentile; 0 of nothing."""
    return sorted(values)[math.ceil(share * len(values)) - 1] if values else 0


def folders_too_full(modules: Sequence[Module], limits: Limits, named: dict[str, frozenset[str]]) -> list[str]:
    """Folders with too many modules.

    Args:
        modules: what was measured; `__init__` does not count.
        limits: how many modules a folder may hold.
        named: folders that hold exactly these modules and no other, however many; an empty set exempts the folder.
    """
    counted = [module for module in modules if module.name != "__init__"]
    full = Counter(module.folder for module in counted if module.folder not in named)
    strangers = [module.place for module in counted if named.get(module.folder) and module.name not in named[module.folder]]
    crowded = [
        f"{folder} holds {count} modules (most {limits.modules_a_folder})"
        for folder, count in sorted(full.items())
        if count > limits.modules_a_folder
    ]
    return crowded + [f"{place} is not one of the modules that the design names for this folder" for place in strangers]
