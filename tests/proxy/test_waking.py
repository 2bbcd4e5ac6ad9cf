"""A change of one suggestion wakes those who wait for it and nobody else; after a gap in the news everybody looks once."""

from __future__ import annotations

from contextlib import ExitStack
from uuid import uuid4

from gateway.proxy.held import Held
from gateway.signals.bus import Bus


def test_one_of_five_thousand_waiting_callers_is_woken_alone() -> None:
    held = Held(Bus(""))
    names = [uuid4() for _ in range(5_000)]
    with ExitStack() as waiting:
        events = {name: waiting.enter_context(held.waiting(name)) for name in names}
        held._wake(str(names[17]))  # noqa: SLF001 - as a message of the bus
        assert [name for name, event in events.items() if event.is_set()] == [names[17]]
        held._wake(str(uuid4()))  # noqa: SLF001
        assert sum(event.is_set() for event in events.values()) == 1
        held._wake(None)  # noqa: SLF001
        assert all(event.is_set() for event in events.values())
    assert len(held) == 0
