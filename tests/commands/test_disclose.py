"""What an entry commits to is disclosed for a reason that stands in the log, and an outsider finds that it fits."""

from __future__ import annotations

import re
from typing import TYPE_CHECKING, Any
from uuid import uuid4

import pytest

from tests.commands.test_log import garant, key
from tests.fakes.model_server import CANARY
from tests.signoff.cases import new_case
from tests.signoff.test_decisions import decide, opened
from tests.stage import Stage, built

if TYPE_CHECKING:
    from collections.abc import Iterator
    from pathlib import Path

WHY = ("--reason", "court_order")
AMENDED = {"/choices/0/message/content": "no lesion, seen twice"}


@pytest.fixture(scope="module")
def stage(postgres_server: str) -> Iterator[Stage]:
    yield from built(postgres_server)


def decided(stage: Stage, **more: Any) -> str:  # noqa: ANN401 - members of a decision
    """A decided case's suggestion."""
    suggestion = new_case(stage)
    assert decide(stage, suggestion, opened(stage, suggestion), **more).status_code == 200
    return suggestion


def entry(stage: Stage, suggestion: str, kind: str) -> tuple[int, str]:
    """Index and case of an entry."""
    return next((n, one["case"]) for n, one in enumerate(stage.entries()) if one["type"] == kind and one.get("suggestion") == suggestion)


@pytest.mark.parametrize(
    ("kind", "field", "more"),
    [
        ("received", "suggestion", {"decision": "approve"}),
        ("viewed", "shown", {"decision": "approve"}),
        ("signed_off", "final", {"decision": "approve"}),
        ("signed_off", "shown", {"decision": "approve"}),
        ("signed_off", "final", {"decision": "amend", "amendment": AMENDED}),
        ("released", "final", {"decision": "amend", "amendment": AMENDED}),
        ("rejected", "shown", {"decision": "reject", "reason": "wrong_finding"}),
    ],
)
def test_what_is_disclosed_opens_the_entry(stage: Stage, tmp_path: Path, kind: str, field: str, more: dict[str, object]) -> None:
    index, _ = entry(stage, decided(stage, **more), kind)
    done = garant(stage, "disclose", index, field, *WHY, "--out", tmp_path / "bytes")
    assert done.exit_code == 0, done.output
    assert (tmp_path / "bytes").stat().st_mode & 0o777 == 0o600
    garant(stage, "export", tmp_path / "out")
    salt = re.findall(r"\b[0-9a-f]{64}\b", done.output)[-1]
    checked = garant(stage, "open", tmp_path / "out", index, field, tmp_path / "bytes", salt)
    assert (checked.exit_code, "Yes" in checked.output) == (0, True), checked.output
    (tmp_path / "bytes").write_bytes((tmp_path / "bytes").read_bytes() + b" ")  # the control
    assert garant(stage, "open", tmp_path / "out", index, field, tmp_path / "bytes", salt).exit_code == 1
    assert garant(stage, "verify", tmp_path / "out", "--key", key(stage)).exit_code == 0


def test_of_a_case_the_newest_commitment_is_disclosed_and_why_stands_in_the_log(stage: Stage, tmp_path: Path) -> None:
    index, case = entry(stage, decided(stage, decision="amend", amendment=AMENDED), "released")
    done = garant(stage, "disclose", case, "final", *WHY, "--out", tmp_path / "bytes")
    assert (done.exit_code, AMENDED["/choices/0/message/content"] in (tmp_path / "bytes").read_text()) == (0, True), done.output
    told = stage.entries()[-1]
    assert (told["type"], told["actor"], told["case"]) == ("viewed", "system:command_line", case)
    assert told["detail"] == {"act": "disclosed", "entry": str(index), "field": "final", "reason": "court_order"}
    assert stage.verified().ok


@pytest.mark.parametrize("task", ["diagnosis", "pair"])
def test_nothing_of_an_undecided_suggestion_is_disclosed(stage: Stage, tmp_path: Path, task: str) -> None:
    """Of two people the second decides blind (R12); the control is every other test here: decided, the same command discloses."""
    suggestion = new_case(stage, task)
    if task == "pair":
        assert decide(stage, suggestion, opened(stage, suggestion), decision="reject", reason="wrong_finding").status_code == 200
    index, _ = entry(stage, suggestion, "received")
    size = len(stage.entries())
    done = garant(stage, "disclose", index, "suggestion", *WHY, "--out", tmp_path / "bytes")
    assert (done.exit_code, "still waits for a decision" in done.output, CANARY in done.output) == (1, True, False)
    assert ((tmp_path / "bytes").exists(), len(stage.entries())) == (False, size)


def test_nothing_is_disclosed_while_a_signature_can_be_taken_back(stage: Stage, tmp_path: Path) -> None:
    suggestion = decided(stage, decision="approve")
    stage.rows("UPDATE suggestions SET state = 'signed' WHERE id = $1::uuid", suggestion)
    done = garant(stage, "disclose", entry(stage, suggestion, "signed_off")[0], "final", *WHY, "--out", tmp_path / "bytes")
    assert (done.exit_code, "still waits for a decision" in done.output, (tmp_path / "bytes").exists()) == (1, True, False)


def test_what_was_erased_is_not_disclosed(stage: Stage, tmp_path: Path) -> None:
    suggestion = decided(stage, decision="approve")
    index, _ = entry(stage, suggestion, "received")
    stage.rows("DELETE FROM payloads WHERE suggestion_id = $1::uuid", suggestion)
    done = garant(stage, "disclose", index, "suggestion", *WHY, "--out", tmp_path / "bytes")
    assert (done.exit_code, "was erased" in done.output, (tmp_path / "bytes").exists()) == (1, True, False)


def test_what_cannot_be_disclosed_is_said_in_words(stage: Stage, tmp_path: Path) -> None:
    index, _ = entry(stage, decided(stage, decision="approve"), "received")
    (tmp_path / "there").write_text("mine")
    table = {
        (index, "reason"): "no commitment to 'reason'",
        (10**6, "final"): "no such entry",
        (uuid4(), "final"): "no such entry",
        ("x", "final"): "neither an entry's index",
    }
    for (what, field), said in table.items():
        done = garant(stage, "disclose", what, field, *WHY, "--out", tmp_path / "bytes")
        assert (done.exit_code, said in done.output) == (1, True), done.output
    done = garant(stage, "disclose", index, "suggestion", *WHY, "--out", tmp_path / "there")
    assert (done.exit_code, (tmp_path / "there").read_text()) == (1, "mine")
    done = garant(stage, "disclose", index, "suggestion", "--reason", "curiosity", "--out", tmp_path / "b")
    assert (done.exit_code, "court_order" in done.output, (tmp_path / "b").exists()) == (1, True, False)
