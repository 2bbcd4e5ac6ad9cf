"""Mutations, one after the other: each must be found by our verifier, and by Go's packages where they read what was changed."""

from __future__ import annotations

from collections import Counter
from dataclasses import dataclass, field
from pathlib import Path  # noqa: TC003 - a field's type
from random import Random
from typing import TYPE_CHECKING

from gateway.audit.checking.report import Trust
from gateway.audit.note import NoteError, open_checkpoint
from gateway.audit.outside.cosignatures import cosigned_by
from gateway.audit.outside.policy import read_policy
from gateway.audit.outside.proofs import ConsistencyProof
from gateway.audit.outside.timestamps import check_timestamp, roots_in
from gateway.audit.tree import consistency_proof, leaf_hash
from gateway.audit.verifier import verify_export
from gateway.errors import BadInput
from gateway.operations.checking import check_proof
from tests.audit.evidence import POLICY, WITNESSES, Evidence, cosigned, evidence
from tests.audit.mutations.kinds import KINDS, Material, Mutation
from tests.audit.mutations.meaning import changed, to_go
from tests.audit.outsider.running import Outsider, keys
from tests.audit.story import KEY, signed

if TYPE_CHECKING:
    from collections.abc import Callable

GO_KEYS = keys([KEY.verifier(), *(key.verifier() for key in WITNESSES)])
BESIDE = ("witnesses.policy", "entry.tlog-proof", "case.tlog-proof", "leaf", "growth", "note")


@dataclass
class Outcome:
    """What became of the mutations of each kind; `missed` and `crashed` name them."""

    made: Counter[str] = field(default_factory=Counter)
    go: Counter[str] = field(default_factory=Counter)
    missed: list[str] = field(default_factory=list)
    missed_by_go: list[str] = field(default_factory=list)
    crashed: list[str] = field(default_factory=list)


class Ground:
    """A log with all its evidence, proofs and a policy, which can be mutated and restored.

    Args:
        folder: where it is written.
        sound: what says whether a log is sound; the verifier, or a weaker one as a control.
    """

    def __init__(self, folder: Path, sound: Callable[[Path, Trust], bool] | None = None) -> None:
        self.folder = folder
        self.made: Evidence = evidence(folder, 70)
        self._sound = sound or (lambda log, trust: verify_export(log, trust).ok)
        self._write_beside()
        logs = {path.relative_to(self.made.folder).as_posix(): path.read_bytes() for path in self.made.folder.rglob("*") if path.is_file()}
        logs.pop("log.vkey")  # nobody trusts it
        self.material = Material(logs | {name: (folder / name).read_bytes() for name in BESIDE}, self.made.leaves, folder / "other")
        self._roots = roots_in(self.made.authority.root.read_bytes())

    def _write_beside(self) -> None:
        made, hashes = self.made, [leaf_hash(leaf) for leaf in self.made.leaves]
        growth = ConsistencyProof(100, consistency_proof(hashes, 100), cosigned(made.note()))
        texts = {
            "witnesses.policy": POLICY.replace(" http://w1.example", "")
            .replace(" http://w2.example", "")
            .replace(" http://w3.example", ""),
            "entry.tlog-proof": made.proof(7).encode(),
            "case.tlog-proof": made.case().encode(),
            "growth": growth.encode(),
            "note": signed(made.leaves[:100]),
        }
        for name, text in texts.items():
            (self.folder / name).write_text(text, encoding="utf-8")
        (self.folder / "leaf").write_bytes(made.leaves[7])

    def place(self, name: str) -> Path:
        """Where a file is."""
        return self.folder / name if name in BESIDE else self.made.folder / name

    def put(self, mutation: Mutation) -> None:
        """Write what is there instead."""
        for name, content in mutation.files.items():
            if content is None:
                self.place(name).unlink(missing_ok=True)
            else:
                self.place(name).parent.mkdir(parents=True, exist_ok=True)
                self.place(name).write_bytes(content)

    def restore(self, mutation: Mutation) -> None:
        """Everything as it was."""
        for name in mutation.files:
            before = self.material.files.get(name)
            if before is None:
                self.place(name).unlink(missing_ok=True)
            else:
                self.place(name).write_bytes(before)

    def found(self, mutation: Mutation) -> bool:
        """Whether our verifier finds anything wrong with what the mutation touches."""
        try:
            policy = read_policy(self.place("witnesses.policy").read_bytes())
        except (NoteError, OSError):
            return True
        trust = Trust(policy.logs, policy, self._roots)
        beside = {name for name in mutation.files if name in BESIDE}
        if beside & {"entry.tlog-proof", "leaf"}:
            return not self._proven("entry.tlog-proof", trust, self.place("leaf"))
        if beside & {"growth", "note"}:
            return not self._grown(trust)
        if "case.tlog-proof" in beside:
            return not self._proven("case.tlog-proof", trust, None)
        return not policy.logs or not self._sound(self.made.folder, trust)

    def _proven(self, name: str, trust: Trust, leaf: Path | None) -> bool:
        try:
            return check_proof(self.place(name), trust, leaf)[0].ok
        except BadInput:
            return False

    def _grown(self, trust: Trust) -> bool:
        try:
            proof = ConsistencyProof.decode(self.place("growth").read_bytes().decode())
            old, new = (open_checkpoint(note, trust.vkeys) for note in (self.place("note").read_bytes(), proof.checkpoint))
            enough = trust.policy is None or trust.policy.met_by(cosigned_by(proof.checkpoint, trust.policy.cosigners))
        except (ValueError, OSError):
            return False
        return enough and proof.holds(old, new)

    def matters(self, mutation: Mutation) -> bool:
        """Whether anything says something else than before."""
        before = self.material.files
        return any(
            content is None or name not in before or (changed(name, before[name], content) and not self._same_stamp(name, content))
            for name, content in mutation.files.items()
        )

    def _same_stamp(self, name: str, content: bytes) -> bool:
        """An answer of an authority has bytes that its signature does not cover: with others in them it says and proves the same."""
        if not name.endswith(".tsr"):
            return False
        note = self.material.files[f"checkpoints/{name.split('/')[1]}"]
        try:
            return check_timestamp(content, note, self._roots) == check_timestamp(self.material.files[name], note, self._roots)
        except NoteError:
            return False

    def matters_to_go(self, mutation: Mutation) -> bool:
        """Whether Go's packages read what was changed, as far as is sure."""
        if mutation.first is not None:
            older = [int(name.split("/")[1]) for name in self.material.files if name.startswith("checkpoints/")]
            return mutation.kind.startswith("signed") or mutation.first < max(older)
        return any(
            to_go(name, before) != (None if content is None else to_go(name, content))
            for name, content in mutation.files.items()
            if (before := self.material.files.get(name)) is not None and to_go(name, before) is not None
        )

    def go_accepts(self, go: Outsider, mutation: Mutation) -> bool:
        """What Go's packages say of what the mutation touches."""
        names = set(mutation.files)
        if names & {"entry.tlog-proof", "leaf"}:
            return go.accepts("proof", self.place("entry.tlog-proof"), self.place("leaf"), GO_KEYS)
        if names & {"growth", "note"}:
            return go.accepts("growth", self.place("growth"), self.place("note"), GO_KEYS)
        if "case.tlog-proof" in names:
            last = self.folder / "last"
            last.write_bytes(self.made.case().entries[-1].leaf)
            return go.accepts("proof", self.place("case.tlog-proof"), last, GO_KEYS)
        return go.accepts("log", self.made.folder, GO_KEYS)


def run(ground: Ground, go: Outsider, count: int, seed: int = 1) -> Outcome:
    """Make and check so many mutations, all kinds in turn."""
    chance, outcome = Random(seed), Outcome()  # noqa: S311 - the same mutations again, for whoever looks for one
    while outcome.made.total() < count:
        mutation = KINDS[outcome.made.total() % len(KINDS)](ground.material, chance)
        if ground.matters(mutation):
            _check(ground, go, mutation, outcome)
    return outcome


def _check(ground: Ground, go: Outsider, mutation: Mutation, outcome: Outcome) -> None:
    told = f"{mutation.kind} #{outcome.made.total()}: {', '.join(sorted(mutation.files)[:3])}"
    ground.put(mutation)
    try:
        if not ground.found(mutation):
            outcome.missed.append(told)
    except Exception as error:  # noqa: BLE001 - a crash is what is looked for
        outcome.crashed.append(f"{told}: {error!r}")
    if ground.matters_to_go(mutation):
        outcome.go[mutation.kind] += 1
        if ground.go_accepts(go, mutation):
            outcome.missed_by_go.append(told)
    ground.restore(mutation)
    outcome.made[mutation.kind] += 1
