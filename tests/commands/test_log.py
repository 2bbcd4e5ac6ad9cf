"""`garant audit …` as a person types it."""

from __future__ import annotations

from typing import TYPE_CHECKING

import pytest
from typer.testing import CliRunner

from gateway.cli import app
from tests.stage import Stage, built

if TYPE_CHECKING:
    from collections.abc import Iterator
    from pathlib import Path

    from typer.testing import Result


@pytest.fixture(scope="module")
def stage(postgres_server: str) -> Iterator[Stage]:
    yield from built(postgres_server)


def garant(stage: Stage, *words: object) -> Result:
    config = stage.settings.keys_directory.parent / "garant.toml"
    environ = {"GARANT_CONFIG": str(config), "GARANT_DATABASE_URL": stage.url}
    return CliRunner().invoke(app, ["audit", *map(str, words)], env=environ)


def key(stage: Stage) -> Path:
    found: Path = stage.settings.keys_directory / "log.vkey"
    return found


def test_an_export_is_written_continued_and_verified(stage: Stage, tmp_path: Path) -> None:
    for _ in range(2):
        stage.chat("letter")
        size = len(stage.entries())
        assert f"holds {size} entries" in garant(stage, "export", tmp_path / "out").output
        done = garant(stage, "verify", tmp_path / "out", "--key", key(stage))
        assert (done.exit_code, f"verified: {size} entries" in done.output) == (0, True), done.output


def test_a_folder_of_another_log_is_refused(stage: Stage, tmp_path: Path) -> None:
    (tmp_path / "checkpoint").write_text("other.example/log\n0\n47DEQpj8HBSa+/TImW+5JCeuQeRkm5NMpJWZG3hSuFU=\n\n— x AAAAAAAA\n")
    done = garant(stage, "export", tmp_path)
    assert (done.exit_code, "Name an empty folder" in done.output) == (1, True), done.output


def test_a_case_is_proven_in_a_file(stage: Stage, tmp_path: Path) -> None:
    stage.chat("letter")
    case = stage.rows("SELECT case_id FROM entries WHERE case_id IS NOT NULL LIMIT 1")[0]["case_id"]
    done = garant(stage, "proof", case, "--out", tmp_path / "case.tlog-proof")
    assert (done.exit_code, (tmp_path / "case.tlog-proof").read_text().split("\n")[0]) == (0, "c2sp.org/tlog-proof@v1"), done.output


def test_a_command_that_names_nothing_or_two_things_says_so(stage: Stage) -> None:
    for words in (("proof",), ("proof", "00000000-0000-4000-8000-000000000000", "--entry", "1")):
        done = garant(stage, *words)
        assert (done.exit_code, "exactly one of the two" in done.output) == (1, True)


def test_growth_between_two_kept_states_is_printed(stage: Stage, tmp_path: Path) -> None:
    for _ in range(2):
        stage.chat("letter")
        garant(stage, "export", tmp_path / "out")
    sizes = sorted(int(path.name) for path in (tmp_path / "out/checkpoints").iterdir())
    done = garant(stage, "consistency", sizes[-2], sizes[-1])
    assert (done.exit_code, done.output.startswith(f"old {sizes[-2]}\n")) == (0, True), done.output
