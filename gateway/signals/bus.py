"""News between replicas: PostgreSQL NOTIFY in, callbacks out; nobody polls.

Messages are `TOPIC` or `TOPIC:ARGUMENT`. After a lost connection every subscriber is told `None`, so that it looks
at the truth once: a notification only announces.
"""

from __future__ import annotations

import asyncio
from collections import defaultdict
from contextlib import suppress
from enum import StrEnum
from typing import TYPE_CHECKING, Final

import structlog

from gateway.database import BROKEN, CHANNEL, Connection, connect

if TYPE_CHECKING:
    from collections.abc import Callable
    from uuid import UUID

_RECONNECT_SECONDS: Final = 0.25
log = structlog.get_logger()


class Topic(StrEnum):
    """What replicas tell each other."""

    SUGGESTION = "s"  # argument: suggestion id; its state changed
    QUEUE = "q"  # a case came or went; argument: suggestion id
    STOPS = "stops"
    MACHINES = "machines"
    CLOCK = "clock"  # a deadline was set or moved
    NOTICES = "notices"  # a webhook is owed
    ERASED = "erased"  # argument: case id; its reference leads nowhere any more
    KEYS = "keys"  # key-encryption keys were changed


def message(topic: Topic, argument: UUID | str | None = None) -> str:
    """The text of a message."""
    return topic.value if argument is None else f"{topic.value}:{argument}"


class Bus:
    """One listening connection per replica.

    Args:
        url: the database.
    """

    def __init__(self, url: str) -> None:
        self._url = url
        self._subscribers: dict[Topic, list[Callable[[str | None], None]]] = defaultdict(list)
        self._task: asyncio.Task[None] | None = None
        self._lost = asyncio.Event()

    def subscribe(self, topic: Topic, callback: Callable[[str | None], None]) -> None:
        """Call back with each message's argument ("" where it has none), and with None after a gap."""
        self._subscribers[topic].append(callback)

    async def start(self) -> None:
        """Listen; raises what connecting raises."""
        connection = await self._listen()
        self._task = asyncio.create_task(self._stay(connection), name="bus")

    async def stop(self) -> None:
        """Stop listening."""
        if self._task is not None:
            self._task.cancel()
            with suppress(asyncio.CancelledError):
                await self._task

    async def _stay(self, connection: Connection) -> None:
        try:
            while True:
                await self._lost.wait()
                log.warning("bus.connection_lost")
                connection = await self._again()
                self._gap()
        finally:
            connection.terminate()

    async def _again(self) -> Connection:
        while True:
            try:
                return await self._listen()
            except BROKEN:
                await asyncio.sleep(_RECONNECT_SECONDS)

    async def _listen(self) -> Connection:
        connection = await connect(self._url)
        self._lost.clear()
        connection.add_termination_listener(lambda _: self._lost.set())
        await connection.add_listener(CHANNEL, self._receive)
        return connection

    def _receive(self, _connection: object, _pid: int, _channel: str, payload: object) -> None:
        name, _, argument = str(payload).partition(":")
        for callback in self._subscribers.get(Topic(name), ()):
            callback(argument)

    def _gap(self) -> None:
        for callbacks in self._subscribers.values():
            for callback in callbacks:
                callback(None)
