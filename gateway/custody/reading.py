"""What is stored of a case, for who erases, holds or keeps it: never its content in clear."""

from __future__ import annotations

import json
from typing import TYPE_CHECKING, Final

from sqlmodel import col, select, text

from gateway.custody.tables import ErasureRow, HoldRow
from gateway.database import reading
from gateway.errors import Unknown
from gateway.suggestions.tables import Payload, Suggestion

if TYPE_CHECKING:
    from collections.abc import Iterable, Sequence
    from uuid import UUID

    from sqlalchemy.ext.asyncio import async_sessionmaker
    from sqlmodel.ext.asyncio.session import AsyncSession

_SIGNED: Final = text("""
SELECT EXISTS (SELECT FROM suggestions s JOIN signatures g ON g.suggestion_id = s.id WHERE s.case_id = :case AND s.erased_at IS NULL)
""")
_ENTRIES: Final = text("SELECT index AS place, leaf FROM entries WHERE establishment = :name AND case_id = :case ORDER BY index")
MOST: Final = 200


class Stock:
    """Reads requests, holds, and what a case consists of.

    Args:
        sessions: makes reading sessions.
        establishment: whose.
    """

    def __init__(self, sessions: async_sessionmaker[AsyncSession], establishment: str) -> None:
        self._sessions = sessions
        self._establishment = establishment

    async def suggestions(self, case: UUID) -> list[Suggestion]:
        """Everything that was suggested in a case."""
        query = select(Suggestion).where(Suggestion.case_id == case, Suggestion.establishment == self._establishment)
        async with reading(self._sessions) as session:
            return list(await session.exec(query.order_by(col(Suggestion.id))))

    async def signed(self, case: UUID) -> bool:
        """Whether anybody has decided in a case, and that is still kept."""
        async with reading(self._sessions) as session:
            return bool(await session.scalar(_SIGNED, {"case": case}))

    async def payloads(self, suggestions: Iterable[UUID]) -> list[Payload]:
        """The stored payloads, sealed as they are."""
        async with reading(self._sessions) as session:
            return list(await session.exec(select(Payload).where(col(Payload.suggestion_id).in_(list(suggestions)))))

    async def committed(self, case: UUID, suggestions: Iterable[UUID] | None = None) -> list[int]:
        """Indices of a case's entries (of these suggestions alone, where they are named) that commit to some content."""
        chosen = None if suggestions is None else {str(one) for one in suggestions}
        async with reading(self._sessions) as session:
            rows = (await (await session.connection()).execute(_ENTRIES, {"name": self._establishment, "case": case})).all()
        said = ((row.place, json.loads(row.leaf)) for row in rows)
        return [index for index, leaf in said if "commitments" in leaf and (chosen is None or leaf.get("suggestion") in chosen)]

    async def hold(self, case: UUID) -> HoldRow | None:
        """The hold that keeps a case, or None."""
        query = select(HoldRow).where(HoldRow.case_id == case, col(HoldRow.lifted_at).is_(None))
        async with reading(self._sessions) as session:
            return (await session.exec(query)).first()

    async def holds(self) -> Sequence[HoldRow]:
        """All holds in force, the newest first."""
        query = select(HoldRow).where(col(HoldRow.lifted_at).is_(None)).order_by(col(HoldRow.set_at).desc()).limit(MOST)
        async with reading(self._sessions) as session:
            return list(await session.exec(query))

    async def erasure(self, identity: UUID) -> ErasureRow:
        """One request. Raises Unknown."""
        async with reading(self._sessions) as session:
            row = await session.get(ErasureRow, identity)
        if row is None:
            message = "There is no request to erase with this id. Take it from the list of requests."
            raise Unknown(message, fr="Aucune demande d'effacement n'a cet identifiant. Prenez-le dans la liste des demandes.")
        return row

    async def erasures(self, *, case: UUID | None = None) -> Sequence[ErasureRow]:
        """Requests to erase, open ones first, then the newest; of one case alone where it is named."""
        query = select(ErasureRow) if case is None else select(ErasureRow).where(ErasureRow.case_id == case)
        order = (col(ErasureRow.done_at).desc().nulls_first(), col(ErasureRow.asked_at).desc())
        async with reading(self._sessions) as session:
            return list(await session.exec(query.order_by(*order).limit(MOST)))


def ranges(indices: Sequence[int]) -> str:
    """Ascending numbers as text: `3,7-9`."""
    parts: list[list[int]] = []
    for index in indices:
        if parts and index == parts[-1][1] + 1:
            parts[-1][1] = index
        else:
            parts.append([index, index])
    return ",".join(str(first) if first == last else f"{first}-{last}" for first, last in parts)
