"""Signed states kept on a second volume, outside the database: whoever restores an older database cannot restore these with it.

Promises: a file is on the disk before it counts, and none is ever changed.
"""

from __future__ import annotations

import asyncio
from typing import TYPE_CHECKING, Final

from gateway.audit.export import sync_folder, write_whole
from gateway.audit.note import NoteError, open_checkpoint

if TYPE_CHECKING:
    from collections.abc import Sequence
    from pathlib import Path

    from gateway.audit.note import VerifierKey
    from gateway.audit.publication.stored import State, Stored

_BOTH: Final = (
    "The database is not the newest state of this log: {where} holds a checkpoint signed by this log's own key that the database does not "
    "lead to. It was restored from an older copy, or the history was changed. Nothing is written and nothing is released until somebody "
    "restores the newest copy; Garant never mends this by itself.\n"
    "--- the checkpoint of {where}:\n{other}--- the checkpoint of the database:\n{ours}"
)


class AheadError(Exception):
    """Somewhere lies a note of ours that the database does not lead to; carries that note."""

    def __init__(self, note: str) -> None:
        super().__init__("a newer or other state of this log was signed than the database holds")
        self.note = note


class Anchors:
    """A folder of notes named by their size."""

    def __init__(self, directory: Path) -> None:
        self._directory = directory

    def newest(self) -> str | None:
        """The note of the largest state; None where there is none. Raises OSError, NoteError where it cannot be read."""
        names = [path.name for path in self._directory.iterdir() if path.name.isdecimal()] if self._directory.is_dir() else []
        if not names:
            return None
        try:
            return (self._directory / max(names, key=int)).read_text(encoding="utf-8")
        except UnicodeDecodeError as error:
            message = f"the newest checkpoint in {self._directory.name} is not text"
            raise NoteError(message) from error

    async def add(self, stored: Stored, state: State) -> None:
        """Keep a state, with the cosignatures that it has. Raises OSError."""
        await asyncio.to_thread(self._add, state.size, await stored.cosigned(state))

    def _add(self, size: int, note: str) -> None:
        path = self._directory / str(size)
        if not path.exists():
            write_whole(path, note.encode())
            sync_folder(self._directory)


def both(where: str, other: str, ours: str) -> str:
    """The sentence for a database that is not the newest state of its log, with both notes."""
    return _BOTH.format(where=where, other=other, ours=ours)


async def check_behind(stored: Stored, state: State, vkeys: Sequence[VerifierKey], note: str) -> None:
    """That a note found elsewhere is an earlier state of this database, whose head is `state`.

    Raises:
        AheadError: it is not: it is larger, or has another root.
        NoteError: the note is damaged, or another log's; it proves nothing.
    """
    signed = open_checkpoint(note, vkeys)
    if signed.size > state.size:
        raise AheadError(note)
    await stored.catch_up(signed.size)
    if (await stored.frontier(signed.size)).root() != signed.root:
        raise AheadError(note)
