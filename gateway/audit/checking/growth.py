"""The tree while a log is read: leaves or whole tiles are added, and older signed states are compared as their size is reached."""

from __future__ import annotations

from bisect import bisect_left, bisect_right
from types import MappingProxyType
from typing import TYPE_CHECKING, Final

from gateway.audit.export import WIDTH
from gateway.audit.tree import Frontier

if TYPE_CHECKING:
    from collections.abc import Callable, Mapping, Sequence

_NOWHERE: Final[Mapping[int, Sequence[bytes]]] = MappingProxyType({})


class Growth:
    """A frontier that knows which states it must pass through.

    Args:
        kept: size → roots that were signed at that size.
        differs: told the size at which a root is another one.
    """

    def __init__(self, kept: Mapping[int, Sequence[bytes]], differs: Callable[[int], None]) -> None:
        self.frontier = Frontier()
        self.agreed = 0
        self._kept = dict(kept)
        self._sizes = sorted(kept)
        self._differs = differs
        self._compare(self.frontier)

    def stops(self, first: int, end: int) -> tuple[int, ...]:
        """Where states must be compared between two sizes, counted from the first of them."""
        return tuple(size - first for size in self._sizes[bisect_right(self._sizes, first) : bisect_left(self._sizes, end)])

    def add_leaves(self, hashes: Sequence[bytes]) -> None:
        """Add leaf hashes."""
        start, base = 0, self.frontier.size
        for size in self._sizes[bisect_right(self._sizes, base) : bisect_right(self._sizes, base + len(hashes))]:
            self.frontier = self.frontier.extend(hashes[start : size - base])
            start = size - base
            self._compare(self.frontier)
        self.frontier = self.frontier.extend(hashes[start:])

    def add_tile(self, root: bytes, within: Mapping[int, Sequence[bytes]] = _NOWHERE) -> None:
        """Add 256 leaves at once by the root over them; the size so far is a multiple of 256.

        `within`: at each stop, how many of these leaves → the roots of the full subtrees over them, largest first.
        """
        for count, subtrees in within.items():
            self._compare(Frontier(self.frontier.size + count, (*self.frontier.subtrees, *subtrees)))
        larger = Frontier(self.frontier.size // WIDTH, self.frontier.subtrees).extend((root,))
        self.frontier = Frontier(larger.size * WIDTH, larger.subtrees)
        self._compare(self.frontier)

    def beyond(self) -> list[int]:
        """The signed sizes that were never reached."""
        return sorted(self._kept)

    def _compare(self, frontier: Frontier) -> None:
        for root in self._kept.pop(frontier.size, ()):
            if root == frontier.root():
                self.agreed = frontier.size
            else:
                self._differs(frontier.size)
