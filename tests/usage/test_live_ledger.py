"""A broken row of the live ledger is told in a sentence that names it, on the command line and on the page; nothing is counted."""

from __future__ import annotations

import json
from typing import TYPE_CHECKING

import httpx
import pytest
from typer.testing import CliRunner

from gateway.cli import app
from tests.stage import built

if TYPE_CHECKING:
    from collections.abc import Iterator
    from pathlib import Path

    from typer.testing import Result

    from tests.stage import Stage

BREAKS = {
    "no share": "jsonb_set(facts, '{edit_distance}', '7')",
    "no word": "jsonb_set(facts, '{outcome}', '\"approved\"')",
    "newer": "jsonb_set(facts, '{version}', '9')",
    "foreign member": 'facts || \'{"patient_name": "Dupont"}\'',
    "no object": "'[1]'",
}


@pytest.fixture(scope="module")
def stage(postgres_server: str) -> Iterator[Stage]:
    yield from built(postgres_server)


def rates(stage: Stage) -> Result:
    return impact(stage, "rates", "--format", "csv")


def impact(stage: Stage, *words: str) -> Result:
    return garant(stage, "impact", *words)


def garant(stage: Stage, *words: str) -> Result:
    configuration = stage.settings.keys_directory.parent / "garant.toml"
    return CliRunner().invoke(app, [*words, "-c", str(configuration)], env={"GARANT_DATABASE_URL": stage.url})


@pytest.mark.parametrize("change", BREAKS.values(), ids=BREAKS.keys())
def test_a_broken_row_is_a_sentence_and_no_figure(stage: Stage, change: str) -> None:
    stage.chat("letter")
    index = stage.rows("SELECT max(log_index) AS n FROM usage_records")[0]["n"]
    before = stage.rows("SELECT facts FROM usage_records WHERE log_index = $1", index)[0]["facts"]
    stage.rows(f"UPDATE usage_records SET facts = {change} WHERE log_index = $1", index)  # noqa: S608 - written above
    told = rates(stage)
    stage.rows("UPDATE usage_records SET facts = $2 WHERE log_index = $1", index, before)
    assert (told.exit_code, told.stdout) == (1, "")
    assert told.stderr.startswith(f"The ledger's row of log entry {index} cannot be used: ")
    assert "Traceback" not in told.stderr
    assert "Dupont" not in told.stderr


def test_a_sound_ledger_is_counted(stage: Stage) -> None:
    """The control."""
    stage.chat("letter")
    told = rates(stage)
    assert (told.exit_code, "letter,administrative" in told.stdout) == (0, True), told.stderr


def test_the_impact_page_says_so_in_the_readers_language(stage: Stage) -> None:
    stage.chat("letter")
    stage.rows("UPDATE usage_records SET facts = '{}'")
    with httpx.Client(base_url=stage.base, follow_redirects=True, headers={"accept-language": "fr"}, timeout=20) as browser:
        browser.post("/sign-in", data={"login": "quality", "password": stage.clinician("quality").password})
        page = browser.get("/impact")
    assert (page.status_code, "La ligne du registre d" in page.text) == (409, True)


def test_the_six_steps_run_on_the_live_ledger(stage: Stage, tmp_path: Path) -> None:
    stage.rows("DELETE FROM usage_records WHERE facts = '{}'")
    stage.chat("letter")
    told = impact(stage, "run", "--inputs", str(tmp_path))
    assert (told.exit_code, "Step 4. Substitution rate per task" in told.stdout, "letter" in told.stdout) == (0, True, True), told.stderr


def test_the_report_of_the_live_ledger_carries_a_checkpoint_that_covers_it(stage: Stage, tmp_path: Path) -> None:
    stage.rows("DELETE FROM usage_records WHERE facts = '{}'")
    stage.chat("letter")
    told = impact(stage, "report", "--out", str(tmp_path / "out"), "--inputs", str(tmp_path))
    assert told.exit_code == 0, told.stderr
    proof = json.loads((tmp_path / "out/proof.json").read_text(encoding="utf-8"))
    origin, size = proof["checkpoint"].splitlines()[:2]
    assert origin == stage.settings.establishment.origin
    assert int(size) > proof["ledger"]["last_log_index"] >= 0


def test_a_table_is_imported_into_the_folder_of_the_configuration(stage: Stage, tmp_path: Path) -> None:
    (tmp_path / "volumes.csv").write_bytes("activité;mois;volume;source\nletter;2026-01;100;dossier\n".encode("cp1252"))
    told = impact(stage, "import", str(tmp_path / "volumes.csv"), "--into", str(tmp_path / "own"))
    assert (told.exit_code, told.stdout.startswith("1 rows of volumes imported into ")) == (0, True), told.stderr
    wrong = impact(stage, "import", str(tmp_path / "volumes.csv"), "--into", str(tmp_path / "own"), "--as", "census")
    assert (wrong.exit_code, "volumes.csv, column 'fte'" in wrong.stderr or "this column is missing" in wrong.stderr) == (1, True)
