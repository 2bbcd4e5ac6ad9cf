"""Time-critical answers: a named clinician on call is notified at once, whether or not the log can be written.

With the database up the notice is owed in the same transaction. With it down the answer goes to a local, fsynced
spool, the notice goes out directly, and the spool is merged into the log later with its true time (R22).
"""

from __future__ import annotations

import asyncio
from dataclasses import replace
from typing import TYPE_CHECKING, Final

import structlog

from gateway.audit.leaf import EventType
from gateway.errors import AuditUnavailable
from gateway.policy.escalation import on_call
from gateway.policy.models import ReleaseMode
from gateway.proxy.steps.capture import Captured, Received, event
from gateway.signals.bus import Topic, message
from gateway.signals.notices import owed

if TYPE_CHECKING:
    from datetime import datetime

    from gateway.audit.spool import Spool
    from gateway.settings import Rota
    from gateway.signals.notices import Notices

_NOT_KEPT: Final = (
    "Neither the log nor the spool can be written. The clinician on call was told that there is an alert, but its content is lost: "
    "look at the patient's data now, and tell hospital IT."
)
log = structlog.get_logger()


class Notifier:
    """Finds who is on call and tells them.

    Args:
        rotas: from the configuration.
        notices: posts and owes.
        spool: keeps what the log cannot take.
    """

    def __init__(self, rotas: tuple[Rota, ...], notices: Notices, spool: Spool) -> None:
        self._rotas = {rota.id: rota for rota in rotas}
        self._notices = notices
        self._spool = spool

    def prepared(self, captured: Captured, received: Received) -> Captured:
        """For `notify_now`: name the person, owe the notice, say both in the log. Others stay as they are."""
        requirement = received.lane.requirement
        if requirement.mode is not ReleaseMode.NOTIFY_NOW:
            return captured
        rota, at = requirement.policy.notify_rota, captured.row.answered_at or received.at
        told = event(
            received,
            EventType.NOTIFIED,
            at,
            actor="system:notify",
            role="system",
            detail={"rota": rota or "", "people": str(len(received.people))},
        )
        notices = tuple(
            owed(name, "suggestion.notified", captured.row.id, person, at)
            for name in self._notices.receivers(rota)
            for person in received.people or ("",)
        )
        events = (captured.write.events[0], told, *captured.write.events[1:])
        wake = (*captured.write.wake, message(Topic.NOTICES))
        return replace(captured, write=replace(captured.write, events=events, effects=(*captured.write.effects, *notices), wake=wake))

    def people(self, rota: str | None, at: datetime) -> tuple[str, ...]:
        """Who is on call now, by login; empty where the rota has a gap (the queue and the receivers are told all the same)."""
        found = self._rotas.get(rota or "")
        return () if found is None else on_call(found, at)

    async def spool(self, captured: Captured) -> None:
        """Keep the write on disk, then tell the people past the database; a disk that refuses keeps no alert back.

        Raises:
            AuditUnavailable: the people were told, but nothing of it could be kept.
        """
        kept = await self._keep(captured)
        people = (captured.row.notified_person or "").split(",")
        rota = captured.row.asked[0] if captured.row.asked else None
        accepted = await asyncio.gather(
            *(self._notices.tell_now("suggestion.notified", captured.row.id, person, rota) for person in people)
        )
        log.warning("notify.spooled", suggestion=str(captured.row.id), accepted=sum(accepted))
        if not kept:
            raise AuditUnavailable(_NOT_KEPT, code="spool_unavailable")

    async def _keep(self, captured: Captured) -> bool:
        try:
            await asyncio.to_thread(self._spool.keep, captured.write)
        except OSError as error:
            log.exception("notify.not_kept", suggestion=str(captured.row.id), error=type(error).__name__)
            return False
        self._spool.filled.set()
        return True
