"""The tree against published roots, and its proofs against its own roots."""

import json
from pathlib import Path

import pytest
from hypothesis import given
from hypothesis import strategies as st

from gateway.audit.tree import (
    EMPTY_ROOT,
    Frontier,
    consistency_holds,
    consistency_proof,
    inclusion_holds,
    inclusion_proof,
    leaf_hash,
    root_of,
)

VECTORS = json.loads((Path(__file__).parents[1] / "vectors" / "audit" / "tree.json").read_text())
KNOWN = [leaf_hash(bytes.fromhex(leaf)) for leaf in VECTORS["leaves"]]
HASHES = [leaf_hash(bytes([n])) for n in range(70)]
sizes = st.integers(1, 70)


@pytest.mark.parametrize("size", range(1, 9))
def test_roots_are_the_published_ones(size: int) -> None:
    assert root_of(KNOWN[:size]).hex() == VECTORS["roots"][size - 1]


def test_the_empty_tree_has_the_hash_of_nothing() -> None:
    assert Frontier().root() == EMPTY_ROOT == bytes.fromhex(VECTORS["empty_root"])


@pytest.mark.parametrize("case", VECTORS["inclusion"])
def test_inclusion_proofs_are_those_of_the_vectors(case: dict[str, object]) -> None:
    size, index = int(str(case["size"])), int(str(case["index"]))
    assert [node.hex() for node in inclusion_proof(KNOWN[:size], index)] == case["proof"]


@pytest.mark.parametrize("case", VECTORS["consistency"])
def test_consistency_proofs_are_those_of_the_vectors(case: dict[str, object]) -> None:
    old, new = int(str(case["old"])), int(str(case["new"]))
    assert [node.hex() for node in consistency_proof(KNOWN[:new], old)] == case["proof"]


@given(sizes, st.integers(0, 69))
def test_every_leaf_is_proven_and_no_other_hash_is(size: int, index: int) -> None:
    index %= size
    proof, root = inclusion_proof(HASHES[:size], index), root_of(HASHES[:size])
    assert inclusion_holds(HASHES[index], index, size, proof, root)
    assert not inclusion_holds(leaf_hash(b"other"), index, size, proof, root)
    assert not any(inclusion_holds(HASHES[index], other, size, proof, root) for other in range(size) if other != index)
    assert not inclusion_holds(HASHES[index], index, size, (*proof, root), root)


@given(sizes, st.integers(0, 70))
def test_growth_is_proven_and_a_rewritten_past_is_not(size: int, old: int) -> None:
    old %= size + 1
    proof, root = consistency_proof(HASHES[:size], old), root_of(HASHES[:size])
    assert consistency_holds(old, root_of(HASHES[:old]), size, root, proof)
    assert not consistency_holds(old, leaf_hash(b"other"), size, root, proof)
    assert old in (size, 0) or not consistency_holds(old, root_of(HASHES[:old]), size, leaf_hash(b"other"), proof)


@given(st.lists(st.binary(max_size=3), max_size=40), st.integers(0, 40))
def test_a_frontier_grows_the_same_in_one_step_or_many_and_survives_storage(leaves: list[bytes], cut: int) -> None:
    hashes = list(map(leaf_hash, leaves))
    frontier = Frontier().extend(hashes[:cut])
    frontier = Frontier.from_bytes(frontier.to_bytes())
    for hashed in hashes[cut:]:
        frontier = frontier.append(hashed)
    assert frontier == Frontier().extend(hashes)
    assert (frontier.size, frontier.root()) == (len(leaves), root_of(hashes))


@given(st.binary(max_size=80))
def test_stored_bytes_are_a_frontier_or_refused(data: bytes) -> None:
    try:
        frontier = Frontier.from_bytes(data)
    except ValueError:
        return
    assert frontier.to_bytes() == data


def test_a_proof_for_a_leaf_that_is_not_there_is_not_made() -> None:
    with pytest.raises(IndexError):
        inclusion_proof(HASHES, len(HASHES))
    with pytest.raises(IndexError):
        consistency_proof(HASHES, len(HASHES) + 1)
