"""An export with everything that can lie beside a log: older states, cosignatures, timestamps, a policy file, proofs."""

from __future__ import annotations

from dataclasses import dataclass
from pathlib import Path  # noqa: TC003 - a field's type
from typing import TYPE_CHECKING

from cryptography.hazmat.primitives.asymmetric.ed25519 import Ed25519PrivateKey
from rfc3161_client import HashAlgorithm, TimestampRequestBuilder

from gateway.audit.checking.report import Trust
from gateway.audit.export import write_export
from gateway.audit.outside.cosignatures import CosigningKey
from gateway.audit.outside.policy import read_policy
from gateway.audit.outside.proofs import CaseProof, Placed, Proof
from gateway.audit.outside.timestamps import roots_in
from gateway.audit.tree import inclusion_proof, leaf_hash
from tests.audit.story import DOCUMENTS, KEY, digest, held, mixed, signed
from tests.fakes.timestamping import TimestampingAuthority

if TYPE_CHECKING:
    from collections.abc import Sequence

WITNESSES = [CosigningKey(f"witness.example/{n}", Ed25519PrivateKey.from_private_bytes(bytes([n]) * 32)) for n in (1, 2, 3)]
MOMENT = 1_767_323_045
OLDER = (5, 256, 300)
POLICY = (
    f"log {KEY.verifier().encode()}\n"
    + "".join(f"witness w{n} {key.verifier().encode()} http://w{n}.example\n" for n, key in enumerate(WITNESSES, start=1))
    + "group all-three 2 w1 w2 w3\nquorum all-three\n"
)


def text_of(note: str) -> str:
    """The signed text of a note."""
    return note.split("\n\n", maxsplit=1)[0] + "\n"


def cosigned(note: str, witnesses: Sequence[CosigningKey] = tuple(WITNESSES[:2])) -> str:
    """A note with cosignatures."""
    return note + "".join(key.cosign(text_of(note), MOMENT) for key in witnesses)


@dataclass
class Evidence:
    """The folder, and whom its reader trusts."""

    folder: Path
    leaves: list[bytes]
    authority: TimestampingAuthority

    @property
    def trust(self) -> Trust:
        """The log's key, two of three witnesses, one authority."""
        return Trust([KEY.verifier()], read_policy(POLICY.encode()), roots_in(self.authority.root.read_bytes()))

    def note(self) -> str:
        """The signed state of the whole log."""
        return signed(self.leaves)

    def proof(self, index: int) -> Proof:
        """The proof of one entry."""
        return Proof(index, inclusion_proof([leaf_hash(leaf) for leaf in self.leaves], index), cosigned(self.note()))

    def case(self) -> CaseProof:
        """The proof of the second suggestion's case."""
        hashes, case = [leaf_hash(leaf) for leaf in self.leaves], "00000000-0000-0001-0000-000000000001"
        mine = [n for n, leaf in enumerate(self.leaves) if f'"case":"{case}"'.encode() in leaf]
        return CaseProof(case, tuple(Placed(n, self.leaves[n], inclusion_proof(hashes, n)) for n in mine), cosigned(self.note()))


def evidence(folder: Path, suggestions: int = 110) -> Evidence:
    """Write it all: `folder/log`, and the authority's files beside it."""
    leaves = mixed(range(suggestions)).leaves() if suggestions > 1 else held().leaves()
    made = Evidence(folder / "log", leaves, TimestampingAuthority(folder / "tsa"))
    sizes = [size for size in OLDER if size < len(leaves)]
    kept = [signed(leaves[:size]) for size in (*sizes, len(leaves))]
    used = {digest(DOCUMENTS[task]): DOCUMENTS[task] for task in ("cytology", "letter")}
    write_export(made.folder, leaves, cosigned(made.note()), KEY.verifier().encode(), used, kept)
    for size, note in zip((*sizes, len(leaves)), kept, strict=True):
        _beside(made, size, note)
    (folder / "witnesses.policy").write_text(POLICY, encoding="utf-8")
    return made


def _beside(made: Evidence, size: int, note: str) -> None:
    lines = made.folder / "cosignatures" / str(size)
    lines.parent.mkdir(exist_ok=True)
    lines.write_text(cosigned(note).removeprefix(note), encoding="utf-8")
    stamp = made.folder / "timestamps" / str(size) / "tsa.tsr"
    stamp.parent.mkdir(parents=True, exist_ok=True)
    request = TimestampRequestBuilder().data(note.encode()).hash_algorithm(HashAlgorithm.SHA256).build()
    stamp.write_bytes(made.authority.answer(request.as_bytes()))
