"""The keys of an establishment as people see them: ids, states and dates; never a key."""

from __future__ import annotations

import json
from dataclasses import dataclass
from typing import TYPE_CHECKING, Final, Literal, TypeAlias

from gateway.audit.note import NoteError, VerifierKey
from gateway.database import connect
from gateway.operations.rotation.encryption import counts

if TYPE_CHECKING:
    from datetime import datetime

    from gateway.operations.keys import Keys

State: TypeAlias = Literal["current", "next", "retired", "older"]
_CHANGES: Final = "SELECT at, leaf FROM entries WHERE establishment = $1 AND type = 'key_changed' ORDER BY index"


@dataclass(frozen=True, slots=True)
class Listed:
    """One key: what it is for, whether it is used, since when (None: from the beginning), how many payload keys it wraps (None: it wraps none)."""

    id: str
    kind: Literal["log", "encryption"]
    state: State
    since: datetime | None
    wraps: int | None = None

    def row(self) -> tuple[str, ...]:
        """The columns of a table."""
        since = "the beginning" if self.since is None else f"{self.since:%Y-%m-%d %H:%M} UTC"
        return (self.id, self.kind, self.state, since, "" if self.wraps is None else str(self.wraps))


async def listed(url: str, establishment: str, keys: Keys) -> list[Listed]:
    """Every key that is known here, the log's first."""
    since, wraps = await _dates(url, establishment), await counts(url)
    log: list[tuple[VerifierKey, State]] = [(key, "retired") for key in keys.retired]
    log += [(keys.log.verifier(), "current"), *((key.verifier(), "next") for key in keys.beside)]
    found = [Listed(key.id.hex(), "log", state, since.get(key.id.hex())) for key, state in log]
    current, *older = keys.vault.known
    return [
        *found,
        Listed(current, "encryption", "current", since.get(current), wraps.get(current, 0)),
        *(Listed(name, "encryption", "older", since.get(name), wraps.get(name, 0)) for name in older),
    ]


async def _dates(url: str, establishment: str) -> dict[str, datetime]:
    """When each key was announced or added, by its id."""
    connection = await connect(url)
    try:
        rows = await connection.fetch(_CHANGES, establishment)
    finally:
        await connection.close(timeout=2)
    dates: dict[str, datetime] = {}
    for row in rows:
        detail = json.loads(row["leaf"]).get("detail", {})
        if detail.get("step") in {"announced", "added"}:
            dates.setdefault(_name(detail.get("key", "")), row["at"])
    return dates


def _name(key: str) -> str:
    try:
        return VerifierKey.decode(key).id.hex()
    except NoteError:
        return key
