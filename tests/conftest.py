"""What all rooms' tests share: one embedded PostgreSQL for the run, an empty database for each test that asks for one."""

from __future__ import annotations

import asyncio
import atexit
import os
import shutil
import tempfile
from concurrent.futures import ThreadPoolExecutor
from contextlib import contextmanager
from functools import cache, partial
from pathlib import Path
from typing import TYPE_CHECKING, Any
from unittest.mock import patch
from urllib.parse import urlsplit, urlunsplit
from uuid import uuid4

import asyncpg
import pytest
from argon2 import PasswordHasher
from hypothesis import Phase, settings

from gateway.database import Embedded, migrate

if TYPE_CHECKING:
    from collections.abc import Callable, Coroutine, Iterator

# Examples are not timed: a busy machine is not a defect. Nothing is traced to explain a failure: a trace function that is
# called back from many threads and greenlets has ended the whole run with a segmentation fault.
PHASES = [phase for phase in Phase if phase is not Phase.explain]
settings.register_profile("garant", deadline=None, print_blob=True, phases=PHASES, max_examples=50)
settings.register_profile("thorough", settings.get_profile("garant"), max_examples=1000)
settings.load_profile(os.environ.get("GARANT_EXAMPLES", "garant"))


NOBODY = Path(__file__).parent / "vectors" / "nobody.pem"
OUTSIDE = dict(os.environ)  # for the few commands that fetch something


def pytest_configure() -> None:
    """No test ever reaches a database that somebody uses, nor trusts a server outside.

    Reading the hundred and more authorities that this machine trusts costs every new client a twentieth of a second.
    """
    os.environ.pop("GARANT_DATABASE_URL", None)
    os.environ["SSL_CERT_FILE"] = str(NOBODY)


LONG = ("system", "faults", "life", "demo", "operations", "usage", "oversight", "audit", "web")
"""Rooms whose files take longest: they begin first, so that at the end no processor waits for one of them."""


def pytest_collection_modifyitems(items: list[pytest.Item]) -> None:
    """Long files first, in the order of their rooms."""
    here = Path(__file__).parent
    items.sort(key=lambda item: LONG.index(room) if (room := item.path.relative_to(here).parts[0]) in LONG else len(LONG))


@pytest.fixture(scope="session", autouse=True)
def quick_passwords() -> Iterator[None]:
    """Stages are many and their people made up: hashing for them is argon2id at the least cost. Tests of passwords take the product's own."""
    with patch("gateway.identity.passwords.PasswordHasher", partial(PasswordHasher, time_cost=1, memory_cost=64, parallelism=1)):
        yield


@pytest.fixture
def own_passwords() -> Iterator[None]:
    """Passwords hashed as the product does."""
    with patch("gateway.identity.passwords.PasswordHasher", PasswordHasher):
        yield


@pytest.fixture(scope="session")
def postgres_server() -> Iterator[str]:
    """The URL of a PostgreSQL server of this run's own, stopped and deleted at the end.

    Its folder is not pytest's: as root the server runs as another user, who must be able to reach it, and the path of
    a socket must be short.
    """
    folder = Path(tempfile.mkdtemp(prefix="garant-", dir=in_memory()))
    # Registered before the server's own exit handler, hence run after it, which makes its lock file once more.
    atexit.register(shutil.rmtree, folder, ignore_errors=True)
    server = Embedded(folder / "postgres")
    yield server.start()
    server.stop()


def in_memory() -> str | None:
    """A file system in memory where there is one with room; a database is made there in a tenth of the time. Tests that kill use the disk."""
    memory = Path("/dev/shm")  # noqa: S108 - a folder of our own is made in it
    return str(memory) if memory.is_dir() and os.access(memory, os.W_OK) and shutil.disk_usage(memory).free > 8 * 2**30 else None


@pytest.fixture
def empty_database_url(postgres_server: str) -> Iterator[str]:
    """The URL of a database without a table, dropped after the test."""
    with _database(postgres_server, "template0") as url:
        yield url


@pytest.fixture
def database_url(postgres_server: str) -> Iterator[str]:
    """The URL of a database with the tables made and nothing in them, dropped after the test."""
    with _database(postgres_server, apart(migrated, postgres_server)) as url:
        yield url


@contextmanager
def _database(server: str, template: str) -> Iterator[str]:
    name = f"test_{uuid4().hex}"
    finished(execute(server, f'CREATE DATABASE "{name}" TEMPLATE "{template}"'))
    yield of_database(server, name)
    finished(execute(server, f'DROP DATABASE "{name}" WITH (FORCE)'))


def apart(work: Callable[..., Any], *arguments: object) -> Any:  # noqa: ANN401 - whatever the work gives
    """The result of some work done on a thread of its own: a browser's loop may be running on this one."""
    with ThreadPoolExecutor(1) as thread:
        return thread.submit(work, *arguments).result()


def finished(work: Coroutine[Any, Any, Any]) -> Any:  # noqa: ANN401 - whatever the work gives
    """The result of a coroutine."""
    return apart(asyncio.run, work)


@cache
def migrated(server: str) -> str:
    """The name of a database of this server with the tables made, to copy; nobody else connects to it."""
    name = f"migrated_{uuid4().hex}"
    asyncio.run(execute(server, f'CREATE DATABASE "{name}" TEMPLATE template0'))
    migrate(of_database(server, name))
    return name


def of_database(server: str, name: str) -> str:
    """The URL of one database of a server."""
    return urlunsplit(urlsplit(server)._replace(path=f"/{name}"))


async def execute(url: str, statement: str) -> None:
    """Run one statement on a connection of its own."""
    connection = await asyncpg.connect(url)
    try:
        await connection.execute(statement)
    finally:
        await connection.close()
