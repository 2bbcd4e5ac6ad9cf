"""Signed notes and checkpoints: what is accepted, what is refused."""

import json
from pathlib import Path

import pytest
from cryptography.hazmat.primitives.asymmetric.ed25519 import Ed25519PrivateKey
from hypothesis import given
from hypothesis import strategies as st

from gateway.audit.note import (
    MAX_BYTES,
    Checkpoint,
    NoteError,
    SigningKey,
    VerifierKey,
    open_checkpoint,
    open_note,
    sign_checkpoint,
    sign_note,
)
from tests.audit.story import KEY, ORIGIN, VKEYS

VECTOR = json.loads((Path(__file__).parents[1] / "vectors" / "audit" / "note.json").read_text(encoding="utf-8"))
ROOT = bytes(range(32))
NOTE = sign_checkpoint(ORIGIN, 3, ROOT, KEY)
OTHER = SigningKey("witness.example", Ed25519PrivateKey.from_private_bytes(b"\x07" * 32))


def test_the_note_is_the_one_of_the_vector() -> None:
    assert (NOTE, KEY.verifier().encode()) == (VECTOR["note"], VECTOR["vkey"])


def test_a_note_that_another_implementation_signed_is_accepted() -> None:
    key = VerifierKey.decode(VECTOR["go_vkey"])
    assert open_note(VECTOR["go_note"], [key])[1] == (key,)


@given(st.integers(0, 2**53), st.binary(min_size=32, max_size=32))
def test_a_checkpoint_survives_signing_and_opening(size: int, root: bytes) -> None:
    assert open_checkpoint(sign_checkpoint(ORIGIN, size, root, KEY, OTHER), VKEYS) == Checkpoint(ORIGIN, size, root)


def test_a_verifier_key_survives_its_line() -> None:
    assert VerifierKey.decode(KEY.verifier().encode()) == KEY.verifier()


def test_a_signer_nobody_named_is_not_enough() -> None:
    with pytest.raises(NoteError, match="no key we know"):
        open_checkpoint(NOTE, [OTHER.verifier()])


def test_a_key_of_another_name_does_not_speak_for_the_log() -> None:
    note = sign_note(f"{ORIGIN}\n0\n{NOTE.splitlines()[2]}\n", OTHER)
    with pytest.raises(NoteError, match="not signed by a key of that name"):
        open_checkpoint(note, [*VKEYS, OTHER.verifier()])


def test_every_changed_byte_of_a_note_is_noticed() -> None:
    data = NOTE.encode()
    for position in range(len(data)):
        with pytest.raises(NoteError):
            open_checkpoint(data[:position] + bytes([data[position] ^ 1]) + data[position + 1 :], VKEYS)


@pytest.mark.parametrize(
    "text",
    [
        "",
        "\n",
        NOTE[:-1],
        NOTE + "\n",
        NOTE.replace("\n\n", "\n"),
        NOTE.replace("\n3\n", "\n3\r\n"),
        "x" * (MAX_BYTES + 1),
        NOTE + NOTE.splitlines()[-1] * 2,
        "\ud800" + NOTE,
    ],
)
def test_a_malformed_note_is_refused(text: str) -> None:
    with pytest.raises(NoteError):
        open_checkpoint(text, VKEYS)


@pytest.mark.parametrize("size", ["-1", "03", "", "1e3", "٣", "9" * 30])
def test_a_size_that_is_no_plain_number_is_refused(size: str) -> None:
    with pytest.raises(NoteError, match=r"plain number|three lines"):
        open_checkpoint(sign_note(f"{ORIGIN}\n{size}\n{NOTE.splitlines()[2]}\n", KEY), VKEYS)


@given(st.one_of(st.binary(max_size=200), st.text(max_size=200)))
def test_garbage_is_a_note_error_and_nothing_else(garbage: bytes | str) -> None:
    with pytest.raises(NoteError):
        open_checkpoint(garbage, VKEYS)
    with pytest.raises(NoteError):
        VerifierKey.decode(str(garbage))
