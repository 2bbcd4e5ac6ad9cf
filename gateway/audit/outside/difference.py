"""Two exports of one log compared: does the newer only add to the older, and what does it add?"""

from __future__ import annotations

from collections import Counter
from dataclasses import dataclass
from typing import TYPE_CHECKING

from gateway.audit.export import WIDTH, read_export
from gateway.audit.note import NoteError, VerifierKey, open_checkpoint
from gateway.audit.rules.entries import BrokenRuleError, parse

if TYPE_CHECKING:
    from collections.abc import Mapping, Sequence
    from pathlib import Path

    from gateway.audit.export import Export


@dataclass(frozen=True, slots=True)
class Difference:
    """What changed between two exports.

    Args:
        old: entries of the older.
        new: entries of the newer.
        first: the first row that is not the same in both; None where the newer only adds.
        added: what was added, by type.
        policies: digests of policy documents that only the newer has.
    """

    old: int
    new: int
    first: int | None
    added: Mapping[str, int]
    policies: tuple[str, ...]

    @property
    def grew(self) -> bool:
        """Whether the newer only added to the older."""
        return self.first is None and self.new >= self.old


def difference(old: Path, new: Path, vkeys: Sequence[VerifierKey]) -> Difference:
    """Compare two exports. Raises NoteError where one cannot be read, or is not signed by one of the keys."""
    exports = [read_export(folder) for folder in (old, new)]
    origins = {open_checkpoint(export.checkpoint, vkeys).origin for export in exports}
    if len(origins) > 1:
        message = f"these are exports of two logs: {' and '.join(sorted(origins))}"
        raise NoteError(message)
    first = _first(*exports)
    policies = tuple(sorted(exports[1].policies.keys() - exports[0].policies.keys()))
    return Difference(exports[0].size, exports[1].size, first, _added(*exports), policies)


def _first(old: Export, new: Export) -> int | None:
    for number in range(-(-min(old.size, new.size) // WIDTH)):
        pair = zip(old.bundle(number), new.bundle(number), strict=False)
        different = next((n for n, (one, other) in enumerate(pair) if one != other), None)
        if different is not None:
            return number * WIDTH + different
    return None


def _added(old: Export, new: Export) -> dict[str, int]:
    counts: Counter[str] = Counter()
    for number in range(old.size // WIDTH, -(-new.size // WIDTH)):
        for leaf in new.bundle(number)[max(0, old.size - number * WIDTH) :]:
            counts[_type(leaf)] += 1
    return dict(sorted(counts.items()))


def _type(leaf: bytes) -> str:
    try:
        return parse(leaf)["type"]
    except BrokenRuleError:
        return "malformed"
