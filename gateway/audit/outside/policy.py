"""Policy files (C2SP tlog-policy): which logs and witnesses somebody trusts, and how many of them must have cosigned.

What comes from outside raises only `NoteError`, which names the line.
"""

from __future__ import annotations

from dataclasses import dataclass
from typing import TYPE_CHECKING, Final

from gateway.audit.note import NoteError, VerifierKey
from gateway.audit.outside.cosignatures import CosignerKey

if TYPE_CHECKING:
    from collections.abc import Callable, Collection, Mapping, Sequence

MAX_BYTES: Final = 2**18
_NONE: Final = "none"
_ALLOWED: Final = frozenset({"\t", "\n"})


@dataclass(frozen=True, slots=True)
class Witness:
    """One witness of a policy; `url` is where it takes checkpoints, empty where nobody needs to know."""

    name: str
    key: CosignerKey
    url: str = ""


@dataclass(frozen=True, slots=True)
class Group:
    """A witness or group counts once; `needed` of them make the group."""

    needed: int
    members: tuple[str, ...]


@dataclass(frozen=True, slots=True)
class Policy:
    """A policy file that was read; `quorum` names a witness, a group, or `none`."""

    logs: tuple[VerifierKey, ...]
    witnesses: tuple[Witness, ...]
    groups: Mapping[str, Group]
    quorum: str

    @property
    def cosigners(self) -> tuple[CosignerKey, ...]:
        """The witnesses' keys."""
        return tuple(witness.key for witness in self.witnesses)

    def met_by(self, cosigned: Collection[CosignerKey]) -> bool:
        """Whether these cosignatures are enough."""
        present = {witness.name for witness in self.witnesses if witness.key in cosigned}
        return self.quorum == _NONE or self._met(self.quorum, present)

    def lacking(self, cosigned: Collection[CosignerKey]) -> tuple[str, ...]:
        """The witnesses that have not cosigned, by name."""
        return tuple(witness.name for witness in self.witnesses if witness.key not in cosigned)

    def _met(self, name: str, present: set[str]) -> bool:
        group = self.groups.get(name)
        if group is None:
            return name in present
        return sum(self._met(member, present) for member in group.members) >= group.needed


def read_policy(content: bytes) -> Policy:
    """The policy in a file's bytes. Raises NoteError with the line that is wrong."""
    reading = _Reading()
    for number, line in enumerate(_text(content).split("\n"), start=1):
        words = line.replace("\t", " ").split(" ")
        words = [word for word in words if word]
        if words and not words[0].startswith("#"):
            reading.line(number, words)
    return reading.done()


def _text(content: bytes) -> str:
    if len(content) > MAX_BYTES:
        message = f"the policy file is larger than {MAX_BYTES} bytes"
        raise NoteError(message)
    text = content.decode("utf-8", "surrogateescape")
    if any((character < " " and character not in _ALLOWED) or character == "\x7f" for character in text):
        message = "the policy file contains control characters"
        raise NoteError(message)
    return text


class _Reading:
    """A policy while it is read, line by line."""

    def __init__(self) -> None:
        self._logs: list[VerifierKey] = []
        self._witnesses: dict[str, Witness] = {}
        self._groups: dict[str, Group] = {}
        self._members: set[str] = set()
        self._quorum: str | None = None

    def line(self, number: int, words: Sequence[str]) -> None:
        """Take one line's words. Raises NoteError."""
        kinds: dict[str, Callable[[Sequence[str]], None]] = {
            "log": self._log,
            "witness": self._witness,
            "group": self._group,
            "quorum": self._set_quorum,
        }
        kind = kinds.get(words[0])
        if kind is None:
            message = f"line {number} of the policy begins with {words[0][:40]!r}, which is none of log, witness, group, quorum"
            raise NoteError(message)
        try:
            kind(words[1:])
        except NoteError as error:
            message = f"line {number} of the policy: {error}"
            raise NoteError(message) from error

    def done(self) -> Policy:
        """The whole policy. Raises NoteError where there is no quorum line."""
        if self._quorum is None:
            message = "the policy has no quorum line, so it does not say what is enough ('quorum none' for no witness at all)"
            raise NoteError(message)
        return Policy(tuple(self._logs), tuple(self._witnesses.values()), dict(self._groups), self._quorum)

    def _log(self, words: Sequence[str]) -> None:
        _check_count(words, 1, 2)
        key = VerifierKey.decode(words[0])
        if any(key.key == known.key for known in self._logs):
            message = "this log's key is listed twice"
            raise NoteError(message)
        self._logs.append(key)

    def _witness(self, words: Sequence[str]) -> None:
        _check_count(words, 2, 3)
        name, key = self._fresh(words[0]), CosignerKey.decode(words[1])
        if any(key.key == known.key.key for known in self._witnesses.values()):
            message = "this witness's key is listed twice"
            raise NoteError(message)
        self._witnesses[name] = Witness(name, key, "".join(words[2:]))

    def _group(self, words: Sequence[str]) -> None:
        _check_count(words, 3, None)
        name, members = self._fresh(words[0]), tuple(words[2:])
        for member in members:
            self._check_defined(member)
            if member in self._members:
                message = f"{member[:40]!r} is a member twice; each can count only once"
                raise NoteError(message)
            self._members.add(member)
        self._groups[name] = Group(_needed(words[1], len(members)), members)

    def _set_quorum(self, words: Sequence[str]) -> None:
        _check_count(words, 1, 1)
        if self._quorum is not None:
            message = "there is a second quorum line"
            raise NoteError(message)
        if words[0] != _NONE:
            self._check_defined(words[0])
        self._quorum = words[0]

    def _fresh(self, name: str) -> str:
        if name == _NONE or name in self._witnesses or name in self._groups:
            message = f"the name {name[:40]!r} is taken"
            raise NoteError(message)
        return name

    def _check_defined(self, name: str) -> None:
        if name not in self._witnesses and name not in self._groups:
            message = f"{name[:40]!r} is not a witness or group of a line before"
            raise NoteError(message)


def _check_count(words: Sequence[str], least: int, most: int | None) -> None:
    if len(words) < least or (most is not None and len(words) > most):
        message = "it has too few or too many words"
        raise NoteError(message)


def _needed(word: str, members: int) -> int:
    needed = {"any": "1", "all": str(members)}.get(word, word)
    if not (needed.isascii() and needed.isdigit() and str(int(needed[:9])) == needed and 1 <= int(needed) <= members):
        message = f"{word[:40]!r} of {members} is not possible"
        raise NoteError(message)
    return int(needed)
