"""Everything that `garant check` says can be read in French on the administration page: no finding without its sentence."""

from __future__ import annotations

import ast
import copy
import tomllib
from pathlib import Path
from typing import TYPE_CHECKING, Any

import pytest

from gateway.configuration import check as checking
from gateway.configuration.check import check
from gateway.configuration.checks.rules import findings
from gateway.configuration.french import _catalogue, french

if TYPE_CHECKING:
    from collections.abc import Iterator

ROOT = Path(__file__).parents[2]
NOT_OURS = ("finding.cause", "finding.fix", "check_mode(task, policy)", "_mended(written)", "cause", "fix")
"""What is passed on: findings themselves, and the sentences of other rooms, which `PASSED_ON` reads where they are written."""
PASSED_ON = {
    "gateway/policy/rules.py": "check_mode",
    "gateway/display/links.py": "faults",
    "gateway/configuration/checks/identifying.py": "_mended",
}
WRONG: tuple[object, ...] = ("", "é" * 3000, -1, 10**12, 0.5, True, [], [[]], {}, {"x": 1}, [1], "ftp://x", "nan")


def sentences(source: str, functions: str = "") -> Iterator[str]:
    """What a module's findings say, each gap filled with a word."""
    for function in (node for node in ast.walk(ast.parse(source)) if isinstance(node, ast.FunctionDef)):
        named: dict[str, list[ast.expr]] = {}
        for node in ast.walk(function):
            if isinstance(node, ast.Assign) and isinstance(node.targets[0], ast.Name):
                named.setdefault(node.targets[0].id, []).append(node.value)
        for node in ast.walk(function):
            for said in _said(node) if not functions else _yielded(node) if function.name == functions else ():
                yield from _texts(said, named)


def _said(node: ast.AST) -> list[ast.expr]:
    name = node.func.id if isinstance(node, ast.Call) and isinstance(node.func, ast.Name) else ""
    return node.args[{"Finding": 1, "Problem": 2}[name] :][:2] if isinstance(node, ast.Call) and name in {"Finding", "Problem"} else []


def _yielded(node: ast.AST) -> list[ast.expr]:
    if isinstance(node, ast.Yield) and isinstance(node.value, ast.Tuple):
        return node.value.elts
    return (
        [node.value]
        if isinstance(node, ast.Return)
        and isinstance(node.value, ast.JoinedStr | ast.Constant)
        and getattr(node.value, "value", "") is not None
        else []
    )


def _texts(node: ast.expr, named: dict[str, list[ast.expr]]) -> Iterator[str]:
    if isinstance(node, ast.Constant):
        yield str(node.value)
    elif isinstance(node, ast.JoinedStr):
        yield "".join(str(part.value) if isinstance(part, ast.Constant) else "word" for part in node.values)
    elif isinstance(node, ast.IfExp):
        yield from (*_texts(node.body, named), *_texts(node.orelse, named))
    elif isinstance(node, ast.Name) and node.id in named:
        for value in named[node.id]:
            yield from _texts(value, named)
    elif ast.unparse(node) not in NOT_OURS:
        message = f"cannot be read: {ast.unparse(node)}"
        raise AssertionError(message)


def written() -> set[str]:
    found = {one for path in sorted((ROOT / "gateway/configuration").rglob("*.py")) for one in sentences(path.read_text(encoding="utf-8"))}
    for path, function in PASSED_ON.items():
        found |= set(sentences((ROOT / path).read_text(encoding="utf-8"), function))
    return found


@pytest.mark.parametrize("sentence", sorted(written()))
def test_every_sentence_of_a_finding_has_its_french(sentence: str) -> None:
    assert french(sentence) not in {None, sentence}


def test_a_sentence_that_nobody_has_translated_is_found() -> None:
    """The control of the test above."""
    [planted] = sentences('def rule():\n    yield Finding((), f"the moon is {colour}")')
    assert (planted, french(planted)) == ("the moon is word", None)


def test_what_a_sentence_carries_over_is_in_its_french() -> None:
    assert french("'chest' for 'triage' is routed twice") == "« chest » pour « triage » a deux routes"
    assert french("'server.port': Input should be a valid integer, unable to parse string as an integer") == (
        "« server.port » : un nombre entier est attendu"
    )


def test_the_form_that_says_most_is_taken() -> None:
    assert french("'x' is missing") == "« x » manque"
    assert len(_catalogue()) > 90


def leaves(tree: object, path: tuple[str | int, ...] = ()) -> Iterator[tuple[str | int, ...]]:
    """Every place of the example configuration."""
    items = tree.items() if isinstance(tree, dict) else enumerate(tree) if isinstance(tree, list) else ()
    for key, value in items:
        yield (*path, key)
        yield from leaves(value, (*path, key))


def changed(tree: dict[str, Any], path: tuple[str | int, ...], value: object) -> dict[str, Any]:
    copied: Any = copy.deepcopy(tree)
    place = copied
    for key in path[:-1]:
        place = place[key]
    place[path[-1]] = value
    return copied  # type: ignore[no-any-return]


@pytest.mark.parametrize("wrong", WRONG, ids=[str(n) for n in range(len(WRONG))])
def test_every_wrong_value_at_every_place_of_the_example_is_told_in_french(wrong: object) -> None:
    tree = tomllib.loads((ROOT / "config/garant.example.toml").read_text(encoding="utf-8"))
    tree |= tomllib.loads((ROOT / "config/policies.example.toml").read_text(encoding="utf-8"))
    untold = set()
    for path in leaves(tree):
        source = checking._Source(Path("garant.toml"), changed(tree, path, wrong))  # noqa: SLF001 - a tree needs no file
        settings = checking._validated(source) or checking._without_mistakes(source.tree)  # noqa: SLF001 - as `examine` does
        told = [(one.cause, one.fix) for one in source.problems]
        told += [(one.cause, one.fix) for one in findings(settings, {})] if settings else []
        untold |= {sentence for pair in told for sentence in pair if french(sentence) is None or "Input" in str(french(sentence))}
    assert untold == set()


def test_files_that_are_missing_or_broken_are_told_in_french(tmp_path: Path) -> None:
    broken = tmp_path / "broken.toml"
    broken.write_text("a = [", encoding="utf-8")
    told = [problem for path in (tmp_path / "none.toml", broken, tmp_path) for problem in check(path, {})]
    assert (len(told), [problem.cause for problem in told if french(problem.cause) is None]) == (3, [])
