"""Others agree: Go's own packages note and tlog, and pymerkle, read what we write; we read what they write."""

from __future__ import annotations

import base64
import json
from typing import TYPE_CHECKING

import pytest
from pymerkle import InmemoryTree

from gateway.audit.note import VerifierKey, open_checkpoint
from gateway.audit.outside.cosignatures import cosigned_by
from gateway.audit.outside.proofs import ConsistencyProof
from gateway.audit.publication.folder import Folder
from gateway.audit.publication.places import FolderPlace, WitnessPlace
from gateway.audit.tree import consistency_holds, consistency_proof, inclusion_holds, inclusion_proof, leaf_hash, root_of
from tests.audit.evidence import WITNESSES, Evidence, cosigned, evidence
from tests.audit.outsider.running import Outsider, keys
from tests.audit.published import living
from tests.audit.story import KEY, signed
from tests.witness.stand import Eye

if TYPE_CHECKING:
    from collections.abc import Iterator
    from pathlib import Path

KEYS = keys([KEY.verifier(), *(key.verifier() for key in WITNESSES)])


@pytest.fixture(scope="module")
def made(tmp_path_factory: pytest.TempPathFactory) -> Evidence:
    return evidence(tmp_path_factory.mktemp("site"))


@pytest.fixture(scope="module")
def go() -> Iterator[Outsider]:
    running = Outsider()
    yield running
    running.end()


def test_go_reads_our_export_and_finds_our_root(go: Outsider, made: Evidence) -> None:
    root = root_of(map(leaf_hash, made.leaves))
    assert go.says("log", made.folder, KEYS) == f"ok {len(made.leaves)} entries, root {root.hex()}"


def test_go_finds_one_flipped_bit(go: Outsider, made: Evidence) -> None:
    bundle = made.folder / "tile/entries/000"
    before = bundle.read_bytes()
    bundle.write_bytes(before[:1000] + bytes([before[1000] ^ 1]) + before[1001:])
    said = go.says("log", made.folder, KEYS)
    bundle.write_bytes(before)
    assert said == "bad entry 2 is not the one that was signed"


async def test_go_reads_what_the_gateway_publishes_and_a_witness_cosigned(go: Outsider, database_url: str, tmp_path: Path) -> None:
    async with living(database_url) as log:
        eye = Eye(tmp_path / "witness", log.whose.vkeys)
        places = (
            WitnessPlace(eye.witness(), eye.ask, log.whose.vkeys),
            FolderPlace(Folder(tmp_path / "public", log.vkey), log.whose.vkeys),
        )
        for count in (3, 300):
            state = await log.grow(count)
            await log.publish(*places)
        growth = await log.stored.prove_growth(3, state)
        (tmp_path / "growth").write_text(growth.encode())
    known = keys([*log.whose.vkeys, eye.key.verifier()])
    assert go.says("log", tmp_path / "public", known).startswith("ok 303 entries")
    assert go.says("growth", tmp_path / "growth", tmp_path / "public/checkpoints/3", known) == "ok 303"


def test_go_checks_our_proofs(go: Outsider, made: Evidence, tmp_path: Path) -> None:
    """The control: not over another entry's bytes."""
    case = made.case()
    for name, text, leaf in (("one", made.proof(7).encode(), made.leaves[7]), ("case", case.encode(), case.entries[-1].leaf)):
        (tmp_path / name).write_text(text)
        (tmp_path / "leaf").write_bytes(leaf)
        assert go.accepts("proof", tmp_path / name, tmp_path / "leaf", KEYS)
        (tmp_path / "leaf").write_bytes(made.leaves[9])
        assert not go.accepts("proof", tmp_path / name, tmp_path / "leaf", KEYS)


def test_go_checks_our_proof_of_growth(go: Outsider, made: Evidence, tmp_path: Path) -> None:
    hashes = [leaf_hash(leaf) for leaf in made.leaves]
    (tmp_path / "old").write_text(signed(made.leaves[:77]))
    proof = ConsistencyProof(77, consistency_proof(hashes, 77), cosigned(made.note()))
    (tmp_path / "growth").write_text(proof.encode())
    assert go.says("growth", tmp_path / "growth", tmp_path / "old", KEYS) == f"ok {len(hashes)}"


@pytest.mark.parametrize("count", [1, 2, 257, 300])
def test_we_read_what_go_writes(go: Outsider, count: int, tmp_path: Path) -> None:
    written = json.loads(go.says("write", count).removeprefix("ok "))
    vkey, leaves = VerifierKey.decode(written["VKey"]), [base64.b64decode(leaf) for leaf in written["Leaves"]]
    new, old = (open_checkpoint(written[name], [vkey]) for name in ("Note", "Older"))
    hashes = [leaf_hash(leaf) for leaf in leaves]
    assert (new.size, new.root, old.root) == (count, root_of(hashes), root_of(hashes[: (count + 1) // 2]))
    proofs = [[base64.b64decode(one) for one in proof or ()] for proof in written["Proofs"]]
    assert all(inclusion_holds(hashes[n], n, count, proof, new.root) for n, proof in enumerate(proofs))
    growth = [base64.b64decode(one) for one in written["Growth"] or ()]
    assert consistency_holds(old.size, old.root, count, new.root, growth)
    eye = Eye(tmp_path, (vkey,))
    assert eye.add(ConsistencyProof(0, (), written["Older"]).encode().encode()).status == 200
    reply = eye.add(ConsistencyProof(old.size, tuple(growth), written["Note"]).encode().encode())
    assert cosigned_by(written["Note"] + reply.body, [eye.key.verifier()])


def test_pymerkle_has_our_roots_and_our_proofs(made: Evidence) -> None:
    tree, hashes = InmemoryTree(algorithm="sha256"), [leaf_hash(leaf) for leaf in made.leaves]
    tree.append_entries(made.leaves)
    for size in (1, 2, 3, 255, 256, 257, len(hashes)):
        assert tree.get_root(size) == root_of(hashes[:size])
        for index in {0, size // 2, size - 1}:
            theirs = tree.prove_inclusion(index + 1, size).path
            assert (theirs[0], sorted(theirs[1:])) == (hashes[index], sorted(inclusion_proof(hashes[:size], index)))


def test_pymerkle_and_we_accept_each_others_proofs_of_growth(made: Evidence) -> None:
    tree, hashes = InmemoryTree(algorithm="sha256"), [leaf_hash(leaf) for leaf in made.leaves]
    tree.append_entries(made.leaves)
    for old in (1, 5, 255, 256, 300):
        assert consistency_holds(old, tree.get_root(old), len(hashes), tree.get_root(len(hashes)), consistency_proof(hashes, old))
        tree.prove_consistency(old, len(hashes)).verify(root_of(hashes[:old]), root_of(hashes))  # raises where it does not hold
