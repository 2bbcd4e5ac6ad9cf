"""Waiting callers, and what wakes them: a signature on any replica.

A waiter is registered before the hold is committed, so no wake-up can fall between. A wake-up only announces; the
truth is read from the database afterwards.
"""

from __future__ import annotations

import asyncio
from collections import defaultdict
from contextlib import contextmanager
from typing import TYPE_CHECKING

from gateway.signals.bus import Bus, Topic

if TYPE_CHECKING:
    from collections.abc import Iterator
    from uuid import UUID


class Held:
    """The waiting callers of one replica.

    Args:
        bus: tells of changes on all replicas.
    """

    def __init__(self, bus: Bus) -> None:
        self._waiting: dict[str, set[asyncio.Event]] = defaultdict(set)
        bus.subscribe(Topic.SUGGESTION, self._wake)

    def __len__(self) -> int:
        """How many callers wait here."""
        return sum(len(events) for events in self._waiting.values())

    @contextmanager
    def waiting(self, suggestion: UUID) -> Iterator[asyncio.Event]:
        """An event that is set whenever the suggestion changes."""
        name, event = str(suggestion), asyncio.Event()
        self._waiting[name].add(event)
        try:
            yield event
        finally:
            self._waiting[name].discard(event)
            if not self._waiting[name]:
                del self._waiting[name]

    def _wake(self, argument: str | None) -> None:
        for events in self._found(argument):
            for event in events:
                event.set()

    def _found(self, argument: str | None) -> list[set[asyncio.Event]]:
        if argument is None:
            return list(self._waiting.values())
        events = self._waiting.get(argument)
        return [] if events is None else [events]
