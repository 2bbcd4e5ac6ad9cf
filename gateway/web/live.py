"""Live queues: a page that is open hears that something changed, whichever replica changed it; nobody polls.

A stream carries no content, only the word that the queue is another now; the page then asks for its list. It ends with
the session, and a comment every few seconds keeps proxies from closing it.
"""

from __future__ import annotations

import asyncio
from contextlib import contextmanager
from typing import TYPE_CHECKING, Final

from gateway.errors import Slowed
from gateway.signals.bus import Bus, Topic

if TYPE_CHECKING:
    from collections.abc import AsyncIterator, Awaitable, Callable, Iterator

HEARTBEAT_SECONDS: Final = 15.0
PACE_SECONDS: Final = 1.0
MOST_PAGES: Final = 12
OPENED: Final = b"retry: 3000\n: the queue is watched\n\n"
HEARTBEAT: Final = b": still here\n\n"
CHANGED: Final = b"event: queue\ndata: changed\n\n"
ENDED: Final = b"event: ended\ndata: session\n\n"


class QueueWatch:
    """Wakes every open queue page of this replica.

    Args:
        bus: tells what any replica changed, and of every gap in hearing it.
    """

    def __init__(self, bus: Bus) -> None:
        self._watching: dict[asyncio.Event, object] = {}
        self.closed = False
        bus.subscribe(Topic.QUEUE, self._wake)

    @contextmanager
    def watching(self, who: object = None) -> Iterator[asyncio.Event]:
        """An event that is set at every change, as long as one looks; `who`: the person, for `check_room`."""
        changed = asyncio.Event()
        self._watching[changed] = who
        try:
            yield changed
        finally:
            del self._watching[changed]

    def check_room(self, who: object) -> None:
        """Refuse one more page of a person who watches with many already. Raises Slowed."""
        if list(self._watching.values()).count(who) >= MOST_PAGES:
            message = f"You watch the queue in {MOST_PAGES} windows already. Close one; here the list changes when you reload it."
            french = (
                f"Vous suivez déjà la file dans {MOST_PAGES} fenêtres. Fermez-en une ; ici, la liste change quand vous rechargez la page."
            )
            raise Slowed(message, seconds=60, code="too_many_pages", fr=french)

    @property
    def pages(self) -> int:
        """How many pages are open here."""
        return len(self._watching)

    def close(self) -> None:
        """End every stream, because this replica ends; the pages go on with another one."""
        self.closed = True
        self._wake(None)

    def _wake(self, _argument: str | None) -> None:
        for changed in self._watching:
            changed.set()


async def stream(
    watch: QueueWatch, signed_in: Callable[[], Awaitable[bool]], heartbeat: float = HEARTBEAT_SECONDS, who: object = None
) -> AsyncIterator[bytes]:
    """Server-sent events of one page, until its session has ended; changes in quick succession are told once."""
    with watch.watching(who) as changed:
        yield OPENED
        while not watch.closed and await signed_in():
            try:
                async with asyncio.timeout(heartbeat):
                    await changed.wait()
            except TimeoutError:
                yield HEARTBEAT
                continue
            changed.clear()
            if not watch.closed:
                yield CHANGED
                await asyncio.sleep(PACE_SECONDS)
    if not watch.closed:
        yield ENDED
