"""The published log as a folder in the layout of tlog-tiles: every round adds what is new, the checkpoint comes last.

Any tool that mirrors folders brings it to a web server or an S3-compatible bucket; let it copy the file `checkpoint` last. The
memory used does not depend on the size of the log. Layout: `gateway/audit/export.py`.
"""

from __future__ import annotations

import asyncio
import json
import shutil
from typing import TYPE_CHECKING, Final

from gateway.audit.export import ASSERTIONS, WIDTH, claimed_size, place, sync_folder, write_whole
from gateway.audit.outside.tiles import Tile, tiles_of

if TYPE_CHECKING:
    from collections.abc import Callable, Iterable, Mapping
    from pathlib import Path

    from gateway.audit.publication.stored import State, Stored

CHECKPOINT: Final = "checkpoint"
_TAIL_BYTES: Final = 64 * 1024


class Folder:
    """A published log.

    Args:
        directory: made if missing.
        vkey: the log's public keys, one a line; written beside it for readers who have none yet.
        told: called with the number of entries written so far.
    """

    def __init__(self, directory: Path, vkey: str, told: Callable[[int], None] = lambda _: None) -> None:
        self._directory = directory
        self._vkey = vkey
        self._told = told

    def newest(self) -> str | None:
        """The note of the state that was published last; None where nothing was. Raises OSError."""
        path = self._directory / CHECKPOINT
        return path.read_text(encoding="utf-8") if path.is_file() else None

    async def add(self, stored: Stored, state: State) -> None:
        """Publish a state that extends the one in the folder. Raises OSError, NoteError, Unknown."""
        newest = await asyncio.to_thread(self.newest)
        since = 0 if newest is None else claimed_size(newest)
        await stored.catch_up(state.size)
        await self._bundles(stored, since, state.size)
        for tile in tiles_of(state.size, since):
            await asyncio.to_thread(self._write, tile.path, await stored.tile(tile))
        await self._beside(stored, -1 if newest is None else since, state.size)
        await asyncio.to_thread(self._finish, (await stored.cosigned(state)).encode(), since, state.size)

    async def _bundles(self, stored: Stored, since: int, size: int) -> None:
        for number in range(since // WIDTH, -(-size // WIDTH)):
            width = min(WIDTH, size - number * WIDTH)
            await asyncio.to_thread(self._write, place("entries", number, width), await stored.bundle(number, width))
            self._told(number * WIDTH + width)

    async def _beside(self, stored: Stored, since: int, size: int) -> None:
        """Older states, who cosigned and stamped them, policies, signatures by passkey."""
        lines = [f"{line}\n" for line in (await stored.assertions(max(since, 0), size)).values()]
        await asyncio.to_thread(self._append, lines)
        files = {f"checkpoints/{kept.size}": kept.note.encode() for kept in await stored.kept_since(since, size)}
        files |= {f"cosignatures/{at}": text.encode() for at, text in (await stored.cosignatures_since(since, size)).items()}
        stamped = await stored.timestamps_since(since, size)
        files |= {f"timestamps/{at}/{authority}.tsr": token for (at, authority), token in stamped.items()}
        files["policies.json"] = _policies(await stored.policies())
        files["log.vkey"] = self._vkey.strip().encode() + b"\n"
        await asyncio.to_thread(self._write_all, files)

    def _append(self, lines: Iterable[str]) -> None:
        """Add lines to `assertions.jsonl`; a line that a crash cut off is written again."""
        text = "".join(lines)
        if not text:
            return
        self._directory.mkdir(parents=True, exist_ok=True)
        with (self._directory / ASSERTIONS).open("a+b") as file:
            end = file.seek(0, 2)
            file.seek(max(0, end - _TAIL_BYTES))
            tail = file.read()
            file.truncate(end - len(tail) + tail.rfind(b"\n") + 1)
            file.write(text.encode())

    def _finish(self, note: bytes, since: int, size: int) -> None:
        self._write(CHECKPOINT, note)
        sync_folder(self._directory)
        for level, number in _completed(since, size):
            shutil.rmtree(self._directory / f"{place(level, number, WIDTH)}.p", ignore_errors=True)

    def _write_all(self, files: Mapping[str, bytes]) -> None:
        for name, content in files.items():
            self._write(name, content)

    def _write(self, name: str, content: bytes) -> None:
        write_whole(self._directory / name, content)


def _completed(since: int, size: int) -> Iterable[tuple[str, int]]:
    """Tiles and bundles that were partial and are full now: their partial files are no longer needed."""
    full: list[Tile] = [tile for tile in tiles_of(size, since) if tile.width == WIDTH]
    return [(level, tile.number) for tile in full for level in ((str(tile.level), "entries") if tile.level == 0 else (str(tile.level),))]


def _policies(documents: Mapping[str, str]) -> bytes:
    return json.dumps(dict(documents), ensure_ascii=False, sort_keys=True, indent=1).encode()
