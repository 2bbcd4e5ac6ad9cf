"""Kinds of mutations: each makes, from what is there and a source of chance, what a forger or a bad disk might leave behind."""

from __future__ import annotations

from dataclasses import dataclass, field
from typing import TYPE_CHECKING

from cryptography.hazmat.primitives.asymmetric.ed25519 import Ed25519PrivateKey

from gateway.audit.export import write_export
from gateway.audit.note import SigningKey, sign_checkpoint
from gateway.audit.tree import leaf_hash, root_of
from tests.audit.story import KEY, ORIGIN

if TYPE_CHECKING:
    from collections.abc import Callable, Mapping
    from pathlib import Path
    from random import Random

STRANGER = SigningKey(ORIGIN, Ed25519PrivateKey.generate())


@dataclass
class Material:
    """What can be mutated.

    Args:
        files: name → content; names of the log's folder, and beside it `witnesses.policy`, `entry.tlog-proof`, `case.tlog-proof`, `leaf`,
            `growth`, `note` (the state from which `growth` leads).
        leaves: the log's entries.
        folder: somewhere to write a whole log.
    """

    files: Mapping[str, bytes]
    leaves: list[bytes]
    folder: Path


@dataclass
class Mutation:
    """What is there instead; None: nothing. `first`: the first entry that is another one, where a whole log was rewritten."""

    kind: str
    files: dict[str, bytes | None] = field(default_factory=dict)
    first: int | None = None


def _units(name: str, content: bytes) -> list[bytes]:
    """The parts of a file: entries, hashes, lines, else bytes."""
    if name.startswith("tile/entries/"):
        units, position = [], 0
        while position < len(content):
            end = position + 2 + int.from_bytes(content[position : position + 2])
            units.append(content[position:end])
            position = end
        return units
    if name.startswith("tile/"):
        return [content[n : n + 32] for n in range(0, len(content), 32)]
    if name.endswith(".tsr"):
        return [content[n : n + 1] for n in range(len(content))]
    return content.splitlines(keepends=True)


def flip(from_: Material, chance: Random) -> Mutation:
    """One bit."""
    name = _name(from_, chance)
    content = bytearray(from_.files[name])
    content[chance.randrange(len(content))] ^= 1 << chance.randrange(8)
    return Mutation("bit flipped", {name: bytes(content)})


def another_byte(from_: Material, chance: Random) -> Mutation:
    """One byte becomes another."""
    name = _name(from_, chance)
    content = bytearray(from_.files[name])
    content[chance.randrange(len(content))] = chance.randrange(256)
    return Mutation("byte replaced", {name: bytes(content)})


def swap(from_: Material, chance: Random) -> Mutation:
    """Two parts change places."""
    name = _name(from_, chance)
    units = _units(name, from_.files[name])
    one, other = chance.randrange(len(units)), chance.randrange(len(units))
    units[one], units[other] = units[other], units[one]
    return Mutation("parts swapped", {name: b"".join(units)})


def delete(from_: Material, chance: Random) -> Mutation:
    """A part is gone."""
    name = _name(from_, chance)
    units = _units(name, from_.files[name])
    del units[chance.randrange(len(units))]
    return Mutation("part deleted", {name: b"".join(units)})


def duplicate(from_: Material, chance: Random) -> Mutation:
    """A part stands there twice."""
    name = _name(from_, chance)
    units = _units(name, from_.files[name])
    place = chance.randrange(len(units))
    units.insert(chance.randrange(len(units) + 1), units[place])
    return Mutation("part duplicated", {name: b"".join(units)})


def truncate(from_: Material, chance: Random) -> Mutation:
    """The end is cut off."""
    name = _name(from_, chance)
    content = from_.files[name]
    return Mutation("truncated", {name: content[: chance.randrange(len(content))]})


def append(from_: Material, chance: Random) -> Mutation:
    """Something is added at the end."""
    name = _name(from_, chance)
    more = chance.choice([b"\n", b"x", b"\x00", chance.randbytes(chance.randrange(1, 64)), _units(name, from_.files[name])[-1]])
    return Mutation("extended", {name: from_.files[name] + more})


def lose(from_: Material, chance: Random) -> Mutation:
    """A file is gone that no log can be without."""
    return Mutation("file lost", {chance.choice([name for name in from_.files if not name.startswith(OPTIONAL)]): None})


def exchange(from_: Material, chance: Random) -> Mutation:
    """Two files of a kind change places."""
    name = _name(from_, chance)
    alike = [
        other for other in from_.files if other != name and other.rsplit("/", 1)[0].split("/")[0] == name.split("/")[0] and "/" in other
    ]
    other = chance.choice(alike or [name])
    return Mutation("files exchanged", {name: from_.files[other], other: from_.files[name]})


def replay(from_: Material, chance: Random) -> Mutation:
    """An older state poses as the newest, or an older cosignature or timestamp as a newer one."""
    sizes = [name.split("/")[1] for name in from_.files if name.startswith("checkpoints/")]
    old, new = sorted(chance.sample(sizes, 2), key=int)
    table: list[dict[str, bytes | None]] = [
        {"checkpoint": from_.files[f"checkpoints/{old}"] + from_.files[f"cosignatures/{old}"]},
        {f"cosignatures/{new}": from_.files[f"cosignatures/{old}"]},
        {f"timestamps/{new}/tsa.tsr": from_.files[f"timestamps/{old}/tsa.tsr"]},
        {f"checkpoints/{new}": from_.files[f"checkpoints/{old}"]},
    ]
    return Mutation("older state replayed", chance.choice(table))


def stranger(from_: Material, chance: Random) -> Mutation:
    """The log is rewritten, and signed with another key of the same name."""
    return _rewritten("signed with another key", from_, chance, STRANGER)


def owner(from_: Material, chance: Random) -> Mutation:
    """The log is rewritten, and signed with its true key: the hospital itself is the forger."""
    return _rewritten("rewritten with the true key", from_, chance, KEY)


def cut(from_: Material, chance: Random) -> Mutation:
    """The end of the log is cut off, and the rest signed with the true key."""
    size = chance.randrange(1, len(from_.leaves))
    return _signed("cut off with the true key", from_, from_.leaves[:size], KEY, size)


def unsigned(from_: Material, chance: Random) -> Mutation:
    """A sign-off was never there, says the owner of the key: everything else fits."""
    places = [n for n, leaf in enumerate(from_.leaves) if b'"type":"signed_off"' in leaf]
    gone = chance.choice(places)
    leaves = from_.leaves[:gone] + from_.leaves[gone + 1 :]
    return _signed("sign-off removed with the true key", from_, leaves, KEY, gone)


OPTIONAL = ("checkpoints/", "cosignatures/", "timestamps/")
"""Evidence beside a log: without it less is proven, but nothing wrong is said."""
KINDS: tuple[Callable[[Material, Random], Mutation], ...] = (
    flip, another_byte, swap, delete, duplicate, truncate, append, lose, exchange, replay, stranger, owner, cut, unsigned,
)  # fmt: skip


def _name(from_: Material, chance: Random) -> str:
    return chance.choice([name for name, content in from_.files.items() if content])


def _rewritten(kind: str, from_: Material, chance: Random, key: SigningKey) -> Mutation:
    leaves, place = list(from_.leaves), chance.randrange(len(from_.leaves))
    act = chance.randrange(4)
    if act == 0:
        leaves[place] = leaves[place].replace(b"2026-01", b"2025-01", 1)
    elif act == 1:
        del leaves[place]
    elif act == 2:
        leaves.insert(place, leaves[place])
    else:
        other = (place + chance.randrange(1, len(leaves))) % len(leaves)
        leaves[place], leaves[other] = leaves[other], leaves[place]
        place = min(place, other)
    return _signed(kind, from_, leaves, key, place)


def _signed(kind: str, from_: Material, leaves: list[bytes], key: SigningKey, first: int) -> Mutation:
    """A whole log over other entries; what others said of the old one stays."""
    note = sign_checkpoint(ORIGIN, len(leaves), root_of(map(leaf_hash, leaves)), key)
    made: dict[str, bytes | None] = {name: None for name in from_.files if name.startswith("tile/")}
    write_export(from_.folder, leaves, note, key.verifier().encode(), {})
    for path in from_.folder.rglob("*"):
        name = path.relative_to(from_.folder).as_posix()
        if path.is_file() and (name.startswith("tile/") or name == "checkpoint"):
            made[name] = path.read_bytes()
            path.unlink()
    return Mutation(kind, made, first)
