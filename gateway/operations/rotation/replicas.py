"""Waiting until every running replica has followed a change of keys: who runs tells of itself, and of the keys that it has."""

from __future__ import annotations

import asyncio
from typing import TYPE_CHECKING, Final

from gateway.errors import Conflict
from gateway.signals.bus import Topic, message

if TYPE_CHECKING:
    from collections.abc import Callable
    from datetime import datetime

    import asyncpg

    from gateway.database import Connection

PATIENCE_SECONDS: Final = 20.0
_LOOK_SECONDS: Final = 0.1
_RUNNING: Final = "SELECT host, pid, started_at, keks FROM replicas WHERE establishment = $1 AND seen_at > now() - interval '150 seconds'"


async def told(connection: Connection) -> None:
    """Tell all replicas to look at their keys."""
    await connection.execute("SELECT pg_notify('garant', $1)", message(Topic.KEYS))


async def followed(connection: Connection, establishment: str, ready: Callable[[list[str]], bool]) -> None:
    """Wait until each replica's list of keys, the current one first, is as it should be. Raises Conflict, naming those that lag."""
    loop = asyncio.get_running_loop()
    until = loop.time() + PATIENCE_SECONDS
    await told(connection)
    while behind := [f"{row['host']} ({row['pid']})" for row in await _rows(connection, establishment) if not ready(list(row["keks"]))]:
        if loop.time() > until:
            raise _lagging(behind)
        await asyncio.sleep(_LOOK_SECONDS)


async def started_since(connection: Connection, establishment: str, moment: datetime) -> None:
    """That every replica was started after a moment, so that it has read the key files since. Raises Conflict."""
    behind = [f"{row['host']} ({row['pid']})" for row in await _rows(connection, establishment) if row["started_at"] <= moment]
    if behind:
        raise _lagging(behind)


async def _rows(connection: Connection, establishment: str) -> list[asyncpg.Record]:
    return list(await connection.fetch(_RUNNING, establishment))


def _lagging(behind: list[str]) -> Conflict:
    names = ", ".join(behind)
    return Conflict(
        f"Not every replica has the changed keys: {names}. Bring the key folder to its machine and restart it (or, if it no longer runs, wait "
        "three minutes), then run the command again: it goes on where it stopped.",
        code="replicas_lag",
        fr=f"Toutes les répliques n'ont pas les nouvelles clés : {names}. Copiez le dossier des clés et redémarrez-les (ou attendez trois "
        "minutes si elles sont arrêtées), puis relancez la commande : elle reprend où elle s'était arrêtée.",
    )
