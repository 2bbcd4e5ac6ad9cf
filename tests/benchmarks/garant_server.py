"""The seam between the benchmark and Garant: how one is configured, started, given a machine key, and signed through.

Everything that knows Garant's commands and sign-off API is in this file; the scenarios know only the values below.
"""

from __future__ import annotations

import asyncio
import json
import os
import re
import secrets
import subprocess
import sys
import time
from collections import deque
from dataclasses import dataclass, field
from importlib.metadata import PackageNotFoundError, version
from pathlib import Path
from typing import Protocol

import asyncpg

from gateway.database import Embedded
from tests.benchmarks.load import Connection, WrongAnswerError, connect
from tests.benchmarks.servers import HOST, NotStartedError, Processes, Server, free_port

REPOSITORY = Path(__file__).resolve().parents[2]
GARANT = [sys.executable, "-c", "from gateway.cli import main; main()"]
START_SECONDS = 60.0
COMMAND_SECONDS = 60.0
SESSION, PASSWORD = "/api/session", "/api/password"
QUEUE, SUGGESTIONS = "/api/queue", "/api/suggestions"
SIGNER_OPTIONS = ("--name", "Benchmark Signer", "--role", "clinician", "--profession", "physician")
PASSED_TASK = "letter"
HELD_TASK = "report"

CONFIGURATION = """keys_directory = {keys}
spool_directory = {spool}
log_level = "warning"

[establishment]
id = "bench"
name = "Benchmark"
host = "bench.example"

[server]
host = "{host}"
port = {port}
public_url = "http://{host}:{port}"

[[systems]]
id = "model"
name = "Model"
version = "1"
protocol = "openai"
models = ["bench"]
upstream = {{ url = "{upstream}" }}

[[policies]]
id = "passes"
release_mode = "log_only"

[[policies]]
id = "held"
release_mode = "hold"
reauthenticate_seconds = 900

[[tasks]]
id = "letter"
kind = "administrative"
policy = "passes"

[[tasks]]
id = "report"
kind = "diagnosis"
policy = "held"

[[routes]]
system = "model"
task = "letter"

[[routes]]
system = "model"
task = "report"
wait_seconds = 3600
"""


COMMITS = """
SELECT suggestion_id::text AS suggestion, extract(epoch FROM pg_xact_commit_timestamp(xmin))::float AS at
FROM entries WHERE type = 'signed_off'
"""


@dataclass(frozen=True)
class Sent:
    """A decision on its way: the clock's reading (`perf_counter`) when it was sent, and on which suggestion."""

    at: float
    suggestion: str


class Signer(Protocol):
    """A clinician's session on one replica, signing through the same API a person uses."""

    async def waiting(self) -> int:
        """How many suggestions wait for a signature."""

    async def sign_next(self, *, prove: bool = True) -> Sent | None:
        """Open and approve the most urgent suggestion, with the password or on the session's fresh proof; None when none waits."""

    async def close(self) -> None:
        """End the session."""


@dataclass(frozen=True)
class Commands:
    """`garant …` in one folder, on one database."""

    folder: Path
    database: str

    @property
    def environment(self) -> dict[str, str]:
        """What every `garant` process of this deployment needs."""
        return {"GARANT_DATABASE_URL": self.database, "PYTHONPATH": str(REPOSITORY)}

    def run(self, *arguments: str) -> str:
        """What a command printed; NotStartedError when it failed."""
        environment = {**os.environ, **self.environment}
        command = [*GARANT, *arguments]
        done = subprocess.run(
            command, cwd=self.folder, env=environment, capture_output=True, text=True, timeout=COMMAND_SECONDS, check=False
        )
        if done.returncode:
            raise NotStartedError(f"`garant {' '.join(arguments)}` failed: {(done.stdout + done.stderr)[-600:].strip()}")
        return done.stdout


@dataclass(frozen=True)
class Running:
    """A running Garant: one server for each replica (path of the log-only task), and the path of the held task."""

    replicas: tuple[Server, ...]
    held_path: str
    commands: Commands
    configuration: str

    @property
    def first(self) -> Server:
        """The replica that callers use."""
        return self.replicas[0]

    async def commits(self) -> dict[str, float]:
        """When each signature was committed, by PostgreSQL's own record, in Unix seconds."""
        database = await asyncpg.connect(self.commands.database)
        try:
            return {row["suggestion"]: row["at"] for row in await database.fetch(COMMITS)}
        finally:
            await database.close()


def installed_version() -> str:
    """The version of the distribution, where it is installed."""
    try:
        return version("garant")
    except PackageNotFoundError:
        return "this tree"


def door(task: str) -> str:
    """The path of an OpenAI-compatible call for a task."""
    return f"/call/{task}/v1/chat/completions"


async def start_garant(processes: Processes, model: Server, replicas: int = 1) -> Running:
    """Start Garant as its documentation says: the wheel's PostgreSQL, durable log on, one worker for each replica.

    Two replicas are two `garant up` on one database, with the same keys.

    Raises:
        NotStartedError: a command failed, or the gateway did not listen; the message holds its last output.
    """
    folder = processes.folder / "garant"
    folder.mkdir()
    commands = Commands(folder, await _database(processes, folder))
    configured = [configure(folder, model) for _ in range(replicas)]
    first = str(configured[0][0])
    commands.run("keys", "create", "--config", first)
    pids = [await up(processes, commands, path, port) for path, port in configured]
    key = machine_key(commands.run("machines", "create", "bench", "--task", PASSED_TASK, "--task", HELD_TASK, "--config", first))
    headers = {"Authorization": f"Bearer {key}"}
    servers = (
        Server("Garant", installed_version(), port, pid, door(PASSED_TASK), headers)
        for (_, port), pid in zip(configured, pids, strict=True)
    )
    return Running(tuple(servers), door(HELD_TASK), commands, first)


async def _database(processes: Processes, folder: Path) -> str:
    """The wheel's PostgreSQL, started a second time so that it keeps commit times."""
    first = Embedded(folder / "postgres")
    database = await asyncpg.connect(await asyncio.to_thread(first.start))
    await database.execute("ALTER SYSTEM SET track_commit_timestamp = on")
    await database.close()
    await asyncio.to_thread(first.stop)
    embedded = Embedded(folder / "postgres")
    processes.ending.append(embedded.stop)
    return await asyncio.to_thread(embedded.start)


async def up(processes: Processes, commands: Commands, path: Path, port: int) -> int:
    """Start one replica; the pid of the process that answers."""
    process = processes.start(path.stem, [*GARANT, "up", "--config", str(path)], commands.environment)
    return await processes.listening(path.stem, process, port, START_SECONDS)


def machine_key(printed: str) -> str:
    """The key in what `garant machines create` printed."""
    found = re.search(r"gk_\S+", printed)
    if found is None:
        raise NotStartedError(f"`garant machines create` printed no key: {printed[-300:].strip()}")
    return found[0]


@dataclass
class ApiSigner:
    """A clinician's bearer session on one kept connection: open, prove who one is, approve exactly what was shown."""

    connection: Connection
    password: str
    headers: dict[str, str] = field(default_factory=dict)
    opened: deque[str] = field(default_factory=deque)

    async def call(self, method: str, path: str, document: object = None) -> dict[str, object]:
        """One API call's JSON; WrongAnswerError with the problem it answered."""
        body = b"" if document is None else json.dumps(document).encode()
        lines = [f"{method} {path} HTTP/1.1", f"Host: {HOST}", *(f"{name}: {value}" for name, value in self.headers.items())]
        head = "\r\n".join([*lines, "Content-Type: application/json", f"Content-Length: {len(body)}", "", ""])
        async with asyncio.timeout(COMMAND_SECONDS):
            answer = await self.connection.send(head.encode() + body)
        if not answer.startswith(b"HTTP/1.1 20"):
            raise WrongAnswerError(f"{method} {path} answered {answer[:600].decode(errors='replace')}")
        said: dict[str, object] = json.loads(answer.partition(b"\r\n\r\n")[2])
        return said

    async def sign_in(self, login: str, one_time: str) -> None:
        """Begin the session, replacing the one-time password first."""
        begun = await self.call("POST", SESSION, {"login": login, "password": one_time, "bearer": True})
        self.headers["Authorization"] = f"Bearer {begun['token']}"
        begun = await self.call("POST", PASSWORD, {"current": one_time, "new": self.password})
        self.headers["Authorization"] = f"Bearer {begun['token']}"

    async def queued(self) -> list[str]:
        """Ids of the suggestions that wait, most urgent first."""
        rows = (await self.call("GET", QUEUE))["cases"]
        return [str(row["id"]) for row in rows] if isinstance(rows, list) else []

    async def waiting(self) -> int:
        """How many suggestions wait for a signature."""
        return int(str((await self.call("GET", QUEUE))["total"]))

    async def sign_next(self, *, prove: bool = True) -> Sent | None:
        """Open the next one and approve it; the queue is read again when the last reading is used up."""
        if not self.opened:
            self.opened.extend(await self.queued())
        if not self.opened:
            return None
        suggestion = self.opened.popleft()
        path = f"{SUGGESTIONS}/{suggestion}"
        shown = await self.call("POST", f"{path}/open")
        decision = {"lease": shown["lease"], "shown_sha256": shown["shown_sha256"], "decision": "approve"}
        sent = Sent(time.perf_counter(), suggestion)
        await self.call("POST", f"{path}/decision", {**decision, "proof": self.password} if prove else decision)
        return sent

    async def close(self) -> None:
        """Hang up."""
        self.connection.close()


def one_time_password(printed: str) -> str:
    """The password in what `garant users create` printed."""
    found = re.search(r"password: (\S+)", printed)
    if found is None:
        raise NotStartedError("`garant users create` printed no one-time password")
    return found[1]


async def start_signer(running: Running, replica: int = 0) -> Signer:
    """A clinician with an account of their own, signed in on a replica."""
    login = f"signer-{replica}-{secrets.token_hex(4)}"
    printed = running.commands.run("users", "create", login, *SIGNER_OPTIONS, "--config", running.configuration)
    signer = ApiSigner(await connect(HOST, running.replicas[replica].port), secrets.token_urlsafe(24))
    await signer.sign_in(login, one_time_password(printed))
    return signer


def configure(folder: Path, model: Server) -> tuple[Path, int]:
    """Write one replica's configuration on a fresh port; all replicas share the keys."""
    port = free_port()
    path = folder / f"garant-{port}.toml"
    keys, spool = (json.dumps(str(folder / name)) for name in ("keys", f"spool-{port}"))
    path.write_text(CONFIGURATION.format(keys=keys, spool=spool, host=HOST, port=port, upstream=f"http://{HOST}:{model.port}"))
    return path, port
