"""A new key-encryption key while replicas serve: they learn it, use it for what is new, and what is old is wrapped anew in batches.

Only keys are wrapped again; no ciphertext is touched. Stopped anywhere, the same command goes on: the file says which key is
the next, the rows say which key wraps them. The old key is destroyed by a command of its own, once it wraps nothing.
"""

from __future__ import annotations

import asyncio
import json
import secrets
from dataclasses import dataclass
from datetime import UTC, datetime
from typing import TYPE_CHECKING, Final

from gateway.audit.batch import Write
from gateway.audit.leaf import Event, EventType
from gateway.database import connect
from gateway.errors import Conflict, Unknown
from gateway.identity.roles import COMMAND_LINE
from gateway.ids import uuid7
from gateway.operations.keys import read_keks, write_keks
from gateway.operations.rotation.replicas import followed, told
from gateway.suggestions.content import Place

if TYPE_CHECKING:
    from collections.abc import Callable, Sequence
    from pathlib import Path

    import asyncpg

    from gateway.audit.writer import Writer
    from gateway.database import Connection
    from gateway.operations.keys import Keys
    from gateway.settings import Settings

ROLE: Final = "garant_rewrapper"
NEXT: Final = "next"
AT_A_TIME: Final = 500
_PENDING_SECONDS: Final = 6.0
"""Longer than a write can wait in a replica's memory."""
_BATCH: Final = """
SELECT p.suggestion_id, p.field, p.entry_id, p.kek, p.wrapped_key, s.case_id, s.establishment
FROM payloads AS p JOIN suggestions AS s ON s.id = p.suggestion_id
WHERE (p.suggestion_id, p.field) > ($1, $2) AND p.kek IS NOT NULL AND p.kek <> $3 ORDER BY p.suggestion_id, p.field LIMIT $4
"""
_REWRAP: Final = "UPDATE payloads SET kek = $5, wrapped_key = $6 WHERE suggestion_id = $1 AND field = $2 AND entry_id = $3 AND kek = $4"
_OTHERS: Final = "SELECT EXISTS (SELECT FROM payloads WHERE kek IS NOT NULL AND kek <> $1)"
_CHANGES: Final = "SELECT leaf FROM entries WHERE establishment = $1 AND type = 'key_changed' ORDER BY index"
_COUNT: Final = "SELECT kek, count(*) AS n FROM payloads WHERE kek IS NOT NULL GROUP BY kek"
_NOBODY: Final = "00000000-0000-0000-0000-000000000000"


@dataclass(frozen=True, slots=True)
class Rotated:
    """What came of it: the key that wraps everything now, the one before, how many payload keys were wrapped anew."""

    current: str
    previous: str
    count: int


async def rotate(settings: Settings, writer: Writer, keys: Keys, url: str, done: Callable[[int], None] = lambda _: None) -> Rotated:
    """Make a new key current, or go on with a change that was stopped. Raises Conflict, AuditUnavailable; it can be run again then."""
    path = settings.keys_directory / "kek.json"
    connection = await connect(url, role=ROLE)
    app = await connect(url)
    try:
        previous = read_keks(path)[1]
        if _next(path) or not (await connection.fetchval(_OTHERS, previous) or await _unfinished(app, settings, previous)):
            await _introduce(settings, writer, app, path)
        current = read_keks(path)[1]
        keys.vault.look()
        await followed(app, settings.establishment.id, lambda known: known[:1] == [current])
        count = await rewrapped(connection, keys, current, done)
        event = _event("done", {"key": current, "previous": previous if previous != current else "", "payloads": str(count)})
        await writer.append(Write((event,)))
    finally:
        await connection.close(timeout=2)
        await app.close(timeout=2)
    return Rotated(current, previous, count)


async def _introduce(settings: Settings, writer: Writer, app: Connection, path: Path) -> None:
    """A new key: in the file, in the log, in every replica, and only then current."""
    known, current = read_keks(path)
    name = _next(path) or f"kek-{secrets.token_hex(4)}"
    if name not in known:
        write_keks(path, {**known, name: secrets.token_bytes(32)}, current, name)
        await writer.append(Write((_event("added", {"key": name, "previous": current}),)))
    await followed(app, settings.establishment.id, lambda has: name in has)
    write_keks(path, read_keks(path)[0], name)
    await told(app)


async def _unfinished(app: Connection, settings: Settings, name: str) -> bool:
    """Whether the log says that this key was added, and not yet that it wraps everything."""
    rows = await app.fetch(_CHANGES, settings.establishment.id)
    details = [json.loads(row["leaf"]).get("detail", {}) for row in rows]
    steps = [one.get("step") for one in details if one.get("key") == name]
    return "added" in steps and "done" not in steps


async def rewrapped(connection: Connection, keys: Keys, current: str, done: Callable[[int], None]) -> int:
    """Wrap by the current key what another one wraps, until nothing is left; returns how many."""
    count = 0
    while await connection.fetchval(_OTHERS, current):
        after: tuple[object, str] = (_NOBODY, "")
        while rows := await connection.fetch(_BATCH, *after, current, AT_A_TIME):
            await connection.executemany(_REWRAP, [_anew(keys, row, current) for row in rows])
            after = (rows[-1]["suggestion_id"], rows[-1]["field"])
            count += len(rows)
            done(count)
    return count


async def destroy(settings: Settings, writer: Writer, url: str, name: str, waiting: Sequence[Path]) -> None:
    """Destroy a key that wraps nothing any more; `waiting`: files of the local spool. Raises Unknown, Conflict."""
    path = settings.keys_directory / "kek.json"
    known, current = read_keks(path)
    if name not in known:
        raise Unknown(f"There is no key-encryption key '{name}' in {path}: {', '.join(known)}.", code="key_unknown")
    if name == current or name == _next(path):
        raise Conflict(f"'{name}' is the current key, or the next one. Run 'garant keys rotate-encryption' first.", code="key_in_use")
    if waiting:
        raise Conflict("The spool holds writes that are still to be merged; they may be wrapped by this key. Try again afterwards.")
    app = await connect(url)
    try:
        await followed(app, settings.establishment.id, lambda has: has[:1] == [current])
        await _check_unused(app, name)
        await asyncio.sleep(_PENDING_SECONDS)
        await _check_unused(app, name)
        await writer.append(Write((_event("destroyed", {"key": name}),)))
        write_keks(path, {one: key for one, key in known.items() if one != name}, current)
        await told(app)
    finally:
        await app.close(timeout=2)


async def counts(url: str) -> dict[str, int]:
    """How many payload keys each key-encryption key wraps."""
    connection = await connect(url)
    try:
        return {row["kek"]: row["n"] for row in await connection.fetch(_COUNT)}
    finally:
        await connection.close(timeout=2)


async def _check_unused(app: Connection, name: str) -> None:
    count = await app.fetchval("SELECT count(*) FROM payloads WHERE kek = $1", name)
    if count:
        message = f"'{name}' still wraps {count} payload(s); destroying it would destroy them. Run 'garant keys rotate-encryption' first."
        raise Conflict(message, code="key_in_use")


def _anew(keys: Keys, row: asyncpg.Record, current: str) -> tuple[object, ...]:
    bound = Place(row["establishment"], row["case_id"], row["entry_id"]).bind(row["field"].partition("/")[0])
    wrapped = keys.vault.rewrapped(row["wrapped_key"], row["kek"], bound)
    return (row["suggestion_id"], row["field"], row["entry_id"], row["kek"], current, wrapped)


def _next(path: Path) -> str:
    return str(json.loads(path.read_text(encoding="utf-8")).get(NEXT, ""))


def _event(step: str, detail: dict[str, str]) -> Event:
    said = {"kind": "encryption", "step": step, **{name: value for name, value in detail.items() if value}}
    return Event(uuid7(), EventType.KEY_CHANGED, datetime.now(UTC), COMMAND_LINE.actor, COMMAND_LINE.role, detail=said)
