"""Checks a whole log with nothing but the public key: signature, tree, entries, then the clinical rules.

Imports json, hashlib and cryptography (through the neighbours) and nothing of the gateway's database, so that a court
can run it. It names the first bad row in words that a quality officer understands. Contract: `audit.md`, "Verifier".
"""

from __future__ import annotations

from bisect import bisect_right
from collections import Counter
from dataclasses import dataclass
from hashlib import sha256
from types import MappingProxyType
from typing import TYPE_CHECKING, Final, TypeAlias

from gateway.audit.export import ASSERTIONS, Export, Tiler, read_export
from gateway.audit.note import Checkpoint, NoteError, VerifierKey, open_checkpoint
from gateway.audit.rules.assertions import Assertions, read_assertions
from gateway.audit.rules.clinical import PolicyDocument, Rules, open_policy
from gateway.audit.rules.entries import BrokenRuleError, parse
from gateway.audit.tree import HASH_BYTES, Frontier

if TYPE_CHECKING:
    from collections.abc import Iterable, Mapping, Sequence
    from pathlib import Path

MAX_PROBLEMS: Final = 100
_BLOCK: Final = 4096
_Texts: TypeAlias = "Mapping[str, str]"
_NONE: Final[_Texts] = MappingProxyType({})


@dataclass(frozen=True, slots=True)
class Problem:
    """What is wrong, and in which row (0 is the first entry; None where it concerns the log as a whole)."""

    index: int | None
    sentence: str


@dataclass(frozen=True, slots=True)
class Report:
    """The outcome: `root` is what the entries give, as hex; `counts` says how many entries of each type there are."""

    ok: bool
    size: int
    root: str
    problems: tuple[Problem, ...]
    counts: Mapping[str, int]

    @property
    def first(self) -> Problem | None:
        """The first bad row, or else the first problem of the log as a whole."""
        rows = [problem for problem in self.problems if problem.index is not None]
        return min(rows, key=lambda problem: problem.index or 0, default=next(iter(self.problems), None))


def verify(
    leaves: Iterable[bytes],
    checkpoint: str,
    vkeys: Sequence[VerifierKey],
    policies: _Texts,
    kept: Iterable[str] = (),
    signed: _Texts = _NONE,
) -> Report:
    """Check a log.

    Args:
        leaves: every entry's bytes, in order.
        checkpoint: the signed note that covers them.
        vkeys: who may have signed.
        policies: SHA-256 hex → policy document `{"policy": …, "task": …}`.
        kept: older checkpoints that this log must extend.
        signed: entry id → signature by passkey, for the decisions that say they have one.
    """
    return _Verification(vkeys, policies, signed, kept).run(leaves, checkpoint)


def verify_export(folder: Path, vkey: str | VerifierKey) -> Report:
    """Check an exported log, its tiles included, against a verifier key of one's own, or lines of several.

    Raises:
        NoteError: `vkey` is no verifier key; whatever is wrong with the folder is in the report.
    """
    vkeys = [vkey] if isinstance(vkey, VerifierKey) else [VerifierKey.decode(line) for line in vkey.splitlines() if line.strip()]
    try:
        export, assertions = read_export(folder), read_assertions(folder / ASSERTIONS)
    except NoteError as error:
        return Report(ok=False, size=0, root=Frontier().root().hex(), problems=(Problem(None, _sentence(str(error))),), counts={})
    return _Verification(vkeys, export.policies, assertions, export.kept, export).run(export.leaves(), export.checkpoint)


class _Verification:
    """One run over one log: collects problems, never raises on what the log says."""

    def __init__(
        self, vkeys: Sequence[VerifierKey], policies: _Texts, assertions: _Texts, kept: Iterable[str], export: Export | None = None
    ) -> None:
        self._vkeys = vkeys
        self._export = export
        self._tiler = Tiler()
        self._problems: list[Problem] = []
        self._types: list[str] = []
        self._frontier = Frontier()
        self._pending: list[bytes] = []
        self._agreed = 0
        self._kept = self._open_kept(kept)
        self._sizes = sorted(self._kept)
        self._rows = _Rows(self._open_policies(policies), Assertions(assertions))

    def run(self, leaves: Iterable[bytes], checkpoint: str) -> Report:
        """Every check, in one pass over the leaves."""
        signed = self._open(checkpoint, "The checkpoint")
        self._flush()
        try:
            self._read(leaves)
        except NoteError as error:
            self._note(len(self._types), _sentence(str(error)))
        self._flush()
        self._finish(signed)
        problems = tuple(self._problems)
        return Report(
            not problems, self._frontier.size, self._frontier.root().hex(), problems, Counter(kind for kind in self._types if kind)
        )

    def _read(self, leaves: Iterable[bytes]) -> None:
        pending, types, check, boundary = self._pending, self._types, self._rows.check, self._boundary()
        for index, leaf in enumerate(leaves):
            hashed = sha256(b"\x00" + leaf).digest()
            pending.append(hashed)
            try:
                types.append(check(index, leaf))
            except BrokenRuleError as error:
                types.append("")
                self._note(index, str(error))
            if self._export is not None:
                self._compare(self._tiler.add(hashed), index + 1)
            if index + 1 == boundary:
                self._flush()
                boundary = self._boundary()

    def _boundary(self) -> int:
        """The next size at which roots are compared or hashes folded into the tree."""
        end = self._frontier.size + _BLOCK
        position = bisect_right(self._sizes, self._frontier.size)
        return min(end, self._sizes[position]) if position < len(self._sizes) else end

    def _flush(self) -> None:
        self._frontier = self._frontier.extend(self._pending)
        self._pending.clear()
        for root in self._kept.pop(self._frontier.size, ()):
            if root == self._frontier.root():
                self._agreed = self._frontier.size
            else:
                self._note(
                    None,
                    f"The first {self._frontier.size} entries are not those an older signed checkpoint covers: the history was rewritten.",
                )

    def _finish(self, signed: Checkpoint | None) -> None:
        if self._export is not None:
            self._compare(self._tiler.rest(), self._frontier.size)
        for size in sorted(self._kept):
            self._note(
                None,
                f"An older signed checkpoint covers {size} entries, but only {self._frontier.size} are here: the end of the log was cut off.",
            )
        if signed is None:
            return
        if signed.size != self._frontier.size:
            self._note(
                None, f"The checkpoint covers {signed.size} entries, but {self._frontier.size} are here: entries are missing or were added."
            )
        elif signed.root != self._frontier.root():
            self._note(None, f"The entries are not those that were signed: one after entry {self._agreed} was changed, removed or moved.")

    def _compare(self, tiles: Iterable[tuple[str, bytes]], size: int) -> None:
        for name, content in tiles:
            try:
                found = self._export.tile(name) if self._export else content
            except NoteError as error:
                self._note(None, _sentence(str(error)))
                continue
            if found != content:
                row = _first_difference(found, content, size) if name.startswith("tile/0/") else None
                self._note(row, f"The entries do not fit the hashes kept in {name}: an entry or the file was changed.")

    def _open_kept(self, kept: Iterable[str]) -> dict[int, list[bytes]]:
        opened: dict[int, list[bytes]] = {}
        for note in kept:
            checkpoint = self._open(note, "An older checkpoint")
            if checkpoint is not None:
                opened.setdefault(checkpoint.size, []).append(checkpoint.root)
        return opened

    def _open(self, note: str, what: str) -> Checkpoint | None:
        try:
            return open_checkpoint(note, self._vkeys)
        except NoteError as error:
            self._note(None, f"{what} proves nothing: {error}.")
            return None

    def _open_policies(self, policies: _Texts) -> dict[str, PolicyDocument]:
        opened: dict[str, PolicyDocument] = {}
        for digest, document in policies.items():
            try:
                opened[digest] = open_policy(digest, document)
            except BrokenRuleError as error:
                self._note(None, str(error))
        return opened

    def _note(self, index: int | None, sentence: str) -> None:
        if len(self._problems) < MAX_PROBLEMS:
            self._problems.append(Problem(index, sentence))


class _Rows:
    """The checks of one entry after another: its form, its place in its case, the clinical rules, signatures by passkey."""

    def __init__(self, policies: Mapping[str, PolicyDocument], assertions: Assertions) -> None:
        self._ids: set[str] = set()
        self._last: dict[str, int] = {}
        self._rules = Rules(policies)
        self._assertions = assertions

    def check(self, index: int, leaf: bytes) -> str:
        """The type of a sound entry; raises BrokenRuleError with the reason otherwise."""
        entry = parse(leaf)
        identity, case = entry["id"], entry.get("case")
        previous = None
        if case is not None:
            previous = self._last.get(case)
            self._last[case] = index
        if identity in self._ids:
            raise BrokenRuleError(f"The entry {identity} stands in the log twice.")
        self._ids.add(identity)
        if entry.get("prev") != previous:
            raise BrokenRuleError(
                f"The entry does not point to the previous entry of its case (it says {entry.get('prev')}, that is {previous})."
            )
        self._rules.check(entry)
        self._assertions.check(entry)
        return entry["type"]


def _first_difference(found: bytes, content: bytes, size: int) -> int:
    start = size - len(content) // HASH_BYTES
    differing = (n for n in range(0, len(content), HASH_BYTES) if found[n : n + HASH_BYTES] != content[n : n + HASH_BYTES])
    return start + next(differing, len(content) - HASH_BYTES) // HASH_BYTES


def _sentence(text: str) -> str:
    return f"{text[:1].upper()}{text[1:]}."
