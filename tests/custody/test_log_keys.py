"""The log's key is changed: announced under the old one, both sign, the old one is retired; the unannounced is refused by verifiers."""

from __future__ import annotations

import asyncio
import json
from contextlib import suppress
from dataclasses import replace
from random import Random
from typing import TYPE_CHECKING
from uuid import UUID

import pytest
from cryptography.hazmat.primitives.asymmetric.ed25519 import Ed25519PrivateKey
from pymerkle import InmemoryTree

from gateway.audit.batch import Write
from gateway.audit.checking.handover import Handover, written
from gateway.audit.export import write_export
from gateway.audit.note import NoteError, SigningKey, UnknownSignerError, open_checkpoint, sign_checkpoint
from gateway.audit.outside.policy import read_policy
from gateway.audit.outside.proofs import CaseProof, Placed, Proof
from gateway.audit.publication.anchors import Anchors
from gateway.audit.publication.folder import Folder
from gateway.audit.publication.places import AnchorPlace, FolderPlace, WitnessPlace
from gateway.audit.tree import inclusion_proof, leaf_hash, root_of
from gateway.audit.verifier import Trust, verify, verify_export
from gateway.operations.auditing import prove
from gateway.operations.rotation import signing
from tests.audit.ground import happened
from tests.audit.outsider.running import Outsider, keys
from tests.audit.published import Living, living
from tests.audit.story import ORIGIN, POLICIES, Story, held
from tests.conftest import finished
from tests.custody.test_encryption_keys import keys_of, with_writer
from tests.stage import Stage, built
from tests.witness.stand import Eye

if TYPE_CHECKING:
    from collections.abc import Iterator
    from pathlib import Path

    from gateway.audit.batch import LogIdentity

OLD, NEW, THIEF = (SigningKey(ORIGIN, Ed25519PrivateKey.from_private_bytes(bytes([n]) * 32)) for n in (11, 12, 13))
BOTH = (OLD.verifier(), NEW.verifier())


def state(leaves: list[bytes], size: int, *signers: SigningKey) -> str:
    """A signed state of the first entries."""
    return sign_checkpoint(ORIGIN, size, root_of(map(leaf_hash, leaves[:size])), *signers)


def changed(story: Story, step: str, key: SigningKey) -> None:
    """One entry about the log's key."""
    detail = {"kind": "log", "step": step, "key": key.verifier().encode()}
    story.add("key_changed", None, None, "system:command_line", "system", detail=detail)


@pytest.fixture
def rotated() -> list[bytes]:
    """Five entries, the announcement (5), one more, the retirement (7), two more."""
    story = held()
    changed(story, "announced", NEW)
    story.scope("suspended", "site:a")
    changed(story, "retired", OLD)
    story.scope("resumed", "site:a")
    story.scope("suspended", "site:b")
    return story.leaves()


def problems(leaves: list[bytes], note: str, *kept: str, vkeys: tuple[object, ...] = BOTH) -> list[str]:
    """What the verifier says."""
    report = verify(leaves, note, vkeys, POLICIES, kept)  # type: ignore[arg-type]
    return [problem.sentence for problem in report.problems]


def test_a_change_that_was_announced_and_handed_over_is_accepted(rotated: list[bytes]) -> None:
    kept = (state(rotated, 3, OLD), state(rotated, 7, OLD, NEW), state(rotated, 8, OLD, NEW))
    assert problems(rotated, state(rotated, len(rotated), NEW), *kept) == []


def test_a_new_key_that_the_log_never_announced_is_refused(rotated: list[bytes]) -> None:
    leaves = held().leaves()
    assert problems(leaves, state(leaves, 5, OLD)) == []
    [said] = problems(leaves, state(leaves, 5, NEW))
    assert "never announced" in said
    assert any("never announced" in one for one in problems(rotated, state(rotated, len(rotated), NEW), state(rotated, 4, NEW)))


def test_an_announcement_by_whoever_lacks_the_old_key_is_refused(rotated: list[bytes]) -> None:
    """Somebody who stole nothing but the database announces a key of their own and signs on with it."""
    [said] = problems(rotated, state(rotated, len(rotated), NEW), state(rotated, 3, OLD))
    assert "no state that covers it is signed by the key before" in said


def test_a_retired_key_signs_nothing_alone(rotated: list[bytes]) -> None:
    kept = (state(rotated, 7, OLD, NEW), state(rotated, 8, OLD, NEW))
    assert any("retired in entry 7" in one for one in problems(rotated, state(rotated, len(rotated), OLD), *kept))


def test_a_key_that_the_reader_does_not_know_proves_nothing(rotated: list[bytes]) -> None:
    assert any("no key we know" in one for one in problems(rotated, state(rotated, len(rotated), THIEF)))


def test_keys_that_hand_over_to_each_other_hand_over_nothing() -> None:
    """Whoever holds the database alone announces two keys of their own, and signs with both: neither was ever entitled."""
    story = held()
    for key in (THIEF, NEW):
        changed(story, "announced", key)
    story.scope("suspended", "site:a")
    leaves = story.leaves()
    vkeys = (OLD.verifier(), THIEF.verifier(), NEW.verifier())
    said = problems(leaves, state(leaves, len(leaves), THIEF, NEW), state(leaves, 3, OLD), vkeys=vkeys)
    assert ["no state that covers it is signed by the key before" in one for one in said] == [True, True]
    assert problems(leaves, state(leaves, len(leaves), OLD, THIEF, NEW), vkeys=vkeys) == []


def exported(folder: Path, leaves: list[bytes], note: str, *kept: str) -> Path:
    """The log as files, with the lines of both keys beside it."""
    write_export(folder, leaves, note, "\n".join(key.encode() for key in BOTH), POLICIES, kept)
    return folder


def test_an_export_is_verified_with_the_first_key_alone_once_the_log_has_handed_over(rotated: list[bytes], tmp_path: Path) -> None:
    """The lines beside an export are its maker's: they count where the log announced them under a key that the reader brought."""
    kept = (state(rotated, 3, OLD), state(rotated, 8, OLD, NEW))
    newest = state(rotated, len(rotated), NEW)
    sound, unannounced = exported(tmp_path / "a", rotated, newest, *kept), held().leaves()
    assert verify_export(sound, Trust(BOTH[:1])).problems == ()
    for number, folder in enumerate(
        (exported(tmp_path / "b", rotated, newest, kept[0]), exported(tmp_path / "c", unannounced, state(unannounced, 5, NEW)))
    ):
        [said] = verify_export(folder, Trust(BOTH[:1])).problems
        assert ("no state that covers it", "never announced")[number] in said.sentence


def handed_over(leaves: list[bytes], size: int = 8, *signers: SigningKey) -> Handover:
    """The announcement in a state that both keys signed."""
    path = inclusion_proof([leaf_hash(leaf) for leaf in leaves[:size]], 5)
    return Handover(5, leaves[5], path, state(leaves, size, *(signers or (OLD, NEW))))


def case_of(leaves: list[bytes], *keys: Handover, signer: SigningKey = NEW) -> CaseProof:
    """The proof of the five entries before the change, in a state that the later key signed alone."""
    hashes, case = [leaf_hash(leaf) for leaf in leaves], str(json.loads(leaves[0])["case"])
    placed = tuple(Placed(n, leaves[n], inclusion_proof(hashes, n)) for n in range(5))
    return CaseProof.decode(CaseProof(case, placed, state(leaves, len(leaves), signer), keys).encode())


def test_a_proof_carries_the_announcement_so_that_the_older_key_is_enough(rotated: list[bytes]) -> None:
    proof = case_of(rotated, handed_over(rotated))
    entry = Proof.decode(Proof(2, proof.entries[2].path, proof.checkpoint, written(proof.keys)).encode())
    for vkeys in (BOTH[:1], BOTH[1:], BOTH):
        assert [one.size for one in (proof.check(vkeys), entry.check(rotated[2], vkeys))] == [len(rotated)] * 2
    for stranger in (BOTH[0], THIEF.verifier()):
        with pytest.raises(UnknownSignerError, match=f"signed by {ORIGIN.replace('+', '.')}.{NEW.verifier().id.hex()}"):
            case_of(rotated).check([stranger])


def test_an_announcement_that_the_older_key_did_not_sign_carries_nothing(rotated: list[bytes]) -> None:
    forged, moved = handed_over(rotated, 8, NEW), replace(handed_over(rotated), index=6)
    unsigned, other = handed_over(rotated, 8, OLD), replace(handed_over(rotated), leaf=rotated[7])
    early = case_of(rotated[:6], handed_over(rotated))
    assert early.check(BOTH[:1]).size == 6
    for one in (forged, moved, unsigned, other):
        with pytest.raises(NoteError):
            case_of(rotated, one).check(BOTH[:1])
    with pytest.raises(UnknownSignerError):
        replace(case_of(rotated[:5]), keys=(handed_over(rotated),)).check(BOTH[:1])


def test_every_change_of_a_proof_s_announcement_is_found(rotated: list[bytes]) -> None:
    text = case_of(rotated, handed_over(rotated)).encode()
    rng, held_up = Random(4), list[str]()  # noqa: S311 - the same changes in each run
    for _ in range(400):
        place = rng.randrange(len(text))
        changed_text = text[:place] + chr(ord(text[place]) ^ (1 << rng.randrange(7))) + text[place + 1 :]
        with suppress(NoteError):
            CaseProof.decode(changed_text).check(BOTH[:1])
            held_up.append(changed_text)
    assert held_up == []


@pytest.fixture(scope="module")
def go() -> Iterator[Outsider]:
    running = Outsider()
    yield running
    running.end()


def place_of(log: Living, folder: Path, eye: Eye) -> tuple[AnchorPlace, WitnessPlace, FolderPlace]:
    """A second volume, a witness and a published folder."""
    whose = log.whose.vkeys
    lines = "".join(f"{key.encode()}\n" for key in whose)
    return (
        AnchorPlace(Anchors(folder / "anchors"), whose),
        WitnessPlace(eye.witness(), eye.ask, whose),
        FolderPlace(Folder(folder / "public", lines), whose),
    )


def identity_of(step: int) -> LogIdentity:
    """Whose log it is: before, while both sign, afterwards."""
    from gateway.audit.batch import LogIdentity  # noqa: PLC0415

    key, beside = ((OLD, ()), (OLD, (NEW,)), (NEW, ()))[step]
    return LogIdentity("one", ORIGIN, key, BOTH if step else BOTH[:1], beside)


async def test_publication_anchors_witness_start_and_go_follow_a_change(go: Outsider, database_url: str, tmp_path: Path) -> None:
    eye = Eye(tmp_path / "witness", BOTH[:1])
    for step in range(3):
        if step == 2:
            eye = Eye(tmp_path / "witness", BOTH)  # told of the new key while both signed
        async with living(database_url, identity_of(step)) as log:
            await log.publisher(place_of(log, tmp_path, eye)).check()  # what a replica does at its start
            assert log.writer.damaged is None
            await log.grow(40)
            if step < 2:
                said = Story(serial=1000 * (step + 1))
                changed(said, *(("announced", NEW), ("retired", OLD))[step])
                await log.writer.append(Write(tuple(said.events)))
            await log.grow(2)
            await log.publish(*place_of(log, tmp_path, eye))
            signers, witness = keys(BOTH if step else BOTH[:1]), eye.key.verifier().encode()
            assert go.says("log", tmp_path / "public", f"{signers},{witness}").startswith("ok ")
    assert not go.accepts("log", tmp_path / "public", f"{keys(BOTH[1:])},{witness}")  # the first states are the old key's
    report = verify_export(tmp_path / "public", Trust(BOTH))
    assert (report.ok, report.problems) == (True, ())
    assert not verify_export(tmp_path / "public", Trust(BOTH[1:])).ok  # the first key is needed for the first states


async def test_pymerkle_has_the_root_that_both_keys_signed(rotated: list[bytes]) -> None:
    tree = InmemoryTree(algorithm="sha256")
    tree.append_entries(rotated)
    note = state(rotated, 7, OLD, NEW)
    assert [open_checkpoint(note, [key]).root for key in BOTH] == [tree.get_root(7)] * 2


def test_a_policy_file_names_the_old_key_and_the_new_one(rotated: list[bytes]) -> None:
    policy = read_policy("".join(f"log {key.encode()}\n" for key in BOTH).encode() + b"quorum none\n")
    assert problems(rotated, state(rotated, len(rotated), NEW), state(rotated, 7, OLD, NEW), vkeys=tuple(policy.logs)) == []


@pytest.fixture
def site(postgres_server: str) -> Iterator[Stage]:
    yield from built(postgres_server)


def restarted(site: Stage) -> None:
    """The replica, with the keys as they are now."""
    site.replicas.pop().stop()
    site.keys = keys_of(site)
    site.add_replica()


def test_the_command_changes_the_key_of_a_running_gateway(site: Stage) -> None:
    site.chat("letter")
    old = site.keys.log.verifier()
    new = with_writer(site, lambda writer, held_keys: signing.begin(site.settings, writer, held_keys, site.url))
    with pytest.raises(Exception, match="Not every replica"):
        with_writer(site, lambda writer, held_keys: signing.finish(site.settings, writer, held_keys, site.url))
    restarted(site)
    site.chat("letter")
    with_writer(site, lambda writer, held_keys: signing.finish(site.settings, writer, held_keys, site.url))
    restarted(site)
    site.chat("letter")
    assert (site.keys.vkeys, site.keys.log.verifier(), site.keys.next) == ((old, new), new, None)
    assert (site.settings.keys_directory / "log.vkey").read_text().splitlines() == [old.encode(), new.encode()]
    head = site.rows("SELECT checkpoint FROM log_head")[0]["checkpoint"]
    assert open_checkpoint(head, [old, new]).by == (new,)
    assert site.verified().ok
    proof = CaseProof.decode(finished(prove(site.settings, site.keys, site.url, UUID(site.entries("received")[0]["case"]))))
    assert (open_checkpoint(proof.checkpoint, [new]).by, proof.check([old]).by) == ((new,), (new,))
    steps = [entry["detail"]["step"] for entry in site.entries("key_changed")]
    assert steps == ["announced", "retired"]


def test_an_announcement_that_was_killed_is_gone_on_with(site: Stage, monkeypatch: pytest.MonkeyPatch) -> None:
    async def stop(*_: object) -> None:
        raise RuntimeError

    with monkeypatch.context() as patched:
        patched.setattr(signing, "_kept", stop)
        with pytest.raises(RuntimeError):
            with_writer(site, lambda writer, held_keys: signing.begin(site.settings, writer, held_keys, site.url))
    assert keys_of(site).next is None  # announced, but nothing is signed with it yet
    with_writer(site, lambda writer, held_keys: signing.begin(site.settings, writer, held_keys, site.url))
    assert keys_of(site).next is not None
    assert [entry["detail"]["step"] for entry in site.entries("key_changed")] == ["announced"]


def test_a_head_that_only_a_retired_key_signed_stops_the_writer(database_url: str) -> None:
    """Whoever kept the old key cannot go on writing with it."""

    async def attempt() -> None:
        async with living(database_url, identity_of(0)) as log:
            await log.writer.append(Write((happened(),)))
        async with living(database_url, identity_of(2)) as log:
            await log.writer.append(Write((happened(),)))

    with pytest.raises(Exception, match="no key we know"):
        asyncio.run(attempt())
