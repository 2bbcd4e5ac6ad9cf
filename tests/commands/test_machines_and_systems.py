"""`garant machines …`, `garant systems …`, `garant stops …`, `garant status` on a real database and a real model server."""

from __future__ import annotations

from typing import TYPE_CHECKING

import pytest

from tests.fakes.model_server import Script

if TYPE_CHECKING:
    from tests.commands.conftest import Terminal


def test_a_key_is_made_listed_and_revoked(terminal: Terminal) -> None:
    key = terminal.garant("machines", "create", "ris", "--task", "reading").output.strip()
    prefix, name, secret = key.split("_", 2)
    assert (prefix, len(secret) >= 32) == ("gk", True)
    listed = terminal.garant("machines", "list").output
    assert all(word in listed for word in (name, "ris", "reading", "main", "never"))
    assert secret not in listed
    assert "revoked" in terminal.garant("machines", "revoke", name).output
    assert "no key" in terminal.garant("machines", "list").output
    assert "may have been revoked already" in terminal.garant("machines", "revoke", name).stderr


@pytest.mark.parametrize(
    ("more", "sentence"), [(("--task", "x"), "Tasks: reading."), (("--task", "reading", "--site", "x"), "Sites: main.")]
)
def test_a_key_for_what_is_not_configured_is_refused(terminal: Terminal, more: tuple[str, ...], sentence: str) -> None:
    done = terminal.garant("machines", "create", "ris", *more)
    assert (done.exit_code, sentence in done.stderr) == (1, True)


CHECKS = [
    (Script(body=b'{"data":[]}'), "answers normally", 0),
    (Script(status=401), "refuses our secret", 1),
    (Script(status=500), "fails", 1),
    (Script(status=404), "the address is reached", 0),
    (Script(status=302, headers=(("location", "http://127.0.0.1:1/"),)), "redirects elsewhere", 1),
    (Script(reset=True, body=b"x" * 100), "cannot be reached", 1),
]


@pytest.mark.parametrize(("script", "sentence", "code"), CHECKS, ids=[sentence for _, sentence, _ in CHECKS])
def test_an_ai_system_is_asked_now_and_the_answer_is_in_words(terminal: Terminal, script: Script, sentence: str, code: int) -> None:
    terminal.model.scripts["/v1/models"] = script
    done = terminal.garant("systems", "check")
    assert (done.exit_code, sentence in done.output) == (code, True), done.output


def test_a_server_that_is_off_cannot_be_reached_and_an_unknown_one_is_named(terminal: Terminal) -> None:
    path = terminal.folder / "garant.toml"
    path.write_text(path.read_text(encoding="utf-8").replace(terminal.model.url, "http://127.0.0.1:1"), encoding="utf-8")
    assert "cannot be reached" in terminal.garant("systems", "check", "ai-reader").output
    assert "AI systems: ai-reader." in terminal.garant("systems", "check", "other").stderr


def test_the_stop_button_works_from_the_command_line_and_is_logged(terminal: Terminal) -> None:
    assert "Nothing is stopped" in terminal.garant("stops", "list").output
    assert "is stopped" in terminal.garant("stops", "stop", "system:ai-reader", "--reason", "wrong side on two cases").output
    assert all(word in terminal.garant("stops", "list").output for word in ("system:ai-reader", "wrong side on two cases"))
    assert "STOPPED" in terminal.garant("systems", "list").output
    assert "stopped already" in terminal.garant("stops", "stop", "system:ai-reader", "--reason", "again").stderr
    assert "runs again" in terminal.garant("stops", "resume", "system:ai-reader", "--reason", "mended").output
    assert "not stopped" in terminal.garant("stops", "resume", "system:ai-reader", "--reason", "again").stderr
    assert [(entry["type"], entry["actor"]) for entry in terminal.entries()] == [
        ("suspended", "system:command_line"),
        ("resumed", "system:command_line"),
    ]
    assert terminal.garant("audit", "verify").exit_code == 0


def test_an_unknown_scope_is_refused_with_what_would_do(terminal: Terminal) -> None:
    done = terminal.garant("stops", "stop", "everything", "--reason", "panic")
    assert (done.exit_code, "system:ID, task:ID or site:ID" in done.stderr) == (1, True)


def test_status_says_how_database_log_and_replicas_are(terminal: Terminal) -> None:
    terminal.garant("stops", "stop", "site:main", "--reason", "drill")
    said = terminal.garant("status").output
    assert all(word in said for word in ("PostgreSQL", "log: 1 entries", "none has told of itself"))
