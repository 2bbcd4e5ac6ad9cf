"""Gaps of rotas are told a day ahead by the system itself (R16): once each, with an entry of the log and a webhook.

Each replica sleeps until the next gap comes within a day. Two may wake together: the guard lets one through.
"""

from __future__ import annotations

import asyncio
from contextlib import suppress
from dataclasses import dataclass
from datetime import timedelta
from typing import TYPE_CHECKING, Final
from uuid import NAMESPACE_URL, UUID, uuid5

import structlog

from gateway.audit.batch import Statement, Write
from gateway.audit.leaf import Event, EventType
from gateway.clock import rfc3339
from gateway.errors import Conflict, GarantError
from gateway.ids import uuid7
from gateway.policy.escalation import Gap, uncovered
from gateway.signals.bus import Topic, message
from gateway.signals.notices import owed

if TYPE_CHECKING:
    from datetime import datetime

    from gateway.audit.writer import Writer
    from gateway.clock import Clock
    from gateway.settings import Rota
    from gateway.signals.notices import Notices

KIND: Final = "rota.gap"
_ONCE: Final = (
    "INSERT INTO rota_warnings (id, establishment, rota, starts_at, warned_at) VALUES ($1, $2, $3, $4, $5) "
    "ON CONFLICT DO NOTHING RETURNING id"
)
_LONGEST_SLEEP: Final = timedelta(hours=1)
_RETRY_SECONDS: Final = 5.0
log = structlog.get_logger()


@dataclass(slots=True)
class RotaWatch:
    """Warns of gaps.

    Args:
        establishment: whose rotas.
        rotas: from the configuration.
        writer, notices, clock: its collaborators.
    """

    establishment: str
    rotas: tuple[Rota, ...]
    writer: Writer
    notices: Notices
    clock: Clock
    _task: asyncio.Task[None] | None = None

    def start(self) -> None:
        """Begin to watch."""
        self._task = asyncio.create_task(self._run(), name="rotas")

    async def stop(self) -> None:
        """Stop watching."""
        if self._task is not None:
            self._task.cancel()
            with suppress(asyncio.CancelledError):
                await self._task

    async def strike(self) -> int:
        """Warn of every gap that is near and was not told yet; returns how many were told now."""
        now = self.clock.now()
        return sum([await self._warn(gap, now) for gap in self._gaps() if gap.near(now)])

    def pause(self) -> timedelta:
        """How long nothing can become due, at most an hour: a machine's clock may be set meanwhile."""
        now = self.clock.now()
        ahead = [gap.warned_at - now for gap in self._gaps() if gap.warned_at is not None and gap.warned_at > now]
        return min((*ahead, _LONGEST_SLEEP))

    async def _run(self) -> None:
        while True:
            try:
                await self.strike()
                await asyncio.sleep(self.pause().total_seconds())
            except GarantError as error:
                log.warning("rotas.interrupted", code=error.code)
                await asyncio.sleep(_RETRY_SECONDS)

    def _gaps(self) -> tuple[Gap, ...]:
        return tuple(gap for rota in self.rotas for gap in uncovered(rota))

    async def _warn(self, gap: Gap, now: datetime) -> bool:
        try:
            await self.writer.append(self._warning(gap, now))
        except Conflict:  # told before, or by another replica just now
            return False
        log.warning("rotas.gap", rota=gap.rota)
        return True

    def _warning(self, gap: Gap, now: datetime) -> Write:
        detail = {"about": "rota_gap", "rota": gap.rota, "from": _text(gap.start), "until": _text(gap.end)}
        event = Event(uuid7(), EventType.NOTIFIED, now, "system:rota", "system", detail=detail)
        key = _name(self.establishment, gap)
        guard = Statement(_ONCE, (key, self.establishment, gap.rota, gap.start, now), key=key)
        told = tuple(owed(name, KIND, None, "", now, subject=gap.rota) for name in self.notices.receivers(gap.rota))
        return Write((event,), guards=(guard,), effects=told, wake=(message(Topic.NOTICES),))


def _name(establishment: str, gap: Gap) -> UUID:
    """One gap is one gap, whoever finds it: named by where it begins, so that a shorter or longer one is not told again."""
    return uuid5(NAMESPACE_URL, f"urn:garant:rota-gap:{establishment}:{gap.rota}:{_text(gap.start)}")


def _text(moment: datetime | None) -> str:
    return "" if moment is None else rfc3339(moment)
