"""What was seen, read back: replicas, answers of AI systems, last sign-ins, last uses of keys, the database itself."""

from __future__ import annotations

from dataclasses import dataclass
from datetime import UTC, datetime, timedelta
from typing import TYPE_CHECKING, Final

from sqlmodel import text

from gateway.database import reading
from gateway.outbound import Seen

if TYPE_CHECKING:
    from collections.abc import Iterable, Mapping
    from uuid import UUID

    from sqlalchemy import Row, TextClause
    from sqlalchemy.ext.asyncio import async_sessionmaker
    from sqlmodel.ext.asyncio.session import AsyncSession

SILENT: Final = timedelta(seconds=150)
_REPLICAS: Final = text(
    "SELECT id, host, pid, started_at, seen_at, systems FROM replicas WHERE establishment = :name ORDER BY started_at, id"
)
_SIGN_INS: Final = text("SELECT id, last_sign_in_at FROM people WHERE last_sign_in_at IS NOT NULL AND CAST(:name AS text) IS NOT NULL")
_USES: Final = text("SELECT id, last_used_at FROM machines WHERE last_used_at IS NOT NULL AND CAST(:name AS text) IS NOT NULL")
_STORAGE: Final = text("""
SELECT current_setting('server_version') AS version, pg_database_size(current_database()) AS bytes,
  coalesce((SELECT size FROM log_head WHERE establishment = :name), 0) AS entries,
  (SELECT at FROM entries WHERE establishment = :name ORDER BY index DESC LIMIT 1) AS last_at
""")


@dataclass(frozen=True, slots=True)
class Replica:
    """One running gateway process, as it last told; `systems`: what it saw of each AI system."""

    id: UUID
    host: str
    pid: int
    started_at: datetime
    seen_at: datetime
    systems: Mapping[str, Seen]

    def silent(self, now: datetime) -> bool:
        """Whether it has missed two of its minutes: it was killed, or its machine is off."""
        return now - self.seen_at > SILENT


@dataclass(frozen=True, slots=True)
class Storage:
    """The database: PostgreSQL's version, its bytes on disk, the log's entries and the instant of the last one."""

    version: str
    bytes: int
    entries: int
    last_at: datetime | None


async def replicas(sessions: async_sessionmaker[AsyncSession], establishment: str) -> tuple[Replica, ...]:
    """Every replica that told of itself within a day and has not left. Raises AuditUnavailable."""
    rows = await _rows(sessions, _REPLICAS, establishment)
    return tuple(
        Replica(row.id, row.host, row.pid, row.started_at, row.seen_at, {name: Seen(**seen) for name, seen in row.systems.items()})
        for row in rows
    )


def merged(views: Iterable[Mapping[str, Seen]]) -> dict[str, Seen]:
    """The newest success and the newest failure of each AI system over all replicas."""
    found: dict[str, Seen] = {}
    for view in views:
        for name, seen in view.items():
            best = found.setdefault(name, Seen())
            best.answered_at = max(best.answered_at, seen.answered_at)
            if seen.failed_at > best.failed_at:
                best.failed_at, best.failure = seen.failed_at, seen.failure
    return found


async def last_sign_ins(sessions: async_sessionmaker[AsyncSession]) -> dict[UUID, datetime]:
    """When each person last signed in, by id; who never did is not in it. Raises AuditUnavailable."""
    return {row.id: row.last_sign_in_at for row in await _rows(sessions, _SIGN_INS, "")}


async def last_uses(sessions: async_sessionmaker[AsyncSession], here: Mapping[str, float] | None = None) -> dict[str, datetime]:
    """When each machine key was last used, by id; `here`: what this replica has not written yet. Raises AuditUnavailable."""
    found: dict[str, datetime] = {row.id: row.last_used_at for row in await _rows(sessions, _USES, "")}
    for name, second in (here or {}).items():
        at = datetime.fromtimestamp(second, UTC)
        found[name] = max(at, found.get(name, at))
    return found


async def storage(sessions: async_sessionmaker[AsyncSession], establishment: str) -> Storage:
    """How the database is. Raises AuditUnavailable."""
    row = (await _rows(sessions, _STORAGE, establishment))[0]
    return Storage(row.version, row.bytes, row.entries, row.last_at)


async def _rows(sessions: async_sessionmaker[AsyncSession], query: TextClause, establishment: str) -> list[Row[tuple[object, ...]]]:
    async with reading(sessions) as session:
        return list((await (await session.connection()).execute(query, {"name": establishment})).all())
