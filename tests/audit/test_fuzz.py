"""Parsers of what outsiders hand in: whatever the bytes, nothing but our own refusal comes out, and nothing forged is accepted."""

from __future__ import annotations

from functools import partial
from typing import TYPE_CHECKING

import pytest
from hypothesis import HealthCheck, given, settings
from hypothesis import strategies as st

from gateway.audit.export import Export, read_export
from gateway.audit.note import NoteError, VerifierKey, open_checkpoint, open_note
from gateway.audit.outside.cosignatures import CosignerKey, cosigned_by, lines_of
from gateway.audit.outside.proofs import CaseProof, ConsistencyProof, Proof
from gateway.audit.outside.timestamps import check_answer, check_timestamp, roots_in
from gateway.audit.verifier import verify_export
from tests.audit.evidence import WITNESSES, Evidence, cosigned, evidence
from tests.audit.story import KEY, held, signed

if TYPE_CHECKING:
    from collections.abc import Callable
    from pathlib import Path

VKEYS = [KEY.verifier()]
COSIGNERS = [key.verifier() for key in WITNESSES]
NOTE = cosigned(signed(held().leaves()))
FIXED = settings(suppress_health_check=[HealthCheck.function_scoped_fixture], max_examples=60)


@pytest.fixture(scope="module")
def made(tmp_path_factory: pytest.TempPathFactory) -> Evidence:
    return evidence(tmp_path_factory.mktemp("site"), 1)


@st.composite
def edits(draw: st.DrawFn, seed: bytes) -> bytes:
    """Something near a valid file: pieces replaced, removed, doubled, or nothing of it at all."""
    content = bytearray(seed)
    for _ in range(draw(st.integers(1, 4))):
        start = draw(st.integers(0, len(content)))
        end = min(len(content), start + draw(st.integers(0, 40)))
        content[start:end] = draw(
            st.binary(max_size=12) | st.just(bytes(content[start:end]) * 2) | st.sampled_from([b"\n", b"\n\n", b"\x00", "\u2014 ".encode()])
        )
    return bytes(content)


def refused(work: Callable[[], object]) -> bool:
    """Whether it raises our own error; every other error fails the test."""
    try:
        work()
    except NoteError:
        return True
    return False


@FIXED
@given(edits(NOTE.encode()))
def test_a_note_is_opened_as_it_was_signed_or_refused(content: bytes) -> None:
    if not refused(lambda: open_note(content, [*VKEYS, *COSIGNERS])) and not refused(lambda: open_checkpoint(content, VKEYS)):
        assert content.decode().rpartition("\n\n")[0] == NOTE.rpartition("\n\n")[0]


@FIXED
@given(st.text(max_size=200) | edits(NOTE.split("\n\n")[1].encode()).map(lambda one: one.decode(errors="replace")))
def test_what_a_witness_answers_is_a_cosignature_or_refused(answer: str) -> None:
    if not refused(lambda: lines_of(answer, NOTE, COSIGNERS)):
        assert set(lines_of(answer, NOTE, COSIGNERS).values()) <= {f"{line}\n" for line in NOTE.split("\n")}
    refused(lambda: cosigned_by(answer, COSIGNERS))


@FIXED
@given(edits(VKEYS[0].encode().encode()) | edits(COSIGNERS[0].encode().encode()))
def test_a_key_is_read_as_it_was_written_or_refused(line: bytes) -> None:
    for kind in (VerifierKey, CosignerKey):
        text = line.decode(errors="surrogateescape")
        if not refused(partial(kind.decode, text)):
            assert kind.decode(text).encode() == text.strip()


@FIXED
@given(st.data())
def test_a_proof_shows_what_it_showed_or_is_refused(made: Evidence, data: st.DataObject) -> None:
    seed = data.draw(st.sampled_from([made.proof(3).encode(), made.case().encode()]))
    text = data.draw(edits(seed.encode())).decode(errors="replace")
    if not refused(lambda: CaseProof.decode(text).check(VKEYS)):
        assert CaseProof.decode(text).entries == made.case().entries
    if not refused(lambda: Proof.decode(text).check(made.leaves[3], VKEYS)):
        assert Proof.decode(text).index == 3
    refused(lambda: ConsistencyProof.decode(text))


@FIXED
@given(st.data())
def test_an_answer_of_an_authority_says_what_it_said_or_is_refused(made: Evidence, data: st.DataObject) -> None:
    size = len(made.leaves)
    stamp, note = (made.folder / f"timestamps/{size}/tsa.tsr").read_bytes(), (made.folder / f"checkpoints/{size}").read_bytes()
    content, roots = data.draw(edits(stamp)), made.trust.roots
    refused(lambda: check_answer(content, note))
    if not refused(lambda: check_timestamp(content, note, roots)):
        assert check_timestamp(content, note, roots) == check_timestamp(stamp, note, roots)
    refused(lambda: roots_in(content))


@FIXED
@given(st.data())
def test_a_file_of_an_export_is_what_it_was_or_is_reported(made: Evidence, data: st.DataObject) -> None:
    paths = sorted(path for path in made.folder.rglob("*") if path.is_file() and path.name != "log.vkey")
    path = data.draw(st.sampled_from(paths))
    before = path.read_bytes()
    path.write_bytes(data.draw(edits(before)))
    try:
        report = verify_export(made.folder, made.trust)
    finally:
        path.write_bytes(before)
    assert not report.ok or report.size == len(made.leaves)


@FIXED
@given(st.data())
def test_a_bundle_holds_its_entries_or_is_refused(made: Evidence, data: st.DataObject) -> None:
    path = made.folder / f"tile/entries/000.p/{len(made.leaves)}"
    before = path.read_bytes()
    content = data.draw(edits(before))
    path.write_bytes(content)
    try:
        opened: Export = read_export(made.folder)
        if not refused(lambda: opened.bundle(0)):
            assert b"".join(len(leaf).to_bytes(2) + leaf for leaf in opened.bundle(0)) == content
    finally:
        path.write_bytes(before)


def test_the_files_are_as_they_were(made: Evidence) -> None:
    assert verify_export(made.folder, made.trust).ok


def test_a_huge_number_is_no_number(tmp_path: Path) -> None:
    for text in (f"x\n{'9' * 5000}\nAA==\n\n", f"old {'9' * 5000}\n\nx", f"c2sp.org/tlog-proof@v1\nindex {'9' * 5000}\n\nx"):
        assert all(refused(partial(kind.decode, text)) for kind in (Proof, ConsistencyProof, CaseProof))
        assert refused(partial(open_checkpoint, text, VKEYS))
