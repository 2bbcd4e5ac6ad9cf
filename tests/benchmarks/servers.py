"""Processes under measurement: started on kernel-assigned ports, proven to be who they claim, ended without exception.

A server is believed only when the listening socket of its port belongs to the process started here or to one below it.
Linux only: identity and memory are read from `/proc`.
"""

from __future__ import annotations

import asyncio
import os
import signal
import socket
import subprocess
import time
from contextlib import suppress
from dataclasses import dataclass, field
from pathlib import Path
from typing import TYPE_CHECKING

if TYPE_CHECKING:
    from collections.abc import Callable, Mapping, Sequence

HOST = "127.0.0.1"
STOP_SECONDS = 10.0


class NotStartedError(Exception):
    """A server could not be installed, started or identified; the message says what to do."""


@dataclass(frozen=True)
class Server:
    """A running server, ready for load. `pid` is the worker that owns the listening socket; a call is a POST to `path`."""

    name: str
    version: str
    port: int
    pid: int
    path: str = "/v1/chat/completions"
    headers: Mapping[str, str] = field(default_factory=dict)


def free_port() -> int:
    """A port the kernel has just assigned; the owner is checked after the start, so a lost race is an error, not a lie."""
    with socket.socket() as probe:
        probe.bind((HOST, 0))
        return int(probe.getsockname()[1])


def descendants(pid: int) -> list[int]:
    """The process and every process below it."""
    found = [pid]
    for task in Path(f"/proc/{pid}/task").glob("*/children"):
        found += [below for child in task.read_text().split() for below in descendants(int(child))]
    return found


def listening_inodes(port: int) -> set[str]:
    """Socket inodes that listen on the port, over IPv4 and IPv6."""
    rows = [line.split() for table in ("tcp", "tcp6") for line in Path(f"/proc/net/{table}").read_text().splitlines()[1:]]
    return {row[9] for row in rows if row[3] == "0A" and int(row[1].rsplit(":", 1)[1], 16) == port}


def owned_inodes(pid: int) -> set[str]:
    """Socket inodes that the process holds open."""
    links = []
    for descriptor in Path(f"/proc/{pid}/fd").glob("*"):
        try:
            links.append(str(descriptor.readlink()))
        except FileNotFoundError:
            continue
    return {link[8:-1] for link in links if link.startswith("socket:[")}


def owner(port: int, root: int) -> int | None:
    """The lowest process at or below `root` that listens on the port: the worker, where a master shares its socket."""
    inodes = listening_inodes(port)
    owners = [pid for pid in descendants(root) if inodes & owned_inodes(pid)]
    return owners[-1] if owners else None


def resident_bytes(pid: int) -> int:
    """The process's resident memory now."""
    pages = int(Path(f"/proc/{pid}/statm").read_text().split()[1])
    return pages * os.sysconf("SC_PAGE_SIZE")


@dataclass
class Processes:
    """Every process this run started, each in a group of its own, so that ending the groups ends everything.

    `ending` is called after that, for what ends otherwise (a database).
    """

    folder: Path
    started: list[subprocess.Popen[bytes]] = field(default_factory=list)
    ending: list[Callable[[], None]] = field(default_factory=list)

    def start(self, name: str, command: Sequence[str], environment: Mapping[str, str] | None = None) -> subprocess.Popen[bytes]:
        """Start a command; its output goes to `<folder>/<name>.out`. An empty variable is one the command must not have."""
        with (self.folder / f"{name}.out").open("wb") as out:
            process = subprocess.Popen(
                command,
                stdin=subprocess.DEVNULL,
                stdout=out,
                stderr=subprocess.STDOUT,
                cwd=self.folder,
                env={name: value for name, value in {**os.environ, **(environment or {})}.items() if value},
                start_new_session=True,
            )
        self.started.append(process)
        return process

    async def listening(self, name: str, process: subprocess.Popen[bytes], port: int, seconds: float) -> int:
        """The pid that listens on the port, once it does and is ours; NotStartedError with the last output otherwise."""
        until = time.monotonic() + seconds
        while process.poll() is None and time.monotonic() < until:
            pid = owner(port, process.pid)
            if pid is not None:
                return pid
            await asyncio.sleep(0.1)
        raise NotStartedError(f"{name} {self._why(process, seconds)}. Its last output: {self.last_output(name)}")

    def _why(self, process: subprocess.Popen[bytes], seconds: float) -> str:
        code = process.poll()
        return (
            f"did not listen on its port as our own process within {seconds:.0f} s"
            if code is None
            else f"ended with exit code {code} before it listened"
        )

    def last_output(self, name: str) -> str:
        """The end of what the command wrote."""
        return (self.folder / f"{name}.out").read_text(errors="replace")[-800:].strip() or "nothing"

    def end(self) -> None:
        """End every group, politely first; returns when none is left."""
        for process in reversed(self.started):
            self._signal(process, signal.SIGTERM)
        until = time.monotonic() + STOP_SECONDS
        for process in self.started:
            with suppress(subprocess.TimeoutExpired):
                process.wait(max(0.1, until - time.monotonic()))
        for process in self.started:
            self._signal(process, signal.SIGKILL)
            process.wait()
        for end in reversed(self.ending):
            end()

    @staticmethod
    def _signal(process: subprocess.Popen[bytes], number: signal.Signals) -> None:
        with suppress(ProcessLookupError):
            os.killpg(process.pid, number)
