"""Rotas and clocks as pure functions: who is on call, where nobody is, when somebody has to be reminded."""

from __future__ import annotations

from dataclasses import dataclass
from datetime import datetime, timedelta
from typing import TYPE_CHECKING, Final

if TYPE_CHECKING:
    from gateway.policy.models import Policy
    from gateway.settings import Rota


WARN_AHEAD: Final = timedelta(hours=24)


@dataclass(frozen=True, slots=True)
class Gap:
    """A time in which nobody of a rota is on call; `start` None: since ever, `end` None: for ever."""

    rota: str
    start: datetime | None
    end: datetime | None

    @property
    def warned_at(self) -> datetime | None:
        """When somebody has to be told; None: at once."""
        return None if self.start is None else self.start - WARN_AHEAD

    def near(self, now: datetime) -> bool:
        """Whether it is to be told now: it begins within a day or has begun, and is not over."""
        told = self.warned_at is None or self.warned_at <= now
        return told and (self.end is None or self.end > now)


def on_call(rota: Rota, at: datetime) -> tuple[str, ...]:
    """The logins of those on call at an instant, in the rota's order."""
    return tuple(dict.fromkeys(shift.person for shift in rota.shifts if _time(shift.start) <= at < _time(shift.end)))


def gaps(rota: Rota, start: datetime, hours: float) -> tuple[tuple[datetime, datetime], ...]:
    """The times within the next hours in which nobody is on call."""
    end, position = start + timedelta(hours=hours), start
    found: list[tuple[datetime, datetime]] = []
    for begin, finish in sorted((_time(shift.start), _time(shift.end)) for shift in rota.shifts):
        if begin > position and position < end:
            found.append((position, min(begin, end)))
        position = max(position, finish)
    if position < end:
        found.append((position, end))
    return tuple(found)


def uncovered(rota: Rota) -> tuple[Gap, ...]:
    """Every time in which nobody is on call, in order; the last one has no end."""
    position: datetime | None = None
    found: list[Gap] = []
    for begin, finish in sorted((_time(shift.start), _time(shift.end)) for shift in rota.shifts):
        if position is None or begin > position:
            found.append(Gap(rota.id, position, begin))
        position = finish if position is None else max(position, finish)
    return (*found, Gap(rota.id, position, None))


def clock_marks(received_at: datetime, policy: Policy) -> tuple[datetime, datetime, datetime]:
    """When to remind (half the clock), when a signature is due, when an undecided hold is withdrawn."""
    due = received_at + timedelta(seconds=policy.clock_seconds)
    return received_at + timedelta(seconds=policy.clock_seconds / 2), due, received_at + timedelta(seconds=policy.expires_seconds)


def _time(text: str) -> datetime:
    return datetime.fromisoformat(text)
