"""The log as it stands in the database, handed to the export and to the verifier that knows no database."""

from __future__ import annotations

import asyncio
import json
from dataclasses import dataclass
from typing import TYPE_CHECKING, Final

from gateway.audit.export import write_export
from gateway.audit.note import VerifierKey
from gateway.audit.verifier import verify, verify_export
from gateway.database import aside
from gateway.errors import BadInput

if TYPE_CHECKING:
    from pathlib import Path

    import asyncpg

    from gateway.audit.verifier import Report
    from gateway.operations.keys import Keys
    from gateway.settings import Settings

_HEAD: Final = "SELECT size, checkpoint FROM log_head WHERE establishment = $1"
_LEAVES: Final = "SELECT leaf FROM entries WHERE establishment = $1 AND index < $2 ORDER BY index"
_KEPT: Final = "SELECT note FROM checkpoints WHERE establishment = $1 AND size <= $2 ORDER BY size"
_ASSERTIONS: Final = """
SELECT a.entry_id, a.salt, a.evidence FROM assertions a JOIN entries e ON e.id = a.entry_id WHERE e.establishment = $1 AND e.index < $2
ORDER BY e.index
"""


@dataclass(frozen=True, slots=True)
class Snapshot:
    """One consistent reading of the log."""

    leaves: list[bytes]
    checkpoint: str
    kept: tuple[str, ...]
    policies: dict[str, str]
    assertions: dict[str, str]


async def snapshot(url: str, establishment: str) -> Snapshot:
    """Read head, leaves, kept checkpoints and policy documents in one transaction."""
    async with aside(url) as connection, connection.transaction(isolation="repeatable_read", readonly=True):
        head = await connection.fetchrow(_HEAD, establishment)
        if head is None:
            message = "The log is empty: nothing was ever written for this establishment."
            raise BadInput(message, code="log_empty")
        leaves = [row["leaf"] async for row in connection.cursor(_LEAVES, establishment, head["size"], prefetch=5000)]
        kept = tuple(row["note"] for row in await connection.fetch(_KEPT, establishment, head["size"]))
        policies = {row["digest"]: row["document"] for row in await connection.fetch("SELECT digest, document FROM policy_documents")}
        assertions = {str(row["entry_id"]): _line(row) for row in await connection.fetch(_ASSERTIONS, establishment, head["size"])}
        return Snapshot(leaves, head["checkpoint"], kept, policies, assertions)


async def verify_live(settings: Settings, keys: Keys, url: str) -> Report:
    """Verify the log in the database."""
    found = await snapshot(url, settings.establishment.id)
    return await asyncio.to_thread(verify, found.leaves, found.checkpoint, keys.vkeys, found.policies, found.kept, found.assertions)


async def export(settings: Settings, keys: Keys, url: str, folder: Path) -> int:
    """Write the log as static files; returns how many entries."""
    found = await snapshot(url, settings.establishment.id)
    vkey = keys.log.verifier().encode()
    lines = found.assertions.values()
    await asyncio.to_thread(write_export, folder, found.leaves, found.checkpoint, vkey, found.policies, found.kept, lines)
    return len(found.leaves)


def verify_folder(folder: Path, key: Path | None) -> Report:
    """Verify an export with a public key that did not come with it.

    Raises:
        BadInput: no key was given, or it cannot be read.
    """
    if key is None:
        message = (
            "Name the log's public key with --key: the one inside an export proves nothing, because whoever made the export made it too."
        )
        raise BadInput(message, code="key_needed")
    try:
        vkey = VerifierKey.decode(key.read_text(encoding="utf-8").strip())
    except (OSError, ValueError) as error:
        message = f"The public key {key} cannot be read ({error})."
        raise BadInput(message, code="key_unreadable") from error
    return verify_export(folder, vkey)


def _line(row: asyncpg.Record) -> str:
    """A line of `assertions.jsonl`."""
    members = {"entry": str(row["entry_id"]), "salt": row["salt"].hex(), "evidence": row["evidence"].decode()}
    return json.dumps(members, ensure_ascii=False, sort_keys=True, separators=(",", ":"))
