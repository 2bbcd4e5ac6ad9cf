"""`garant users …` on a real database: each change works, is an entry of the log, and a refusal is one sentence."""

from __future__ import annotations

from typing import TYPE_CHECKING

import pytest

if TYPE_CHECKING:
    from tests.commands.conftest import Terminal

MARTIN = ("users", "create", "dr.martin", "--name", "Dr Martin", "--role", "clinician", "--profession", "physician")


def test_an_account_is_made_listed_and_closed(terminal: Terminal) -> None:
    made = terminal.garant(*MARTIN, "--group", "night", "--trained-until", "2027-06-30")
    assert "one-time password: " in made.output
    listed = terminal.garant("users", "list").output
    assert all(word in listed for word in ("dr.martin", "physician", "night", "2027-06-30 23:59 UTC", "never", "one-time password"))
    assert "closed" in terminal.garant("users", "close", "dr.martin").output
    assert "closed" in terminal.garant("users", "list", "--find", "MARTIN").output


def test_every_change_is_an_entry_of_the_command_line_without_a_name(terminal: Terminal) -> None:
    terminal.garant(*MARTIN)
    terminal.garant("users", "roles", "dr.martin", "--role", "quality", "--group", "college")
    terminal.garant("users", "training", "dr.martin", "2028-01-31")
    terminal.garant("users", "password", "dr.martin")
    terminal.garant("users", "close", "dr.martin")
    entries = terminal.entries()
    changes = ["person_created", "roles_changed", "training_changed", "one_time_password", "person_deactivated"]
    assert [entry["detail"]["change"] for entry in entries] == changes
    assert {entry["actor"] for entry in entries} == {"system:command_line"}
    assert "martin" not in str(entries).lower()


def test_training_ends_and_may_be_demanded_of_nobody(terminal: Terminal) -> None:
    terminal.garant(*MARTIN)
    assert "trained until 2028-01-31" in terminal.garant("users", "training", "dr.martin", "2028-01-31").output
    assert "no training is demanded" in terminal.garant("users", "training", "dr.martin", "none").output


def test_a_new_one_time_password_is_another_one(terminal: Terminal) -> None:
    first, second = terminal.garant(*MARTIN).output, terminal.garant("users", "password", "dr.martin").output
    assert first.splitlines()[0] == second.splitlines()[0] == "login: dr.martin"
    assert first.splitlines()[1] != second.splitlines()[1]


def test_a_right_is_limited_and_names_elsewhere_are_tied_to_an_account(terminal: Terminal) -> None:
    terminal.garant(*MARTIN)
    terminal.garant("users", "create", "dr.chief", "--name", "Dr Chief", "--role", "clinician", "--profession", "physician")
    limits = ("--specialty", "chest", "--site", "main", "--unit", "imaging", "--delegated", "letter", "--delegated-until", "2028-01-31")
    told = terminal.garant("users", "competence", "dr.martin", *limits, "--supervised-by", "dr.chief").output
    tied = terminal.garant("users", "names", "dr.martin", "--national-id", "10001234567", "--ehr-user", "Practitioner/7").output
    assert ("as given" in told, "10001234567" in tied, "Practitioner/7" in tied) == (True, True, True)
    assert [entry["detail"]["change"] for entry in terminal.entries()][-2:] == ["competence_changed", "names_changed"]
    assert "There is no open account 'nobody'" in terminal.garant("users", "competence", "dr.martin", "--supervised-by", "nobody").output


REFUSED = [
    ((*MARTIN, "--role", "it"), "An administrator cannot sign"),
    ((*MARTIN[:6], "chief"), "There is no role 'chief'"),
    ((*MARTIN, "--trained-until", "soon"), "'soon' is no date"),
    (("users", "close", "nobody"), "garant users list"),
    (("users", "roles", "nobody", "--role", "quality"), "There is no open account 'nobody'"),
    (("users", "training", "nobody", "never"), "'never' is no date"),
]


@pytest.mark.parametrize(("words", "sentence"), REFUSED, ids=[sentence for _, sentence in REFUSED])
def test_a_refusal_is_a_sentence_and_nothing_is_written(terminal: Terminal, words: tuple[str, ...], sentence: str) -> None:
    done = terminal.garant(*words)
    assert (done.exit_code, sentence in done.stderr) == (1, True), done.output
    assert terminal.garant("users", "list").output.startswith("There is no such account")


def test_a_login_is_taken_once(terminal: Terminal) -> None:
    assert terminal.garant(*MARTIN).exit_code == 0
    again = terminal.garant(*MARTIN)
    assert (again.exit_code, "taken" in again.stderr) == (1, True)
