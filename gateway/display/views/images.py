"""Images in a request or an answer: PNG and JPEG whose bytes say so themselves, within sane sizes; nothing else is an image."""

from __future__ import annotations

import base64
import binascii
from typing import Final, NamedTuple

MOST_BYTES: Final = 16 * 2**20
MOST_PIXELS: Final = 100_000_000
MOST_SIDE: Final = 30_000
_PNG: Final = b"\x89PNG\r\n\x1a\n"
_JPEG: Final = b"\xff\xd8\xff"
_FRAMES: Final = frozenset(range(0xC0, 0xD0)) - {0xC4, 0xC8, 0xCC}
_WITHOUT_LENGTH: Final = frozenset({0x01, *range(0xD0, 0xD9)})
_BEGINNINGS: Final = ("iVBORw0KGgo", "/9j/")
_SHORTEST: Final = 64
_MOST_SEGMENTS: Final = 10_000


class Image(NamedTuple):
    """An image that may be shown."""

    type: str
    width: int
    height: int
    data: bytes


def image(data: bytes) -> Image | None:
    """The image that these bytes are; None where signature, size or dimensions do not fit."""
    if len(data) > MOST_BYTES:
        return None
    kind, size = ("image/png", _png(data)) if data.startswith(_PNG) else ("image/jpeg", _jpeg(data))
    if size is None or not all(0 < side <= MOST_SIDE for side in size) or size[0] * size[1] > MOST_PIXELS:
        return None
    return Image(kind, *size, data)


def data_url(text: str) -> tuple[str, bytes] | None:
    """Media type and bytes of a base64 data URL; None for any other text."""
    if not text.startswith("data:"):
        return None
    head, comma, coded = text[5:].partition(",")
    if not comma or not head.endswith(";base64"):
        return None
    data = _bytes(coded)
    return None if data is None else (head.removesuffix(";base64").partition(";")[0][:100], data)


def image_text(text: str) -> Image | None:
    """The image that a text is: a data URL, or base64 that begins as a PNG or JPEG does."""
    if text.startswith("data:image/"):
        found = data_url(text)
        return image(found[1]) if found else None
    data = _bytes(text) if len(text) >= _SHORTEST and text.startswith(_BEGINNINGS) else None
    return image(data) if data else None


def _bytes(coded: str) -> bytes | None:
    if len(coded) > MOST_BYTES * 2:
        return None
    try:
        return base64.b64decode("".join(coded.split()), validate=True)
    except (binascii.Error, ValueError):
        return None


def _png(data: bytes) -> tuple[int, int] | None:
    if data[8:16] != b"\x00\x00\x00\rIHDR" or len(data) < len(_PNG) + 25:
        return None
    return int.from_bytes(data[16:20], "big"), int.from_bytes(data[20:24], "big")


def _jpeg(data: bytes) -> tuple[int, int] | None:
    """Width and height from the frame header, found segment by segment."""
    if not data.startswith(_JPEG):
        return None
    place = 2
    for _ in range(_MOST_SEGMENTS):
        if data[place : place + 1] != b"\xff" or place + 9 > len(data):
            return None
        marker = data[place + 1]
        if marker in _FRAMES:
            return int.from_bytes(data[place + 7 : place + 9], "big"), int.from_bytes(data[place + 5 : place + 7], "big")
        place += 1 if marker == 0xFF else 2 if marker in _WITHOUT_LENGTH else 2 + int.from_bytes(data[place + 2 : place + 4], "big")  # noqa: PLR2004
    return None
