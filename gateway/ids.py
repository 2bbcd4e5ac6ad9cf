"""Identifiers: UUIDv7 (RFC 9562) for rows that are made in order, and random bytes for secrets."""

from __future__ import annotations

import os
import time
from uuid import UUID

_VARIANT_AND_VERSION = (0x7 << 76) | (0b10 << 62)
_RANDOM_74 = (0xFFF << 64) | ((1 << 62) - 1)


def uuid7() -> UUID:
    """A UUID of version 7: 48 bits of Unix milliseconds, 74 random bits."""
    milliseconds = time.time_ns() // 1_000_000
    random = int.from_bytes(os.urandom(10), "big") & _RANDOM_74
    return UUID(int=(milliseconds << 80) | _VARIANT_AND_VERSION | random)


def random_case() -> UUID:
    """A random id (version 4) for a case: it says nothing about when or whom."""
    return UUID(bytes=os.urandom(16), version=4)
