"""`garant audit erase | hold | lift | death | retain | lookback` and `garant keys …` as they are typed beside a running gateway."""

from __future__ import annotations

from datetime import UTC, datetime
from typing import TYPE_CHECKING
from uuid import UUID

import pytest
from typer.testing import CliRunner

from gateway.cli import app
from gateway.operations.keys import read_keks
from gateway.operations.rotation import encryption
from tests.conftest import apart
from tests.custody.ground import another, canary, decided
from tests.stage import Stage, built

if TYPE_CHECKING:
    from collections.abc import Iterator

    from typer.testing import Result


@pytest.fixture(scope="module")
def stage(postgres_server: str) -> Iterator[Stage]:
    yield from built(postgres_server)


def garant(stage: Stage, *words: str, typed: str | None = None) -> Result:
    """One command, as typed."""
    config = stage.settings.keys_directory.parent / "garant.toml"
    env = {"GARANT_CONFIG": str(config), "GARANT_DATABASE_URL": stage.url}
    found: Result = apart(lambda: CliRunner().invoke(app, list(words), input=typed, env=env))
    return found


def test_two_people_erase_on_the_command_line(stage: Stage) -> None:
    case = decided(stage, canary())["case_id"]
    first, second = stage.clinician("quality"), another(stage, "quality.2")
    asked = garant(stage, "audit", "erase", case, "--basis", "wrong_patient", typed=f"quality\n{first.password}\n")
    assert "Nothing is erased yet" in asked.output, asked.output
    same = garant(stage, "audit", "erase", case, "--confirm", typed=f"quality\n{first.password}\n")
    wrong = garant(stage, "audit", "erase", case, "--confirm", typed="quality.2\nwrong\n")
    assert (same.exit_code, wrong.exit_code, "Ask another person to confirm it" in same.output) == (1, 1, True)
    done = garant(stage, "audit", "erase", case, "--confirm", "--rewrite", typed=f"quality.2\n{second.password}\n")
    assert (done.exit_code, "nothing is left" in done.output, "write-ahead log" in done.output) == (0, True, True), done.output
    assert [entry["case"] for entry in stage.entries("erased")] == [case]
    assert "verified:" in garant(stage, "audit", "verify").output
    again = garant(stage, "audit", "erase", case, "--basis", "wrong_patient", typed=f"quality\n{first.password}\n")
    assert "was erased on" in again.output


def test_no_password_of_it_or_a_clinician_erases(stage: Stage) -> None:
    case = decided(stage, canary())["case_id"]
    who = stage.clinician("it")
    assert "no such role" in garant(stage, "audit", "erase", case, "--basis", "test_data", typed=f"it\n{who.password}\n").output
    assert "Say one thing" in garant(stage, "audit", "erase", case).output


def test_a_hold_is_set_and_lifted_and_a_death_noted(stage: Stage) -> None:
    case = decided(stage, canary())["case_id"]
    assert "is held (litigation)" in garant(stage, "audit", "hold", case, "--reason", "litigation").output
    assert "Choose a reason" in garant(stage, "audit", "lift", case, "--reason", "because").output
    assert "no longer held" in garant(stage, "audit", "lift", case, "--reason", "closed").output
    assert "noted" in garant(stage, "audit", "death", case, f"{datetime.now(UTC):%Y-%m-%d}").output
    assert "is no day" in garant(stage, "audit", "death", case, "yesterday").output
    entries = [entry for entry in stage.entries("config_changed") if entry.get("case") == case]
    assert [entry["detail"]["change"] for entry in entries] == ["hold_set", "hold_lifted", "death_noted"]
    assert {entry["actor"] for entry in entries} == {"system:command_line"}
    assert "Destroyed: content of 0 case(s)" in garant(stage, "audit", "retain").output


def test_a_look_back_is_begun_and_ticked_off(stage: Stage) -> None:
    case = decided(stage, canary())["case_id"]
    begun = garant(stage, "audit", "lookback", "--system", "reader", "--released")
    assert case in begun.output, begun.output
    identity = str(UUID(begun.output.strip().splitlines()[-1].partition(":")[0]))
    before, after = (
        int(text.output.split(": ")[-1].split(" of ")[0]) for text in (begun, garant(stage, "audit", "lookback", identity, "--tick", case))
    )
    assert after == before - 1
    assert "ticked off already" in garant(stage, "audit", "lookback", identity, "--tick", case).output


def test_keys_are_listed_changed_and_destroyed(stage: Stage, monkeypatch: pytest.MonkeyPatch) -> None:
    monkeypatch.setattr(encryption, "_PENDING_SECONDS", 0.2)
    decided(stage, canary())
    path = stage.settings.keys_directory / "kek.json"
    old = read_keks(path)[1]
    assert "wraps everything now" in garant(stage, "keys", "rotate-encryption").output
    assert read_keks(path)[1] != old
    assert f"{old} is destroyed" in garant(stage, "keys", "destroy-encryption", old).output
    assert old not in garant(stage, "keys", "list").output
    assert "is announced" in garant(stage, "keys", "rotate-log").output
    assert "under way" in garant(stage, "keys", "rotate-log").output
    assert "Not every replica" in garant(stage, "keys", "rotate-log", "--finish").output
    assert "next" in garant(stage, "keys", "list").output
