"""The form of one entry: canonical JSON, the agreed members, a known type. Knows nothing of other entries."""

from __future__ import annotations

import json
import re
from typing import TYPE_CHECKING, Final, TypedDict, cast

from gateway.audit.export import MAX_LEAF_BYTES

try:
    import orjson
except ImportError:  # who verifies offline need not have it
    _QUICK = False
else:
    _QUICK = True

if TYPE_CHECKING:
    from collections.abc import Mapping

TYPES: Final = frozenset(
    [
        "received",
        "notified",
        "escalated",
        "overdue",
        "viewed",
        "judged_first",
        "signed_off",
        "rejected",
        "deferred",
        "handed_over",
        "released",
        "delivered",
        "delivery_failed",
        "expired",
        "recalled",
        "break_glass",
        "sampled",
        "reviewed",
        "patient_informed",
        "incident",
        "suspended",
        "resumed",
        "version_changed",
        "auth_ok",
        "auth_failed",
        "denied",
        "config_changed",
        "key_changed",
        "erased",
        "anchored",
        "seed_committed",
        "seed_revealed",
    ]
)
_REQUIRED: Final = frozenset({"v", "id", "type", "at", "actor", "role"})
_SHAPES: Final[Mapping[str, type]] = (
    dict.fromkeys(("v", "prev"), int)
    | dict.fromkeys(("id", "type", "at", "actor", "role", "case", "suggestion", "task", "policy", "decision"), str)
    | dict.fromkeys(("auth", "model", "commitments", "detail"), dict)
)
_TEXT: Final = frozenset({str})
_SOUND: Final[set[tuple[tuple[str, ...], tuple[type, ...]]]] = set()  # shapes that were checked before: a log has few
_MOST_SHAPES: Final = 4096
_MAX_INTEGER: Final = 2**53 - 1
UUID: Final = r"[0-9a-f]{8}(?:-[0-9a-f]{4}){3}-[0-9a-f]{12}"
TIME: Final = r"[0-9]{4}-[01][0-9]-[0-3][0-9]T[0-2][0-9]:[0-5][0-9]:[0-6][0-9](?:\.[0-9]{1,9}+)?Z"
DIGEST: Final = r"[0-9a-f]{64}"
_is_uuid, _is_time, _is_digest = (re.compile(pattern).fullmatch for pattern in (UUID, TIME, DIGEST))
canonical: Final = json.JSONEncoder(ensure_ascii=False, sort_keys=True, separators=(",", ":")).encode
"""JSON text in the one form (RFC 8785, of texts and whole numbers)."""


class BrokenRuleError(Exception):
    """A row breaks a rule; the text says which."""


class Entry(TypedDict, total=False):
    """The members of a leaf that passed `parse`; other members are checked, but no rule reads them."""

    id: str
    type: str
    actor: str
    role: str
    case: str
    suggestion: str
    prev: int
    task: str
    policy: str
    decision: str
    auth: dict[str, str]
    commitments: dict[str, str]
    detail: dict[str, str]


def parse(leaf: bytes) -> Entry:
    """The members of a leaf. Raises BrokenRuleError with what is wrong with its form."""
    if len(leaf) > MAX_LEAF_BYTES:
        raise BrokenRuleError(f"The entry has {len(leaf)} bytes; the limit is {MAX_LEAF_BYTES}.")
    try:
        found, canonical = read(leaf)
    except (ValueError, RecursionError):
        raise BrokenRuleError("The entry is not JSON text.") from None
    if not canonical or not isinstance(found, dict):
        raise BrokenRuleError("The entry is not written in the one canonical form (RFC 8785).")
    _check_members(found)
    if not leaf.isascii():
        _check_names(found)
    return cast("Entry", found)


def plainly_read(leaf: bytes) -> tuple[object, bool]:
    """What the JSON says, and whether it says it canonically; with the standard library alone. Raises ValueError, RecursionError."""
    text = leaf.decode()
    found: object = json.loads(text)
    return found, canonical(found) == text


def quickly_read(leaf: bytes) -> tuple[object, bool]:
    """The same with orjson: four times as fast. Raises ValueError."""
    found: object = orjson.loads(leaf)
    return found, orjson.dumps(found, option=orjson.OPT_SORT_KEYS) == leaf


def members(leaf: bytes) -> Entry:
    """The members of a leaf that has passed `parse` before."""
    return cast("Entry", orjson.loads(leaf) if _QUICK else json.loads(leaf))


read: Final = quickly_read if _QUICK else plainly_read


def _check_members(members: dict[str, object]) -> None:
    kinds = tuple(map(type, members.values()))
    if (tuple(members), kinds) not in _SOUND:
        _check_shape(members)
        if len(_SOUND) < _MOST_SHAPES:
            _SOUND.add((tuple(members), kinds))
    for name, value in members.items():
        if type(value) is dict and {*map(type, value.values())} - _TEXT:
            raise BrokenRuleError(f"The entry's member {name!r} holds something else than text.")
    _check_values(members)


def _check_shape(members: dict[str, object]) -> None:
    if not members.keys() >= _REQUIRED:
        raise BrokenRuleError(f"The entry lacks {', '.join(sorted(_REQUIRED - members.keys()))}.")
    for name, value in members.items():
        if _SHAPES.get(name) is not type(value):
            raise BrokenRuleError(f"The entry's member {name[:40]!r} is unknown or not of the agreed kind.")


def _check_values(members: dict[str, object]) -> None:
    if members["v"] != 1 or not 0 <= cast("int", members.get("prev", 0)) <= _MAX_INTEGER:
        raise BrokenRuleError("The entry's version or its pointer to the previous entry is out of range.")
    if members["type"] not in TYPES:
        raise BrokenRuleError(f"The entry's type {str(members['type'])[:40]!r} is not a known one.")
    if not _is_uuid(cast("str", members["id"])) or not _is_time(cast("str", members["at"])):
        raise BrokenRuleError("The entry's id or time is malformed.")
    if not members["actor"] or not members["role"]:
        raise BrokenRuleError("Nobody answers for this entry: it names no actor or no role.")
    if not all(map(_is_digest, cast("dict[str, str]", members.get("commitments", {})).values())):
        raise BrokenRuleError("A commitment in this entry is not 64 hexadecimal digits.")


def _check_names(members: dict[str, object]) -> None:
    # outside ASCII the order of names in RFC 8785 (UTF-16) differs from ours
    if not all("".join(value).isascii() for value in members.values() if isinstance(value, dict)):
        raise BrokenRuleError("The entry uses a member name outside ASCII.")
