"""Machine keys: which clinical system is calling, for which tasks, on which site.

Promises: a key is shown once and only the SHA-256 of its secret is stored; `identify` reads memory only, and a key
that is revoked anywhere is refused on every replica as soon as the database's message arrives.
"""

from __future__ import annotations

import asyncio
import hashlib
import hmac
import secrets
import time
from dataclasses import dataclass
from typing import TYPE_CHECKING, Final

import structlog
from sqlmodel import col, select

from gateway.audit.batch import Statement, Write
from gateway.audit.leaf import Event, EventType
from gateway.clock import SystemClock
from gateway.database import BROKEN, connect
from gateway.errors import BadInput, Unauthenticated
from gateway.identity.roles import COMMAND_LINE, Author
from gateway.identity.tables import MachineRow
from gateway.ids import uuid7
from gateway.signals.bus import Bus, Topic, message

if TYPE_CHECKING:
    from collections.abc import Mapping
    from datetime import datetime

    from sqlalchemy.ext.asyncio import async_sessionmaker
    from sqlmodel.ext.asyncio.session import AsyncSession

    from gateway.audit.writer import Writer

PREFIX: Final = "gk_"
_LOAD: Final = "SELECT id, name, secret_hash, tasks, site FROM machines WHERE revoked_at IS NULL"
_CREATE: Final = "INSERT INTO machines (id, name, secret_hash, tasks, site, created_at) VALUES ($1, $2, $3, $4, $5, $6)"
_REVOKE: Final = "UPDATE machines SET revoked_at = $2 WHERE id = $1 AND revoked_at IS NULL RETURNING $3::uuid"
_AGAIN_SECONDS: Final = 0.5
_MISSING: Final = "This call names no machine. Send the key as 'Authorization: Bearer gk_…' or 'Garant-Key: gk_…'; hospital IT makes keys with 'garant machines create'."
_REFUSED: Final = "This machine key is unknown, wrong or revoked. Check that it was copied whole; hospital IT can make a new one."
log = structlog.get_logger()


@dataclass(frozen=True, slots=True)
class Machine:
    """A calling system: the tasks it may use and the site it stands on."""

    id: str
    name: str
    tasks: frozenset[str]
    site: str


@dataclass(frozen=True, slots=True)
class NewMachine:
    """A key to be made."""

    name: str
    tasks: frozenset[str]
    site: str = "main"


class Machines:
    """All keys, in memory.

    Args:
        url: the database.
    """

    def __init__(self, url: str) -> None:
        self._url = url
        self._known: Mapping[bytes, tuple[bytes, Machine]] = {}
        self._stale = asyncio.Event()
        self._task: asyncio.Task[None] | None = None
        self.used: dict[str, float] = {}

    async def start(self, bus: Bus) -> None:
        """Read all keys, and again whenever one is made or revoked. Raises what connecting raises."""
        bus.subscribe(Topic.MACHINES, lambda _: self._stale.set())
        await self.refresh()
        self._task = asyncio.create_task(self._follow(), name="machines")

    async def stop(self) -> None:
        """Stop following."""
        if self._task is not None:
            self._task.cancel()
            await asyncio.gather(self._task, return_exceptions=True)

    async def refresh(self) -> None:
        """Read all keys now."""
        connection = await connect(self._url)
        try:
            rows = await connection.fetch(_LOAD)
        finally:
            await connection.close()
        self._known = {
            row["id"].encode(): (row["secret_hash"], Machine(row["id"], row["name"], frozenset(row["tasks"]), row["site"])) for row in rows
        }

    def identify(self, headers: tuple[tuple[bytes, bytes], ...]) -> Machine:
        """Who is calling, from the ASGI headers; no waiting.

        Raises:
            Unauthenticated: no key, or one that does not hold.
        """
        key = None
        for name, value in headers:
            if name == b"garant-key":
                return self._of(value.strip())
            if name == b"authorization" and key is None and value[:7].lower() == b"bearer ":
                key = value[7:].strip()
        if key is None:
            raise Unauthenticated(_MISSING, code="key_missing")
        return self._of(key)

    def _of(self, key: bytes) -> Machine:
        name, _, secret = key[3:].partition(b"_")
        known = self._known.get(name)
        if known is None or key[:3] != b"gk_" or not hmac.compare_digest(hashlib.sha256(secret).digest(), known[0]):
            raise Unauthenticated(_REFUSED, code="key_refused")
        self.used[known[1].id] = time.time()
        return known[1]

    def written(self, used: Mapping[str, float]) -> None:
        """Forget the last uses that are stored now; newer ones stay. `used`: POSIX seconds by key."""
        self.used = {name: at for name, at in self.used.items() if used.get(name) != at}

    async def _follow(self) -> None:
        while True:
            await self._stale.wait()
            self._stale.clear()
            try:
                await self.refresh()
            except BROKEN as error:
                log.warning("machines.not_read", error=type(error).__name__)
                self._stale.set()
                await asyncio.sleep(_AGAIN_SECONDS)


def created(new: NewMachine, by: Author, at: datetime) -> tuple[str, Write]:
    """A fresh key and the write that makes it valid. Raises BadInput for a key that could call nothing."""
    if not new.tasks or not new.name.strip():
        words = "A machine key needs a name and at least one task it may use. Add what is missing."
        french = "Une clé de machine doit avoir un nom et au moins une activité autorisée. Ajoutez ce qui manque."
        raise BadInput(words, code="machine_incomplete", fr=french)
    machine, secret = secrets.token_hex(8), secrets.token_urlsafe(32)
    row = (machine, new.name.strip(), hashlib.sha256(secret.encode()).digest(), sorted(new.tasks), new.site, at)
    write = Write((_event(by, at, "machine_created", machine),), effects=(Statement(_CREATE, row),), wake=(message(Topic.MACHINES),))
    return f"{PREFIX}{machine}_{secret}", write


def revoked(machine: str, by: Author, at: datetime) -> Write:
    """The write that ends a key for good; refused with Conflict where no such key is valid."""
    event = _event(by, at, "machine_revoked", machine)
    guard = Statement(_REVOKE, (machine, at, event.id), key=event.id)
    refusal = "There is no valid machine key with this id; it may have been revoked already."
    return Write((event,), guards=(guard,), wake=(message(Topic.MACHINES),), refusal=refusal)


async def stored(sessions: async_sessionmaker[AsyncSession]) -> tuple[Machine, ...]:
    """All valid keys as the database has them now, by name."""
    async with sessions() as session:
        rows = await session.exec(select(MachineRow).where(col(MachineRow.revoked_at).is_(None)).order_by(MachineRow.name, MachineRow.id))
        return tuple(Machine(row.id, row.name, frozenset(row.tasks), row.site) for row in rows)


async def create_machine(writer: Writer, new: NewMachine, by: Author = COMMAND_LINE) -> str:
    """Make a key and return it; it is stored nowhere. Raises BadInput, AuditUnavailable."""
    key, write = created(new, by, SystemClock().now())
    await writer.append(write)
    return key


async def revoke_machine(writer: Writer, machine: str, by: Author = COMMAND_LINE) -> None:
    """End a key on all replicas. Raises Conflict, AuditUnavailable."""
    await writer.append(revoked(machine, by, SystemClock().now()))


def _event(by: Author, at: datetime, change: str, machine: str) -> Event:
    return Event(
        uuid7(),
        EventType.CONFIG_CHANGED,
        at,
        by.actor,
        by.role,
        auth=by.auth or None,
        detail={"change": change, "subject": f"machine:{machine}"},
    )
