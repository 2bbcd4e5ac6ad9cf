"""The shape of the source keeps to the table of the house style, and the ruler that says so finds what is too big."""

from __future__ import annotations

import statistics
from pathlib import Path
from typing import TYPE_CHECKING

import pytest

from tests.contracts.shape import Limits, Module, folders_too_full, measure, percentile

if TYPE_CHECKING:
    from collections.abc import Callable, Sequence

ROOT = Path(__file__).parents[2]
LIMITS = Limits()
# The design names the modules of the top folders; a migration is a file forever, so their number only grows.
NAMED = {
    "gateway": frozenset({"app", "cli", "settings", "errors", "clock", "ids", "database", "outbound", "usage", "messages"}),
    "gateway/migrations/versions": frozenset[str](),
    "impact": frozenset(
        {
            *("__main__", "ledger", "fields", "parquet", "counts", "places", "run", "cli"),
            *("census", "catalogue", "rates", "professions", "scenarios", "intervals", "privacy", "followup", "charts", "report", "pages"),
        }
    ),
}


def too_long(modules: Sequence[Module]) -> list[str]:
    lengths = [function.lines for module in modules for function in module.functions]
    median, p90 = statistics.median(lengths or [0]), percentile(lengths, 0.9)
    found = [
        f"{f.place}: {f.lines} lines (most {LIMITS.function_max})" for m in modules for f in m.functions if f.lines > LIMITS.function_max
    ]
    found += [f"the median function has {median} lines (most {LIMITS.function_median})"] * (median > LIMITS.function_median)
    return found + [f"90 % of functions have up to {p90} lines (most {LIMITS.function_p90})"] * (p90 > LIMITS.function_p90)


def too_large(modules: Sequence[Module]) -> list[str]:
    p90 = percentile([module.lines for module in modules], 0.9)
    found = [f"{module.place}: {module.lines} lines (most {LIMITS.file_max})" for module in modules if module.lines > LIMITS.file_max]
    return found + [f"90 % of files have up to {p90} lines (most {LIMITS.file_p90})"] * (p90 > LIMITS.file_p90)


def too_branched(modules: Sequence[Module]) -> list[str]:
    functions = [function for module in modules for function in module.functions]
    p90 = percentile([function.complexity for function in functions], 0.9)
    found = [
        f"{f.place}: complexity {f.complexity} (most {LIMITS.complexity_max})" for f in functions if f.complexity > LIMITS.complexity_max
    ]
    return found + [f"90 % of functions have a complexity up to {p90} (most {LIMITS.complexity_p90})"] * (p90 > LIMITS.complexity_p90)


def untyped(modules: Sequence[Module]) -> list[str]:
    return [f"{f.place}: no return type" for module in modules for f in module.functions if not f.typed]


def too_full(modules: Sequence[Module]) -> list[str]:
    return folders_too_full(modules, LIMITS, NAMED)


RULES = (too_long, too_large, too_branched, untyped, too_full)


@pytest.fixture(scope="module")
def source() -> tuple[Module, ...]:
    return measure(ROOT, "gateway", "impact")


@pytest.mark.parametrize("rule", RULES)
def test_the_source_keeps_to_its_shape(source: tuple[Module, ...], rule: Callable[[Sequence[Module]], list[str]]) -> None:
    found = rule(source)
    assert found == [], "\n".join(found)


def test_the_ruler_sees_the_source(source: tuple[Module, ...]) -> None:
    assert sum(len(module.functions) for module in source) > 300


def lines(count: int) -> str:
    return "def a() -> None:\n" + "    print()\n" * (count - 1)


def branches(count: int) -> str:
    return "def a() -> None:\n" + "    if print():\n        pass\n" * (count - 1)


PLANTED = [
    (too_long, {"gateway/x/a.py": lines(41)}, "a: 41 lines"),
    (too_long, {"gateway/x/a.py": lines(8)}, "median function has 8"),
    (too_long, {f"gateway/x/{n}.py": lines(25 if n < 2 else 2) for n in range(10)}, "90 % of functions have up to 25 lines"),
    (too_large, {"gateway/x/a.py": "a = 1\n" * 401}, "a.py: 401 lines"),
    (too_large, {f"gateway/x/{n}.py": "a = 1\n" * (251 if n < 2 else 2) for n in range(10)}, "90 % of files have up to 251"),
    (too_branched, {"gateway/x/a.py": branches(11)}, "a: complexity 11"),
    (too_branched, {f"gateway/x/{n}.py": branches(6 if n < 2 else 2) for n in range(10)}, "complexity up to 6"),
    (untyped, {"gateway/x/a.py": "class A:\n    async def a(self):\n        return 1\n"}, "no return type"),
    (too_full, {f"gateway/x/m{n}.py": "a = 1\n" for n in range(9)}, "gateway/x holds 9 modules"),
    (too_full, {"gateway/other.py": "a = 1\n"}, "gateway/other.py is not one of"),
]


@pytest.mark.parametrize(("rule", "files", "expected"), PLANTED, ids=[expected for _, _, expected in PLANTED])
def test_a_rule_finds_what_is_planted(
    tmp_path: Path, rule: Callable[[Sequence[Module]], list[str]], files: dict[str, str], expected: str
) -> None:
    for place, text in files.items():
        (tmp_path / place).parent.mkdir(parents=True, exist_ok=True)
        (tmp_path / place).write_text(text, encoding="utf-8")
    assert expected in "\n".join(rule(measure(tmp_path, "gateway")))


ON_THE_LIMIT = {"gateway/x/a.py": lines(40), "gateway/x/b.py": branches(10)} | {f"gateway/x/{n}.py": lines(2) for n in range(20, 26)}


def test_what_is_on_the_limit_passes(tmp_path: Path) -> None:
    (tmp_path / "gateway/x").mkdir(parents=True)
    for place, text in ON_THE_LIMIT.items():
        (tmp_path / place).write_text(text * (1 if place[-4] in "ab" else 3), encoding="utf-8")
    assert [found for rule in RULES for found in rule(measure(tmp_path, "gateway"))] == []


def test_docstrings_blank_lines_and_inner_functions_are_counted_as_said(tmp_path: Path) -> None:
    (tmp_path / "a.py").write_text(
        'def a() -> None:\n    """One.\n\n    Two.\n    """\n\n    def b() -> None:\n        while a():\n            pass\n\n    b()\n',
        encoding="utf-8",
    )
    outer, inner = measure(tmp_path, ".")[0].functions
    assert (outer.lines, outer.complexity) == (5, 1)
    assert (inner.lines, inner.complexity) == (3, 2)
