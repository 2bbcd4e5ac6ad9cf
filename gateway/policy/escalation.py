"""Rotas and clocks as pure functions: who is on call, where nobody is, when somebody has to be reminded."""

from __future__ import annotations

from datetime import datetime, timedelta
from typing import TYPE_CHECKING

if TYPE_CHECKING:
    from gateway.policy.models import Policy
    from gateway.settings import Rota


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


def clock_marks(received_at: datetime, policy: Policy) -> tuple[datetime, datetime, datetime]:
    """When to remind (half the clock), when a signature is due, when an undecided hold is withdrawn."""
    due = received_at + timedelta(seconds=policy.clock_seconds)
    return received_at + timedelta(seconds=policy.clock_seconds / 2), due, received_at + timedelta(seconds=policy.expires_seconds)


def _time(text: str) -> datetime:
    return datetime.fromisoformat(text)
