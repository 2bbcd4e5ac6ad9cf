"""Every change of a log, its notes, proofs and policy file is found: some hundreds here, ten thousand by `python -m tests.benchmarks.mutations`."""

from __future__ import annotations

from typing import TYPE_CHECKING

import pytest

from gateway.audit.export import read_export
from gateway.audit.note import NoteError, open_checkpoint
from gateway.audit.tree import leaf_hash, root_of
from tests.audit.mutations.kinds import KINDS, Mutation
from tests.audit.mutations.running import Ground, run
from tests.audit.outsider.running import Outsider

if TYPE_CHECKING:
    from collections.abc import Iterator
    from pathlib import Path

    from gateway.audit.checking.report import Trust


@pytest.fixture(scope="module")
def go() -> Iterator[Outsider]:
    running = Outsider()
    yield running
    running.end()


def test_all_mutations_are_found_by_us_and_by_go(go: Outsider, tmp_path: Path) -> None:
    outcome = run(Ground(tmp_path), go, 15 * len(KINDS), seed=7)
    assert (outcome.missed, outcome.missed_by_go, outcome.crashed) == ([], [], [])
    assert (len(outcome.made), outcome.go.total() > 100) == (len(KINDS), True)


def test_a_log_that_is_not_mutated_is_sound(go: Outsider, tmp_path: Path) -> None:
    ground = Ground(tmp_path)
    for name in ("checkpoint", "entry.tlog-proof", "case.tlog-proof", "growth"):
        untouched = Mutation("none", {name: ground.material.files[name]})
        assert (ground.found(untouched), ground.go_accepts(go, untouched)) == (False, True)


def naive(log: Path, trust: Trust) -> bool:
    """A verifier as one is quickly written: signature and root."""
    try:
        export = read_export(log)
        return open_checkpoint(export.checkpoint, trust.vkeys).root == root_of(map(leaf_hash, export.leaves()))
    except NoteError:
        return False


def test_a_verifier_that_checks_signature_and_root_alone_misses_many(go: Outsider, tmp_path: Path) -> None:
    """The control: the mutations do tell a weak verifier from ours."""
    outcome = run(Ground(tmp_path, naive), go, 6 * len(KINDS), seed=7)
    missed = {told.split(" #")[0] for told in outcome.missed}
    assert {"rewritten with the true key", "cut off with the true key", "sign-off removed with the true key"} <= missed
