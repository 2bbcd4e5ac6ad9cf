"""Entries go to a SIEM over TLS, in order, from where the last connection was closed in order; an outage is caught up.

The position is kept in the database after each piece that a connection took whole, so that a broken one repeats at most that
piece; index and id in each message let the receiver count it once. What a receiver loses after it has closed in order nobody
learns: syslog has no receipt. `/log.json` and an export hold everything.
"""

from __future__ import annotations

import asyncio
import socket
import ssl
from dataclasses import dataclass
from datetime import UTC, datetime
from typing import TYPE_CHECKING, Final

from gateway.audit.outside.syslog import framed
from gateway.audit.publication.stored import Reached
from gateway.errors import Misconfigured

if TYPE_CHECKING:
    from pathlib import Path

    from gateway.audit.publication.stored import State, Stored

PIECE: Final = 2000
_SECONDS: Final = 10.0


@dataclass(frozen=True, slots=True)
class SiemPlace:
    """One receiver (RFC 5425).

    Args:
        id: its name here.
        host, port: where it listens.
        context: whose certificate is believed, and ours if it asks for one.
        origin: the log's name.
    """

    id: str
    host: str
    port: int
    context: ssl.SSLContext
    origin: str

    @property
    def name(self) -> str:
        """`siem:` and its id."""
        return f"siem:{self.id}"

    def due(self, reached: Reached, size: int, _now: datetime) -> bool:
        """Whenever there is something new."""
        return reached.size != size

    async def bring(self, stored: Stored, state: State, reached: Reached) -> None:
        """Send what it has not got. Raises OSError, TimeoutError where it does not take it."""
        first = reached.size
        while first < state.size:
            end = min(first + PIECE, state.size)
            await self._send(first, await stored.leaves(first, end))
            now = datetime.now(UTC)
            await stored.note_reached(Reached(self.name, end, now, now))
            first = end

    async def newest(self) -> str | None:
        """A SIEM holds no notes of ours."""
        return None

    async def _send(self, first: int, leaves: list[bytes]) -> None:
        await asyncio.to_thread(self._sent, b"".join(framed(first + n, leaf, self.origin) for n, leaf in enumerate(leaves)))

    def _sent(self, messages: bytes) -> None:
        """Syslog knows no receipt, so the end of the TLS connection is one: the receiver closes its side after it has read all of ours."""
        with (
            socket.create_connection((self.host, self.port), _SECONDS) as plain,
            self.context.wrap_socket(plain, server_hostname=self.host) as wire,
        ):
            wire.sendall(messages)
            wire.unwrap()


def context_of(authority: Path, certificate: Path | None, key: Path | None) -> ssl.SSLContext:
    """TLS 1.2 or newer, the receiver's certificate under this authority, its name checked. Raises Misconfigured."""
    try:
        context = ssl.create_default_context(cafile=str(authority))
        context.minimum_version = ssl.TLSVersion.TLSv1_2
        if certificate is not None:
            context.load_cert_chain(certificate, key)
    except (OSError, ssl.SSLError) as error:
        message = f"The certificates for the SIEM cannot be used ({error}). Correct [[publication.siem]] in the configuration."
        raise Misconfigured(message, code="siem_certificates_unusable") from error
    return context
