"""The seam between the benchmark and Garant: how one is configured, started, given a machine key, and signed through.

Everything that knows Garant's commands and sign-off API is in this file; the scenarios know only the values below.
"""

from __future__ import annotations

import asyncio
import json
import os
import re
import subprocess
import sys
from dataclasses import dataclass
from importlib.metadata import PackageNotFoundError, version
from pathlib import Path
from typing import Protocol

from gateway.database import Embedded
from tests.benchmarks.servers import HOST, NotStartedError, Processes, Server, free_port

REPOSITORY = Path(__file__).resolve().parents[2]
GARANT = [sys.executable, "-c", "from gateway.cli import main; main()"]
START_SECONDS = 60.0
COMMAND_SECONDS = 60.0
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


class Signer(Protocol):
    """A clinician's session on one replica, signing through the same API a person uses."""

    async def waiting(self) -> int:
        """How many suggestions wait for a signature."""

    async def sign_next(self) -> float | None:
        """Open and approve the most urgent suggestion; the clock's reading when the decision was sent, None when none waits."""

    async def close(self) -> None:
        """End the session."""


@dataclass(frozen=True)
class Running:
    """A running Garant: one server for each replica (path of the log-only task), and the path of the held task."""

    replicas: tuple[Server, ...]
    held_path: str
    folder: Path

    @property
    def first(self) -> Server:
        """The replica that callers use."""
        return self.replicas[0]


def installed_version() -> str:
    """The version of the distribution, where it is installed."""
    try:
        return version("garant")
    except PackageNotFoundError:
        return "this tree"


def door(task: str) -> str:
    """The path of an OpenAI-compatible call for a task."""
    return f"/call/{task}/v1/chat/completions"


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
        done = subprocess.run(command, cwd=self.folder, env=environment, capture_output=True, text=True, timeout=COMMAND_SECONDS, check=False)
        if done.returncode:
            raise NotStartedError(f"`garant {' '.join(arguments)}` failed: {(done.stdout + done.stderr)[-600:].strip()}")
        return done.stdout


async def start_garant(processes: Processes, model: Server, replicas: int = 1) -> Running:
    """Start Garant as its documentation says: the wheel's PostgreSQL, durable log on, one worker for each replica.

    Two replicas are two `garant up` on one database, with the same keys.

    Raises:
        NotStartedError: a command failed, or the gateway did not listen; the message holds its last output.
    """
    folder = processes.folder / "garant"
    folder.mkdir()
    embedded = Embedded(folder / "postgres")
    processes.ending.append(embedded.stop)
    commands = Commands(folder, await asyncio.to_thread(embedded.start))
    configured = [configure(folder, model) for _ in range(replicas)]
    first = str(configured[0][0])
    commands.run("keys", "create-secrets", "--config", first)
    pids = [await up(processes, commands, path, port) for path, port in configured]
    key = machine_key(commands.run("machines", "create", "bench", "--tasks", f"{PASSED_TASK},{HELD_TASK}", "--config", first))
    headers = {"Authorization": f"Bearer {key}"}
    servers = (Server("Garant", installed_version(), port, pid, door(PASSED_TASK), headers) for (_, port), pid in zip(configured, pids, strict=True))
    return Running(tuple(servers), door(HELD_TASK), folder)


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


async def start_signer(running: Running, replica: int = 0) -> Signer:
    """A signed-in clinician on a replica."""
    raise NotStartedError(f"signing through {running.replicas[replica].name} is to be filled in when its sign-off API is there")


def configure(folder: Path, model: Server) -> tuple[Path, int]:
    """Write one replica's configuration on a fresh port; all replicas share the keys."""
    port = free_port()
    path = folder / f"garant-{port}.toml"
    keys, spool = (json.dumps(str(folder / name)) for name in ("keys", f"spool-{port}"))
    path.write_text(CONFIGURATION.format(keys=keys, spool=spool, host=HOST, port=port, upstream=f"http://{HOST}:{model.port}"))
    return path, port
