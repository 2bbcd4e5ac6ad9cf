"""Discloses the bytes and the salt of one commitment, so that somebody outside can hold them against the log.

Promises: nothing of a suggestion is disclosed before its decision stands (nothing leaves before its signature, an undo window counts as
undecided, and of two people the second decides without knowing the first); the entry that says what was disclosed, and why, is in the log before anybody has the bytes.
"""

from __future__ import annotations

import json
from dataclasses import dataclass
from datetime import UTC, datetime
from typing import TYPE_CHECKING, Final

from gateway.audit.batch import Write
from gateway.audit.leaf import Event, EventType
from gateway.database import aside
from gateway.errors import BadInput, Conflict, Unknown
from gateway.identity.roles import COMMAND_LINE
from gateway.ids import uuid7
from gateway.suggestions.content import Place, Sealed, commitment
from gateway.suggestions.states import OPEN, State

if TYPE_CHECKING:
    from collections.abc import Iterator
    from uuid import UUID

    import asyncpg

    from gateway.audit.writer import Writer
    from gateway.operations.keys import Keys

_ENTRY: Final = "SELECT index, id, leaf, case_id, suggestion_id, task FROM entries WHERE establishment = $1 AND index = $2"
_OF_CASE: Final = """
SELECT index, id, leaf, case_id, suggestion_id, task FROM entries WHERE establishment = $1 AND case_id = $2 ORDER BY index DESC
"""
_STATE: Final = "SELECT state FROM suggestions WHERE id = $1"
_PAYLOADS: Final = "SELECT field, entry_id, salt, kek, wrapped_key, nonce, ciphertext FROM payloads WHERE suggestion_id = $1"
_ASSERTION: Final = "SELECT salt, evidence FROM assertions WHERE suggestion_id = $1"


@dataclass(frozen=True, slots=True)
class Disclosed:
    """What an entry commits to in a field; `salt` has 32 bytes."""

    index: int
    field: str
    data: bytes
    salt: bytes


@dataclass(frozen=True, slots=True)
class _Committed:
    """An entry and what it commits to in the field."""

    row: asyncpg.Record
    field: str
    digest: str


async def disclose(writer: Writer, keys: Keys, url: str, what: UUID | int, field: str, reason: str) -> Disclosed:
    """Find the bytes of one commitment, and write in the log that they were disclosed.

    Args:
        writer: of the log that it stands in.
        keys: open what is kept.
        url: the database.
        what: an entry's index, or a case: then its newest entry with such a commitment.
        field: suggestion, shown, final, reason, or another commitment's name.
        reason: why, a code of `[retention] reading_reasons`.

    Raises:
        Unknown: there is no such entry.
        BadInput: it commits to nothing of that name.
        Conflict: the suggestion waits for a decision, or what was committed to was erased or is not kept.
    """
    async with aside(url) as connection:
        found = await _committed(connection, writer.identity.establishment, what, field)
        await _check_decided(connection, found)
        disclosed = await _opened(connection, writer.identity.establishment, keys, found)
    detail = {"act": "disclosed", "entry": str(found.row["index"]), "field": field, "reason": reason}
    row, now = found.row, datetime.now(UTC)
    names = {"case": row["case_id"], "suggestion": row["suggestion_id"], "task": row["task"]}
    event = Event(uuid7(), EventType.VIEWED, now, COMMAND_LINE.actor, COMMAND_LINE.role, decision="read", **names, detail=detail)
    await writer.append(Write((event,)))
    return disclosed


async def _committed(connection: asyncpg.Connection, establishment: str, what: UUID | int, field: str) -> _Committed:
    rows = await connection.fetch(_ENTRY if isinstance(what, int) else _OF_CASE, establishment, what)
    if not rows:
        message = "The log holds no such entry or case. Check the number or the id."
        raise Unknown(message, code="entry_unknown", fr="Le journal ne contient ni cette écriture ni ce dossier.")
    said = [(row, json.loads(row["leaf"]).get("commitments", {})) for row in rows]
    chosen = next(((row, named) for row, named in said if field in named and row["suggestion_id"] is not None), None)
    if chosen is None:
        names = ", ".join(sorted({name for _, named in said for name in named})) or "nothing"
        message = f"There is no commitment to {field!r} here; what there is: {names}."
        raise BadInput(message, code="commitment_unknown", fr=f"Rien n'est engagé sous {field!r} ici ; il y a : {names}.")
    return _Committed(chosen[0], field, chosen[1][field])


async def _check_decided(connection: asyncpg.Connection, found: _Committed) -> None:
    state = await connection.fetchval(_STATE, found.row["suggestion_id"])
    if state is not None and State(state) in OPEN:
        message = "This suggestion still waits for a decision, so nothing of it is disclosed. Disclose it once the decision stands."
        french = "Cette proposition attend encore une décision : rien n'en est communiqué. Recommencez quand la décision sera prise."
        raise Conflict(message, code="undecided", fr=french)


async def _opened(connection: asyncpg.Connection, establishment: str, keys: Keys, found: _Committed) -> Disclosed:
    """The kept bytes that give the commitment under a kept salt of that field; several entries may share bytes, each has its salt."""
    rows = await connection.fetch(_PAYLOADS, found.row["suggestion_id"])
    salts = [bytes(row["salt"]) for row in rows if row["field"].partition("/")[0] == found.field]
    kept = [(salt, data) for data in _kept(rows, establishment, found.row["case_id"], keys) for salt in salts]
    if found.field == "assertion":
        signed = await connection.fetch(_ASSERTION, found.row["suggestion_id"])
        kept = [(bytes(row["salt"]), bytes(row["evidence"])) for row in signed]
    for salt, data in kept:
        if commitment(salt, found.field, data) == found.digest:
            return Disclosed(found.row["index"], found.field, data, salt)
    message = "What the entry commits to is not there any more: it was erased, or its content was never kept. The entry itself stands."
    french = "Ce que l'écriture engage n'existe plus : effacé, ou jamais conservé. L'écriture elle-même demeure."
    raise Conflict(message, code="content_not_kept", fr=french)


def _kept(rows: list[asyncpg.Record], establishment: str, case: UUID, keys: Keys) -> Iterator[bytes]:
    """Every decrypted payload. Raises Conflict where one is damaged."""
    for row in rows:
        if row["ciphertext"] is not None:
            parts = (row["salt"], row["kek"], row["wrapped_key"], row["nonce"], row["ciphertext"])
            sealed = Sealed(row["field"].partition("/")[0], row["entry_id"], *parts, "")
            yield keys.vault.open(sealed, Place(establishment, case, row["entry_id"]))
