"""A new key for the log itself: announced under the old one, then both sign, then the old one is retired; each step is an entry.

Replicas read the log's keys when they start, so each step is followed by a restart of one after the other; the next step
refuses until every replica that runs has seen the one before.
"""

from __future__ import annotations

import json
from datetime import UTC, datetime
from typing import TYPE_CHECKING, Final

from gateway.audit.batch import Write
from gateway.audit.export import sync_folder
from gateway.audit.leaf import Event, EventType
from gateway.audit.note import NoteError, SigningKey, VerifierKey, open_checkpoint
from gateway.audit.publication.stored import Stored
from gateway.database import connect
from gateway.errors import Conflict
from gateway.identity.roles import COMMAND_LINE
from gateway.ids import uuid7
from gateway.operations.keys import NEXT, RETIRED, load, private_key, read_private, write, write_vkeys
from gateway.operations.rotation.replicas import started_since

if TYPE_CHECKING:
    from gateway.audit.writer import Writer
    from gateway.operations.keys import Keys
    from gateway.settings import Settings

UNANNOUNCED: Final = "log.unannounced.key"
_CHANGES: Final = "SELECT index, at, leaf FROM entries WHERE establishment = $1 AND type = 'key_changed' ORDER BY index"


async def begin(settings: Settings, writer: Writer, keys: Keys, url: str) -> VerifierKey:
    """Make the next key, announce it under the old one, and let both sign from the next start on. Raises Conflict."""
    if keys.next is not None:
        message = (
            "A change of the log's key is under way: both keys sign. Restart the replicas, give log.vkey to auditors and witnesses, "
            "then run 'garant keys rotate-log --finish'."
        )
        raise Conflict(message, code="rotation_under_way")
    folder = settings.keys_directory
    if not (folder / UNANNOUNCED).exists():
        write(folder / UNANNOUNCED, private_key())
    key = SigningKey(settings.establishment.origin, read_private(folder / UNANNOUNCED)).verifier()
    if await announced(settings, url, key) is None:
        await writer.append(Write((_event("announced", key, previous=keys.log.verifier()),)))
    await _kept(settings, url)
    (folder / UNANNOUNCED).rename(folder / NEXT)
    sync_folder(folder)
    write_vkeys(folder, load(folder, settings.establishment.origin))
    return key


async def finish(settings: Settings, writer: Writer, keys: Keys, url: str) -> VerifierKey:
    """Retire the old key: the next one signs alone from the next start on, and the old private key is destroyed. Raises Conflict."""
    if keys.next is None:
        message = "No change of the log's key is under way. 'garant keys rotate-log' begins one."
        raise Conflict(message, code="no_rotation")
    old, following = keys.log.verifier(), keys.next.verifier()
    at = await announced(settings, url, following)
    connection = await connect(url)
    try:
        await started_since(connection, settings.establishment.id, at or datetime.now(UTC))
        await writer.append(Write((_event("retired", old, previous=old, following=following),)))
        await _kept(settings, url)
        await _check_both(Stored(connection, settings.establishment.id), old, following)
    finally:
        await connection.close(timeout=2)
    folder = settings.keys_directory
    listed = [key.encode() for key in (*keys.retired, old)]
    (folder / RETIRED).write_text("".join(f"{line}\n" for line in listed), encoding="utf-8")
    (folder / NEXT).replace(folder / "log.key")
    sync_folder(folder)
    write_vkeys(folder, load(folder, settings.establishment.origin))
    return following


async def announced(settings: Settings, url: str, key: VerifierKey) -> datetime | None:
    """When the log announced a key; None where it never did."""
    connection = await connect(url)
    try:
        rows = await connection.fetch(_CHANGES, settings.establishment.id)
    finally:
        await connection.close(timeout=2)
    for row in rows:
        detail = json.loads(row["leaf"]).get("detail", {})
        if detail.get("step") == "announced" and detail.get("key") == key.encode():
            found: datetime = row["at"]
            return found
    return None


async def _kept(settings: Settings, url: str) -> None:
    """Keep the state as it is: it shows which key signed what."""
    connection = await connect(url)
    try:
        stored = Stored(connection, settings.establishment.id)
        await stored.keep(await stored.head())
    finally:
        await connection.close(timeout=2)


async def _check_both(stored: Stored, old: VerifierKey, following: VerifierKey) -> None:
    """The last state under the old key is signed by the next one too. Raises Conflict."""
    note = (await stored.head()).note
    try:
        for key in (old, following):
            open_checkpoint(note, [key])
    except NoteError as error:
        message = "The newest state is not signed by both keys: a replica that knows only one has just written. Restart it, then try again."
        raise Conflict(message, code="replicas_lag") from error


def _event(step: str, key: VerifierKey, *, previous: VerifierKey, following: VerifierKey | None = None) -> Event:
    detail = {"kind": "log", "step": step, "key": key.encode()}
    if step == "announced":
        detail["previous"] = previous.id.hex()
    if following is not None:
        detail["following"] = following.id.hex()
    return Event(uuid7(), EventType.KEY_CHANGED, datetime.now(UTC), COMMAND_LINE.actor, COMMAND_LINE.role, detail=detail)
