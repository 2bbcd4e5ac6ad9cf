"""The HTTP side of a witness: two addresses, small bodies, one process."""

from __future__ import annotations

import asyncio
import re
import sys
import time
from typing import TYPE_CHECKING, Final

import structlog
from cryptography.hazmat.primitives import serialization
from cryptography.hazmat.primitives.asymmetric.ed25519 import Ed25519PrivateKey

from gateway.audit.note import NoteError, VerifierKey
from gateway.audit.outside.cosignatures import CosigningKey
from gateway.errors import Misconfigured
from gateway.witness.protocol import FORKED, MAX_BYTES, Reply, add_checkpoint
from gateway.witness.state import Memory

if TYPE_CHECKING:
    from pathlib import Path

    from starlette.types import Receive, Scope, Send

PATIENCE_SECONDS: Final = 10.0
_READ: Final = re.compile(r"/([0-9a-f]{64})/checkpoint")
_BROKEN: Final = Reply(500, "what was cosigned cannot be read or kept; nothing was cosigned\n")
log = structlog.get_logger()


class Witness:
    """The ASGI application of one witness.

    Args:
        memory: what it has cosigned.
        key: its own.
    """

    def __init__(self, memory: Memory, key: CosigningKey) -> None:
        self._memory = memory
        self._key = key

    async def __call__(self, scope: Scope, receive: Receive, send: Send) -> None:
        """Serve one request."""
        if scope["type"] != "http":
            return
        try:
            reply = await self._reply(scope, receive)
        except (NoteError, OSError) as error:
            log.error("witness.broken", error=type(error).__name__)  # noqa: TRY400 - the type says it
            reply = _BROKEN
        headers = [(b"content-type", reply.kind.encode()), (b"content-length", b"%d" % len(reply.body.encode()))]
        await send({"type": "http.response.start", "status": reply.status, "headers": headers})
        await send({"type": "http.response.body", "body": reply.body.encode()})

    async def _reply(self, scope: Scope, receive: Receive) -> Reply:
        if scope["path"] == "/add-checkpoint":
            if scope["method"] != "POST":
                return Reply(405, "a checkpoint is posted\n")
            body = await _body(receive)
            return Reply(413, "too large\n") if body is None else await asyncio.to_thread(self._add, body)
        found = _READ.fullmatch(scope["path"])
        note = self._memory.named(found[1]) if found else None
        return Reply(404, "nothing was cosigned here under this address\n") if note is None else Reply(200, note)

    def _add(self, body: bytes) -> Reply:
        reply = add_checkpoint(body, self._memory, self._key, lambda: int(time.time()))
        if reply.status == FORKED:
            sys.stderr.write(reply.body)
            sys.stderr.flush()
        return reply


def opened(directory: Path, name: str, logs: tuple[VerifierKey, ...]) -> Witness:
    """A witness on its own folder; its key is made once, and never again. Raises Misconfigured, OSError."""
    memory, path = Memory(directory / "logs", logs), directory / "witness.key"
    if not path.exists():
        path.touch(mode=0o600, exist_ok=False)
        path.write_bytes(_pem())
    key = CosigningKey(name, _private(path))
    (directory / "witness.vkey").write_text(f"{key.verifier().encode()}\n", encoding="utf-8")
    return Witness(memory, key)


def _private(path: Path) -> Ed25519PrivateKey:
    try:
        key = serialization.load_pem_private_key(path.read_bytes(), None)
    except ValueError as error:
        message = f"The witness's key {path} cannot be read. Restore it from the backup; with another key it would be another witness."
        raise Misconfigured(message, code="witness_key_unreadable") from error
    if not isinstance(key, Ed25519PrivateKey):
        message = f"The witness's key {path} is not an Ed25519 key. Restore it from the backup."
        raise Misconfigured(message, code="witness_key_unreadable")
    return key


def _pem() -> bytes:
    return Ed25519PrivateKey.generate().private_bytes(
        serialization.Encoding.PEM, serialization.PrivateFormat.PKCS8, serialization.NoEncryption()
    )


async def _body(receive: Receive) -> bytes | None:
    body, more = b"", True
    async with asyncio.timeout(PATIENCE_SECONDS):
        while more:
            message = await receive()
            body += message.get("body", b"")
            more = message.get("more_body", False)
            if len(body) > MAX_BYTES:
                return None
    return body
