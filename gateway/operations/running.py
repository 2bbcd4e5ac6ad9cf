"""Starting the gateway: check, keys, database, migration, replicas; each failure is a sentence with its remedy."""

from __future__ import annotations

import asyncio
import os
import signal
import sys
from contextlib import contextmanager
from functools import partial
from typing import TYPE_CHECKING, TypeVar

import structlog

from gateway.app import lanes_of, replica
from gateway.audit.batch import LogIdentity
from gateway.audit.publication.building import places_of
from gateway.audit.publication.places import ANCHOR, FOLDER
from gateway.audit.publication.publisher import Publisher
from gateway.audit.writer import Writer
from gateway.clock import SystemClock
from gateway.configuration.load import load
from gateway.database import Embedded, address, migrate
from gateway.operations import keys as secret_files
from gateway.operations import logs, policies, serving
from gateway.outbound import Outbound

if TYPE_CHECKING:
    import socket
    from collections.abc import Awaitable, Callable, Iterator
    from pathlib import Path

    from gateway.operations.keys import Keys
    from gateway.settings import Settings

_T = TypeVar("_T")
log = structlog.get_logger()


@contextmanager
def database(settings: Settings) -> Iterator[tuple[Keys, str]]:
    """Keys and a migrated database; the embedded server runs as long as this is open."""
    keys = secret_files.load(settings.keys_directory, settings.establishment.origin)
    url = address(settings.database.url)
    embedded = None if url else Embedded(settings.database.directory)
    where = url or embedded.start()  # type: ignore[union-attr]
    try:
        migrate(where)
        yield keys, where
    finally:
        if embedded is not None:
            embedded.stop()


async def writing(settings: Settings, keys: Keys, url: str, work: Callable[[Writer, Keys], Awaitable[_T]]) -> _T:
    """Run something that appends to the log, outside a serving replica.

    Raises:
        AuditUnavailable: the second volume or the published folder knows a newer state than the database; both notes are in the message.
    """
    identity = LogIdentity(settings.establishment.id, settings.establishment.origin, keys.log, keys.vkeys, keys.beside)
    writer = Writer(url, identity)
    await writer.start()
    try:
        await _compared(settings, keys, url, writer)
        return await work(writer, keys)
    finally:
        await writer.stop()


async def _compared(settings: Settings, keys: Keys, url: str, writer: Writer) -> None:
    """Close the writer where what lies on this machine knows a newer state; witnesses are asked by the replicas."""
    outbound = Outbound(())
    try:
        places = [place for place in places_of(settings, keys.vkeys, outbound) if place.name in {ANCHOR, FOLDER}]
        await Publisher(url, writer, places, SystemClock(), 0, say=lambda _: None).check()
    finally:
        await outbound.close()


def up(config: Path) -> None:
    """Serve until Ctrl-C or SIGTERM.

    Raises:
        Misconfigured: a task is clinical no more, or the database is another establishment's; before anything is served.
    """
    settings = load(config, os.environ)
    logs.configure(settings.log_level)
    signal.signal(signal.SIGTERM, _ended)  # uvicorn passes the signal on when it has closed; what is open here closes too
    listener = serving.bound(settings.server.host, settings.server.port)
    with database(settings) as (keys, url):
        log.info("gateway.starting", port=listener.getsockname()[1], replicas=settings.server.replicas)
        if settings.server.replicas == 1:
            serving.run(replica(settings, keys, url, source=config), settings.server, listener, lambda: _open(settings, listener))
            return
        asyncio.run(writing(settings, keys, url, partial(_start_allowed, settings, url)))
        environ = {**os.environ, "GARANT_DATABASE_URL": url}
        replicas = serving.Replicas(serving.replica_command(str(config)), listener, environ)
        replicas.start(settings.server.replicas)
        _tell_address(settings, listener)
        replicas.watch()


async def _start_allowed(settings: Settings, url: str, writer: Writer, _keys: Keys) -> None:
    """What no replica may start with is said once, by the parent, which would else start them again and again."""
    await policies.keep(url, writer, lanes_of(settings).all, SystemClock().now())


def one_replica(config: Path, descriptor: int) -> None:
    """One of several replicas: the parent has migrated and bound the socket."""
    settings = load(config, os.environ)
    logs.configure(settings.log_level)
    keys = secret_files.load(settings.keys_directory, settings.establishment.origin)
    listener = serving.inherited(descriptor)
    serving.run(
        replica(settings, keys, os.environ["GARANT_DATABASE_URL"], source=config),
        settings.server,
        listener,
        lambda: _ready(listener.getsockname()[1]),
    )


def _ended(*_: object) -> None:
    raise SystemExit(0)


def _open(settings: Settings, listener: socket.socket) -> None:
    _ready(listener.getsockname()[1])
    _tell_address(settings, listener)


def _tell_address(settings: Settings, listener: socket.socket) -> None:
    """For the person who started it, whatever the log level."""
    host, port = listener.getsockname()[:2]
    sys.stdout.write(f"Garant runs. Open {settings.server.public_url} (it listens on {host}, port {port}). Ctrl-C ends it.\n")
    sys.stdout.flush()


def _ready(port: int) -> None:
    log.info("gateway.ready", port=port, pid=os.getpid())
