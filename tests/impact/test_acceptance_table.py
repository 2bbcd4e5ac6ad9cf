"""The acceptance table of the method, whole: each figure is what the study gives, and a wrong one is seen."""

from __future__ import annotations

import pytest

from tests.impact.acceptance import Line, lines, table

CASES = (
    *(
        "MASAI (Lång 2023)",
        "Raya-Povedano 2021",
        "UCLA scribe RCT 2025",
        "Abràmoff 2023",
        "radiograph drafts",
        "TPMG scribes",
        "AITIC 2026",
    ),
    *("seed note", "DREES 2016 sums", "null", "sequence", "chain", "adoption", "selection", "interrupted series with a control"),
)


@pytest.fixture(scope="module")
def found() -> list[Line]:
    return lines()


def test_every_figure_of_the_table_holds(found: list[Line]) -> None:
    assert [line for line in found if not line.holds] == []


def test_every_case_of_the_table_is_in_it(found: list[Line]) -> None:
    assert tuple(dict.fromkeys(line.case for line in found)) == CASES
    assert table(found).count("| yes |\n") + 1 >= len(found)


def test_a_wrong_figure_is_seen() -> None:
    """The control."""
    assert [Line("a", "s", 0.3, 0.3006).holds, Line("a", "s", 0.3, 0.3004).holds, Line("a", "s", "passed", "failed").holds] == [
        False,
        True,
        False,
    ]
