"""Answers of the impact section that are given again, byte for byte, until anything they rest on is another one.

They rest on the rows of the ledger, on the total volumes that were given, and on the establishment's files: same ledger, same files, same answer.
What of these there is now is looked up before every answer, so none is out of date; only that it is made twice is spared.
"""

from __future__ import annotations

import asyncio
from dataclasses import dataclass
from typing import TYPE_CHECKING, Final

from sqlmodel import text

from gateway.database import reading

if TYPE_CHECKING:
    from collections.abc import Hashable
    from pathlib import Path

    from gateway.api.dependencies import Parts

MOST: Final = 32
"""Answers that are kept at once."""
_NOW: Final = text(
    "SELECT (SELECT coalesce(max(log_index), -1) FROM usage_records WHERE establishment = :establishment), "
    "(SELECT count(*) FROM volumes_given), (SELECT count(*) FROM impact_volumes)"
)


@dataclass(frozen=True, slots=True)
class Basis:
    """What answers rest on: the ledger's last row, how often volumes were given, how many there are, each file's name, time and size."""

    last: int
    given: int
    volumes: int
    files: tuple[tuple[str, int, int], ...]

    @classmethod
    async def now(cls, parts: Parts) -> Basis:
        """As it is at this moment. Raises AuditUnavailable."""
        async with reading(parts.database) as session:
            connection = await session.connection()
            last, given, volumes = (await connection.execute(_NOW, {"establishment": parts.settings.establishment.id})).one()
        return cls(last, given, volumes, await asyncio.to_thread(_files, parts.settings.impact_directory))


class Kept:
    """The answers of one basis."""

    def __init__(self, most: int = MOST) -> None:
        self._most = most
        self._basis: Basis | None = None
        self._answers: dict[Hashable, object] = {}

    def find(self, basis: Basis, question: Hashable) -> object | None:
        """The answer that was given to a question; None where it was not asked yet, or rests on something else."""
        return self._answers.get(question) if basis == self._basis else None

    def keep(self, basis: Basis, question: Hashable, answer: object) -> None:
        """Keep an answer; the basis is what there was before it was made."""
        if basis != self._basis:
            self._basis, self._answers = basis, {}
        while len(self._answers) >= self._most:
            del self._answers[next(iter(self._answers))]
        self._answers[question] = answer


def _files(folder: Path) -> tuple[tuple[str, int, int], ...]:
    if not folder.is_dir():
        return ()
    found = sorted(path for path in folder.rglob("*") if path.is_file())
    return tuple((str(path), told.st_mtime_ns, told.st_size) for path in found for told in [path.stat()])
