"""One embedded PostgreSQL for the tests of identity, with the tables made."""

from __future__ import annotations

from typing import TYPE_CHECKING

import pytest

from gateway.database import Embedded, migrate
from gateway.operations import keys as key_files
from tests.identity.stage import ORIGIN, Stage, open_stage

if TYPE_CHECKING:
    from collections.abc import AsyncIterator, Iterator

    from gateway.operations.keys import Keys


@pytest.fixture(scope="session")
def identity_database(tmp_path_factory: pytest.TempPathFactory) -> Iterator[str]:
    server = Embedded(tmp_path_factory.mktemp("identity") / "postgres")
    url = server.start()
    migrate(url)
    yield url
    server.stop()


@pytest.fixture(scope="session")
def identity_keys(tmp_path_factory: pytest.TempPathFactory) -> Keys:
    directory = tmp_path_factory.mktemp("keys")
    key_files.create(directory, ORIGIN)
    return key_files.load(directory, ORIGIN)


@pytest.fixture
async def stage(identity_database: str, identity_keys: Keys) -> AsyncIterator[Stage]:
    async with open_stage(identity_database, identity_keys) as opened:
        yield opened
