"""Witnesses without a network, and logs that can be forked."""

from __future__ import annotations

from dataclasses import dataclass, field
from hashlib import sha256
from pathlib import Path  # noqa: TC003 - a field's type
from typing import TYPE_CHECKING

from cryptography.hazmat.primitives.asymmetric.ed25519 import Ed25519PrivateKey

from gateway.audit.note import sign_checkpoint
from gateway.audit.outside.cosignatures import CosigningKey
from gateway.audit.outside.policy import Witness
from gateway.audit.outside.proofs import ConsistencyProof
from gateway.audit.tree import consistency_proof, root_of
from gateway.errors import UpstreamFailed
from gateway.messages import Answer
from gateway.witness.protocol import Reply, add_checkpoint
from gateway.witness.state import Memory
from tests.audit.story import KEY, ORIGIN

if TYPE_CHECKING:
    from gateway.audit.note import SigningKey, VerifierKey
    from gateway.messages import Headers

NAME = "witness.example/w1"


def leaves(count: int, fork: int = 10**9) -> list[bytes]:
    """Leaf hashes; from `fork` on they are others."""
    return [sha256(b"%d%d" % (n, n >= fork)).digest() for n in range(count)]


def body(old: int, hashes: list[bytes], key: SigningKey = KEY, origin: str = ORIGIN) -> bytes:
    """A request about the state of these leaves."""
    note = sign_checkpoint(origin, len(hashes), root_of(hashes), key)
    return ConsistencyProof(old, consistency_proof(hashes, old) if old <= len(hashes) else (), note).encode().encode()


@dataclass
class Eye:
    """A witness that is called instead of asked over HTTP; `down`: nobody answers."""

    folder: Path
    vkeys: tuple[VerifierKey, ...] = (KEY.verifier(),)
    name: str = NAME
    down: bool = False
    asked: int = 0
    key: CosigningKey = field(init=False)

    def __post_init__(self) -> None:
        self.key = CosigningKey(self.name, Ed25519PrivateKey.generate())
        self.memory = Memory(self.folder, self.vkeys)

    def add(self, request: bytes) -> Reply:
        """One request."""
        return add_checkpoint(request, self.memory, self.key, lambda: 1_700_000_000)

    def witness(self, name: str = "w1") -> Witness:
        """Its line in a policy."""
        return Witness(name, self.key.verifier(), "http://witness.test/")

    async def ask(self, method: str, url: str, _headers: Headers = (), body: bytes = b"") -> Answer:
        """As the gateway's HTTP client."""
        self.asked += 1
        if self.down:
            raise UpstreamFailed("The witness could not be reached.")
        if method == "POST":
            reply = self.add(body)
            return Answer(reply.status, (), reply.body.encode())
        note = self.memory.named(url.split("/")[-2])
        return Answer(404, (), b"") if note is None else Answer(200, (), note.encode())
