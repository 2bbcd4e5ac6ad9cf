"""The local spool: time-critical writes that the log could not take, on disk and fsynced, merged later exactly once.

One file per write, named by its first entry's id; what a file holds was already encrypted. Merging looks the entry
ids up first, so that a crash in the middle of a merge repeats nothing.
"""

from __future__ import annotations

import asyncio
import base64
import json
import os
from contextlib import suppress
from dataclasses import asdict
from datetime import datetime
from typing import TYPE_CHECKING, Any, Final
from uuid import UUID

import structlog

from gateway.audit.batch import Statement, Usage, Write
from gateway.audit.leaf import Event, EventType
from gateway.errors import Conflict, Suspended

if TYPE_CHECKING:
    from collections.abc import Callable
    from pathlib import Path

    from gateway.audit.writer import Writer

_TAGS: Final[dict[str, Callable[[str], object]]] = {"$bytes": base64.b64decode, "$uuid": UUID, "$time": datetime.fromisoformat}
log = structlog.get_logger()


class Spool:
    """A folder of writes that wait for the log.

    Args:
        directory: on a local disk; made on first use, readable by its owner only.
    """

    def __init__(self, directory: Path) -> None:
        self._directory = directory
        self.filled = asyncio.Event()

    def keep(self, write: Write) -> None:
        """Put a write on disk; returns after fsync of file and folder. Raises OSError where the disk refuses."""
        self._directory.mkdir(parents=True, exist_ok=True, mode=0o700)
        path = self._directory / f"{write.events[0].id}.json"
        partial = path.with_suffix(".partial")
        with partial.open("wb") as file:
            file.write(to_bytes(write))
            file.flush()
            os.fsync(file.fileno())
        partial.rename(path)
        self._sync_folder()

    def waiting(self) -> tuple[Path, ...]:
        """The files not yet merged, oldest first."""
        return tuple(sorted(self._directory.glob("*.json"))) if self._directory.is_dir() else ()

    async def merge(self, writer: Writer) -> int:
        """Append what waits and remove it from disk; returns how many. Raises AuditUnavailable while the log is away."""
        merged = 0
        for path in self.waiting():
            try:
                await writer.append(from_bytes(path.read_bytes()), seen_before=True)
            except (Conflict, Suspended, LookupError, TypeError, ValueError) as error:
                log.exception("spool.refused", error=type(error).__name__, file=path.name)
                _set_aside(path)
            except FileNotFoundError:  # another replica on this disk was faster
                continue
            else:
                path.unlink(missing_ok=True)
                merged += 1
        return merged

    def _sync_folder(self) -> None:
        folder = os.open(self._directory, os.O_RDONLY)
        try:
            os.fsync(folder)
        finally:
            os.close(folder)


def _set_aside(path: Path) -> None:
    """What cannot be merged stays on disk for a person to look at, and stops nobody behind it."""
    with suppress(FileNotFoundError):
        path.rename(path.with_suffix(".refused"))


def to_bytes(write: Write) -> bytes:
    """A write as JSON; `from_bytes` gives the same write back."""
    return json.dumps(_plain(asdict(write)), separators=(",", ":")).encode()


def from_bytes(data: bytes) -> Write:
    """The write that `to_bytes` made. Raises KeyError, TypeError or ValueError for anything else."""
    kept: Any = _value(json.loads(data))
    for event in kept["events"]:
        event["type"] = EventType(event["type"])
    for name in ("guards", "effects"):
        kept[name] = tuple(Statement(part["sql"], tuple(part["args"]), part["key"]) for part in kept[name])
    kept["usage"] = None if kept["usage"] is None else Usage(**kept["usage"])
    events = tuple(Event(**event) for event in kept["events"])
    return Write(**{**kept, "events": events, "scopes": tuple(kept["scopes"]), "wake": tuple(kept["wake"])})


def _plain(value: object) -> object:
    if isinstance(value, dict):
        return {name: _plain(part) for name, part in value.items()}
    if isinstance(value, (list, tuple)):
        return [_plain(part) for part in value]
    if isinstance(value, bytes):
        return {"$bytes": base64.b64encode(value).decode()}
    if isinstance(value, UUID):
        return {"$uuid": str(value)}
    return {"$time": value.isoformat()} if isinstance(value, datetime) else value


def _value(value: object) -> object:
    if isinstance(value, list):
        return [_value(part) for part in value]
    if not isinstance(value, dict):
        return value
    if len(value) == 1:
        name, text = next(iter(value.items()))
        if name in _TAGS:
            return _TAGS[name](text)
    return {name: _value(part) for name, part in value.items()}
