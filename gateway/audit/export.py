"""The log as a folder of plain files in the layout of C2SP tlog-tiles: written once, checked anywhere without a database.

`checkpoint`, `tile/<level>/<n>[.p/<width>]`, `tile/entries/<n>[.p/<width>]`, `checkpoints/<size>` (older signed states),
`cosignatures/<size>` and `timestamps/<size>/<authority>.tsr` (what others said of them), `log.vkey`, `policies.json` (SHA-256 hex
of a policy document → that document, RFC 8785 text) and `assertions.jsonl` (a line a signature by passkey: entry, salt,
evidence; in a bucket in parts, `assertions/<n>.jsonl`). What is read here is untrusted: only `NoteError` comes out.
"""

from __future__ import annotations

import json
import os
from dataclasses import dataclass, field
from itertools import islice
from typing import TYPE_CHECKING, Final

from gateway.audit.note import MAX_BYTES as MAX_NOTE_BYTES
from gateway.audit.note import NoteError
from gateway.audit.tree import leaf_hash, root_of

if TYPE_CHECKING:
    from collections.abc import Iterable, Iterator, Mapping, Sequence
    from pathlib import Path

WIDTH: Final = 256
"""Hashes in a full tile, entries in a full bundle."""
MAX_LEAF_BYTES: Final = 4096
ASSERTIONS: Final = "assertions.jsonl"
_LENGTH_BYTES: Final = 2
_MAX_BUNDLE_BYTES: Final = WIDTH * (_LENGTH_BYTES + MAX_LEAF_BYTES)
_MAX_POLICIES_BYTES: Final = 64 * 1024 * 1024
_GROUP: Final = 1000
_MAX_DIGITS: Final = 18


@dataclass(frozen=True, slots=True)
class Export:
    """A folder that was opened; nothing in it is proven yet.

    Args:
        folder: where it is.
        checkpoint: the signed note.
        size: how many entries the checkpoint claims.
        vkey: the verifier key that lies beside the log (a reader should bring his own).
        policies: digest → policy document.
        kept: older checkpoints, smallest first.
        cosignatures: size → signature lines of witnesses over the older checkpoint of that size.
        timestamps: size and authority → RFC 3161 answer over the older checkpoint of that size.
    """

    folder: Path
    checkpoint: str
    size: int
    vkey: str
    policies: Mapping[str, str]
    kept: tuple[str, ...]
    cosignatures: Mapping[int, str] = field(default_factory=dict)
    timestamps: Mapping[tuple[int, str], bytes] = field(default_factory=dict)

    def bare(self) -> Export:
        """The same folder without the texts beside the log, to be sent to another process."""
        return Export(self.folder, self.checkpoint, self.size, self.vkey, {}, ())

    def leaves(self) -> Iterator[bytes]:
        """The entries in order, exactly `size` of them. Raises NoteError at the first bundle that is missing or malformed."""
        for number in range(-(-self.size // WIDTH)):
            yield from self.bundle(number)

    def bundle(self, number: int) -> list[bytes]:
        """The entries of one bundle. Raises NoteError where it is missing or malformed."""
        width = min(WIDTH, self.size - number * WIDTH)
        name = place("entries", number, width)
        return _unpack(_read(self.folder / name, _MAX_BUNDLE_BYTES), width, name)

    def tile(self, name: str) -> bytes:
        """The hashes in a tile file, unchecked. Raises NoteError where it is missing or too large."""
        return _read(self.folder / name, WIDTH * 32)


class Tiler:
    """Turns hashes of a level, one by one, into the tile files of that level and all above it; level 0 are leaf hashes."""

    def __init__(self, lowest: int = 0) -> None:
        self._lowest = lowest
        self._levels: list[list[bytes]] = [[]]
        self._counts = [0]

    def add(self, one: bytes) -> Iterable[tuple[str, bytes]]:
        """Take the next hash; returns the full tiles this completes as (path, content)."""
        hashes = self._levels[0]
        hashes.append(one)
        return self._full(0) if len(hashes) == WIDTH else ()

    def rest(self) -> Iterator[tuple[str, bytes]]:
        """The partial tiles at the end of the log."""
        for level, hashes in enumerate(self._levels):
            if hashes:
                yield place(str(level + self._lowest), self._counts[level], len(hashes)), b"".join(hashes)

    def _full(self, level: int) -> list[tuple[str, bytes]]:
        hashes = self._levels[level]
        tile = (place(str(level + self._lowest), self._counts[level], WIDTH), b"".join(hashes))
        if level + 1 == len(self._levels):
            self._levels.append([])
            self._counts.append(0)
        self._levels[level + 1].append(root_of(hashes))
        self._levels[level] = []
        self._counts[level] += 1
        return [tile, *(self._full(level + 1) if len(self._levels[level + 1]) == WIDTH else ())]


def write_export(
    folder: Path,
    leaves: Iterable[bytes],
    checkpoint: str,
    vkey: str,
    policies: Mapping[str, str],
    kept: Sequence[str] = (),
    assertions: Iterable[str] = (),
) -> int:
    """Write a log to a folder, 256 entries at a time; each file appears whole or not at all, the checkpoint last.

    Args:
        folder: made if missing.
        leaves: every leaf's bytes, in order.
        checkpoint: the signed note for exactly these leaves.
        vkey: verifier key line.
        policies: digest → canonical document, at least those the entries name.
        kept: older checkpoints.
        assertions: lines of `assertions.jsonl`.

    Returns:
        How many entries were written.

    Raises:
        NoteError: a leaf is over 4 KiB, a note is no checkpoint, or the leaves are not as many as it says.
        OSError: the disk refuses.
    """
    size = _write_leaves(folder, leaves)
    if size != claimed_size(checkpoint):
        message = f"{size} entries were to be exported, but the checkpoint speaks of {claimed_size(checkpoint)}"
        raise NoteError(message)
    write_whole(folder / "log.vkey", vkey.strip().encode() + b"\n")
    if lines := "".join(f"{line}\n" for line in assertions):
        write_whole(folder / ASSERTIONS, lines.encode())
    write_whole(folder / "policies.json", json.dumps(dict(policies), ensure_ascii=False, sort_keys=True, indent=1).encode())
    for note in kept:
        write_whole(folder / "checkpoints" / str(claimed_size(note)), note.encode())
    write_whole(folder / "checkpoint", checkpoint.encode())
    return size


def read_export(folder: Path) -> Export:
    """Open an exported log. Raises NoteError where a file is missing, too large or malformed."""
    checkpoint = _text(folder / "checkpoint")
    policies = _policies(_read(folder / "policies.json", _MAX_POLICIES_BYTES))
    size, vkey, kept = claimed_size(checkpoint), _text(folder / "log.vkey"), _kept(folder / "checkpoints")
    return Export(
        folder, checkpoint, size, vkey, policies, kept, _cosignatures(folder / "cosignatures"), _timestamps(folder / "timestamps")
    )


def claimed_size(note: str) -> int:
    """The size a checkpoint states, its signature unchecked. Raises NoteError."""
    size = "".join(note.split("\n", 2)[1:2])
    if not (size.isascii() and size.isdigit() and len(size) <= _MAX_DIGITS):
        message = "the checkpoint does not state a size on its second line"
        raise NoteError(message)
    return int(size)


def _write_leaves(folder: Path, leaves: Iterable[bytes]) -> int:
    tiler, source, size = Tiler(), iter(leaves), 0
    while bundle := list(islice(source, WIDTH)):
        write_whole(folder / place("entries", size // WIDTH, len(bundle)), b"".join(map(packed, bundle)))
        for leaf in bundle:
            for name, content in tiler.add(leaf_hash(leaf)):
                write_whole(folder / name, content)
        size += len(bundle)
    for name, content in tiler.rest():
        write_whole(folder / name, content)
    return size


def packed(leaf: bytes) -> bytes:
    """An entry as it stands in a bundle: its length, two bytes, most significant first, then its bytes. Raises NoteError."""
    if len(leaf) > MAX_LEAF_BYTES:
        message = f"an entry of {len(leaf)} bytes is over the limit of {MAX_LEAF_BYTES}"
        raise NoteError(message)
    return len(leaf).to_bytes(_LENGTH_BYTES) + leaf


def _unpack(bundle: bytes, width: int, name: str) -> list[bytes]:
    leaves, position = list[bytes](), 0
    for _ in range(width):
        start = position + _LENGTH_BYTES
        position = start + int.from_bytes(bundle[position:start])
        leaves.append(bundle[start:position])
    if position > len(bundle):
        message = f"the file {name} ends before its {width} entries do"
        raise NoteError(message)
    if position != len(bundle):
        message = f"the file {name} holds more than its {width} entries"
        raise NoteError(message)
    return leaves


def place(level: str, number: int, width: int) -> str:
    """The path of a tile or bundle below the log's address."""
    groups = [f"{number % _GROUP:03d}"]
    while number := number // _GROUP:
        groups.insert(0, f"x{number % _GROUP:03d}")
    partial = "" if width == WIDTH else f".p/{width}"
    return f"tile/{level}/{'/'.join(groups)}{partial}"


def write_whole(path: Path, content: bytes) -> None:
    """Write a file that appears whole or not at all. Raises OSError."""
    path.parent.mkdir(parents=True, exist_ok=True)
    part = path.with_name(f"{path.name}.{os.getpid()}.part")
    with part.open("wb") as file:
        file.write(content)
        file.flush()
        os.fsync(file.fileno())
    part.replace(path)


def sync_folder(folder: Path) -> None:
    """Put a folder's own list of names on the disk."""
    descriptor = os.open(folder, os.O_RDONLY)
    try:
        os.fsync(descriptor)
    finally:
        os.close(descriptor)


def _read(path: Path, limit: int) -> bytes:
    try:
        with path.open("rb") as file:
            content = file.read(limit + 1)
    except (OSError, ValueError) as error:
        message = f"the file {path.name} in {path.parent} cannot be read ({type(error).__name__}); the export is incomplete"
        raise NoteError(message) from error
    if len(content) > limit:
        message = f"the file {path.name} in {path.parent} is larger than such a file can be"
        raise NoteError(message)
    return content


def _text(path: Path) -> str:
    try:
        return _read(path, MAX_NOTE_BYTES).decode()
    except UnicodeDecodeError as error:
        message = f"the file {path.name} is not UTF-8 text"
        raise NoteError(message) from error


def _policies(content: bytes) -> dict[str, str]:
    try:
        found: object = json.loads(content.decode())
    except (ValueError, RecursionError) as error:
        message = "policies.json is not JSON"
        raise NoteError(message) from error
    if not isinstance(found, dict) or not all(isinstance(document, str) for document in found.values()):
        message = "policies.json is not a table of policy documents"
        raise NoteError(message)
    return found


def _kept(folder: Path) -> tuple[str, ...]:
    notes = {int(path.name): _text(path) for path in _numbered(folder)}
    for size, note in notes.items():
        if claimed_size(note) != size:
            message = f"the file checkpoints/{size} holds the checkpoint over {claimed_size(note)} entries"
            raise NoteError(message)
    return tuple(note for _, note in sorted(notes.items()))


def _cosignatures(folder: Path) -> dict[int, str]:
    return {int(path.name): _text(path) for path in sorted(_numbered(folder))}


def _timestamps(folder: Path) -> dict[tuple[int, str], bytes]:
    found = {}
    for at in _numbered(folder):
        for path in _listed(at):
            if path.suffix == ".tsr":
                found[int(at.name), path.stem] = _read(path, MAX_NOTE_BYTES)
    return found


def _numbered(folder: Path) -> list[Path]:
    """What is named by a size; a file manager leaves files of its own in a folder."""
    return [path for path in _listed(folder) if path.name.isascii() and path.name.isdecimal() and len(path.name) <= _MAX_DIGITS]


def _listed(folder: Path) -> list[Path]:
    try:
        return list(folder.iterdir()) if folder.is_dir() else []
    except OSError as error:
        message = f"the folder {folder.name} beside the log cannot be read"
        raise NoteError(message) from error
