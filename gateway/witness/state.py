"""What a witness remembers: the newest state it cosigned of each log, on disk before anybody hears of it.

One file a log, named by the hash of its origin; it holds the note as it was cosigned. A file that cannot be read stops the
witness: forgetting is the one thing that it may not do.
"""

from __future__ import annotations

import threading
from contextlib import contextmanager
from hashlib import sha256
from typing import TYPE_CHECKING

from gateway.audit.export import sync_folder, write_whole
from gateway.audit.note import Checkpoint, NoteError, VerifierKey, open_checkpoint

if TYPE_CHECKING:
    from collections.abc import Iterator
    from pathlib import Path


class Memory:
    """The newest cosigned notes.

    Args:
        directory: on a local disk; made if missing.
        vkeys: the logs that are witnessed.
    """

    def __init__(self, directory: Path, vkeys: tuple[VerifierKey, ...]) -> None:
        self._directory = directory
        self._lock = threading.Lock()
        self.vkeys = vkeys
        directory.mkdir(parents=True, exist_ok=True, mode=0o700)

    @contextmanager
    def alone(self) -> Iterator[None]:
        """Comparing and keeping are one step: nobody comes in between."""
        with self._lock:
            yield

    def keys_of(self, origin: str) -> tuple[VerifierKey, ...]:
        """The keys by which a log signs; none for a log that is not witnessed."""
        return tuple(key for key in self.vkeys if key.name == origin)

    def newest(self, origin: str) -> Checkpoint | None:
        """The newest state cosigned of a log. Raises NoteError, OSError where the file is damaged."""
        note = self.note(origin)
        return None if note is None else open_checkpoint(note, self.vkeys)

    def note(self, origin: str) -> str | None:
        """The newest note cosigned of a log, as it was answered. Raises NoteError, OSError."""
        return self.named(name_of(origin))

    def named(self, name: str) -> str | None:
        """The same by the hash of the origin."""
        path = self._directory / name / "checkpoint"
        try:
            return path.read_text(encoding="utf-8") if path.is_file() else None
        except UnicodeDecodeError as error:
            message = f"what was cosigned of {name} cannot be read"
            raise NoteError(message) from error

    def keep(self, origin: str, note: str) -> None:
        """Put a cosigned note on the disk. Raises OSError; then it was not cosigned."""
        folder = self._directory / name_of(origin)
        write_whole(folder / "checkpoint", note.encode())
        sync_folder(folder)
        sync_folder(self._directory)


def name_of(origin: str) -> str:
    """The hash by which a log is asked for."""
    return sha256(origin.encode()).hexdigest()
