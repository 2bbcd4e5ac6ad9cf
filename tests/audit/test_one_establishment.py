"""One database, one establishment: another one would share its queue, its clocks and its keys."""

from __future__ import annotations

import asyncio
from dataclasses import replace

import pytest

from gateway.audit.writer import Writer
from gateway.errors import Misconfigured
from tests.audit.ground import identity, rows, writing


@pytest.fixture
def url(database_url: str) -> str:
    return database_url


async def test_an_establishment_does_not_start_on_the_database_of_another(url: str) -> None:
    whose = identity()
    async with writing(url, whose=whose):
        with pytest.raises(Misconfigured, match=r"'one'.*'two'") as refused:
            await Writer(url, replace(whose, establishment="two")).start()
    assert "base" in refused.value.said("fr")
    assert [row["establishment"] for row in await rows(url, "SELECT establishment FROM log_head")] == ["one"]


async def test_the_same_establishment_starts_again(url: str) -> None:
    whose = identity()
    for _ in range(2):
        async with writing(url, 2, whose):
            pass


async def test_of_two_establishments_that_start_together_on_an_empty_database_one_is_refused(url: str) -> None:
    whose = identity()
    writers = [Writer(url, whose), Writer(url, replace(whose, establishment="two"))]
    outcomes = await asyncio.gather(*(writer.start() for writer in writers), return_exceptions=True)
    await asyncio.gather(*(writer.stop() for writer in writers))
    assert sum(isinstance(outcome, Misconfigured) for outcome in outcomes) == 1
