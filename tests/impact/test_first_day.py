"""Day one, level E: ratings and published exposure are a hatched first picture, replaced number by number as measurements come."""

from __future__ import annotations

from typing import TYPE_CHECKING

import pytest
from typer.testing import CliRunner

from gateway.web.texts import words
from impact.cli import app
from impact.intake.checking import Refused, checked
from impact.intake.columns import EXPOSURE
from impact.intake.reading import read
from impact.pages import Section
from impact.run import run
from tests.impact.measured import ledger, tables

if TYPE_CHECKING:
    from pathlib import Path

INDEX = (
    "index,code,score,source,year,licence\n"
    "example,2212,0.35,made up for this test,2025,CC0\nexample,3344,0.62,made up for this test,2025,CC0\n"
    "other,29-1224.00,0.41,made up for this test,2024,CC0\n"
)


def blocks(section: Section, language: str = "en") -> dict[str, str]:
    view = section.page("", "", words(language), {})
    assert view is not None
    return {
        block.heading: "\n".join([block.sentence, block.svg, *(cell.text for row in block.rows for cell in row)]) for block in view.blocks
    }


def test_without_usage_the_ratings_are_drawn_hatched_and_labelled_e_and_nothing_is_measured() -> None:
    shown = blocks(Section())["Substitution rate per profession"]
    assert "0 of 9 professions are measured enough for a rate; 0% of working time is measured on average." in shown
    assert ("url(#h-professions)" in shown, "(E)" in shown, "// 28%" in shown) == (True, True, True)


def test_published_scores_are_shown_beside_the_professions_of_their_codes(tmp_path: Path) -> None:
    rows = run([], tables(tmp_path / "t", exposure=INDEX)).table("exposure").to_pylist()
    found = {(row["profession"], row["index"]): (row["published"], row["observed"], row["measured"], row["level"]) for row in rows}
    assert found["medical-secretary", "example"] == (0.62, None, 0.0, "E")
    assert found["radiologist", "other"] == (0.41, None, 0.0, "E")
    assert {row["licence"] for row in rows} == {"CC0"}


def test_published_scores_are_hatched_and_never_called_a_rate(tmp_path: Path) -> None:
    section = Section(tables(tmp_path / "t", exposure=INDEX))
    shown = blocks(section)["Published and observed exposure"]
    assert ("url(#h-exposure)" in shown, "35% (E)" in shown, "not measured yet" in shown) == (True, True, True)
    assert blocks(section, "fr")["Exposition publiée et exposition observée"].startswith("5 métiers ont un indice")


def test_a_score_changes_no_rate_no_fte_and_no_scenario(tmp_path: Path) -> None:
    plain, scored = run(ledger(), tables(tmp_path / "a")), run(ledger(), tables(tmp_path / "b", exposure=INDEX))
    for name in ("tasks", "professions", "scenarios", "categories"):
        assert scored.table(name) == plain.table(name)


def test_what_is_measured_stands_beside_the_published_score(tmp_path: Path) -> None:
    rows = run(ledger(), tables(tmp_path / "t", exposure=INDEX)).table("exposure").to_pylist()
    observed = {row["profession"]: row["observed"] for row in rows if row["index"] == "example"}
    assert 0 < observed["radiologist"] < 0.35
    assert observed["pathologist"] is None


def test_measured_numbers_replace_the_ratings_one_by_one(tmp_path: Path) -> None:
    two = "id;profession;name_fr;share;source;market;acceptability;return\n"
    two += "chest-reading;radiologist;Lecture;30 %;e;strong;strong;strong\nother;radiologist;Autre;40 %;e;medium;medium;medium\n"
    census = "profession;category;fte;source\nradiologists;medical;2;bilan social\n"
    before, after = (run(rows, tables(tmp_path / name, tasks=two, census=census)) for rows, name in (([], "a"), (ledger(), "b")))
    pictures = [next(row for row in one.table("professions").to_pylist() if row["profession"] == "radiologist") for one in (before, after)]
    (part,) = [part for part in after.professions[0].parts if part.task == "chest-reading"]
    assert pictures[0]["first_picture"] == pytest.approx(0.3 * 0.6 + 0.4 * 0.3)
    assert pictures[1]["first_picture"] == pytest.approx(part.share * (part.s or 0) + 0.4 * 0.3, abs=1e-6)
    assert (part.basis, [round(one["measured"], 6) for one in pictures]) == ("measured", [0, round(part.share, 6)])


def refused(folder: Path, text: str) -> list[str]:
    (folder / "exposure.csv").write_text(text, encoding="utf-8")
    with pytest.raises(Refused) as caught:
        checked(EXPOSURE, read(folder / "exposure.csv"))
    return [str(one) for one in caught.value.problems]


def test_wrong_scores_are_told_by_row_and_column(tmp_path: Path) -> None:
    head = "index,code,score,source,licence\n"
    told = refused(tmp_path, head + "a,2212,1.4,s,CC0\na,22,0.4,s,CC0\na,3344,0.4,s,\na,3344,0.5,s,CC0\n")
    assert told == [
        "exposure.csv, row 2, column 'score': 1.4 must be a share from 0 to 1, or written with %.",
        "exposure.csv, row 3, column 'code': '22' is no code: write four digits of ISCO-08 (2212) or O*NET-SOC (29-1224.00).",
        "exposure.csv, row 4, column 'licence': say under which licence you may use this index; the figures are shown with it.",
        "exposure.csv, row 5, column 'code': index 'a', code '3344' is there already, in row 4; it would count twice.",
    ]


def test_a_published_file_is_taken_as_it_is_with_its_columns_named(tmp_path: Path) -> None:
    """As occupation files are published: their own headings, several scores, no source inside."""
    (tmp_path / "occ.csv").write_text("O*NET-SOC Code,Title,model_score,human_score\n29-1224.00,Radiologists,0.41,0.30\n", encoding="utf-8")
    words_ = ["import", str(tmp_path / "occ.csv"), "--into", str(tmp_path / "t"), "--as", "exposure", "--map", "human_score=score"]
    filled = ["--fill", "index=Published", "--fill", "source=the paper", "--fill", "year=2024", "--fill", "licence=CC BY 4.0"]
    told = CliRunner().invoke(app, words_ + filled)
    assert told.exit_code == 0, told.output
    (row,) = run([], tmp_path / "t").table("exposure").to_pylist()
    assert (row["published"], row["source"], row["year"], row["licence"]) == (0.30, "the paper", 2024, "CC BY 4.0")
    assert CliRunner().invoke(app, words_).exit_code == 1


def test_a_heading_that_a_person_names_goes_before_one_that_looks_right(tmp_path: Path) -> None:
    (tmp_path / "e.csv").write_text("index,code,score,mine,source,licence\na,2212,0.9,0.2,s,CC0\n", encoding="utf-8")
    assert checked(EXPOSURE, read(tmp_path / "e.csv"), {"mine": "score"})["score"].to_pylist() == [0.2]


def test_no_published_score_is_shipped() -> None:
    assert run([]).table("exposure").num_rows == 0
