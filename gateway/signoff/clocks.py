"""The clocks of waiting suggestions: remind at half time, escalate at full time, expire never silently, approve never.

Each replica sleeps until the next deadline in the database, woken when one is set or moved. Two replicas may strike
together: the guard of each change lets one through.
"""

from __future__ import annotations

import asyncio
from contextlib import suppress
from dataclasses import dataclass, field
from datetime import datetime, timedelta
from typing import TYPE_CHECKING, Final

import structlog
from sqlalchemy.exc import SQLAlchemyError

from gateway import usage
from gateway.audit.batch import Write
from gateway.audit.leaf import Event, EventType
from gateway.errors import GarantError
from gateway.ids import uuid7
from gateway.signals.bus import Bus, Topic, message
from gateway.signals.notices import owed
from gateway.signoff.record import wakes
from gateway.suggestions.repository import changed, moved
from gateway.suggestions.states import Action, State

if TYPE_CHECKING:
    from gateway.audit.batch import Statement
    from gateway.clock import Clock
    from gateway.policy.lanes import Lanes
    from gateway.signals.notices import Notices
    from gateway.signoff.service import SignOff
    from gateway.suggestions.tables import Suggestion

_LONGEST_SLEEP: Final = 3600.0
_RETRY_SECONDS: Final = 1.0
_GATHERED_SECONDS: Final = 0.05
_MOST_TOLD: Final = 1000
_TO_ALL: Final = {"assigned_to": None, "returns_to": None}  # a colleague who was asked and did not come keeps nobody else from it
log = structlog.get_logger()


@dataclass(slots=True)
class Clocks:
    """Strikes when a deadline has come.

    Args:
        signoff, lanes, notices, clock: its collaborators.
    """

    signoff: SignOff
    lanes: Lanes
    notices: Notices
    clock: Clock
    _ready: asyncio.Event = field(default_factory=asyncio.Event)
    _task: asyncio.Task[None] | None = None
    _told: set[tuple[str, str]] = field(default_factory=set)

    def start(self, bus: Bus) -> None:
        """Begin to watch."""
        bus.subscribe(Topic.CLOCK, lambda _: self._ready.set())
        self._task = asyncio.create_task(self._run(), name="clocks")

    async def stop(self) -> None:
        """Stop watching."""
        if self._task is not None:
            self._task.cancel()
            with suppress(asyncio.CancelledError):
                await self._task

    async def strike(self) -> int:
        """Everything that is due now; returns how many suggestions were touched."""
        rows = await self.signoff.suggestions.due(self.clock.now())
        return sum(await asyncio.gather(*(self._strike(row) for row in rows)))

    async def _run(self) -> None:
        await self._tell_orphans()
        while True:
            try:
                self._ready.clear()
                until = await self.signoff.suggestions.next_due()
                if until is None or until > self.clock.now() or not await self.strike():
                    await self._sleep(until)
            except (GarantError, SQLAlchemyError, OSError, TimeoutError) as error:
                log.warning("clocks.interrupted", error=type(error).__name__)
                await asyncio.sleep(_RETRY_SECONDS)

    async def _tell_orphans(self) -> None:
        """Cases whose route was removed can be signed by nobody; their clocks go on by the policy they were received under."""
        with suppress(GarantError, SQLAlchemyError, OSError, TimeoutError):
            lanes = [(lane.system.id, lane.task.id) for lane in self.lanes.all]
            if waiting := await self.signoff.suggestions.orphans(lanes):
                log.warning("clocks.routes_removed", pending=waiting)

    def _skipped(self, row: Suggestion, code: str) -> None:
        """Told once: the next strikes try again without saying so each time."""
        told = (str(row.id), code)
        if told not in self._told:
            self._told = {*self._told, told} if len(self._told) < _MOST_TOLD else {told}
            log.info("clocks.skipped", code=code, suggestion=told[0])

    async def _sleep(self, until: datetime | None) -> None:
        seconds = _LONGEST_SLEEP if until is None else (until - self.clock.now()).total_seconds()
        if seconds <= 0:  # it was due just now and could not be done: the configuration or the log has to change first
            seconds = _RETRY_SECONDS
        with suppress(TimeoutError):
            async with asyncio.timeout(min(seconds, _LONGEST_SLEEP)):
                await self._ready.wait()
                await asyncio.sleep(_GATHERED_SECONDS)  # what one act wakes several times is read once

    async def _strike(self, row: Suggestion) -> bool:
        try:
            await self._act(row)
        except GarantError as error:  # somebody decided in this very moment, or the log is away: the next strike sees
            self._skipped(row, error.code)
            return False
        except Exception as error:
            # One case that cannot be read must not stop the clocks of all others.
            log.exception("clocks.failed", error=type(error).__name__, suggestion=str(row.id))
            return False
        return True

    async def _act(self, row: Suggestion) -> None:
        now = self.clock.now()
        if row.state == State.SIGNED:
            await self.signoff.finalise(row)
        elif row.state == State.QUEUED:
            await self._give_up(row, now)
        elif row.expires_at is not None and row.expires_at <= now:
            await self._expire(row, now)
        elif row.due_at is not None and row.due_at > now:
            await self._remind(row, now)
        else:
            await self._escalate(row, now)

    async def _give_up(self, row: Suggestion, now: datetime) -> None:
        event = _event(EventType.DELIVERY_FAILED, row, now, {"stage": "upstream", "code": "upstream_timeout"})
        guard = moved(row, Action.FAIL, {"code": "upstream_timeout", "attach_key": None, "next_clock_at": None})
        await self.signoff.writer.append(Write((event,), guards=(guard,), wake=wakes(row)))

    async def _expire(self, row: Suggestion, now: datetime) -> None:
        """Withdrawn, with an entry; a caller is told, and a new call asks anew."""
        active = await self.signoff.suggestions.work.active(row.id)
        work = usage.ignored(row, (await self.signoff.ruling(row))[1].profession, now, active)
        guard = moved(row, Action.EXPIRE, {"attach_key": None, "next_clock_at": None, "decided_at": now})
        events = () if row.overdue else (_event(EventType.OVERDUE, row, now, {"rung": "0"}),)
        write = Write((*events, _event(EventType.EXPIRED, row, now, {})), guards=(guard,), usage=work, wake=wakes(row))
        await self.signoff.writer.append(write)

    async def _remind(self, row: Suggestion, now: datetime) -> None:
        strikes = [moment for moment in (row.due_at, row.expires_at) if moment is not None]
        event = _event(EventType.NOTIFIED, row, now, {"mark": "half"})
        effects = self._tell(row, "suggestion.reminder", row.asked[-1] if row.asked else None, now)
        guard = changed(row, {"next_clock_at": min(strikes)})
        wake = (*wakes(row), message(Topic.NOTICES))
        await self.signoff.writer.append(Write((event,), guards=(guard,), effects=effects, wake=wake))

    async def _escalate(self, row: Suggestion, now: datetime) -> None:
        """To the next rung of the policy; after the last one it is asked again, and the case stays listed as overdue."""
        policy, _ = await self.signoff.ruling(row)
        rungs = policy.escalation
        group = rungs[min(row.rung, len(rungs) - 1)] if rungs else None
        detail = {"rung": str(row.rung + 1), "group": group or "", "mode": row.mode}
        events = [] if row.overdue else [_event(EventType.OVERDUE, row, now, detail)]
        events.append(_event(EventType.ESCALATED, row, now, detail))
        again = now + timedelta(seconds=policy.clock_seconds)
        strikes = min(again, row.expires_at) if row.expires_at else again
        asked = [*row.asked, group] if group and group not in row.asked else row.asked
        back = {} if row.leased_until is not None and row.leased_until > now else _TO_ALL
        guard = changed(row, {**back, "overdue": True, "rung": min(row.rung + 1, 1000), "asked": asked, "next_clock_at": strikes})
        effects = self._tell(row, "suggestion.escalated", group, now)
        await self.signoff.writer.append(Write(tuple(events), guards=(guard,), effects=effects, wake=(*wakes(row), message(Topic.NOTICES))))

    def _tell(self, row: Suggestion, kind: str, group: str | None, now: datetime) -> tuple[Statement, ...]:
        return tuple(owed(name, kind, row.id, row.notified_person or "", now) for name in self.notices.receivers(group))


def _event(kind: EventType, row: Suggestion, at: datetime, detail: dict[str, str]) -> Event:
    return Event(
        id=uuid7(),
        type=kind,
        at=at,
        actor="system:clock",
        role="system",
        case=row.case_id,
        suggestion=row.id,
        task=row.task,
        policy=row.policy,
        detail={"system": row.system, "site": row.site, **detail},
    )
