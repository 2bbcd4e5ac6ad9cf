"""Two scenarios side by side, drawn from the same random numbers: what differs comes from the assumptions."""

from __future__ import annotations

from typing import TYPE_CHECKING

import pytest
from pyarrow import parquet
from typer.testing import CliRunner

from gateway.web.texts import words
from impact.cli import app
from impact.pages import Section
from impact.parquet import read_parquet
from impact.places import config
from impact.run import Result, run
from impact.scenarios import OUTCOMES, Scenario, _drawn, beside
from tests.impact.measured import ledger, tables

if TYPE_CHECKING:
    from pathlib import Path
    from typing import Any

    from numpy.typing import NDArray


def scenario(name: str) -> Scenario:
    return Scenario.read(config() / f"scenarios/{name}.toml")


@pytest.fixture(scope="module")
def folder(tmp_path_factory: pytest.TempPathFactory) -> Path:
    return tables(tmp_path_factory.mktemp("site") / "tables")


@pytest.fixture(scope="module")
def result(folder: Path) -> Result:
    return run(ledger(), folder)


def changed(folder: Path, old: str, new: str, name: str = "mine") -> Path:
    text = (config() / "scenarios/central.toml").read_text(encoding="utf-8")
    assert old in text
    (folder / f"{name}.toml").write_text(text.replace(old, new), encoding="utf-8")
    return folder / f"{name}.toml"


def test_the_same_scenario_twice_differs_in_no_draw(result: Result, tmp_path: Path) -> None:
    twin = Scenario.read(changed(tmp_path, "seed = 12", "seed = 99"))
    found = beside(scenario("central"), twin, result.professions, result.measured.tasks)
    apart = [one.apart for one in found if one.apart]
    assert {(one.p10, one.p50, one.p90) for one in apart} == {(0.0, 0.0, 0.0)}
    assert {one.higher for one in found if one.figure} == {0.0}


def test_each_scenario_has_the_figures_of_its_own_page(result: Result) -> None:
    found = beside(scenario("central"), scenario("fast"), result.professions, result.measured.tasks)
    for place, name in ((1, "central"), (2, "fast")):
        play = next(one for one in result.plays if one.scenario.id == name)
        shown = {one.figure: (one.first, one.second)[place - 1] for one in found if one.profession == "radiologist"}
        outlook = next(one for one in play.outlooks if one.profession == "radiologist")
        assert shown == outlook.figures
        assert {one.figure: (one.first, one.second)[place - 1] for one in found if one.profession == "" and one.figure} == play.total


def test_common_random_numbers_make_the_difference_narrower_than_independent_ones(result: Result) -> None:
    (one,) = [each for each in result.professions if each.profession == "radiologist"]

    def released(name: str, seed: int) -> NDArray[Any]:
        drawn = _drawn(scenario(name), one, result.measured.tasks, 10_000, seed)
        assert not isinstance(drawn, str)
        return drawn["released"]

    paired = released("fast", 12) - released("central", 12)
    apart = released("fast", 12) - released("central", 77)
    assert paired.std() < 0.8 * apart.std()
    assert paired.mean() == pytest.approx(apart.mean(), rel=0.05)


def test_fast_gives_more_than_slow_in_nearly_every_draw(result: Result) -> None:
    found = beside(scenario("fast"), scenario("slow"), result.professions, result.measured.tasks)
    (released,) = [one for one in found if (one.profession, one.figure) == ("radiologist", "released")]
    assert released.higher is not None
    assert released.higher > 0.99
    assert released.apart is not None
    assert 0 < released.apart.p10 < released.apart.p50 < released.apart.p90


def test_a_profession_without_a_number_says_why(result: Result) -> None:
    found = beside(scenario("fast"), scenario("slow"), result.professions, result.measured.tasks)
    bare = {one.profession: one.status for one in found if not one.figure}
    assert bare["coder"] == "not enough measured"
    assert len(found) == len(bare) + 2 * len(OUTCOMES)


@pytest.fixture(scope="module")
def section(folder: Path) -> Section:
    parquet.write_table(ledger(), folder.parent / "rows.parquet")
    made = Section(folder)
    made.add(list(read_parquet(folder.parent / "rows.parquet")))
    return made


@pytest.mark.parametrize("language", ["fr", "en"])
def test_the_page_says_in_one_sentence_what_each_chart_shows(section: Section, language: str) -> None:
    view = section.page("scenarios", "fast/with/slow", words(language), {})
    assert view is not None
    charts = [block for block in view.blocks if block.svg]
    assert len(charts) == 5
    assert all(block.sentence and "{" not in block.sentence and block.rows for block in charts)
    assert {"fr": "ETP de plus que", "en": "FTE more than"}[language] in charts[0].sentence
    assert all(len(row) == len(block.columns) for block in view.blocks for row in block.rows)


def test_the_page_names_the_assumptions_that_differ(section: Section) -> None:
    view = section.page("scenarios", "central/with/back-to-care", words("en"), {})
    assert view is not None
    assert view.blocks[-1].sentence.startswith("1 of 8 assumptions differ: share of the time that goes back to care.")


@pytest.mark.parametrize("form", ["json", "csv", "parquet"])
def test_the_comparison_has_its_rows_as_data(section: Section, form: str) -> None:
    found = section.data("scenarios", "fast/with/slow", form)
    assert found is not None
    assert b"difference_p50" in found[0]


@pytest.mark.parametrize(
    "name", ["fast/with/none", "none/with/fast", "fast/with/fast", "fast/with/", "/with/", "fast/with/slow/with/central"]
)
def test_there_is_no_comparison_with_what_is_not_there(section: Section, name: str) -> None:
    assert section.page("scenarios", name, words("en"), {}) is None
    assert section.data("scenarios", name, "csv") is None


def test_the_command_compares_two_files_and_a_file_with_a_known_one(folder: Path, tmp_path: Path) -> None:
    parquet.write_table(ledger(), tmp_path / "ledger.parquet")
    mine, other = changed(tmp_path, "years = 5", "years = 9", "mine"), changed(tmp_path, "years = 5", "years = 2", "other")
    for beside_ in (str(other), "fast"):
        words_ = ["scenario", str(tmp_path / "ledger.parquet"), str(mine), "--beside", beside_, "--inputs", str(folder)]
        told = CliRunner().invoke(app, words_)
        assert told.exit_code == 0, told.output
        assert ("radiologist" in told.stdout, "the same random numbers (seed 12)" in told.stdout) == (True, True)
        assert "coder (not enough measured)" in told.stdout
    assert CliRunner().invoke(app, [*words_[:4], "none"]).exit_code == 2
