"""Whatever goes wrong below a command is one paragraph on standard error and exit code 1, never a traceback."""

from __future__ import annotations

import asyncio
import json
from typing import TYPE_CHECKING
from uuid import uuid4

import asyncpg
import pytest

from tests.impact.ledgers import PLAIN

if TYPE_CHECKING:
    from tests.commands.conftest import Terminal


async def _insert(url: str, facts: object, index: int) -> None:
    connection = await asyncpg.connect(url)
    try:
        await connection.execute(
            "INSERT INTO usage_records (record, establishment, log_index, task, at, facts) VALUES ($1, 'chu', $2, 'reading', now(), $3::jsonb)",
            uuid4(),
            index,
            json.dumps(facts),
        )
    finally:
        await connection.close()


def sound() -> dict[str, object]:
    facts = PLAIN.to_mapping()
    facts.pop("log_index")
    return facts


DAMAGED = [{}, [], "text", {**sound(), "outcome": "perfect"}, {**sound(), "human_seconds": "3"}, {**sound(), "version": 99}]


@pytest.mark.parametrize("facts", DAMAGED, ids=["empty", "list", "text", "outcome", "seconds", "version"])
def test_a_damaged_ledger_row_is_named_and_no_figure_is_shown(terminal: Terminal, facts: object) -> None:
    terminal.garant("users", "list")
    asyncio.run(_insert(terminal.url, sound(), 6))
    assert terminal.garant("impact", "rates").exit_code == 0
    asyncio.run(_insert(terminal.url, facts, 7))
    done = terminal.garant("impact", "rates")
    assert (done.exit_code, done.stdout) == (1, "")
    assert "row of log entry 7 cannot be used" in done.stderr
    assert "Nothing is counted" in done.stderr


def test_a_database_that_is_away_is_said_with_where_it_is_named(terminal: Terminal) -> None:
    done = terminal.garant("users", "list", GARANT_DATABASE_URL="postgresql://127.0.0.1:1/none")
    assert (done.exit_code, "GARANT_DATABASE_URL" in done.stderr) == (1, True)


def test_a_configuration_that_does_not_hold_lists_its_problems(terminal: Terminal) -> None:
    (terminal.folder / "garant.toml").write_text("profile = 3\n", encoding="utf-8")
    done = terminal.garant("keys", "create")
    assert (done.exit_code, "garant.toml:1" in done.stderr) == (1, True)


def test_keys_that_cannot_be_made_are_a_sentence_with_the_place(terminal: Terminal) -> None:
    (terminal.folder / "file").write_text("", encoding="utf-8")
    done = terminal.garant("keys", "create", GARANT_KEYS_DIR=str(terminal.folder / "file"))
    assert (done.exit_code, str(terminal.folder / "file") in done.stderr) == (1, True), done.output


def test_broken_keys_are_a_sentence(terminal: Terminal) -> None:
    (terminal.folder / ".garant/keys/index.key").write_text("short", encoding="utf-8")
    done = terminal.garant("users", "list")
    assert (done.exit_code, "Restore it from the backup" in done.stderr) == (1, True)


def test_an_unknown_table_format_is_a_usage_error(terminal: Terminal) -> None:
    done = terminal.garant("impact", "rates", "--format", "xml")
    assert (done.exit_code, "Formats: table, json, csv" in done.output) == (2, True)
