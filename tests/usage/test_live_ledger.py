"""A broken row of the live ledger is told in a sentence that names it, on the command line and on the page; nothing is counted."""

from __future__ import annotations

import os
import subprocess
import sys
from typing import TYPE_CHECKING

import httpx
import pytest

from tests.stage import built

if TYPE_CHECKING:
    from collections.abc import Iterator

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


def rates(stage: Stage) -> subprocess.CompletedProcess[str]:
    code = "from gateway.cli import main; main()"
    configuration = stage.settings.keys_directory.parent / "garant.toml"
    command = [sys.executable, "-c", code, "impact", "rates", "--format", "csv", "-c", str(configuration)]
    environ = {**os.environ, "GARANT_DATABASE_URL": stage.url}
    return subprocess.run(command, env=environ, capture_output=True, text=True, check=False, timeout=60)


@pytest.mark.parametrize("change", BREAKS.values(), ids=BREAKS.keys())
def test_a_broken_row_is_a_sentence_and_no_figure(stage: Stage, change: str) -> None:
    stage.chat("letter")
    index = stage.rows("SELECT max(log_index) AS n FROM usage_records")[0]["n"]
    before = stage.rows("SELECT facts FROM usage_records WHERE log_index = $1", index)[0]["facts"]
    stage.rows(f"UPDATE usage_records SET facts = {change} WHERE log_index = $1", index)  # noqa: S608 - written above
    told = rates(stage)
    stage.rows("UPDATE usage_records SET facts = $2 WHERE log_index = $1", index, before)
    assert (told.returncode, told.stdout) == (1, "")
    assert told.stderr.startswith(f"The ledger's row of log entry {index} cannot be used: ")
    assert "Traceback" not in told.stderr
    assert "Dupont" not in told.stderr


def test_a_sound_ledger_is_counted(stage: Stage) -> None:
    """The control."""
    stage.chat("letter")
    told = rates(stage)
    assert (told.returncode, "letter,administrative" in told.stdout) == (0, True), told.stderr


def test_the_impact_page_says_so_in_the_readers_language(stage: Stage) -> None:
    stage.chat("letter")
    stage.rows("UPDATE usage_records SET facts = '{}'")
    with httpx.Client(base_url=stage.base, follow_redirects=True, headers={"accept-language": "fr"}, timeout=20) as browser:
        browser.post("/sign-in", data={"login": "quality", "password": stage.clinician("quality").password})
        page = browser.get("/impact")
    assert (page.status_code, "La ligne du registre d" in page.text) == (409, True)
