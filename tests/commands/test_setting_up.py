"""`garant init` as it is typed: it asks, writes whole files, overwrites nothing, and says what comes next."""

from __future__ import annotations

import os
from typing import TYPE_CHECKING

from typer.testing import CliRunner

from gateway.cli import app
from gateway.configuration.first_run.questions import QUESTIONS

if TYPE_CHECKING:
    from pathlib import Path

    import pytest
    from typer.testing import Result


NOT_ASKED = {"path", "field", "on_call", "pager", "issuer", "client_id", "client_secret_env"}


def garant(*words: str, typed: str | None = None, **environ: str) -> Result:
    return CliRunner().invoke(app, list(words), input=typed, env={"LANG": "C", "LC_ALL": "", **environ})


def test_without_a_terminal_it_asks_nothing_and_the_checker_accepts_what_it_wrote(tmp_path: Path) -> None:
    done = garant("init", str(tmp_path / "a"), "--no-ask")
    assert done.exit_code == 0, done.output
    checked = garant("check", "--config", str(tmp_path / "a/garant.toml"))
    (left,) = checked.output.splitlines()  # R11: only the provider knows what the card says
    assert (checked.exit_code, "warning: the card of 'ai-reader' lacks" in left) == (0, True)
    names = {path.relative_to(tmp_path / "a").as_posix() for path in (tmp_path / "a").rglob("*") if path.is_file()}
    keys = {f".garant/keys/{name}" for name in ("log.key", "log.vkey", "kek.json", "index.key", "webhook.key")}
    assert names == {"garant.toml", "policies.toml"} | keys


def test_at_a_terminal_it_explains_the_modes_asks_again_and_takes_defaults(tmp_path: Path) -> None:
    asked = [question.name for question in QUESTIONS if question.name not in NOT_ASKED]
    typed = "".join(f"{ {'name': 'CHU Nord', 'mode': f'draft{chr(10)}shadow'}.get(name, '') }\n" for name in asked)
    done = garant("init", str(tmp_path / "a"), "--ask", typed=typed)
    assert done.exit_code == 0, done.output
    assert "not for a task of the kind 'diagnosis'" in done.output
    assert "every clinical suggestion needs a signature" in done.output
    assert 'release_mode = "shadow"' in (tmp_path / "a/policies.toml").read_text(encoding="utf-8")
    assert 'id = "chu-nord"' in (tmp_path / "a/garant.toml").read_text(encoding="utf-8")


def test_the_language_is_the_terminals_or_the_options(tmp_path: Path) -> None:
    assert "Ensuite :" in garant("init", str(tmp_path / "a"), "--no-ask", LANG="fr_FR.UTF-8").output
    assert "Ensuite :" in garant("init", str(tmp_path / "b"), "--no-ask", "--language", "fr").output
    refused = garant("init", str(tmp_path / "c"), "--no-ask", "--mode", "draft", LANG="fr_FR.UTF-8")
    assert (refused.exit_code, "exige une signature" in refused.stderr, (tmp_path / "c").exists()) == (1, True, False)
    assert garant("init", str(tmp_path / "c"), "--language", "de").exit_code == 1


def test_nothing_is_overwritten_without_force_and_keys_never(tmp_path: Path) -> None:
    garant("init", str(tmp_path), "--no-ask")
    before = {path: path.read_bytes() for path in tmp_path.rglob("*") if path.is_file()}
    refused = garant("init", str(tmp_path), "--no-ask", "--name", "Other")
    assert (refused.exit_code, "--force" in refused.stderr) == (1, True)
    assert {path: path.read_bytes() for path in before} == before
    forced = garant("init", str(tmp_path), "--no-ask", "--name", "Other", "--id", "pilot-hospital", "--force")
    changed = {path.name for path, content in before.items() if path.read_bytes() != content}
    assert (forced.exit_code, changed) == (0, {"garant.toml"})


def test_a_failure_in_the_middle_leaves_no_half_of_a_file(tmp_path: Path, monkeypatch: pytest.MonkeyPatch) -> None:
    def full(_descriptor: int) -> None:
        raise OSError(28, "No space left on device")

    monkeypatch.setattr(os, "fsync", full)
    done = garant("init", str(tmp_path), "--no-ask")
    assert (done.exit_code, "No space left" in done.stderr) == (1, True)
    assert [path.name for path in tmp_path.iterdir() if path.is_file()] == []


def test_a_folder_that_is_a_file_is_refused(tmp_path: Path) -> None:
    (tmp_path / "a").write_text("", encoding="utf-8")
    done = garant("init", str(tmp_path / "a"), "--no-ask")
    assert (done.exit_code, "no folder that can be written to" in done.stderr) == (1, True)


def test_what_comes_next_names_secret_database_and_accounts(tmp_path: Path) -> None:
    said = garant("init", str(tmp_path), "--no-ask", "--secret-env", "READER_SECRET", "--database", "external").output
    wanted = (
        "export READER_SECRET=",
        "export GARANT_DATABASE_URL=",
        "garant check",
        "--role it",
        "--role clinician",
        "machines create",
        "garant up",
    )
    assert [words for words in wanted if words not in said] == []
