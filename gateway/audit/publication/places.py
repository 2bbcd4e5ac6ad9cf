"""The places to which a signed state is brought: second volume, witnesses, timestamping authorities, folder and buckets; all alike to the publisher."""

from __future__ import annotations

from dataclasses import dataclass
from typing import TYPE_CHECKING, Final, Protocol

from gateway.audit.publication.anchors import check_behind
from gateway.audit.publication.stamping import stamp
from gateway.audit.publication.witnessing import newest_seen, submit

if TYPE_CHECKING:
    from collections.abc import Sequence
    from datetime import datetime

    from gateway.audit.note import VerifierKey
    from gateway.audit.outside.policy import Witness
    from gateway.audit.publication.anchors import Anchors
    from gateway.audit.publication.folder import Site
    from gateway.audit.publication.stored import Reached, State, Stored
    from gateway.audit.publication.witnessing import Ask

ANCHOR: Final = "anchor"
FOLDER: Final = "folder"
BUCKET: Final = "bucket:"
WITNESS: Final = "witness:"
TIMESTAMP: Final = "timestamp:"


class Place(Protocol):
    """Somewhere a state can be brought to."""

    @property
    def name(self) -> str:
        """Its name in tables and metrics."""
        ...

    def due(self, reached: Reached, size: int, now: datetime) -> bool:
        """Whether a log of this size should be brought there now."""
        ...

    async def bring(self, stored: Stored, state: State, reached: Reached) -> None:
        """Bring it. Raises AheadError where the place holds what the database does not lead to; whatever else goes wrong is raised too."""
        ...

    async def newest(self) -> str | None:
        """The newest note of ours that it holds, for comparison; None where it has none, or cannot be asked."""
        ...


@dataclass(frozen=True, slots=True)
class AnchorPlace:
    """The second volume."""

    anchors: Anchors
    vkeys: Sequence[VerifierKey]
    name: str = ANCHOR

    def due(self, reached: Reached, size: int, _now: datetime) -> bool:
        """Whenever there is something new."""
        return reached.size != size or reached.at is None

    async def bring(self, stored: Stored, state: State, _reached: Reached) -> None:
        """Write the note."""
        note = self.anchors.newest()
        if note is not None:
            await check_behind(stored, state, self.vkeys, note)
        await self.anchors.add(stored, state)

    async def newest(self) -> str | None:
        """What lies there."""
        return self.anchors.newest()


@dataclass(frozen=True, slots=True)
class FolderPlace:
    """The published log, in a folder or a bucket; last in the order, so that its checkpoint has the cosignatures."""

    folder: Site
    vkeys: Sequence[VerifierKey]
    name: str = FOLDER

    def due(self, reached: Reached, size: int, _now: datetime) -> bool:
        """Whenever there is something new."""
        return reached.size != size or reached.at is None

    async def bring(self, stored: Stored, state: State, _reached: Reached) -> None:
        """Write what is new."""
        note = await self.folder.newest()
        if note is not None:
            await check_behind(stored, state, self.vkeys, note)
        await self.folder.add(stored, state)

    async def newest(self) -> str | None:
        """What lies there."""
        return await self.folder.newest()


@dataclass(frozen=True, slots=True)
class WitnessPlace:
    """One witness of the policy."""

    witness: Witness
    ask: Ask
    vkeys: Sequence[VerifierKey]

    @property
    def name(self) -> str:
        """`witness:` and its name in the policy."""
        return f"{WITNESS}{self.witness.name}"

    def due(self, reached: Reached, size: int, _now: datetime) -> bool:
        """Whenever there is something new."""
        return reached.size != size or reached.at is None

    async def bring(self, stored: Stored, state: State, reached: Reached) -> None:
        """Have it cosigned, and keep the cosignature."""
        line = await submit(self.ask, self.witness, stored, state, reached.size, self.vkeys)
        await stored.add_cosignature(state.size, self.witness.name, line)

    async def newest(self) -> str | None:
        """What it saw last."""
        return await newest_seen(self.ask, self.witness, self.vkeys)


@dataclass(frozen=True, slots=True)
class TimestampPlace:
    """One timestamping authority."""

    id: str
    url: str
    every_seconds: int
    ask: Ask

    @property
    def name(self) -> str:
        """`timestamp:` and its id."""
        return f"{TIMESTAMP}{self.id}"

    def due(self, reached: Reached, size: int, now: datetime) -> bool:
        """When something is new and the last one is old enough."""
        waited = reached.at is None or (now - reached.at).total_seconds() >= self.every_seconds
        return waited and (reached.size != size or reached.at is None)

    async def bring(self, stored: Stored, state: State, _reached: Reached) -> None:
        """Have the note stamped, and keep the answer."""
        await stored.add_timestamp(state.size, self.id, await stamp(self.ask, self.url, state.note))

    async def newest(self) -> str | None:
        """An authority keeps nothing of ours."""
        return None


def is_copy(place: Place) -> bool:
    """Whether it holds the whole log, which a command need not wait for."""
    return place.name == FOLDER or place.name.startswith(BUCKET)
