"""Failed proofs of identity slow down whoever makes them, and nobody else.

Promises: an attempt counts as failed until it has succeeded, in PostgreSQL, so that neither many at once nor many replicas
help; the delay belongs to a login at an address (or to the address alone, after many logins), so that it cannot lock
anybody out elsewhere; and who sits at a device from which they have signed in before is counted by that device alone.
What is kept are keyed hashes; these rows are counters, no facts, so they are written beside the log.
"""

from __future__ import annotations

import hmac
import secrets
from base64 import urlsafe_b64decode, urlsafe_b64encode
from dataclasses import dataclass
from datetime import timedelta
from ipaddress import ip_address, ip_network
from math import ceil
from typing import TYPE_CHECKING, Final

from sqlalchemy import text

from gateway.database import reading
from gateway.errors import Slowed

if TYPE_CHECKING:
    from datetime import datetime
    from uuid import UUID

    from sqlalchemy import TextClause
    from sqlalchemy.ext.asyncio import async_sessionmaker
    from sqlmodel.ext.asyncio.session import AsyncSession

    from gateway.clock import Clock
    from gateway.operations.keys import Keys

FREE: Final = 3
FREE_ADDRESS: Final = 30
FREE_WAYS: Final = 100
LONGEST_SECONDS: Final = 900
LONGEST_ADDRESS_SECONDS: Final = 60
DEVICE_LIFETIME: Final = timedelta(days=180)
_FORGOTTEN: Final = timedelta(hours=24)
_ADMIT: Final = text("""
INSERT INTO sign_in_attempts AS a (key, failures, last_at, next_at) VALUES (:key, 1, :now, :now)
ON CONFLICT (key) DO UPDATE SET failures = a.failures + 1, last_at = :now,
  next_at = :now + make_interval(secs => CASE WHEN a.failures < :free THEN 0 ELSE LEAST(:longest, power(2, LEAST(a.failures - :free, 20))) END)
WHERE a.failures < :free OR a.next_at <= :now RETURNING failures
""")
_NEXT: Final = text("SELECT next_at FROM sign_in_attempts WHERE key = :key")
_FORGET: Final = text("DELETE FROM sign_in_attempts WHERE key = :key OR last_at < :old")
_REFUND: Final = text("UPDATE sign_in_attempts SET failures = GREATEST(failures - 1, 0), next_at = LEAST(next_at, :now) WHERE key = :key")
_KNOWN: Final = text(
    "SELECT EXISTS (SELECT FROM known_devices d JOIN people p ON p.id = d.person_id WHERE d.device = :device AND p.login = :login AND d.last_at > :old)"
)
_REMEMBER: Final = text(
    "INSERT INTO known_devices (device, person_id, last_at) VALUES (:device, :person, :now) ON CONFLICT (device, person_id) DO UPDATE SET last_at = :now"
)
_DEVICE_BYTES: Final = 16


@dataclass(frozen=True, slots=True)
class Origin:
    """From where somebody proves who they are.

    Args:
        address: of the client, as the trusted proxy tells it; "" where none is known.
        device: the cookie of a device that was used before; "" where there is none.
        agent: the browser and system in a few words, for the person's own list of sessions.
    """

    address: str = ""
    device: str = ""
    agent: str = ""

    @property
    def neighbourhood(self) -> str:
        """The address; of IPv6 the /64, which belongs to one customer."""
        try:
            address = ip_address(self.address)
        except ValueError:
            return self.address
        return str(address) if address.version == 4 else str(ip_network((address, 64), strict=False))  # noqa: PLR2004 - the protocol


NOWHERE: Final = Origin()


@dataclass(frozen=True, slots=True)
class Admitted:
    """An attempt that may be looked at; `known`: it comes from a device of this very person."""

    keys: tuple[bytes, ...]
    known: bool


class Attempts:
    """Counts proofs of identity that have not succeeded.

    Args:
        sessions: makes database sessions.
        keys: hides logins, addresses and devices; signs the device's cookie.
    """

    def __init__(self, sessions: async_sessionmaker[AsyncSession], keys: Keys, clock: Clock) -> None:
        self._sessions = sessions
        self._keys = keys
        self._clock = clock

    async def admit(self, login: str, origin: Origin) -> Admitted:
        """Count an attempt to sign in before it is looked at. Raises Slowed."""
        device = self._device(origin.device)
        if device is not None and await self._knows(device, login):
            key = self._key("device", login, device.hex())
            await self._count(key, FREE, LONGEST_SECONDS)
            return Admitted((key,), known=True)
        there, here = self._key("address", origin.neighbourhood), self._key("login", login, origin.neighbourhood)
        await self._count(here, FREE, LONGEST_SECONDS)
        try:
            await self._count(there, FREE_ADDRESS, LONGEST_ADDRESS_SECONDS)
        except Slowed:  # nothing was looked at, so the login has not failed
            await self._refund(here)
            raise
        return Admitted((here, there), known=False)

    async def admit_way(self, origin: Origin) -> None:
        """Count a way to a provider that is begun; known devices are not counted. Raises Slowed after many that never came back."""
        if self._device(origin.device) is None:
            await self._count(self._key("way", origin.neighbourhood), FREE_WAYS, LONGEST_ADDRESS_SECONDS)

    async def came_back(self, origin: Origin) -> None:
        """A way came back with somebody signed in: it counts no longer."""
        if self._device(origin.device) is None:
            await self._refund(self._key("way", origin.neighbourhood))

    async def admit_proof(self, session: bytes) -> Admitted:
        """Count an attempt of somebody signed in to prove it again. Raises Slowed."""
        key = self._key("proof", session.hex())
        await self._count(key, FREE, LONGEST_SECONDS)
        return Admitted((key,), known=True)

    async def succeeded(self, admitted: Admitted) -> None:
        """The attempt held: it counts no longer."""
        now = self._clock.now()
        async with reading(self._sessions) as session:
            await _run(session, _FORGET, key=admitted.keys[0], old=now - _FORGOTTEN)
            for key in admitted.keys[1:]:
                await _run(session, _REFUND, key=key, now=now)
            await session.commit()

    async def _refund(self, key: bytes) -> None:
        async with reading(self._sessions) as session:
            await _run(session, _REFUND, key=key, now=self._clock.now())
            await session.commit()

    async def remember(self, cookie: str, person: UUID) -> str:
        """Note that a person has signed in from a device; returns the device's cookie, a new one where it had none."""
        device = self._device(cookie) or secrets.token_bytes(_DEVICE_BYTES)
        async with reading(self._sessions) as session:
            await _run(session, _REMEMBER, device=self._stored(device), person=person, now=self._clock.now())
            await session.commit()
        return urlsafe_b64encode(device + self._mac(device)).decode().rstrip("=")

    async def _knows(self, device: bytes, login: str) -> bool:
        old = self._clock.now() - DEVICE_LIFETIME
        async with reading(self._sessions) as session:
            return bool(await session.scalar(_KNOWN, {"device": self._stored(device), "login": login, "old": old}))

    async def _count(self, key: bytes, free: int, longest: int) -> None:
        now = self._clock.now()
        async with reading(self._sessions) as session:
            admitted = await session.scalar(_ADMIT, {"key": key, "now": now, "free": free, "longest": float(longest)})
            await session.commit()
            if admitted is not None:
                return
            until: datetime | None = await session.scalar(_NEXT, {"key": key})
        raise _slowed(1 if until is None else max(1, ceil((until - now).total_seconds())))

    def _device(self, cookie: str) -> bytes | None:
        try:
            data = urlsafe_b64decode(cookie + "=" * (-len(cookie) % 4))
        except ValueError:
            return None
        device, mac = data[:_DEVICE_BYTES], data[_DEVICE_BYTES:]
        return device if len(device) == _DEVICE_BYTES and hmac.compare_digest(mac, self._mac(device)) else None

    def _mac(self, device: bytes) -> bytes:
        return self._keys.hidden("device-cookie", device)[:_DEVICE_BYTES]

    def _stored(self, device: bytes) -> bytes:
        return self._keys.hidden("device", device)

    def _key(self, *parts: str) -> bytes:
        return self._keys.hidden("attempts", "\n".join(parts).encode())


async def _run(session: AsyncSession, statement: TextClause, **values: object) -> None:
    connection = await session.connection()
    await connection.execute(statement, values)


def _slowed(seconds: int) -> Slowed:
    message = f"Too many attempts failed here, so this one was not looked at. Wait {seconds} seconds; nobody else is affected."
    french = (
        f"Trop de tentatives ont échoué ici ; celle-ci n'a pas été examinée. Attendez {seconds} secondes ; personne d'autre n'est bloqué."
    )
    return Slowed(message, seconds=seconds, fr=french)
