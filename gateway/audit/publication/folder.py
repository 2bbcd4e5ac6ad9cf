"""The published log as files in the layout of tlog-tiles: every round adds what is new, the checkpoint comes last.

`Site` says what is written in which order, wherever the files lie; `Folder` is one on this machine. The memory used does not depend on
the size of the log. Layout: `gateway/audit/export.py`.
"""

from __future__ import annotations

import asyncio
import json
import shutil
from abc import ABC, abstractmethod
from typing import TYPE_CHECKING, Final

from gateway.audit.export import ASSERTIONS, WIDTH, claimed_size, place, sync_folder, write_whole
from gateway.audit.outside.tiles import Tile, tiles_of

if TYPE_CHECKING:
    from collections.abc import Callable, Mapping, Sequence
    from pathlib import Path

    from gateway.audit.publication.stored import State, Stored

CHECKPOINT: Final = "checkpoint"
_TAIL_BYTES: Final = 64 * 1024


class Site(ABC):
    """A published log.

    Args:
        vkey: the log's public keys, one a line; written beside it for readers who have none yet.
        told: called with the number of entries written so far.
    """

    def __init__(self, vkey: str, told: Callable[[int], None] = lambda _: None) -> None:
        self._vkey = vkey
        self._told = told

    async def newest(self) -> str | None:
        """The note of the state that was published last; None where nothing was. Raises OSError."""
        content = await self._read(CHECKPOINT)
        return None if content is None else content.decode(errors="replace")

    async def add(self, stored: Stored, state: State) -> None:
        """Publish a state that extends the one that is there. Raises OSError, NoteError, Unknown."""
        newest = await self.newest()
        since = 0 if newest is None else claimed_size(newest)
        await stored.catch_up(state.size)
        await self._bundles(stored, since, state.size)
        for tile in tiles_of(state.size, since):
            await self._put(tile.path, await stored.tile(tile))
        await self._texts(stored, since, state.size)
        await self._settle()
        await self._put(CHECKPOINT, (await stored.cosigned(state)).encode())
        await self._settle()
        await self._evidence(stored, since if newest is not None and await self._complete(since) else -1, state.size)
        await self._tidy(completed(since, state.size))

    async def _complete(self, since: int) -> bool:
        """Whether the last round came to its end; its last file says so."""
        return await self._read(f"checkpoints/{since}") is not None

    async def _bundles(self, stored: Stored, since: int, size: int) -> None:
        for number in range(since // WIDTH, -(-size // WIDTH)):
            width = min(WIDTH, size - number * WIDTH)
            await self._put(place("entries", number, width), await stored.bundle(number, width))
            self._told(number * WIDTH + width)

    async def _texts(self, stored: Stored, since: int, size: int) -> None:
        """Signatures by passkey, policies, keys."""
        lines = [f"{line}\n" for line in (await stored.assertions(since, size)).values()]
        await self._keep("".join(lines).encode(), since)
        await self._put("policies.json", _policies(await stored.policies()))
        await self._put("log.vkey", self._vkey.strip().encode() + b"\n")

    async def _evidence(self, stored: Stored, since: int, size: int) -> None:
        """Who cosigned and stamped states, and older states; after the checkpoint, because none may be newer than the log beside it."""
        for at, text in (await stored.cosignatures_since(since, size)).items():
            await self._put(f"cosignatures/{at}", text.encode())
        for (at, authority), token in (await stored.timestamps_since(since, size)).items():
            await self._put(f"timestamps/{at}/{authority}.tsr", token)
        for kept in await stored.kept_since(since, size):
            if kept.size == size:
                await self._settle()
            await self._put(f"checkpoints/{kept.size}", kept.note.encode())
        await self._settle()

    @abstractmethod
    async def _read(self, name: str) -> bytes | None:
        """A file; None where there is none. Raises OSError."""

    @abstractmethod
    async def _put(self, name: str, content: bytes) -> None:
        """Write a file whole, in place of another; it is there after `_settle`. Raises OSError."""

    @abstractmethod
    async def _settle(self) -> None:
        """Wait until all that was put is there to stay. Raises OSError."""

    @abstractmethod
    async def _keep(self, lines: bytes, since: int) -> None:
        """Keep the signatures by passkey of the entries after the first `since`. Raises OSError."""

    @abstractmethod
    async def _tidy(self, folders: Sequence[str]) -> None:
        """Remove folders that nobody needs any more, as far as that can be done."""


class Folder(Site):
    """A published log in a folder; `directory` is made if missing."""

    def __init__(self, directory: Path, vkey: str, told: Callable[[int], None] = lambda _: None) -> None:
        super().__init__(vkey, told)
        self._directory = directory

    async def _read(self, name: str) -> bytes | None:
        path = self._directory / name
        return await asyncio.to_thread(lambda: path.read_bytes() if path.is_file() else None)

    async def _put(self, name: str, content: bytes) -> None:
        await asyncio.to_thread(write_whole, self._directory / name, content)

    async def _keep(self, lines: bytes, _since: int) -> None:
        if lines:
            await asyncio.to_thread(self._append, lines)

    async def _settle(self) -> None:
        await asyncio.to_thread(sync_folder, self._directory)

    async def _tidy(self, folders: Sequence[str]) -> None:
        for name in folders:
            await asyncio.to_thread(shutil.rmtree, self._directory / name, ignore_errors=True)

    def _append(self, lines: bytes) -> None:
        """Add lines to `assertions.jsonl`; a line that a crash cut off is written again."""
        self._directory.mkdir(parents=True, exist_ok=True)
        with (self._directory / ASSERTIONS).open("a+b") as file:
            end = file.seek(0, 2)
            file.seek(max(0, end - _TAIL_BYTES))
            tail = file.read()
            file.truncate(end - len(tail) + tail.rfind(b"\n") + 1)
            file.write(lines)


def completed(since: int, size: int) -> Sequence[str]:
    """The folders of partial files of what is full now: nobody needs them any more."""
    full: list[Tile] = [tile for tile in tiles_of(size, since) if tile.width == WIDTH]
    places = [(level, tile.number) for tile in full for level in ((str(tile.level), "entries") if tile.level == 0 else (str(tile.level),))]
    return [f"{place(level, number, WIDTH)}.p" for level, number in places]


def _policies(documents: Mapping[str, str]) -> bytes:
    return json.dumps(dict(documents), ensure_ascii=False, sort_keys=True, indent=1).encode()
