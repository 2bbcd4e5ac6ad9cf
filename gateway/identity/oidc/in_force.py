"""Who vouches for people, and how they sign in: every change of it is an entry at the next start, as a change of a policy is.

Promises: the entry names what has changed by digests and by the names of the settings; the document of a digest is kept before
an entry names it; no secret is in a document, nor what could be tried against one; replicas that start together write one entry.
"""

from __future__ import annotations

import hashlib
import json
from contextlib import suppress
from dataclasses import asdict
from typing import TYPE_CHECKING, Final

import rfc8785

from gateway.audit.batch import Statement, Write
from gateway.audit.leaf import Event, EventType
from gateway.database import connect
from gateway.errors import Conflict
from gateway.identity.oidc.profiles import sources
from gateway.ids import uuid7

if TYPE_CHECKING:
    from datetime import datetime

    from gateway.audit.writer import Writer
    from gateway.settings import Settings

SIGN_IN: Final = "sign_in"
_KEEP: Final = "INSERT INTO identity_documents (digest, document) VALUES ($1, $2) ON CONFLICT DO NOTHING"
_SET: Final = """
INSERT INTO identity_in_force (source, digest) VALUES ($2, $3)
ON CONFLICT (source) DO UPDATE SET digest = $3 WHERE identity_in_force.digest = $4 RETURNING $1::uuid
"""
_IN_FORCE: Final = """
SELECT f.source, f.digest, coalesce(d.document, '{}') AS document
FROM identity_in_force f LEFT JOIN identity_documents d USING (digest) WHERE f.digest <> ''
"""


def documents(settings: Settings) -> dict[str, bytes]:
    """What is in force, by its source (`sign_in`, `oidc`, `launch:ADDRESS`), as RFC 8785 JSON without any secret."""
    identity = settings.identity
    rules = identity.model_dump(mode="json", include={"methods", "idle_seconds", "lifetime_seconds", "trusted_proxies"})
    found: dict[str, bytes] = {SIGN_IN: rfc8785.dumps({**rules, "profile": settings.profile})}
    for name, source in sources(identity, {}).items():
        plain = {key: value for key, value in asdict(source).items() if key != "secret"}
        found[name] = rfc8785.dumps({**plain, "public_client": source.secret is None})
    return found


async def keep(url: str, writer: Writer, settings: Settings, now: datetime) -> None:
    """Keep the documents, and log what is another than before, new, or gone. Raises AuditUnavailable."""
    new = {name: (_digest(document), document.decode()) for name, document in documents(settings).items()}
    connection = await connect(url)
    try:
        await connection.executemany(_KEEP, list(new.values()))
        before = {row["source"]: (row["digest"], row["document"]) for row in await connection.fetch(_IN_FORCE)}
    finally:
        await connection.close()
    for source in sorted(before.keys() | new.keys()):
        old, now_in_force = before.get(source, ("", "{}")), new.get(source, ("", "{}"))
        if old[0] != now_in_force[0]:
            await _log(writer, source, old, now_in_force, now)


async def _log(writer: Writer, source: str, old: tuple[str, str], new: tuple[str, str], now: datetime) -> None:
    change = "identity_changed" if old[0] and new[0] else "identity_added" if new[0] else "identity_removed"
    detail = {"change": change, "source": _named(source), "old": old[0], "new": new[0], "settings": _differing(old[1], new[1])}
    event = Event(uuid7(), EventType.CONFIG_CHANGED, now, "system:start", "system", detail=detail)
    guard = Statement(_SET, (event.id, source, new[0], old[0]), key=event.id)
    with suppress(Conflict):  # another replica, started in the same moment, has logged it
        await writer.append(Write((event,), guards=(guard,)))


def _differing(old: str, new: str) -> str:
    """The names of the settings that are not the same in two documents."""
    before, after = json.loads(old), json.loads(new)
    return ",".join(sorted(name for name in before.keys() | after.keys() if before.get(name) != after.get(name)))


def _named(source: str) -> str:
    """A source in the log: an address is named by its digest, since entries may be open to everybody."""
    kind, _, address = source.partition(":")
    return f"{kind}:{hashlib.sha256(address.encode()).hexdigest()[:16]}" if address else kind


def _digest(document: bytes) -> str:
    return hashlib.sha256(document).hexdigest()
