"""Checks a whole log with nothing but public keys: signature, tree, entries, the clinical rules, and what others say of it.

Imports json, hashlib and cryptography (through the neighbours; orjson where it is there, for speed) and nothing of the gateway's
database, so that a court can run it. It names the first bad row in words that a quality officer understands. Contract: `audit.md`,
"Verifier".
"""

from __future__ import annotations

import gc
import os
from collections import Counter, deque
from concurrent.futures import Future, ProcessPoolExecutor
from contextlib import contextmanager
from dataclasses import replace
from itertools import islice
from multiprocessing import get_context
from types import MappingProxyType
from typing import TYPE_CHECKING, Final, TypeAlias

from gateway.audit.checking.bundles import SPAN, Examined, examine, examined_span, opened_notes
from gateway.audit.checking.evidence import cosignatures, timestamps
from gateway.audit.checking.growth import Growth
from gateway.audit.checking.keys import SigningKeys, with_later
from gateway.audit.checking.report import Problem, Report, Trust, sentence
from gateway.audit.checking.rows import Rows
from gateway.audit.export import WIDTH, Export, Tiler, read_export
from gateway.audit.note import Checkpoint, NoteError, VerifierKey, open_checkpoint
from gateway.audit.rules.assertions import Assertions, read_assertions
from gateway.audit.rules.clinical import PolicyDocument, open_policy
from gateway.audit.rules.entries import BrokenRuleError
from gateway.audit.tree import Frontier

if TYPE_CHECKING:
    from collections.abc import Callable, Iterable, Iterator, Mapping, Sequence
    from pathlib import Path

    from gateway.audit.rules.entries import Entry

__all__ = ["MAX_PROBLEMS", "Problem", "Report", "Trust", "verify", "verify_export"]

MAX_PROBLEMS: Final = 100
WORTH_SHARING: Final = 20_000
"""Entries from which on more than one processor is used: starting one costs as much as reading some thousand entries."""
NOTES_AT_A_TIME: Final = 1000
AHEAD: Final = 6
"""Spans that may be under way or wait to be taken: what was examined takes room until the rows before it were looked at."""
_Texts: TypeAlias = "Mapping[str, str]"
_NONE: Final[_Texts] = MappingProxyType({})


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
    run = _Verification(Trust(vkeys), policies, signed, opened_notes(list(kept), vkeys))
    source, number = iter(leaves), 0
    with _without_collecting():
        while bundle := list(islice(source, WIDTH)):
            run.take(examine(bundle, number, stops=run.growth.stops(number * WIDTH, number * WIDTH + WIDTH)))
            number += 1
    return run.report(checkpoint)


def verify_export(
    folder: Path,
    trust: Trust | VerifierKey | str,
    told: Callable[[int, int], None] = lambda _done, _all: None,
    processors: int | None = None,
) -> Report:
    """Check an exported log, its tiles included.

    Args:
        folder: the export.
        trust: whom the reader trusts; or only the log's key, or its lines. Later keys beside the log count for what the log says of them.
        told: called with the entries that are done, and how many there are.
        processors: how many are used; all of them where it is not said and the log is large.

    Raises:
        NoteError: `trust` is text and no verifier key; whatever is wrong with the folder is in the report.
    """
    whom = trust if isinstance(trust, Trust) else Trust(_keys(trust))
    try:
        export, assertions = read_export(folder), read_assertions(folder)
    except NoteError as error:
        return Report(ok=False, size=0, root=Frontier().root().hex(), problems=(Problem(None, sentence(str(error))),), counts={})
    whom = replace(whom, vkeys=with_later(whom.vkeys, export.vkey))
    with _without_collecting(), _helpers(export, processors) as helpers:
        run = _Verification(whom, export.policies, assertions, _opened(export.kept, whom.vkeys, helpers), export)
        for examined in _examined(export, run, helpers):
            if isinstance(examined, str):
                run.stop(examined)
                break
            run.take(examined)
            told(run.size, export.size)
    return run.report(export.checkpoint)


@contextmanager
def _helpers(export: Export, processors: int | None) -> Iterator[ProcessPoolExecutor | None]:
    """As many processes as are worth it; None where this one is enough."""
    wanted = processors or (os.cpu_count() or 1 if export.size >= WORTH_SHARING else 1)
    if wanted == 1:
        yield None
        return
    with ProcessPoolExecutor(wanted, mp_context=get_context("spawn"), initializer=gc.disable) as pool:
        yield pool


def _opened(notes: Sequence[str], vkeys: Sequence[VerifierKey], helpers: ProcessPoolExecutor | None) -> list[Checkpoint | str]:
    """Older signed states; a hospital keeps hundreds of thousands of them."""
    if helpers is None:
        return opened_notes(notes, vkeys)
    pieces = [notes[first : first + NOTES_AT_A_TIME] for first in range(0, len(notes), NOTES_AT_A_TIME)]
    return [one for piece in helpers.map(opened_notes, pieces, [vkeys] * len(pieces)) for one in piece]


@contextmanager
def _without_collecting() -> Iterator[None]:
    """A verification remembers much and makes no circles: looking for some again and again would take a third of its time."""
    collects = gc.isenabled()
    gc.disable()
    try:
        yield
    finally:
        if collects:
            gc.enable()


def _keys(trust: VerifierKey | str) -> list[VerifierKey]:
    if isinstance(trust, VerifierKey):
        return [trust]
    return [VerifierKey.decode(line) for line in trust.splitlines() if line.strip()]


def _examined(export: Export, run: _Verification, helpers: ProcessPoolExecutor | None) -> Iterator[Examined | str]:
    """Every bundle, examined; a text ends them where one cannot be read."""
    count = -(-export.size // WIDTH)
    if helpers is None:
        for number in range(count):
            try:
                leaves = export.bundle(number)
            except NoteError as error:
                yield sentence(str(error))
                return
            yield examine(leaves, number, export, run.growth.stops(number * WIDTH, number * WIDTH + WIDTH))
        return
    bare, waiting = export.bare(), deque[Future[list[Examined | str]]]()
    for first in range(0, count, SPAN):
        mine = {n: run.growth.stops(n * WIDTH, n * WIDTH + WIDTH) for n in range(first, first + SPAN)}
        waiting.append(helpers.submit(examined_span, bare, first, mine))
        if len(waiting) == AHEAD:
            yield from waiting.popleft().result()
    while waiting:
        yield from waiting.popleft().result()


class _Verification:
    """One run over one log: collects problems, never raises on what the log says."""

    def __init__(
        self, trust: Trust, policies: _Texts, assertions: _Texts, kept: Iterable[Checkpoint | str], export: Export | None = None
    ) -> None:
        self._trust = trust
        self._export = export
        self._tiler = Tiler(lowest=1)
        self._problems: list[Problem] = []
        self._evidence: list[str] = []
        self._counts: Counter[str] = Counter()
        self.size = 0
        self._keys = SigningKeys(trust.vkeys)
        self.growth = Growth(self._open_kept(kept), self._differs)
        self._rows = Rows(self._open_policies(policies), Assertions(assertions))

    def take(self, examined: Examined) -> None:
        """The next bundle: its rows in order, its hashes into the tree, its tile."""
        for index, entry in enumerate(examined.members(), start=self.size):
            if entry is None:
                self._note(index, examined.broken[index - self.size])
            else:
                self._check(index, entry)
        if examined.tile is not None:
            row, words = examined.tile
            self._note(None if row is None else self.size + row, words)
        self._grow(examined)
        self.size += examined.width

    def stop(self, words: str) -> None:
        """Nothing more can be read."""
        self._note(self.size, words)

    def report(self, checkpoint: str) -> Report:
        """The outcome, once everything was read."""
        signed = self._open(checkpoint, "The checkpoint")
        self._finish(signed)
        for words in self._keys.problems():
            self._note(None, words)
        for found in cosignatures(checkpoint, self._trust, self._export):
            self._say(found)
        for found in timestamps(self._trust, self._export) if self._export is not None else ():
            self._say(found)
        problems, frontier = tuple(self._problems), self.growth.frontier
        return Report(not problems, frontier.size, frontier.root().hex(), problems, self._counts, tuple(self._evidence))

    def _check(self, index: int, entry: Entry) -> None:
        try:
            if entry["type"] == "key_changed":
                self._keys.see(index, entry)
            self._rows.check(index, entry)
        except BrokenRuleError as error:
            self._note(index, str(error))
        else:
            self._counts[entry["type"]] += 1

    def _grow(self, examined: Examined) -> None:
        if examined.root is None:
            self.growth.add_leaves(examined.hashes or ())
            return
        self.growth.add_tile(examined.root, examined.within)
        if self._export is not None:
            self._compare(self._tiler.add(examined.root))

    def _finish(self, signed: Checkpoint | None) -> None:
        if self._export is not None:
            self._compare(self._tiler.rest())
        size, root = self.growth.frontier.size, self.growth.frontier.root()
        for beyond in self.growth.beyond():
            self._note(
                None, f"An older signed checkpoint covers {beyond} entries, but only {size} are here: the end of the log was cut off."
            )
        if signed is None:
            return
        self._keys.signed(signed)
        if signed.size != size:
            self._note(None, f"The checkpoint covers {signed.size} entries, but {size} are here: entries are missing or were added.")
        elif signed.root != root:
            self._note(
                None, f"The entries are not those that were signed: one after entry {self.growth.agreed} was changed, removed or moved."
            )

    def _compare(self, tiles: Iterable[tuple[str, bytes]]) -> None:
        for name, content in tiles:
            try:
                found = self._export.tile(name) if self._export else content
            except NoteError as error:
                self._note(None, sentence(str(error)))
                continue
            if found != content:
                self._note(None, f"The entries do not fit the hashes kept in {name}: an entry or the file was changed.")

    def _differs(self, size: int) -> None:
        self._note(None, f"The first {size} entries are not those an older signed checkpoint covers: the history was rewritten.")

    def _open_kept(self, kept: Iterable[Checkpoint | str]) -> dict[int, list[bytes]]:
        opened: dict[int, list[bytes]] = {}
        for one in kept:
            if isinstance(one, str):
                self._note(None, f"An older checkpoint proves nothing: {one}.")
            else:
                opened.setdefault(one.size, []).append(one.root)
                self._keys.signed(one)
        return opened

    def _open(self, note: str, what: str) -> Checkpoint | None:
        try:
            return open_checkpoint(note, self._trust.vkeys)
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

    def _say(self, found: Problem | str) -> None:
        if isinstance(found, Problem):
            self._note(found.index, found.sentence)
        else:
            self._evidence.append(found)

    def _note(self, index: int | None, words: str) -> None:
        if len(self._problems) < MAX_PROBLEMS:
            self._problems.append(Problem(index, words))
