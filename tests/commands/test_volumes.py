"""`garant impact import` of total volumes does what the API does: whole or not at all, once, with an entry."""

from __future__ import annotations

from typing import TYPE_CHECKING

if TYPE_CHECKING:
    from pathlib import Path

    from tests.commands.conftest import Terminal

TEXT = "activité;mois;volume;source\nreading;2026-01;1400;SIR\nreading;2026-02;1500;SIR\n"


def written(folder: Path, text: str) -> str:
    (folder / "volumes.csv").write_bytes(text.encode("cp1252"))
    return str(folder / "volumes.csv")


def test_volumes_go_where_the_api_puts_them_once(terminal: Terminal, tmp_path: Path) -> None:
    path = written(tmp_path, TEXT)
    first, again = (terminal.garant("impact", "import", path) for _ in range(2))
    assert (first.exit_code, "2 rows of volumes taken; 2 of them changed" in first.stdout) == (0, True), first.output
    assert "none of them changed" in again.stdout
    told = [entry for entry in terminal.entries() if entry.get("detail", {}).get("change") == "volumes_given"]
    assert [entry["actor"] for entry in told] == ["system:command_line"]
    assert not (terminal.folder / ".garant/impact/volumes.csv").exists()


def test_what_is_wrong_is_told_by_file_row_and_column(terminal: Terminal, tmp_path: Path) -> None:
    result = terminal.garant("impact", "import", written(tmp_path, TEXT.replace("reading;2026-02", "writing;2026-02")), "--as", "volumes")
    assert (result.exit_code, "volumes.csv, row 3, column 'task': 'writing' is no task" in result.stderr) == (1, True), result.output


def test_a_heading_is_mapped_as_the_person_says(terminal: Terminal, tmp_path: Path) -> None:
    path = written(tmp_path, TEXT.replace("volume;", "examens;"))
    asked = terminal.garant("impact", "import", path, "--as", "volumes")
    assert (asked.exit_code, "column 'n': this column is missing" in asked.stderr) == (1, True)
    assert terminal.garant("impact", "import", path, "--as", "volumes", "--map", "examens=n").exit_code == 0


def test_with_a_folder_they_are_a_file_of_it(terminal: Terminal, tmp_path: Path) -> None:
    assert terminal.garant("impact", "import", written(tmp_path, TEXT), "--into", str(tmp_path / "tables")).exit_code == 0
    assert (tmp_path / "tables/volumes.csv").is_file()
    assert terminal.garant("impact", "run", "--format", "json").stdout.count("volumes given to the gateway") == 0


def test_a_run_on_the_live_ledger_rests_on_them(terminal: Terminal, tmp_path: Path) -> None:
    terminal.garant("impact", "import", written(tmp_path, TEXT))
    assert '"volumes given to the gateway"' in terminal.garant("impact", "run", "--format", "json").stdout
