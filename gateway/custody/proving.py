"""After an erasure: what was destroyed is searched for, in every table, in the published folder, the spool, the second volume.

What is searched for is in the memory of the process that erased, and nowhere else: ciphertexts, wrapped keys, salts. Dead rows
are given back to PostgreSQL first (VACUUM); its files and its write-ahead log are another matter, which the words say.
"""

from __future__ import annotations

import asyncio
import json
import mmap
from dataclasses import asdict, dataclass
from typing import TYPE_CHECKING, Final

import structlog

from gateway.audit.publication.stored import Stored
from gateway.database import BROKEN, connect

if TYPE_CHECKING:
    from collections.abc import Iterable, Iterator, Sequence
    from pathlib import Path
    from uuid import UUID

    from gateway.audit.note import VerifierKey
    from gateway.database import Connection
    from gateway.settings import Settings
    from gateway.suggestions.tables import Payload

TOUCHED: Final = ("payloads", "judgements", "opinions", "notices", "challenges", "signatures", "suggestions", "cases")
_TABLES: Final = "SELECT tablename FROM pg_tables WHERE schemaname = 'public' ORDER BY tablename"
_KEEP: Final = "UPDATE erasures SET proof = $2::jsonb, proven_at = now() WHERE id = $1"
_NEEDLE: Final = 24
_SECONDS: Final = 3600.0
log = structlog.get_logger()


@dataclass(frozen=True, slots=True)
class Proof:
    """What a search after an erasure found.

    Args:
        tables, bytes, files: how much was searched.
        proven: entries of the case whose proofs still hold.
        found: where something is left; nothing should be.
    """

    tables: int
    bytes: int
    files: int
    proven: int
    found: tuple[str, ...]

    @property
    def clean(self) -> bool:
        """Whether nothing is left."""
        return not self.found


def needles(payloads: Iterable[Payload]) -> tuple[bytes, ...]:
    """What must be nowhere any more: the beginnings of ciphertexts, wrapped keys and salts."""
    parts = (part for one in payloads for part in (one.ciphertext, one.wrapped_key, one.salt) if part)
    return tuple(dict.fromkeys(bytes(part[:_NEEDLE]) for part in parts))


async def prove(settings: Settings, vkeys: Sequence[VerifierKey], url: str, case: UUID, sought: Sequence[bytes]) -> Proof:
    """Give dead rows back, then search everything that this establishment's Garant writes.

    Raises:
        OSError, asyncpg.PostgresError: the database cannot be read.
        NoteError: an entry of the case is no longer proven.
    """
    connection = await connect(url, role=None)
    try:
        await vacuum(connection)
        tables = [row["tablename"] for row in await connection.fetch(_TABLES)]
        found, size = list[str](), 0
        for table in tables:
            hit, read = await _in_table(connection, table, sought)
            found += [f"table {table}"] * hit
            size += read
        proven = await _proven(connection, settings.establishment.id, case, vkeys)
    finally:
        await connection.close(timeout=2)
    files = [path for folder in folders(settings) for path in files_of(folder)]
    found += await asyncio.to_thread(in_files, files, sought)
    return Proof(len(tables), size, len(files), proven, tuple(found))


async def vacuum(connection: Connection, *, rewrite: bool = False) -> None:
    """Give the room of dead rows back; `rewrite`: write the tables anew, which locks them meanwhile and leaves no old page."""
    how = "VACUUM (FULL)" if rewrite else "VACUUM"
    await connection.execute(f"{how} {', '.join(TOUCHED)}", timeout=_SECONDS)
    if rewrite:
        await connection.execute("CHECKPOINT", timeout=_SECONDS)


async def keep(url: str, erasure: UUID, proof: Proof) -> None:
    """Keep what was found beside the erasure."""
    connection = await connect(url)
    try:
        await connection.execute(_KEEP, erasure, json.dumps(asdict(proof)))
    finally:
        await connection.close(timeout=2)


async def proven_and_kept(
    settings: Settings, vkeys: Sequence[VerifierKey], url: str, erased: tuple[UUID, UUID], sought: Sequence[bytes]
) -> None:
    """The same beside the page that erased; a search that fails is told in the program's log and can be seen to be missing."""
    erasure, case = erased
    try:
        await keep(url, erasure, await prove(settings, vkeys, url, case, sought))
    except (*BROKEN, ValueError) as error:
        log.warning("erasure.not_proven", error=type(error).__name__)


def folders(settings: Settings) -> Iterator[Path]:
    """Every folder that Garant writes to, but for its keys and the database's own files."""
    given = settings.publication
    places = (settings.spool_directory, given.directory, given.anchor_directory, settings.impact_directory)
    yield from (place for place in places if place is not None and place.is_dir())


def files_of(folder: Path) -> Iterator[Path]:
    """The files below a folder."""
    return (path for path in sorted(folder.rglob("*")) if path.is_file())


def in_files(files: Iterable[Path], sought: Sequence[bytes]) -> list[str]:
    """The files that hold some of it."""
    return [str(path) for path in files if _holds(path, sought)]


def _holds(path: Path, sought: Sequence[bytes]) -> bool:
    try:
        with path.open("rb") as file:
            if not path.stat().st_size:
                return False
            with mmap.mmap(file.fileno(), 0, access=mmap.ACCESS_READ) as content:
                return any(content.find(form) >= 0 for one in sought for form in _forms(one))
    except FileNotFoundError:  # removed meanwhile
        return False


def _forms(sought: bytes) -> tuple[bytes, ...]:
    """As it is in a database's file, and as a text would write it: hexadecimal, base64 of whole groups (24 bytes are eight)."""
    import base64  # noqa: PLC0415

    return sought, sought.hex().encode(), base64.b64encode(sought)


class _Search:
    """Takes a stream piece by piece and looks for some bytes, across pieces too."""

    def __init__(self, sought: Sequence[bytes]) -> None:
        self._sought = [form for one in sought for form in _forms(one)]
        self._keep = max(map(len, self._sought), default=1)
        self._tail = b""
        self.size = 0
        self.found = False

    async def take(self, piece: bytes) -> None:
        """The next piece."""
        whole = self._tail + piece
        self.found = self.found or any(one in whole for one in self._sought)
        self._tail = whole[-self._keep :]
        self.size += len(piece)


async def _in_table(connection: Connection, table: str, sought: Sequence[bytes]) -> tuple[bool, int]:
    search = _Search(sought)
    await connection.copy_from_table(table, output=search.take, format="binary", timeout=_SECONDS)
    return search.found, search.size


async def _proven(connection: Connection, establishment: str, case: UUID, vkeys: Sequence[VerifierKey]) -> int:
    stored = Stored(connection, establishment)
    state = await stored.head()
    await stored.catch_up(state.size)
    found = await stored.prove_case(case, state)
    found.check(vkeys)
    return len(found.entries)
