"""No kill of a replica or of the database loses or forks what was acknowledged, and the test can see it if one did."""

from __future__ import annotations

import asyncio
import shutil
import tempfile
import time
from pathlib import Path
from typing import TYPE_CHECKING

import pytest

from gateway.database import migrate
from gateway.errors import AuditUnavailable
from tests.audit.ground import size, write, writing
from tests.faults.harness import Harness
from tests.faults.postgres import Postgres

if TYPE_CHECKING:
    from collections.abc import Iterator


@pytest.fixture
def folder() -> Iterator[Path]:
    """Not pytest's: a socket's path must be short, and the database may run as another user."""
    made = Path(tempfile.mkdtemp(prefix="garant-"))
    yield made
    shutil.rmtree(made, ignore_errors=True)


def test_kills_of_replicas_and_database_lose_nothing_and_fork_nothing(folder: Path) -> None:
    outcome = Harness(folder).run(database_kills=6, replica_kills=6, traffic_seconds=0.7)
    print(outcome)  # noqa: T201 - the counts, for whoever runs it with -s
    assert outcome.kept
    assert (outcome.database_kills, outcome.replica_kills) == (6, 6)
    assert outcome.acknowledged > 1000
    assert outcome.checkpoints > 20


def test_a_database_that_does_not_wait_for_its_disk_is_found_out(folder: Path) -> None:
    """The control: without it the test above could pass by seeing nothing."""
    outcome = Harness(folder, unsafe=True).run(database_kills=2, replica_kills=0, traffic_seconds=0.7)
    print(outcome)  # noqa: T201 - the counts, for whoever runs it with -s
    assert not outcome.kept
    assert outcome.lost > 0
    assert outcome.forks > 0


def test_with_the_database_gone_a_caller_is_told_within_five_seconds_and_nothing_comes_late(folder: Path) -> None:
    database = Postgres(folder / "pg")
    database.prepare()
    database.start()
    try:
        migrate(database.url)
        asyncio.run(_gone(database))
    finally:
        database.stop()


async def _gone(database: Postgres) -> None:
    async with writing(database.url) as (writer,):
        await writer.append(write())
        database.kill()
        began = time.monotonic()
        outcomes = await asyncio.gather(*(writer.append(write()) for _ in range(10)), return_exceptions=True)
        assert time.monotonic() - began < 5.5
        assert all(isinstance(outcome, AuditUnavailable) for outcome in outcomes)
        database.start()
        receipt = await writer.append(write())
    assert receipt.indexes == (1,)
    assert await size(database.url) == 2
