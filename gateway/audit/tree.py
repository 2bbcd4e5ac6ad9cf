"""The Merkle tree of RFC 6962 (section 2.1) over SHA-256: roots, inclusion proofs, consistency proofs.

Every hash is 32 bytes. Nothing here knows what a leaf says. A proof that does not fit is False, never an exception.
"""

from __future__ import annotations

from dataclasses import dataclass
from hashlib import sha256
from typing import TYPE_CHECKING, Final

if TYPE_CHECKING:
    from collections.abc import Iterable, Sequence

HASH_BYTES: Final = 32
EMPTY_ROOT: Final = sha256(b"").digest()
_SIZE_BYTES: Final = 8


def leaf_hash(leaf: bytes) -> bytes:
    """The hash of a leaf's bytes: SHA-256(0x00 ‖ leaf)."""
    return sha256(b"\x00" + leaf).digest()


def node_hash(left: bytes, right: bytes) -> bytes:
    """The hash of two subtrees: SHA-256(0x01 ‖ left ‖ right)."""
    return sha256(b"\x01" + left + right).digest()


@dataclass(frozen=True, slots=True)
class Frontier:
    """What a log must remember to grow: its size and the roots of its full subtrees, largest first (one per set bit of the size)."""

    size: int = 0
    subtrees: tuple[bytes, ...] = ()

    def append(self, leaf: bytes) -> Frontier:
        """The frontier after one more leaf hash."""
        return self.extend((leaf,))

    def extend(self, leaf_hashes: Iterable[bytes]) -> Frontier:
        """The frontier after several more leaf hashes."""
        stack, size, digest = list(self.subtrees), self.size, sha256
        for current in leaf_hashes:
            node, bits = current, size
            while bits & 1:
                node = digest(b"\x01" + stack.pop() + node).digest()
                bits >>= 1
            stack.append(node)
            size += 1
        return Frontier(size, tuple(stack))

    def root(self) -> bytes:
        """The tree's root; SHA-256 of nothing for an empty tree."""
        if not self.subtrees:
            return EMPTY_ROOT
        *larger, node = self.subtrees
        for subtree in reversed(larger):
            node = node_hash(subtree, node)
        return node

    def to_bytes(self) -> bytes:
        """The size as 8 bytes, most significant first, then the subtree roots."""
        return self.size.to_bytes(_SIZE_BYTES) + b"".join(self.subtrees)

    @classmethod
    def from_bytes(cls, data: bytes) -> Frontier:
        """What `to_bytes` made.

        Raises:
            ValueError: the bytes are not one root per set bit of the size.
        """
        size, roots = int.from_bytes(data[:_SIZE_BYTES]), data[_SIZE_BYTES:]
        if len(data) < _SIZE_BYTES or len(roots) != HASH_BYTES * size.bit_count():
            message = f"{len(data)} bytes are not the frontier of a tree of {size} leaves"
            raise ValueError(message)
        return cls(size, tuple(roots[n : n + HASH_BYTES] for n in range(0, len(roots), HASH_BYTES)))


def root_of(leaf_hashes: Iterable[bytes]) -> bytes:
    """The root over a sequence of leaf hashes."""
    return Frontier().extend(leaf_hashes).root()


def inclusion_proof(leaf_hashes: Sequence[bytes], index: int) -> tuple[bytes, ...]:
    """The audit path of the leaf at `index`, nearest sibling first.

    Raises:
        IndexError: there is no such leaf.
    """
    _check_range(index, 0, len(leaf_hashes) - 1)
    return _path(leaf_hashes, index)


def inclusion_holds(leaf: bytes, index: int, size: int, proof: Sequence[bytes], root: bytes) -> bool:
    """Whether the proof shows that the leaf hash stands at `index` of the tree of `size` leaves with this root (RFC 9162, 2.1.3.2)."""
    if not 0 <= index < size or not _are_hashes((leaf, *proof)):
        return False
    node, position, last = leaf, index, size - 1
    for sibling in proof:
        if last == 0:
            return False
        if position & 1 or position == last:
            node = node_hash(sibling, node)
            while position and not position & 1:
                position, last = position >> 1, last >> 1
        else:
            node = node_hash(node, sibling)
        position, last = position >> 1, last >> 1
    return last == 0 and node == root


def consistency_proof(leaf_hashes: Sequence[bytes], old_size: int) -> tuple[bytes, ...]:
    """The proof that the first `old_size` leaves are a prefix of all of them; empty for 0 and for equal sizes.

    Raises:
        IndexError: the old tree is larger than the new one.
    """
    _check_range(old_size, 0, len(leaf_hashes))
    if old_size in {0, len(leaf_hashes)}:
        return ()
    return _consistency(leaf_hashes, old_size, whole=True)


def consistency_holds(old_size: int, old_root: bytes, new_size: int, new_root: bytes, proof: Sequence[bytes]) -> bool:
    """Whether the proof shows that the new tree only added leaves to the old one (RFC 9162, 2.1.4.2)."""
    if not 0 <= old_size <= new_size or not _are_hashes(proof):
        return False
    if old_size == new_size:
        return not proof and old_root == new_root
    if old_size == 0:
        return not proof and old_root == EMPTY_ROOT
    nodes = list(proof) if old_size & (old_size - 1) else [old_root, *proof]
    return bool(nodes) and _climb(nodes, old_size - 1, new_size - 1) == (old_root, new_root)


def _climb(nodes: list[bytes], position: int, last: int) -> tuple[bytes, bytes] | None:
    while position & 1:
        position, last = position >> 1, last >> 1
    old = new = nodes[0]
    for node in nodes[1:]:
        if last == 0:
            return None
        if position & 1 or position == last:
            old, new = node_hash(node, old), node_hash(node, new)
            while position and not position & 1:
                position, last = position >> 1, last >> 1
        else:
            new = node_hash(new, node)
        position, last = position >> 1, last >> 1
    return (old, new) if last == 0 else None


def _path(leaf_hashes: Sequence[bytes], index: int) -> tuple[bytes, ...]:
    size = len(leaf_hashes)
    if size == 1:
        return ()
    split = _split(size)
    if index < split:
        return (*_path(leaf_hashes[:split], index), root_of(leaf_hashes[split:]))
    return (*_path(leaf_hashes[split:], index - split), root_of(leaf_hashes[:split]))


def _consistency(leaf_hashes: Sequence[bytes], old_size: int, *, whole: bool) -> tuple[bytes, ...]:
    size = len(leaf_hashes)
    if old_size == size:
        return () if whole else (root_of(leaf_hashes),)
    split = _split(size)
    if old_size <= split:
        return (*_consistency(leaf_hashes[:split], old_size, whole=whole), root_of(leaf_hashes[split:]))
    return (*_consistency(leaf_hashes[split:], old_size - split, whole=False), root_of(leaf_hashes[:split]))


def _split(size: int) -> int:
    return 1 << ((size - 1).bit_length() - 1)


def _are_hashes(values: Iterable[bytes]) -> bool:
    return all(len(value) == HASH_BYTES for value in values)


def _check_range(value: int, low: int, high: int) -> None:
    if not low <= value <= high:
        message = f"{value} is not between {low} and {high}"
        raise IndexError(message)
