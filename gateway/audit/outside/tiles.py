"""Proofs from tiles: which tiles of 256 hashes a proof needs, and the proof they give. Pure; whoever has the tiles hands them in.

A proof is a list of ranges of leaves, each of which falls apart into full subtrees, each of which lies within one tile.
"""

from __future__ import annotations

from dataclasses import dataclass
from typing import TYPE_CHECKING, Final

from gateway.audit.export import WIDTH, place
from gateway.audit.note import NoteError
from gateway.audit.tree import HASH_BYTES, Frontier, node_hash, root_of

if TYPE_CHECKING:
    from collections.abc import Iterable, Iterator, Mapping

HEIGHT: Final = 8
_Range = tuple[int, int]


@dataclass(frozen=True, slots=True, order=True)
class Tile:
    """Where a tile is: its level, its number within the level, how many hashes of it belong to the tree."""

    level: int
    number: int
    width: int

    @property
    def path(self) -> str:
        """Its file below the log's address."""
        return place(str(self.level), self.number, self.width)


def tiles_of(size: int, since: int = 0) -> Iterator[Tile]:
    """Every tile that a tree of this size has and a tree of `since` leaves had not, level by level."""
    level = 0
    while count := size >> (HEIGHT * level):
        old = since >> (HEIGHT * level)
        for number in range(old // WIDTH, -(-count // WIDTH)):
            tile = Tile(level, number, min(WIDTH, count - number * WIDTH))
            if tile.width > old - number * WIDTH:
                yield tile
        level += 1


def inclusion_ranges(index: int, size: int) -> list[_Range]:
    """The ranges of an inclusion proof, nearest sibling first. Raises IndexError."""
    if not 0 <= index < size:
        message = f"there is no entry {index} among {size}"
        raise IndexError(message)
    low, high, found = 0, size, list[_Range]()
    while high - low > 1:
        middle = low + _split(high - low)
        if index < middle:
            found.append((middle, high))
            high = middle
        else:
            found.append((low, middle))
            low = middle
    return found[::-1]


def consistency_ranges(old: int, size: int) -> list[_Range]:
    """The ranges of a consistency proof (RFC 6962, 2.1.2); empty for 0 and equal sizes. Raises IndexError."""
    if not 0 <= old <= size:
        message = f"{old} entries are no earlier state of {size}"
        raise IndexError(message)
    if old in {0, size}:
        return []
    low, high, found = 0, size, list[_Range]()
    while high != old:
        middle = low + _split(high - low)
        if old <= middle:
            found.append((middle, high))
            high = middle
        else:
            found.append((low, middle))
            low = middle
    return [*([(low, high)] if low else []), *found[::-1]]


def needed(ranges: Iterable[_Range], size: int) -> set[Tile]:
    """The tiles from which `hashes` can compute these ranges of a tree of this size."""
    return {_tile(level, index, size) for low, high in ranges for level, index in _subtrees(low, high)}


def hashes(ranges: Iterable[_Range], size: int, tiles: Mapping[Tile, bytes]) -> tuple[bytes, ...]:
    """The hash of each range. Raises NoteError where a tile is not as long as it says."""
    return tuple(_fold([_node(level, index, size, tiles) for level, index in _subtrees(low, high)]) for low, high in ranges)


def frontier(size: int, tiles: Mapping[Tile, bytes]) -> Frontier:
    """The frontier of the tree, from the tiles of `needed([(0, size)], size)`. Raises NoteError."""
    return Frontier(size, tuple(_node(level, index, size, tiles) for level, index in _subtrees(0, size)))


def _subtrees(low: int, high: int) -> Iterator[tuple[int, int]]:
    """The full subtrees of a range as (height, index), left to right."""
    while low < high:
        height = (high - low).bit_length() - 1
        if low:
            height = min(height, (low & -low).bit_length() - 1)
        yield height, low >> height
        low += 1 << height


def _tile(height: int, index: int, size: int) -> Tile:
    level = height // HEIGHT
    number = (index << (height % HEIGHT)) // WIDTH
    return Tile(level, number, min(WIDTH, (size >> (HEIGHT * level)) - number * WIDTH))


def _node(height: int, index: int, size: int, tiles: Mapping[Tile, bytes]) -> bytes:
    tile = _tile(height, index, size)
    content = tiles[tile]
    if len(content) != tile.width * HASH_BYTES:
        message = f"the file {tile.path} does not hold {tile.width} hashes"
        raise NoteError(message)
    count = 1 << (height % HEIGHT)
    first = (index << (height % HEIGHT)) - tile.number * WIDTH
    return root_of(content[n * HASH_BYTES : (n + 1) * HASH_BYTES] for n in range(first, first + count))


def _fold(nodes: list[bytes]) -> bytes:
    *larger, node = nodes
    for subtree in reversed(larger):
        node = node_hash(subtree, node)
    return node


def _split(size: int) -> int:
    return 1 << ((size - 1).bit_length() - 1)
