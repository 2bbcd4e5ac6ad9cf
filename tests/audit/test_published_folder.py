"""The published folder grows with the log, and is at every moment what one export of it would be."""

from pathlib import Path

import pytest

from gateway.audit.export import write_export
from gateway.audit.note import NoteError, open_checkpoint
from gateway.audit.outside.proofs import CaseProof, Proof
from gateway.audit.publication.anchors import AheadError
from gateway.audit.publication.folder import Folder
from gateway.audit.publication.places import FolderPlace
from gateway.audit.verifier import verify_export
from gateway.errors import Unknown
from tests.audit.ground import fresh, identity
from tests.audit.published import Living, living


def files(folder: Path) -> dict[str, bytes]:
    """Every file but older checkpoints, which depend on when one was published."""
    paths = [path for path in folder.rglob("*") if path.is_file()]
    return {name: path.read_bytes() for path in paths if not (name := path.relative_to(folder).as_posix()).startswith("checkpoints/")}


async def exported(log: Living, folder: Path) -> Path:
    state = await log.stored.head()
    write_export(folder, await log.stored.leaves(0, state.size), state.note, log.vkey, await log.stored.policies())
    return folder


async def test_a_folder_that_grew_is_the_folder_that_one_export_gives(database_url: str, tmp_path: Path) -> None:
    async with living(database_url) as log:
        place = FolderPlace(Folder(tmp_path / "grown", log.vkey), log.whose.vkeys)
        for count in (1, 4, 250, 1, 1, 300, 256, 700):
            await log.grow(count)
            await log.publish(place)
            assert verify_export(tmp_path / "grown", log.vkey).ok
        grown, once = files(tmp_path / "grown"), files(await exported(log, tmp_path / "once"))
    assert once.items() <= grown.items()
    assert all("/000.p/" in name or "/005.p/" in name for name in grown.keys() - once.keys())  # earlier sizes of what is not full yet


async def test_a_round_cut_off_after_the_checkpoint_verifies_and_the_next_one_brings_the_evidence(
    database_url: str, tmp_path: Path, monkeypatch: pytest.MonkeyPatch
) -> None:
    async with living(database_url) as log:
        place = FolderPlace(Folder(tmp_path, log.vkey), log.whose.vkeys)
        await log.grow(3)
        await log.publish(place)
        for count in (2, 4):
            await log.grow(count)
        with monkeypatch.context() as broken:
            broken.setattr(log.stored, "cosignatures_since", _no_space)
            await log.publish(place)
        found = verify_export(tmp_path, log.vkey)
        assert (found.ok, found.size, (tmp_path / "checkpoints/9").exists()) == (True, 9, False)
        await log.grow(1)
        await log.publish(place)
        assert verify_export(tmp_path, log.vkey).ok
    assert {path.name for path in (tmp_path / "checkpoints").iterdir()} == {"3", "5", "9", "10"}


async def _no_space(*_: object) -> dict[int, str]:
    raise OSError(28, "No space left on device")


async def test_another_logs_folder_is_not_continued(database_url: str, tmp_path: Path) -> None:
    async with living(database_url) as log:
        state = await log.grow(3)
        write_export(tmp_path, [b"x"], state.note.replace("\n3\n", "\n1\n", 1), log.vkey, {})
        publisher = await log.publish(FolderPlace(Folder(tmp_path, log.vkey), log.whose.vkeys))
        (lag,) = publisher.lags()
        assert ("does not fit" in lag.reached.problem, lag.entries) == (True, 3)


async def test_an_entry_is_proven_by_one_small_file(database_url: str) -> None:
    async with living(database_url) as log:
        state = await log.grow(300)
        (leaf,) = await log.stored.leaves(257, 258)
        text = (await log.stored.prove(257, state)).encode()
        assert Proof.decode(text).check(leaf, log.whose.vkeys).size == 300
        assert len(text) <= 1500


async def test_a_case_is_proven_whole(database_url: str) -> None:
    case = fresh()
    async with living(database_url) as log:
        for count in (2, 1, 3):
            await log.grow(count, case)
            await log.grow(40)
        text = (await log.stored.prove_case(case, await log.stored.head())).encode()
    proof = CaseProof.decode(text)
    assert (len(proof.entries), proof.check(log.whose.vkeys).size) == (6, 126)
    assert Proof.decode(text).check(proof.entries[-1].leaf, log.whose.vkeys).size == 126


async def test_a_case_proof_that_leaves_an_entry_out_is_refused(database_url: str) -> None:
    case = fresh()
    async with living(database_url) as log:
        proof = await log.stored.prove_case(case, await log.grow(4, case))
    for gone in range(3):
        entries = proof.entries[:gone] + proof.entries[gone + 1 :]
        with pytest.raises(NoteError, match="leaves out"):
            CaseProof(proof.case, entries, proof.checkpoint).check(log.whose.vkeys)


async def test_any_two_kept_states_are_proven_consistent(database_url: str) -> None:
    async with living(database_url) as log:
        states = [await log.grow(count) for count in (1, 1, 200, 55, 300, 3)]
        for old in states:
            for new in states[states.index(old) :]:
                proof = await log.stored.prove_growth(old.size, new)
                opened = [open_checkpoint(state.note, log.whose.vkeys) for state in (old, new)]
                assert proof.holds(*opened)
                assert not proof.holds(opened[1], opened[0]) or old.size == new.size


async def test_what_is_not_there_is_said_in_words(database_url: str) -> None:
    async with living(database_url) as log:
        state = await log.grow(3)
        with pytest.raises(Unknown, match="no entry 3"):
            await log.stored.prove(3, state)
        with pytest.raises(Unknown, match="speaks of this case"):
            await log.stored.prove_case(fresh(), state)
        with pytest.raises(Unknown, match="No checkpoint"):
            await log.stored.kept(2)


async def test_a_folder_that_is_ahead_of_the_database_closes_the_log(database_url: str, tmp_path: Path) -> None:
    """The control: the same folder before the database fell behind closes nothing."""
    whose = identity()
    async with living(database_url, whose) as log:
        place = FolderPlace(Folder(tmp_path, log.vkey), whose.vkeys)
        await log.grow(3)
        await log.publish(place)
        assert log.writer.damaged is None
        (tmp_path / "checkpoint").write_text(_later(log), encoding="utf-8")
        await log.grow(1)
        with pytest.raises(AheadError):
            await place.bring(log.stored, await log.stored.head(), (await log.stored.reached())["folder"])


def _later(log: Living) -> str:
    from gateway.audit.note import sign_checkpoint  # noqa: PLC0415

    return sign_checkpoint(log.whose.origin, 9, b"x" * 32, log.whose.key)
