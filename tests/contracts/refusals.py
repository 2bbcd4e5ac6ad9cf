"""Every refusal that the source can make: which class, where, with which sentences, as far as they can be read without running it."""

from __future__ import annotations

import ast
import importlib
from dataclasses import dataclass
from pathlib import Path
from typing import TYPE_CHECKING, Final

from gateway import errors

if TYPE_CHECKING:
    from collections.abc import Iterator, Mapping
    from types import ModuleType

ROOT: Final = Path(__file__).parents[2]
FAMILY: Final = {name: one for name, one in vars(errors).items() if isinstance(one, type) and issubclass(one, errors.GarantError)}


@dataclass(frozen=True)
class Refusal:
    """One construction of an error of the family; `english` and `french` are what could be read, "" where there is none."""

    place: str
    kind: str
    english: tuple[str, ...]
    french: tuple[str, ...]
    has_french: bool
    code: str


def refusals(paths: Iterator[Path]) -> Iterator[Refusal]:
    """The refusals of some modules of the gateway."""
    for path in paths:
        name = ".".join(path.relative_to(ROOT).with_suffix("").parts)
        yield from of_module(path.read_text(encoding="utf-8"), importlib.import_module(name), str(path.relative_to(ROOT)))


def of_module(source: str, module: ModuleType, place: str) -> Iterator[Refusal]:
    """The refusals of one module."""
    tree = ast.parse(source)
    for function in (node for node in ast.walk(tree) if isinstance(node, ast.FunctionDef | ast.AsyncFunctionDef)):
        named = _named(function)
        inner = {
            id(node)
            for other in ast.walk(function)
            if other is not function and isinstance(other, ast.FunctionDef | ast.AsyncFunctionDef)
            for node in ast.walk(other)
        }
        for call in (node for node in ast.walk(function) if id(node) not in inner and _is_refusal(node)):
            assert isinstance(call, ast.Call)
            told = next((keyword.value for keyword in call.keywords if keyword.arg == "fr"), None)
            english = tuple(_texts(call.args[0], named, module)) if call.args else ()
            french = () if told is None else tuple(_texts(told, named, module))
            code = next((ast.unparse(keyword.value).strip("'") for keyword in call.keywords if keyword.arg == "code"), "")
            yield Refusal(f"{place}:{call.lineno}", ast.unparse(call.func), english, french, told is not None, code or function.name)


def _is_refusal(node: ast.AST) -> bool:
    return isinstance(node, ast.Call) and isinstance(node.func, ast.Name) and node.func.id in FAMILY


def _named(function: ast.AST) -> Mapping[str, list[ast.expr]]:
    found: dict[str, list[ast.expr]] = {}
    for node in ast.walk(function):
        if isinstance(node, ast.Assign):
            for target in node.targets:
                if isinstance(target, ast.Name):
                    found.setdefault(target.id, []).append(node.value)
    return found


def _texts(node: ast.expr, named: Mapping[str, list[ast.expr]], module: ModuleType) -> Iterator[str]:
    if isinstance(node, ast.JoinedStr):
        yield "".join(str(part.value) if isinstance(part, ast.Constant) else "word" for part in node.values)
    elif isinstance(node, ast.IfExp):
        yield from (*_texts(node.body, named, module), *_texts(node.orelse, named, module))
    elif isinstance(node, ast.BinOp | ast.BoolOp):
        parts = [node.left, node.right] if isinstance(node, ast.BinOp) else node.values
        yield " ".join(text for part in parts for text in _texts(part, named, module))
    elif isinstance(node, ast.Name) and node.id in named:
        for value in named[node.id]:
            yield from _texts(value, named, module)
    else:
        try:
            value = eval(ast.unparse(node), vars(module))  # noqa: S307 - our own source
        except Exception:  # noqa: BLE001 - known only at run time
            return
        if isinstance(value, str):
            yield value
