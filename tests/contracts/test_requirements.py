"""Every requirement of the clinician's workplace is named by the test that shows it: the table of `tests/README.md` is kept by this one."""

from __future__ import annotations

import ast
import re
from pathlib import Path

import pytest

ROOT = Path(__file__).parents[2]
ASKED = (*(f"R{n}" for n in range(1, 17)), "R23", "R47")
ROW = re.compile(r"^\| (R\d+) \| ([^|]+) \| `([^`]+)` `([^`]+)` \|$", re.MULTILINE)


def shown_by(table: str) -> dict[str, tuple[str, str]]:
    """File and name of the test that shows each requirement."""
    return {number: (file, name) for number, _, file, name in ROW.findall(table)}


def names(number: str, source: str, test: str) -> bool:
    """Whether a file has this test, and the test, or else its file, names the requirement in its first words."""
    tree = ast.parse(source)
    found = [one for one in ast.walk(tree) if isinstance(one, ast.FunctionDef | ast.AsyncFunctionDef) and one.name == test]
    said = [ast.get_docstring(one) or "" for one in (*found, tree)]
    return bool(found) and any(re.search(rf"\b{number}\b", text) for text in said)


@pytest.mark.parametrize("number", ASKED)
def test_a_requirement_is_named_by_the_test_that_shows_it(number: str) -> None:
    file, test = shown_by((ROOT / "tests" / "README.md").read_text(encoding="utf-8"))[number]
    assert names(number, (ROOT / "tests" / file).read_text(encoding="utf-8"), test)


def test_a_test_that_is_gone_or_names_another_requirement_would_be_noticed() -> None:
    """The control."""
    source = 'def test_it() -> None:\n    """R13."""\n'
    assert [names("R13", source, "test_it"), names("R1", source, "test_it"), names("R13", source, "test_other")] == [True, False, False]
