"""A report on the live ledger, proven by an outsider with the commands that stand in it, and nothing of the gateway."""

from __future__ import annotations

import os
import re
import shutil
import subprocess
import sys
from typing import TYPE_CHECKING

import pytest

from gateway.errors import BadInput
from gateway.operations.checking import usage_in
from impact.parquet import read_parquet
from tests.stage import built, eventually
from tests.usage.test_live_ledger import garant, impact

if TYPE_CHECKING:
    from collections.abc import Iterator
    from pathlib import Path

    from tests.stage import Stage


@pytest.fixture(scope="module")
def stage(postgres_server: str) -> Iterator[Stage]:
    yield from built(postgres_server)


@pytest.fixture(scope="module")
def handed(stage: Stage, tmp_path_factory: pytest.TempPathFactory) -> Path:
    """What the establishment hands out: report, usage, export of the log, and, by another way, the log's key."""
    folder = tmp_path_factory.mktemp("handed")
    for _ in range(3):
        stage.chat("letter")
    eventually(lambda: len(stage.rows("SELECT 1 FROM usage_records")) == 3)
    done = [
        impact(stage, "report", "--out", str(folder / "report"), "--language", "en"),
        impact(stage, "ledger", str(folder / "ledger.parquet")),
        garant(stage, "audit", "export", str(folder / "export")),
    ]
    assert [one.exit_code for one in done] == [0, 0, 0], [one.stderr for one in done]
    shutil.copy(stage.settings.keys_directory / "log.vkey", folder / "log.vkey")
    return folder


def outside(*words: str, cwd: Path) -> subprocess.CompletedProcess[str]:
    """A command of somebody who has no database and no configuration."""
    code = "from gateway.cli import main; main()"
    environ = {name: value for name, value in os.environ.items() if not name.startswith("GARANT")}
    return subprocess.run(
        [sys.executable, "-c", code, *words], env=environ, capture_output=True, text=True, check=False, timeout=90, cwd=cwd
    )


def test_every_command_of_the_report_holds(handed: Path) -> None:
    page = (handed / "report/report.html").read_text(encoding="utf-8")
    commands = re.findall(r"<td>((?:sha256sum|garant|cp) [^<]+)</td>", page)
    assert len(commands) == 4
    for command in commands:
        told = command.replace("&amp;&amp;", "&&").replace("LEDGER.parquet", "../ledger.parquet").replace("EXPORT", "../export")
        told = told.replace("log.vkey", "../log.vkey")
        for step in told.split(" && "):
            words = step.split()
            run = outside(*words[1:], cwd=handed / "report") if words[0] == "garant" else plain(*words, cwd=handed / "report")
            assert run.returncode == 0, (step, run.stdout, run.stderr)


def plain(*words: str, cwd: Path) -> subprocess.CompletedProcess[str]:
    return subprocess.run(words, capture_output=True, text=True, check=False, cwd=cwd)


def test_each_row_of_usage_is_of_its_entry_in_the_log(handed: Path) -> None:
    told = outside("impact", "check", "report", "--ledger", "ledger.parquet", "--log", "export", cwd=handed)
    assert (told.returncode, "3 rows of usage are each of the entry of the log that they name." in told.stdout) == (0, True), told.stderr


def test_a_row_that_no_entry_knows_is_named(handed: Path, tmp_path: Path) -> None:
    rows = list(read_parquet(handed / "ledger.parquet"))
    moved = {row.log_index: (row.record, "another-task") for row in rows}
    with pytest.raises(BadInput, match=f"The row of log entry {rows[0].log_index} is of no such entry"):
        usage_in(handed / "export", moved)


def test_a_checkpoint_of_another_log_is_found_by_the_verifier(handed: Path, tmp_path: Path) -> None:
    shutil.copytree(handed / "export", tmp_path / "export")
    note = (handed / "report/checkpoint").read_text(encoding="utf-8")
    size = note.splitlines()[1]
    forged = note.replace(note.splitlines()[2][:6], "AAAAAA", 1)
    (tmp_path / f"export/checkpoints/{size}").write_text(forged, encoding="utf-8")
    told = outside("audit", "verify", "export", "--key", str(handed / "log.vkey"), cwd=tmp_path)
    assert told.returncode == 1
