"""Whose cases stand in a queue: the patient's values that a route names for it, decrypted for the rows that are asked for and no others.

A clinician on the telephone has to find "Mrs Durand's case". What is searched for never stands in an address.
"""

from __future__ import annotations

import re
import unicodedata
from typing import TYPE_CHECKING, Any, Final, NamedTuple

import orjson
from sqlalchemy import text

from gateway.database import reading
from gateway.suggestions.content import Place, Sealed

if TYPE_CHECKING:
    from collections.abc import Iterable, Mapping
    from uuid import UUID

    from sqlalchemy import Row
    from sqlalchemy.ext.asyncio import async_sessionmaker
    from sqlmodel.ext.asyncio.session import AsyncSession

    from gateway.suggestions.content import Vault

_KEPT: Final = text(
    "SELECT p.suggestion_id, s.establishment, s.case_id, p.entry_id, p.salt, p.kek, p.wrapped_key, p.nonce, p.ciphertext "
    "FROM payloads AS p JOIN suggestions AS s ON s.id = p.suggestion_id "
    "WHERE p.suggestion_id = ANY(:ids) AND p.field = 'patient' AND p.ciphertext IS NOT NULL"
)
_DAY: Final = re.compile(r"(\d{1,2})[./-](\d{1,2})[./-](\d{4})")


class Kept(NamedTuple):
    """A patient's values as they are stored."""

    suggestion: UUID
    place: Place
    sealed: Sealed


class Patients:
    """Reads the patients of cases.

    Args:
        sessions: makes reading sessions.
        vault: opens payloads.
    """

    def __init__(self, sessions: async_sessionmaker[AsyncSession], vault: Vault) -> None:
        self._sessions = sessions
        self._vault = vault

    async def of(self, suggestions: Iterable[UUID]) -> dict[UUID, dict[str, str]]:
        """The values of each case by label; a case whose call named no patient, or whose content was erased, is not in it."""
        return {one.suggestion: self.opened(one) for one in await self.kept(suggestions)}

    async def kept(self, suggestions: Iterable[UUID]) -> list[Kept]:
        """The values of each case, still sealed."""
        async with reading(self._sessions) as session:
            rows = (await (await session.connection()).execute(_KEPT, {"ids": list(suggestions)})).all()
        return [_kept(row) for row in rows]

    def opened(self, kept: Kept) -> dict[str, str]:
        """Decrypt one. Raises Conflict for damaged content."""
        values: dict[str, str] = orjson.loads(self._vault.open(kept.sealed, kept.place))
        return values


def chosen(values: Mapping[str, str], labels: Iterable[str]) -> str:
    """The values that a queue shows, in the order of its configuration."""
    return " · ".join(values[label] for label in labels if values.get(label))


def fits(values: Mapping[str, str], asked: str) -> bool:
    """Whether every word that is asked for stands in a patient's values: without regard to case, accents, and how a day is written."""
    there = _plain(" ".join(values.values()))
    return all(word in there or _day(word) in there for word in _plain(asked).split())


def _kept(row: Row[Any]) -> Kept:
    sealed = Sealed("patient", row.entry_id, row.salt, row.kek, row.wrapped_key, row.nonce, row.ciphertext, "")
    return Kept(row.suggestion_id, Place(row.establishment, row.case_id, row.entry_id), sealed)


def _plain(words: str) -> str:
    split = unicodedata.normalize("NFKD", words)
    return "".join(one for one in split if not unicodedata.combining(one)).casefold()


def _day(word: str) -> str:
    """12/04/1961 as 1961-04-12; any other word as it is."""
    found = _DAY.fullmatch(word)
    return f"{found[3]}-{int(found[2]):02}-{int(found[1]):02}" if found else word
