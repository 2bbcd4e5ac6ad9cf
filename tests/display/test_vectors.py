"""The vectors, which any language can replay."""

from __future__ import annotations

import json
from pathlib import Path
from typing import TYPE_CHECKING, TypedDict

import pytest

from gateway.display import difference
from gateway.display.marks.pens import plain
from tests.display.ground import marked

if TYPE_CHECKING:
    from gateway.display.models import Cell, Mark

VECTORS = Path(__file__).parents[1] / "vectors/display"


class Marked(TypedDict):
    request: str
    suggestion: str
    marks: list[dict[str, object]]


class Compared(TypedDict):
    before: str
    after: str
    changes: list[list[str]]


class Named(TypedDict):
    text: str
    hidden: list[list[object]]


def load(name: str) -> list[object]:
    cases: list[object] = json.loads((VECTORS / name).read_text(encoding="utf-8"))["cases"]
    return cases


def placed(runs: Cell) -> list[tuple[int, int, Mark]]:
    found, place = [], 0
    for run in runs:
        if run.mark is not None:
            found.append((place, place + len(run.text), run.mark))
        place += len(run.text)
    return found


def told(start: int, end: int, mark: Mark) -> dict[str, object]:
    if mark.kind == "hidden":
        return {"start": start, "end": end, "kind": mark.kind, "name": mark.name}
    known = "same" if mark.source else "converted" if mark.converted else "other" if mark.near else "none"
    return {"start": start, "end": end, "kind": mark.kind, "found": known}


@pytest.mark.parametrize("case", load("marks.json"))
def test_marks_are_where_the_vector_says(case: Marked) -> None:
    """R9."""
    assert [told(*one) for one in placed(marked(case["request"], case["suggestion"]))] == case["marks"]


@pytest.mark.parametrize("case", load("difference.json"))
def test_a_difference_is_as_the_vector_says(case: Compared) -> None:
    assert [[change.kind, change.text] for change in difference.words(case["before"], case["after"])] == case["changes"]


@pytest.mark.parametrize("case", load("characters.json"))
def test_hidden_characters_are_named_as_the_vector_says(case: Named) -> None:
    assert [[start, end, mark.name] for start, end, mark in placed(plain(case["text"]))] == case["hidden"]
