"""Entries of the log as syslog messages for a SIEM (RFC 5424, octet-counted as RFC 5425 wants it): the leaf itself is the message.

Index and id stand in the structured data, so that a receiver that got an entry twice, after a broken connection, counts it once.
"""

from __future__ import annotations

from typing import TYPE_CHECKING, Final

from gateway.audit.rules.entries import members

if TYPE_CHECKING:
    from gateway.audit.rules.entries import Entry

_AUDIT: Final = 13 * 8
_WARNING, _NOTICE = 4, 5
_SUSPICIOUS: Final = frozenset(
    {"auth_failed", "denied", "break_glass", "incident", "suspended", "delivery_failed", "erased", "key_changed"}
)
_OURS: Final = "garant@32473"
"""The enterprise number that RFC 5612 keeps for examples; a receiver knows ours by the name before it."""


def framed(index: int, leaf: bytes, origin: str) -> bytes:
    """One entry as it goes over the wire."""
    entry = members(leaf)
    at = str(dict(entry).get("at", "-"))
    severity = _WARNING if entry["type"] in _SUSPICIOUS else _NOTICE
    host, _, name = origin.partition("/")
    said = f'[{_OURS} index="{index}" id="{entry["id"]}" log="{_quoted(name)}"{_case(entry)}]'
    head = f"<{_AUDIT + severity}>1 {at} {_plain(host)} garant - {_plain(entry['type'])} {said} "
    message = head.encode() + b"\xef\xbb\xbf" + leaf
    return b"%d " % len(message) + message


def _case(entry: Entry) -> str:
    return f' case="{_quoted(entry["case"])}"' if "case" in entry else ""


def _plain(text: str) -> str:
    """A header field: printable ASCII without spaces."""
    return "".join(character if "!" <= character <= "~" else "_" for character in text)[:255] or "-"


def _quoted(text: str) -> str:
    return text.replace("\\", "\\\\").replace('"', '\\"').replace("]", "\\]")
