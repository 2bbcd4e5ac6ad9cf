"""An external PostgreSQL: an ordinary login user prepares it; the gateway's role cannot change the log."""

from __future__ import annotations

import asyncio
from urllib.parse import urlsplit, urlunsplit

import asyncpg
import pytest

from gateway.database import connect, migrate
from gateway.errors import Misconfigured


def as_user(url: str, server: str, name: str, rights: str) -> str:
    """The URL of a login user who is no superuser."""

    async def make() -> None:
        connection = await asyncpg.connect(server)
        await connection.execute(f"DROP ROLE IF EXISTS {name}")
        await connection.execute(f"CREATE ROLE {name} LOGIN {rights} PASSWORD 'p'")
        await connection.execute(f'ALTER DATABASE "{urlsplit(url).path[1:]}" OWNER TO {name}')
        for role in ("garant_app", "garant_auditor", "garant_eraser", "garant_rewrapper"):
            if await connection.fetchval("SELECT 1 FROM pg_roles WHERE rolname = $1", role):
                await connection.execute(f"GRANT {role} TO {name} WITH ADMIN OPTION")
        await connection.close()

    asyncio.run(make())
    parts = urlsplit(url)
    return urlunsplit(parts._replace(netloc=parts.netloc.replace("postgres", name, 1)))


def test_a_user_who_may_create_roles_prepares_an_empty_database(postgres_server: str, empty_database_url: str) -> None:
    url = as_user(empty_database_url, postgres_server, "hospital", "CREATEROLE")
    migrate(url)
    migrate(url)

    async def whoami() -> tuple[str, int]:
        connection = await connect(url)
        try:
            return await connection.fetchval("SELECT current_user"), await connection.fetchval("SELECT count(*) FROM entries")
        finally:
            await connection.close()

    assert asyncio.run(whoami()) == ("garant_app", 0)


def test_a_user_without_rights_is_told_what_to_ask_for(postgres_server: str, empty_database_url: str) -> None:
    async def forbid() -> None:
        connection = await asyncpg.connect(postgres_server)
        await connection.execute("DROP ROLE IF EXISTS visitor")
        await connection.execute("CREATE ROLE visitor LOGIN")
        await connection.close()

    asyncio.run(forbid())
    parts = urlsplit(empty_database_url)
    url = urlunsplit(parts._replace(netloc=parts.netloc.replace("postgres", "visitor", 1)))
    with pytest.raises(Misconfigured, match="database administrator"):
        migrate(url)


@pytest.mark.parametrize("statement", ["UPDATE entries SET type = 'x'", "DELETE FROM entries", "TRUNCATE entries"])
def test_neither_the_gateway_nor_the_owner_changes_the_log(database_url: str, statement: str) -> None:
    async def attempt(role: str | None) -> None:
        connection = await connect(database_url, role=role)
        try:
            await connection.execute(statement)
        finally:
            await connection.close()

    for role in ("garant_app", None):
        with pytest.raises(asyncpg.InsufficientPrivilegeError):
            asyncio.run(attempt(role))


DAY = "SELECT (DATE '2026-01-02' AT TIME ZONE 'UTC') = TIMESTAMPTZ '2026-01-02T00:00:00Z'"


async def test_a_day_is_a_day_in_utc_wherever_the_server_stands(database_url: str) -> None:
    """The control: asked over a connection that leaves the zone to the server, the same day begins elsewhen."""
    owner = await asyncpg.connect(database_url)
    await owner.execute(f"ALTER DATABASE \"{urlsplit(database_url).path[1:]}\" SET timezone TO 'Pacific/Auckland'")
    await owner.close()
    ours, plain = await connect(database_url, role=None), await asyncpg.connect(database_url)
    try:
        assert [await one.fetchval(DAY) for one in (ours, plain)] == [True, False]
    finally:
        await ours.close()
        await plain.close()
