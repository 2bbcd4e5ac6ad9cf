"""What the relay works with, built once by `gateway.app`."""

from __future__ import annotations

import asyncio
from dataclasses import dataclass, field
from typing import TYPE_CHECKING

import structlog

if TYPE_CHECKING:
    from collections.abc import Coroutine

    from gateway.audit.writer import Writer
    from gateway.clock import Clock
    from gateway.identity.machines import Machines
    from gateway.operations.keys import Keys
    from gateway.outbound import Outbound
    from gateway.proxy.held import Held
    from gateway.proxy.routes import Routes
    from gateway.proxy.steps.capture import Capturer
    from gateway.proxy.steps.cases import Cases
    from gateway.proxy.steps.notify import Notifier
    from gateway.proxy.steps.release import Counter
    from gateway.settings import Server
    from gateway.signals.stops import Stops
    from gateway.suggestions.repository import Suggestions

log = structlog.get_logger()


@dataclass(frozen=True, slots=True)
class Parts:
    """The relay's collaborators; `via` is this gateway's name in `Via` headers."""

    server: Server
    machines: Machines
    routes: Routes
    cases: Cases
    capturer: Capturer
    notifier: Notifier
    counter: Counter
    suggestions: Suggestions
    writer: Writer
    outbound: Outbound
    held: Held
    stops: Stops
    keys: Keys
    clock: Clock
    via: bytes
    _tasks: set[asyncio.Task[object]] = field(default_factory=set)

    def background(self, work: Coroutine[object, object, object]) -> None:
        """Run something that its caller does not wait for, and keep it alive until it ends."""
        task = asyncio.get_running_loop().create_task(work)
        self._tasks.add(task)
        task.add_done_callback(self._ended)

    def _ended(self, task: asyncio.Task[object]) -> None:
        self._tasks.discard(task)
        if not task.cancelled() and task.exception() is not None:
            log.warning("relay.background_failed", error=type(task.exception()).__name__)
