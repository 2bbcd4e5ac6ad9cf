"""Serving: sockets, replicas as processes, and an orderly end.

The parent binds the socket and starts the replicas, which share it; a replica that dies is started again. Ctrl-C or
SIGTERM ends all of them and leaves nothing running.
"""

from __future__ import annotations

import asyncio
import gc
import os
import signal
import socket
import subprocess
import sys
import time
from contextlib import suppress
from typing import TYPE_CHECKING, Final

import structlog
import uvicorn

from gateway.proxy.limits import guarded

if TYPE_CHECKING:
    from collections.abc import Callable
    from contextlib import AbstractAsyncContextManager

    from starlette.types import ASGIApp

    from gateway.settings import Server

BACKLOG: Final = 8192
END_SECONDS: Final = 3
log = structlog.get_logger()


def bound(host: str, port: int) -> socket.socket:
    """A listening socket; port 0 lets the kernel choose."""
    family = socket.AF_INET6 if ":" in host else socket.AF_INET
    listener = socket.socket(family, socket.SOCK_STREAM, socket.IPPROTO_TCP)  # named, so that asyncio sends small answers at once
    listener.setsockopt(socket.SOL_SOCKET, socket.SO_REUSEADDR, 1)
    listener.bind((host, port))
    listener.listen(BACKLOG)
    listener.set_inheritable(True)
    return listener


class Ending(uvicorn.Server):
    """Tells the application that it ends before waiting for its answers, so that streams without an end of their own end now."""

    async def shutdown(self, sockets: list[socket.socket] | None = None) -> None:
        """End in order."""
        leaving = getattr(self.config.app, "leaving", None)
        if leaving is not None:
            leaving()
        await super().shutdown(sockets)


def server(app: ASGIApp, limits: Server) -> uvicorn.Server:
    """Uvicorn with our guards: bounded headers, bounded patience, no access log (it would hold addresses)."""
    config = uvicorn.Config(
        app,
        http=guarded(limits.max_header_bytes, limits.header_timeout_seconds),
        loop="uvloop",
        lifespan="off",
        access_log=False,
        log_config=None,
        server_header=False,
        date_header=False,
        backlog=BACKLOG,
        timeout_keep_alive=75,
        timeout_graceful_shutdown=END_SECONDS,
        ws="none",
        proxy_headers=False,  # who may say where a request comes from is `identity.trusted_proxies` alone
    )
    return Ending(config)


def settled() -> None:
    """What was built stays: later collections do not look through it again. A whole one stopped every answer for a quarter of a second."""
    gc.collect()
    gc.freeze()


async def serve(built: AbstractAsyncContextManager[ASGIApp], limits: Server, listener: socket.socket, ready: Callable[[], None]) -> None:
    """Run one replica on a socket until it is told to end."""
    async with built as app:
        settled()
        ready()
        await server(app, limits).serve(sockets=[listener])


def run(
    built: AbstractAsyncContextManager[ASGIApp], limits: Server, listener: socket.socket, ready: Callable[[], None] = lambda: None
) -> None:
    """`serve` on an event loop of its own."""
    import uvloop  # noqa: PLC0415

    with asyncio.Runner(loop_factory=uvloop.new_event_loop) as runner:
        runner.run(serve(built, limits, listener, ready))


class Replicas:
    """Replica processes on one socket.

    Args:
        command: the command line of one replica, without the socket.
        listener: shared by all.
        environ: what the replicas get to know.
    """

    def __init__(self, command: list[str], listener: socket.socket, environ: dict[str, str]) -> None:
        self._command = [*command, "--fd", str(listener.fileno())]
        self._listener = listener
        self._environ = environ
        self._processes: list[subprocess.Popen[bytes]] = []
        self._ending = False

    def start(self, count: int) -> None:
        """Start the processes."""
        self._processes = [self._one() for _ in range(count)]

    def watch(self) -> None:
        """Stay until told to end; start again what died."""
        signal.signal(signal.SIGTERM, lambda *_: self._end())
        signal.signal(signal.SIGINT, lambda *_: self._end())
        while not self._ending:
            time.sleep(0.5)
            for n, process in enumerate(self._processes):
                if process.poll() is not None and not self._ending:
                    log.error("replica.died", status=process.returncode)
                    self._processes[n] = self._one()
        self.stop()

    def stop(self) -> None:
        """End every process, with force if it must be."""
        self._end()
        for process in self._processes:
            try:
                process.wait(END_SECONDS + 5)
            except subprocess.TimeoutExpired:
                process.kill()
                process.wait()

    def _end(self) -> None:
        self._ending = True
        for process in self._processes:
            with suppress(ProcessLookupError):
                process.send_signal(signal.SIGTERM)

    def _one(self) -> subprocess.Popen[bytes]:
        return subprocess.Popen(  # noqa: S603 - our own command line
            self._command, pass_fds=[self._listener.fileno()], env=self._environ, start_new_session=True
        )


def replica_command(config: str) -> list[str]:
    """The command line of one replica."""
    return [sys.executable, "-m", "gateway.cli", "replica", "--config", config]


def inherited(descriptor: int) -> socket.socket:
    """The socket that the parent bound."""
    return socket.socket(fileno=os.dup(descriptor))
