"""The caller's reference of a case becomes a random id; only that id enters the log.

The reference itself is kept as a keyed hash, so that the same patient's next call finds the same case.
"""

from __future__ import annotations

from dataclasses import dataclass
from typing import TYPE_CHECKING, Final

from sqlalchemy import text

from gateway.database import reading
from gateway.ids import random_case
from gateway.signals.bus import Topic

if TYPE_CHECKING:
    from uuid import UUID

    from sqlalchemy.ext.asyncio import async_sessionmaker
    from sqlmodel.ext.asyncio.session import AsyncSession

    from gateway.operations.keys import Keys
    from gateway.signals.bus import Bus

_REMEMBERED: Final = 50_000
_FIND: Final = text("SELECT id FROM cases WHERE reference = :reference")


@dataclass(frozen=True, slots=True)
class Case:
    """A case; `reference` is the keyed hash (None where the caller named none); `new`: nothing was logged for it."""

    id: UUID
    reference: bytes | None
    new: bool


class Cases:
    """Finds cases, remembering the recent ones.

    Args:
        sessions: makes reading sessions.
        keys: hides references.
    """

    def __init__(self, sessions: async_sessionmaker[AsyncSession], keys: Keys) -> None:
        self._sessions = sessions
        self._keys = keys
        self._known: dict[bytes, UUID] = {}

    def start(self, bus: Bus) -> None:
        """Forget what is erased, as soon as it is."""
        bus.subscribe(Topic.ERASED, self._forget)

    def _forget(self, case: str | None) -> None:
        self._known = {} if case is None else {hidden: known for hidden, known in self._known.items() if str(known) != case}

    async def find(self, reference: str | None) -> Case:
        """The case of a reference; a new one where it is unknown or none was given."""
        if reference is None:
            return Case(random_case(), None, new=True)
        hidden = self._keys.hidden("case", reference.encode())
        known = self._known.get(hidden) or await self._stored(hidden)
        if known is None:
            return Case(random_case(), hidden, new=True)
        self._remember(hidden, known)
        return Case(known, hidden, new=False)

    async def again(self, case: Case) -> Case:
        """The case after somebody else made it first."""
        known = None if case.reference is None else await self._stored(case.reference)
        return case if known is None else Case(known, case.reference, new=False)

    async def _stored(self, hidden: bytes) -> UUID | None:
        async with reading(self._sessions) as session:
            found: UUID | None = await session.scalar(_FIND, {"reference": hidden})
        return found

    def _remember(self, hidden: bytes, case: UUID) -> None:
        if len(self._known) >= _REMEMBERED:
            self._known.pop(next(iter(self._known)))
        self._known[hidden] = case
