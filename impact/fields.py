"""What a field of a record may hold: each check answers with what the value must be, or with nothing where it is right."""

from __future__ import annotations

import math
import re
from collections.abc import Callable
from datetime import datetime
from typing import Final, TypeAlias
from uuid import UUID

Check: TypeAlias = Callable[[object], str]

RIGHT: Final = ""
MAX_NUMBER: Final = 2**53  # what JSON readers, Arrow and Python all keep exactly
_TIME: Final = re.compile(r"[0-9]{4}-[0-9]{2}-[0-9]{2}T[0-9]{2}:[0-9]{2}:[0-9]{2}(\.[0-9]{1,6})?(Z|\+00:00)")


def described(value: object) -> str:
    """A value for an error message, at most 60 characters."""
    if isinstance(value, int) and abs(value) > MAX_NUMBER:
        return "a number beyond 2^53"
    return repr(value)[:60]


def text(value: object) -> str:
    """Text that every encoding of Unicode can hold."""
    if not isinstance(value, str):
        return 'text ("" where there is none)'
    lone = not value.isascii() and any("\ud800" <= letter <= "\udfff" for letter in value)
    return "text without lone surrogates" if lone else RIGHT


def identifier(value: object) -> str:
    """A UUID in its one canonical form."""
    try:
        right = isinstance(value, str) and str(UUID(value)) == value
    except ValueError:
        right = False
    return RIGHT if right else "a UUID in lower case, like 0198c0de-0000-7000-8000-000000000001"


def whole(value: object) -> str:
    """A whole number, 0 to 2^53."""
    right = isinstance(value, int) and not isinstance(value, bool) and 0 <= value <= MAX_NUMBER
    return RIGHT if right else "a whole number from 0 to 2^53"


def flag(value: object) -> str:
    """True or false."""
    return RIGHT if isinstance(value, bool) else "true or false"


def seconds(value: object) -> str:
    """Seconds, 0 or more."""
    return RIGHT if _number(value, MAX_NUMBER) else "seconds, a number from 0"


def share(value: object) -> str:
    """A share, 0 to 1."""
    return RIGHT if _number(value, 1) else "a number from 0 to 1"


def time(value: object) -> str:
    """RFC 3339, in UTC, to the microsecond at most."""
    try:
        right = isinstance(value, str) and _TIME.fullmatch(value) is not None and datetime.fromisoformat(value) is not None
    except ValueError:
        right = False
    return RIGHT if right else "a time in UTC, like 2026-01-31T10:00:00Z"


def exactly(expected: int) -> Check:
    """This number and no other; true is no number."""
    return lambda value: RIGHT if type(value) is int and value == expected else str(expected)


def one_of(words: tuple[str, ...]) -> Check:
    """One of these words."""
    return lambda value: RIGHT if value in words else f"one of {', '.join(words)}"


def or_none(check: Check) -> Check:
    """What the check wants, or None."""

    def checked(value: object) -> str:
        expected = RIGHT if value is None else check(value)
        return f"{expected}, or null" if expected else RIGHT

    return checked


def _number(value: object, most: int) -> bool:
    return isinstance(value, int | float) and not isinstance(value, bool) and 0 <= value <= most and math.isfinite(value)
