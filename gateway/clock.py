"""Time comes from here, so that a test can move it."""

from __future__ import annotations

from datetime import UTC, datetime
from typing import Protocol


class Clock(Protocol):
    """Anything that tells the time in UTC."""

    def now(self) -> datetime:
        """The present instant, timezone UTC."""
        ...


class SystemClock:
    """The machine's own clock."""

    def now(self) -> datetime:
        """The present instant, timezone UTC."""
        return datetime.now(UTC)


def rfc3339(moment: datetime) -> str:
    """An instant as RFC 3339 UTC with microseconds, as the log writes it: `2026-01-02T03:04:05.000006Z`."""
    return moment.astimezone(UTC).isoformat(timespec="microseconds").replace("+00:00", "Z")
