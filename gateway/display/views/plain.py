"""All bytes of a request, whatever they are: as text where they are text, else as hexadecimal."""

from __future__ import annotations

import hashlib
from typing import TYPE_CHECKING, Final

from gateway.adapters.document import decoded
from gateway.display.marks.pens import plain
from gateway.display.models import Part
from gateway.display.words import said
from gateway.errors import UpstreamFailed
from gateway.messages import Answer

if TYPE_CHECKING:
    from gateway.display.marks.pens import Pen

_MOST_TEXT: Final = 20_000
_MOST_HEX: Final = 512
_LINE: Final = 16
_GZIP: Final = b"\x1f\x8b"


def all_bytes(pen: Pen, body: bytes) -> Part:
    """The beginning of the bytes as they were sent, their number and SHA-256, and a link to all of them."""
    digest = hashlib.sha256(body).hexdigest()
    notes = [said(pen.language, "all_bytes_note", count=len(body), digest=digest)]
    text = _text(body)
    shown, total = (text[:_MOST_TEXT], len(text)) if text is not None else (_hex(body[:_MOST_HEX]), 0)
    if text is None and len(body) > _MOST_HEX:
        notes.append(said(pen.language, "cut_bytes", shown=_MOST_HEX, count=len(body) - _MOST_HEX))
    elif total > _MOST_TEXT:
        notes.append(said(pen.language, "cut", shown=_MOST_TEXT, count=total - _MOST_TEXT))
    media_type = "application/octet-stream" if text is None else "text/plain; charset=utf-8"
    media = pen.media("plain", media_type, body)
    return Part("plain", said(pen.language, "all_bytes"), runs=plain(shown), media=media, notes=tuple(notes))


def unpacked(body: bytes) -> bytes:
    """The bytes without a compression that they show themselves; the same bytes where they show none."""
    for encoding in _encodings(body):
        try:
            return decoded(Answer(200, ((b"content-encoding", encoding),), body))
        except UpstreamFailed:
            continue
    return body


def _encodings(body: bytes) -> tuple[bytes, ...]:
    if body.startswith(_GZIP):
        return (b"gzip",)
    return () if body[:1] in {b"{", b"[", b""} or _text(body) is not None else (b"deflate", b"br")


def _text(body: bytes) -> str | None:
    try:
        return body.decode()
    except UnicodeDecodeError:
        return None


def _hex(body: bytes) -> str:
    lines = (body[place : place + _LINE] for place in range(0, len(body), _LINE))
    return "\n".join(f"{number * _LINE:08x}  {line.hex(' '):<47}  {_seen(line)}" for number, line in enumerate(lines))


def _seen(line: bytes) -> str:
    return "".join(chr(byte) if 32 <= byte < 127 else "." for byte in line)  # noqa: PLR2004 - printable ASCII
