"""Proofs from tiles are the proofs of the whole tree, whatever the sizes."""

from hashlib import sha256

import pytest
from hypothesis import given
from hypothesis import strategies as st

from gateway.audit.export import WIDTH, Tiler
from gateway.audit.note import NoteError
from gateway.audit.outside.tiles import Tile, consistency_ranges, frontier, hashes, inclusion_ranges, needed, tiles_of
from gateway.audit.tree import Frontier, consistency_proof, inclusion_proof

LEAVES = [sha256(n.to_bytes(4)).digest() for n in range(70_000)]


def tiles(size: int) -> dict[Tile, bytes]:
    """Every tile of a tree, by the code that exports a log."""
    tiler, found = Tiler(), dict[str, bytes]()
    for leaf in LEAVES[:size]:
        found.update(tiler.add(leaf))
    found.update(tiler.rest())
    return {tile: found[tile.path] for tile in tiles_of(size)}


LARGE = tiles(len(LEAVES))


@pytest.mark.parametrize("size", [0, 1, 255, 256, 257, 65_536, 70_000])
def test_the_tiles_of_a_size_are_those_of_its_export(size: int) -> None:
    assert frontier(size, tiles(size)) == Frontier().extend(LEAVES[:size])


@given(st.integers(1, 700).flatmap(lambda size: st.tuples(st.just(size), st.integers(0, size - 1))))
def test_a_proof_from_tiles_is_the_proof_of_the_tree(case: tuple[int, int]) -> None:
    size, index = case
    ranges = inclusion_ranges(index, size)
    assert hashes(ranges, size, tiles(size)) == inclusion_proof(LEAVES[:size], index)


@given(st.integers(0, 700).flatmap(lambda size: st.tuples(st.just(size), st.integers(0, size))))
def test_a_proof_of_growth_from_tiles_is_that_of_the_tree(case: tuple[int, int]) -> None:
    size, old = case
    assert hashes(consistency_ranges(old, size), size, tiles(size)) == consistency_proof(LEAVES[:size], old)


@pytest.mark.parametrize("index", [0, 65_535, 65_536, 69_999])
def test_a_proof_in_a_large_tree_needs_few_tiles(index: int) -> None:
    ranges = inclusion_ranges(index, len(LEAVES))
    assert hashes(ranges, len(LEAVES), LARGE) == inclusion_proof(LEAVES, index)
    assert len(needed(ranges, len(LEAVES))) <= 5


@given(st.integers(0, 3000), st.integers(0, 3000))
def test_what_is_new_and_what_was_there_are_all_tiles(one: int, other: int) -> None:
    since, size = sorted((one, other))
    unchanged = {tile for tile in tiles_of(since) if tile.width == WIDTH or tile in set(tiles_of(size))}
    assert unchanged | set(tiles_of(size, since)) == set(tiles_of(size))


def test_a_tile_of_the_wrong_length_proves_nothing() -> None:
    with pytest.raises(NoteError, match="does not hold 5 hashes"):
        hashes([(0, 4)], 5, {Tile(0, 0, 5): b"x" * 31})


@pytest.mark.parametrize(("index", "size"), [(-1, 5), (5, 5), (0, 0)])
def test_there_is_no_proof_of_what_is_not_there(index: int, size: int) -> None:
    with pytest.raises(IndexError):
        inclusion_ranges(index, size)
