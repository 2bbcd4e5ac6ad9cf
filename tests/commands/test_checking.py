"""`garant audit verify | diff | open` on files alone: no database, no configuration."""

from __future__ import annotations

import hmac
from typing import TYPE_CHECKING

import pytest
from typer.testing import CliRunner

from gateway.audit.export import write_export
from gateway.cli import app
from tests.audit.evidence import POLICY, Evidence, evidence
from tests.audit.story import KEY, POLICIES, Story, signed

if TYPE_CHECKING:
    from pathlib import Path

    from typer.testing import Result

SALT, DATA = bytes(range(32)), b"No fracture."


@pytest.fixture(scope="module")
def made(tmp_path_factory: pytest.TempPathFactory) -> Evidence:
    return evidence(tmp_path_factory.mktemp("site"))


@pytest.fixture
def key(tmp_path: Path) -> Path:
    path = tmp_path / "log.vkey"
    path.write_text(KEY.verifier().encode() + "\n")
    return path


def garant(*words: object) -> Result:
    return CliRunner().invoke(app, ["audit", *map(str, words)], env={"GARANT_CONFIG": "/nowhere"})


def test_a_log_is_verified_with_a_policy_file_and_an_authority_alone(made: Evidence) -> None:
    policy = made.folder.parent / "witnesses.policy"
    done = garant("verify", made.folder, "--policy", policy, "--authority", made.authority.root)
    assert (done.exit_code, f"verified: {len(made.leaves)} entries" in done.output) == (0, True), done.output
    assert "cosigned by w1, w2" in done.output
    assert "tsa saw the first" in done.output


def test_without_a_key_nothing_is_proven(made: Evidence) -> None:
    done = garant("verify", made.folder)
    assert (done.exit_code, "proves nothing" in done.output) == (1, True)


def test_a_flipped_bit_is_named_with_its_row(made: Evidence, tmp_path: Path, key: Path) -> None:
    bundle = made.folder / "tile/entries/000"
    before = bundle.read_bytes()
    bundle.write_bytes(before[:1000] + bytes([before[1000] ^ 1]) + before[1001:])
    done = garant("verify", made.folder, "--key", key)
    bundle.write_bytes(before)
    assert (done.exit_code, "NOT verified" in done.output, "row 2: " in done.output) == (1, True, True), done.output


def test_a_case_proof_is_verified_and_told(made: Evidence, tmp_path: Path, key: Path) -> None:
    path = tmp_path / "case.tlog-proof"
    path.write_text(made.case().encode())
    done = garant("verify", path, "--key", key)
    assert (done.exit_code, done.output.count("\n")) == (0, 6), done.output
    assert "signed_off approve by clinician p1 cytology" in done.output
    path.write_text(made.case().encode().replace("index 6", "index 5"))
    assert garant("verify", path, "--key", key).exit_code == 1


def test_a_proof_of_one_entry_is_verified_with_its_bytes(made: Evidence, tmp_path: Path) -> None:
    (tmp_path / "7.tlog-proof").write_text(made.proof(7).encode())
    (tmp_path / "7.json").write_bytes(made.leaves[7])
    (tmp_path / "policy").write_text(POLICY)
    words = ("verify", tmp_path / "7.tlog-proof", "--policy", tmp_path / "policy", "--leaf", tmp_path / "7.json")
    assert garant(*words).exit_code == 0
    (tmp_path / "7.json").write_bytes(made.leaves[8])
    assert "does not show" in garant(*words).output


@pytest.mark.parametrize(
    ("size", "changed", "words"),
    [(500, None, "only adds:"), (400, None, "only adds: nothing"), (300, None, "is shorter"), (500, 259, "Entry 259 is not the same")],
)
def test_two_exports_are_compared(made: Evidence, tmp_path: Path, key: Path, size: int, changed: int | None, words: str) -> None:
    for name, count in (("old", 400), ("new", size)):
        leaves = (made.leaves * 2)[:count]
        if name == "new" and changed is not None:
            leaves[changed] = leaves[0]
        write_export(tmp_path / name, leaves, signed(leaves), KEY.verifier().encode(), POLICIES)
    done = garant("diff", tmp_path / "old", tmp_path / "new", "--key", key)
    assert (done.exit_code == 0, words in done.output) == ("only adds" in words, True), done.output


def test_disclosed_bytes_open_a_commitment(tmp_path: Path) -> None:
    """The control: other bytes, another salt, another field do not."""
    story = Story()
    commitment = hmac.digest(SALT, b"garant/c1\nsuggestion\n" + DATA, "sha256").hex()
    story.add("received", 1, "cytology", "machine:m", "machine", commitments={"suggestion": commitment})
    leaves = story.leaves()
    write_export(tmp_path / "log", leaves, signed(leaves), KEY.verifier().encode(), POLICIES)
    (tmp_path / "data").write_bytes(DATA)
    (tmp_path / "other").write_bytes(DATA + b" ")
    table = {
        ("suggestion", "data", SALT): 0,
        ("suggestion", "other", SALT): 1,
        ("suggestion", "data", bytes(32)): 1,
        ("final", "data", SALT): 1,
    }
    for (field, name, salt), code in table.items():
        assert garant("open", tmp_path / "log", 0, field, tmp_path / name, salt.hex()).exit_code == code


def test_files_that_cannot_be_used_are_said_in_a_sentence(tmp_path: Path, key: Path) -> None:
    (tmp_path / "bad").write_bytes(b"\xff\x00")
    for words in (
        ("verify", tmp_path / "bad", "--key", key),
        ("verify", tmp_path, "--policy", tmp_path / "bad"),
        ("open", tmp_path, 0, "final", key, "zz"),
    ):
        done = garant(*words)
        assert (done.exit_code, len(done.output.strip().splitlines()) <= 2, "Traceback" in done.output) == (1, True, False), done.output
