"""A control API on a real PostgreSQL, with a clock that a test moves and accounts that are made in one line."""

from __future__ import annotations

from contextlib import asynccontextmanager
from dataclasses import dataclass
from datetime import UTC, datetime, timedelta
from typing import TYPE_CHECKING

import httpx

from gateway.api.dependencies import Parts
from gateway.api.frame import control_app
from gateway.audit.batch import LogIdentity
from gateway.audit.writer import Writer
from gateway.database import connect, engine, sessions
from gateway.identity.attempts import Attempts
from gateway.identity.machines import Machines
from gateway.identity.oidc.flows import Elsewhere
from gateway.identity.oidc.profiles import sources
from gateway.identity.passkeys.ceremonies import Passkeys
from gateway.identity.passwords import Passwords
from gateway.identity.people import NewPerson, People, create_person
from gateway.identity.sessions import PasswordReauthentication, Sessions
from gateway.ids import uuid7
from gateway.outbound import Outbound
from gateway.policy.models import Kind, Policy, Task
from gateway.settings import Establishment, Identity, Server, Settings
from gateway.signals.bus import Bus

if TYPE_CHECKING:
    from collections.abc import AsyncIterator
    from uuid import UUID

    from fastapi import FastAPI
    from sqlalchemy.ext.asyncio import AsyncEngine

    from gateway.identity.roles import Role
    from gateway.operations.keys import Keys

ORIGIN = "test.invalid/garant/chu"
OWN_PASSWORD = "seven herons over the canal"


class MovedClock:
    """A clock that goes on only when a test says so."""

    def __init__(self) -> None:
        self.shift = timedelta(0)
        self._stopped: datetime | None = None

    def stop(self) -> None:
        """Go on only by the shift from now on, however slow the machine is."""
        self._stopped = datetime.now(UTC)

    def now(self) -> datetime:
        """The real time, or when it was stopped, plus the shift."""
        return (self._stopped or datetime.now(UTC)) + self.shift


@dataclass(frozen=True, slots=True)
class Stage:
    """Everything a test of identity touches."""

    parts: Parts
    clock: MovedClock
    app: FastAPI
    url: str

    def client(self, token: str | None = None) -> httpx.AsyncClient:
        """A client of the API, with or without a bearer token."""
        transport = httpx.ASGITransport(self.app, raise_app_exceptions=False)
        headers = {"Authorization": f"Bearer {token}"} if token else {}
        return httpx.AsyncClient(transport=transport, base_url="https://garant.invalid", headers=headers)

    async def account(self, *roles: Role) -> tuple[UUID, str, str]:
        """A new account: its id, login and one-time password."""
        new = NewPerson(f"p{uuid7().hex[-12:]}", "Ada Example", "physician", frozenset(roles))
        return new.id, new.login, await create_person(self.parts.writer, self.parts.keys, new, passwords=self.parts.passwords)

    async def signed_in(self, *roles: Role) -> httpx.AsyncClient:
        """A client of somebody who has chosen a password and carries a bearer token."""
        _, login, password = await self.account(*roles)
        async with self.client() as client:
            begun = await client.post("/api/session", json={"login": login, "password": password, "bearer": True})
        async with self.client(begun.json()["token"]) as client:
            chosen = await client.post("/api/password", json={"current": password, "new": OWN_PASSWORD})
        return self.client(chosen.json()["token"])

    async def entries(self) -> list[str]:
        """All leaves of the log, oldest first, as text."""
        connection = await connect(self.url)
        try:
            rows = await connection.fetch("SELECT leaf FROM entries WHERE establishment = 'chu' ORDER BY index")
        finally:
            await connection.close()
        return [row["leaf"].decode() for row in rows]


@asynccontextmanager
async def open_stage(url: str, keys: Keys, public_url: str = "https://garant.invalid") -> AsyncIterator[Stage]:
    """Build, start and stop the parts."""
    parts, clock, pool = _parts(url, keys, public_url)
    await parts.writer.start()
    await parts.bus.start()
    await parts.machines.start(parts.bus)
    try:
        yield Stage(parts, clock, control_app(parts), url)
    finally:
        await parts.machines.stop()
        await parts.bus.stop()
        await parts.writer.stop()
        await pool.dispose()


def _parts(url: str, keys: Keys, public_url: str) -> tuple[Parts, MovedClock, AsyncEngine]:
    pool, clock, bus = engine(url, pool_size=2), MovedClock(), Bus(url)
    made, passwords = sessions(pool), Passwords()
    writer = Writer(url, LogIdentity("chu", ORIGIN, keys.log, keys.vkeys))
    people = People(made)
    proving = PasswordReauthentication(people, passwords, clock)
    attempts = Attempts(made, keys, clock)
    store = Sessions(made, writer, keys, clock, proving, attempts)
    settings = Settings(
        establishment=Establishment(id="chu", name="Test", host="test.invalid"),
        server=Server(public_url=public_url, body_idle_seconds=0.2),
        identity=Identity(methods=("password", "passkey")),
        systems=(),
        tasks=(Task(id="cytology", kind=Kind.DIAGNOSIS, policy="strict"),),
        policies=(Policy(id="strict"),),
        routes=(),
    )
    passkeys = Passkeys(store, "Test", public_url)
    elsewhere = Elsewhere(sources(settings.identity, {}), public_url, Outbound(()), people, store)
    parts = Parts(settings, keys, writer, bus, made, people, passwords, store, Machines(url), clock, proving, attempts, passkeys, elsewhere)
    return parts, clock, pool
