"""The pages of the impact section: each chart has its sentence and its table, in both languages; hidden cells say so; nobody is named."""

from __future__ import annotations

import json
import re
from pathlib import Path
from xml.etree import ElementTree as ET

import pytest

from gateway.web.texts import words
from impact.ledger import read_jsonl, write_jsonl
from impact.pages import Section
from impact.parquet import read_parquet
from tests.impact.ledgers import ledger
from tests.impact.simulated import Plan, drawn
from tests.impact.test_run import TABLES

ROOT = Path(__file__).parents[2]
PAGES = [("", ""), ("tasks", "chest-reading"), ("professions", "radiologist"), ("scenarios", "central")]
NAMES = {"chest-reading": "Thorax"}


@pytest.fixture(scope="module")
def section(tmp_path_factory: pytest.TempPathFactory) -> Section:
    from pyarrow import parquet  # noqa: PLC0415 - only this fixture writes a file

    folder = tmp_path_factory.mktemp("tables")
    for name, text in TABLES.items():
        (folder / name).write_text(text.replace("1400", "1700"), encoding="utf-8")
    made = Section(folder)
    parquet.write_table(drawn(Plan(rows=5000, task="chest-reading", holdout=0.25)), folder.parent / "rows.parquet")
    made.add(list(read_parquet(folder.parent / "rows.parquet")))
    return made


def text(section: Section, kind: str, name: str, language: str) -> str:
    view = section.page(kind, name, words(language), NAMES)
    assert view is not None
    cells = [cell.text for block in view.blocks for row in block.rows for cell in row]
    said = [part for block in view.blocks for part in (block.heading, block.sentence, block.svg, *block.columns, *block.notes)]
    return "\n".join([view.title, view.lead, *said, *cells])


@pytest.mark.parametrize("language", ["fr", "en"])
@pytest.mark.parametrize(("kind", "name"), PAGES)
def test_every_chart_has_one_sentence_and_a_table_beside_it(section: Section, kind: str, name: str, language: str) -> None:
    view = section.page(kind, name, words(language), NAMES)
    assert view is not None
    assert view.blocks
    for block in view.blocks:
        assert block.sentence.rstrip()[-1:] or not block.svg
        assert "{" not in block.sentence
        assert all(len(row) == len(block.columns) for row in block.rows)


@pytest.mark.parametrize(("kind", "name"), PAGES)
def test_charts_are_well_formed_with_numbers_as_text_and_no_script_or_style(section: Section, kind: str, name: str) -> None:
    view = section.page(kind, name, words("en"), NAMES)
    assert view is not None
    for svg in [block.svg for block in view.blocks if block.svg]:
        tree = ET.fromstring(svg)  # noqa: S314 - our own
        texts = [node.text or "" for node in tree.iter("{http://www.w3.org/2000/svg}text")]
        assert any(re.search(r"\d|unknown|not enough|suppressed|2026", part) for part in texts)
        assert (tree.get("role"), " style=" in svg, "<script" in svg) == ("img", False, False)


def test_numbers_are_said_as_each_language_writes_them(section: Section) -> None:
    assert re.search(r"\d,\d\u202f%", text(section, "", "", "fr"))
    assert re.search(r"\d\.\d%", text(section, "", "", "en"))


def test_weak_evidence_is_hatched_and_says_its_level(section: Section) -> None:
    overview = text(section, "", "", "en")
    assert "url(#h-professions)" in overview
    assert "(E)" in overview


def test_a_suppressed_cell_says_so_and_shows_nothing() -> None:
    section = Section()
    section.add(ledger(60, workers=3, seconds=77.0))
    for kind, name in (("", ""), ("tasks", "cytology")):
        shown = text(section, kind, name, "en")
        assert "suppressed" in shown
        assert "1.28" not in shown
        assert "77.0" not in shown


def test_counts_of_calls_are_exact_from_the_first_one() -> None:
    section = Section()
    section.add(ledger(3, workers=1))
    assert "3 calls of 1 tasks" in text(section, "", "", "en")


def test_no_page_and_no_data_names_a_worker(section: Section) -> None:
    everything = [text(section, kind, name, "fr") for kind, name in PAGES]
    everything += [(section.data(kind, name, form) or (b"", ""))[0].decode() for kind, name in PAGES for form in ("json", "csv")]
    assert [part for part in everything if re.search(r"q\d-w\d", part)] == []


@pytest.mark.parametrize(("kind", "name"), PAGES)
@pytest.mark.parametrize("form", ["json", "csv", "parquet"])
def test_every_page_has_its_rows_as_data(section: Section, kind: str, name: str, form: str) -> None:
    found = section.data(kind, name, form)
    assert found is not None
    assert (found[0][:4] == b"PAR1") is (form == "parquet")
    assert form != "json" or json.loads(found[0])


@pytest.mark.parametrize(("kind", "name"), [("", "x"), ("tasks", "none"), ("professions", "none"), ("scenarios", "none"), ("people", "w1")])
def test_what_there_is_not_has_no_page_and_no_data(section: Section, kind: str, name: str) -> None:
    assert section.page(kind, name, words("en"), {}) is None
    assert section.data(kind, name, "xml") is None
    assert section.data(kind, name, "json") is None or kind == ""


def test_rows_offered_again_are_not_counted_again(tmp_path: Path) -> None:
    found = ledger(40, workers=12)
    write_jsonl(tmp_path / "a.jsonl", found)
    section = Section()
    for _ in range(2):
        section.add(list(read_jsonl(tmp_path / "a.jsonl")))
    assert section.figures().result.rows == 40
    assert section.figures() is section.figures()
