"""What one person sends never makes the database look away to everybody else."""

from __future__ import annotations

import asyncio
from typing import TYPE_CHECKING

import pytest
from sqlalchemy import event, text

from gateway.database import AT_ONCE, aside, connect, engine, reading, sessions, still_open
from gateway.errors import AuditUnavailable, BadInput

if TYPE_CHECKING:
    from sqlalchemy.ext.asyncio import async_sessionmaker
    from sqlmodel.ext.asyncio.session import AsyncSession

_ECHO = text("SELECT CAST(:given AS text)")
_COUNT = text("SELECT CAST(:given AS int)")
_ENDED = "SELECT pg_terminate_backend(pid) FROM pg_stat_activity WHERE datname = current_database() AND pid <> pg_backend_pid()"


async def asked(maker: async_sessionmaker[AsyncSession], query: object, given: object) -> object:
    async with reading(maker) as session:
        return await session.scalar(query, {"given": given})  # type: ignore[call-overload] # a plain statement


@pytest.mark.parametrize(("query", "given"), [(_ECHO, "a\0b"), (_COUNT, 2**40)])
async def test_a_value_that_the_database_cannot_hold_is_the_sender_s_fault_and_stops_nobody(
    database_url: str, query: object, given: object
) -> None:
    pool = engine(database_url)
    maker = sessions(pool)
    with pytest.raises(BadInput):
        await asked(maker, query, given)
    assert await asked(maker, _ECHO, "next") == "next"
    await pool.dispose()


async def test_a_database_that_is_away_is_told_in_both_languages() -> None:
    """The control; and whatever keeps the log from being written, a French page says so in French."""
    pool = engine("postgresql://postgres@127.0.0.1:9/none")
    with pytest.raises(AuditUnavailable) as told:
        await asyncio.wait_for(asked(sessions(pool), _ECHO, "x"), 6)
    assert ("hospital IT" in told.value.said("en"), "service informatique" in told.value.said("fr")) == (True, True)
    assert "Le journal ne peut pas être écrit" in AuditUnavailable("The head does not match.").said("fr")


@pytest.mark.parametrize("looking", [True, False])
async def test_a_database_that_was_restarted_is_noticed_before_anybody_is_refused(database_url: str, looking: bool) -> None:
    pool = engine(database_url)
    maker = sessions(pool)
    assert await asked(maker, _ECHO, "before") == "before"
    if not looking:
        event.remove(pool.sync_engine, "checkout", still_open)
    owner = await connect(database_url, role=None)
    await owner.execute(_ENDED)
    await owner.close()
    await asyncio.sleep(0.1)
    if looking:
        assert await asked(maker, _ECHO, "after") == "after"
    else:
        with pytest.raises(AuditUnavailable):
            await asked(maker, _ECHO, "after")
    await pool.dispose()


async def test_whoever_asks_for_everything_waits_their_turn_instead_of_using_up_the_database_s_connections(database_url: str) -> None:
    inside: list[int] = [0]

    async def one() -> int:
        async with aside(database_url):
            inside.append(inside[-1] + 1)
            await asyncio.sleep(0.05)
            inside.append(inside[-1] - 1)
            return max(inside)

    assert await asyncio.gather(*(one() for _ in range(7)))
    assert max(inside) == AT_ONCE
