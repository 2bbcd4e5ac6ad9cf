"""Alembic's entry: runs the revisions over one asyncpg connection as the login user."""

from __future__ import annotations

import asyncio
from typing import TYPE_CHECKING

from alembic import context
from sqlalchemy import pool, text
from sqlalchemy.ext.asyncio import create_async_engine

from gateway.database import connect

if TYPE_CHECKING:
    from sqlalchemy import Connection

_LOCK = 0x6761_7261_6E74


def _upgrade(connection: Connection) -> None:
    context.configure(connection=connection)
    with context.begin_transaction():
        connection.execute(text(f"SELECT pg_advisory_xact_lock({_LOCK})"))
        context.run_migrations()


async def _run(url: str) -> None:
    engine = create_async_engine("postgresql+asyncpg://", async_creator=lambda: connect(url, role=None), poolclass=pool.NullPool)
    async with engine.connect() as connection:
        await connection.run_sync(_upgrade)
        await connection.commit()
    await engine.dispose()


asyncio.run(_run(context.config.attributes["url"]))
