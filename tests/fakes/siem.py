"""A SIEM that takes syslog over TLS, with a certificate of its own authority."""

from __future__ import annotations

import asyncio
import re
import ssl
from contextlib import suppress
from datetime import UTC, datetime, timedelta
from ipaddress import ip_address
from pathlib import Path  # noqa: TC003 - a field's type
from typing import Final

from cryptography import x509
from cryptography.hazmat.primitives import hashes, serialization
from cryptography.hazmat.primitives.asymmetric import ec
from cryptography.x509.oid import NameOID

_HEAD: Final = re.compile(rb'<(\d+)>1 \S+ \S+ garant - (\S+) \[garant@32473 index="(\d+)" id="([0-9a-f-]+)"[^\]]*\] \xef\xbb\xbf')


class Siem:
    """Everything it got, in order; after `cut_after` bytes the network between breaks one connection off, `within` times inside a message."""

    def __init__(self, folder: Path) -> None:
        self.messages: list[tuple[int, bytes]] = []
        self.cut_after: int | None = None
        self.within = 0
        self.authority = folder / "siem.pem"
        self._context = ssl.SSLContext(ssl.PROTOCOL_TLS_SERVER)
        self._context.load_cert_chain(*_certificate(folder))
        self._servers: list[asyncio.Server] = []
        self._inner = 0
        self.port = 0

    async def start(self) -> None:
        """Listen, on the same port as before."""
        inner = await asyncio.start_server(self._take, "127.0.0.1", 0, ssl=self._context)
        network = await asyncio.start_server(self._pass, "127.0.0.1", self.port)
        self._servers = [inner, network]
        self._inner, self.port = (server.sockets[0].getsockname()[1] for server in self._servers)

    async def stop(self) -> None:
        """Be away."""
        for server in self._servers:
            server.close()
            await server.wait_closed()

    async def _pass(self, reader: asyncio.StreamReader, writer: asyncio.StreamWriter) -> None:
        """The network between."""
        answers, inside = await asyncio.open_connection("127.0.0.1", self._inner)
        back = asyncio.create_task(_copy(answers, writer))
        with suppress(OSError):
            while part := await reader.read(1000):
                if self.cut_after is not None:
                    self.cut_after -= len(part)
                    if self.cut_after <= 0:
                        self.cut_after = None
                        inside.transport.abort()
                        writer.transport.abort()
                        break
                inside.write(part)
            else:
                inside.write_eof()
        with suppress(OSError):
            await back
        inside.close()

    async def _take(self, reader: asyncio.StreamReader, writer: asyncio.StreamWriter) -> None:
        length = b""
        with suppress(asyncio.IncompleteReadError, OSError, ssl.SSLError):
            while True:
                length = b""
                length = await reader.readuntil(b" ")
                message = await reader.readexactly(int(length))
                head = _HEAD.match(message)
                assert head is not None, message
                self.messages.append((int(head[3]), message[head.end() :]))
        self.within += bool(length)
        writer.close()


async def _copy(reader: asyncio.StreamReader, writer: asyncio.StreamWriter) -> None:
    with suppress(OSError):
        while part := await reader.read(1000):
            writer.write(part)
    writer.close()


def _certificate(folder: Path) -> tuple[Path, Path]:
    key, now = ec.generate_private_key(ec.SECP256R1()), datetime.now(UTC)
    name = x509.Name([x509.NameAttribute(NameOID.COMMON_NAME, "siem")])
    made = (
        x509.CertificateBuilder()
        .subject_name(name)
        .issuer_name(name)
        .public_key(key.public_key())
        .serial_number(x509.random_serial_number())
        .not_valid_before(now - timedelta(days=1))
        .not_valid_after(now + timedelta(days=30))
        .add_extension(x509.BasicConstraints(ca=True, path_length=None), critical=True)
        .add_extension(x509.SubjectAlternativeName([x509.IPAddress(ip_address("127.0.0.1"))]), critical=False)
        .sign(key, hashes.SHA256())
    )
    (folder / "siem.pem").write_bytes(made.public_bytes(serialization.Encoding.PEM))
    pem = key.private_bytes(serialization.Encoding.PEM, serialization.PrivateFormat.PKCS8, serialization.NoEncryption())
    (folder / "siem.key").write_bytes(pem)
    return folder / "siem.pem", folder / "siem.key"
