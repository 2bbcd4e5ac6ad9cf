"""The demo's stage: folder, keys, database, AI server, gateway and accounts, each started with progress and ended for certain."""

from __future__ import annotations

import asyncio
import json
import os
import shutil
import signal
import subprocess
import sys
import tempfile
import time
from contextlib import ExitStack, suppress
from dataclasses import dataclass, field
from pathlib import Path
from typing import TYPE_CHECKING, Final

from gateway.configuration.load import load, packaged
from gateway.demo.clients import fetch
from gateway.demo.clinician import DemoFailedError
from gateway.identity.machines import NewMachine, create_machine
from gateway.identity.people import NewPerson, create_person
from gateway.identity.roles import Role
from gateway.operations import keys as secret_files
from gateway.operations.running import database, writing
from gateway.operations.serving import bound

if TYPE_CHECKING:
    from collections.abc import Callable

    from gateway.audit.writer import Writer
    from gateway.operations.keys import Keys
    from gateway.settings import Settings

PEOPLE: Final = (
    NewPerson("dr.martin", "Dr Claire Martin (fictive)", "pathologist", frozenset({Role.CLINICIAN})),
    NewPerson("dr.leroy", "Dr Paul Leroy (fictif)", "pathologist", frozenset({Role.CLINICIAN})),
    NewPerson("q.durand", "Jeanne Durand (fictive)", "quality", frozenset({Role.QUALITY})),
    NewPerson("it.admin", "Sam Petit (fictif)", "it", frozenset({Role.IT})),
)
START_SECONDS: Final = 30.0


@dataclass(slots=True)
class Stage:
    """What runs.

    Args:
        base: the gateway's address.
        accounts: login → one-time password.
        key: the calling systems' key.
        figures: what the AI server measured of itself.
    """

    directory: Path
    settings: Settings
    keys: Keys
    url: str
    base: str
    accounts: dict[str, str] = field(default_factory=dict)
    key: str = ""
    figures: dict[str, float] = field(default_factory=dict)


def prepared(stack: ExitStack, directory: Path | None, say: Callable[[str], None]) -> Stage:
    """Start everything; the stack ends everything."""
    folder = _folder(stack, directory)
    say("training the demo's model on 398 real patients, measuring it on 171 others")
    figures = _ai_server(stack)
    listener = bound("127.0.0.1", 0)
    port = listener.getsockname()[1]
    listener.close()
    config = _configuration(folder, port, int(figures.pop("port")))
    settings = load(config, os.environ)
    secret_files.create(settings.keys_directory, settings.establishment.origin)
    say("starting PostgreSQL")
    keys, url = stack.enter_context(database(settings))
    stage = Stage(folder, settings, keys, url, settings.server.public_url, figures=figures)
    say("making accounts and a key for the calling systems")
    asyncio.run(writing(settings, keys, url, lambda writer, _: _accounts(writer, keys, stage)))
    say("starting the gateway")
    _gateway(stack, config, url)
    _await_ready(stage.base)
    return stage


def _folder(stack: ExitStack, directory: Path | None) -> Path:
    if directory is not None:
        directory.mkdir(parents=True, exist_ok=True)
        return directory.resolve()
    folder = Path(tempfile.mkdtemp(prefix="garant-demo-"))
    stack.callback(shutil.rmtree, folder, ignore_errors=True)
    return folder


def _configuration(folder: Path, port: int, ai_port: int) -> Path:
    shutil.copy(packaged("demo-policies.toml"), folder / "demo-policies.toml")
    text = packaged("demo.toml").read_text(encoding="utf-8").replace('http://127.0.0.1:1"', f'http://127.0.0.1:{ai_port}"')
    head = f'keys_directory = {json.dumps(str(folder / "keys"))}\nspool_directory = {json.dumps(str(folder / "spool"))}\nlog_level = "warning"\n'
    tail = f'\n[server]\nport = {port}\npublic_url = "http://127.0.0.1:{port}"\n\n[database]\ndirectory = {json.dumps(str(folder / "postgres"))}\n'
    path = folder / "garant.toml"
    path.write_text(head + text + tail, encoding="utf-8")
    return path


def _ai_server(stack: ExitStack) -> dict[str, float]:
    process = subprocess.Popen([sys.executable, "-m", "gateway.demo.server", "--port", "0"], stdout=subprocess.PIPE, start_new_session=True)
    stack.callback(_end, process)
    line = process.stdout.readline() if process.stdout else b""
    if not line:
        message = "The demo's AI server did not start. Install the demo with its extra: pip install '.[demo]'."
        raise DemoFailedError(message)
    return {name: float(value) for name, value in json.loads(line).items()}


async def _accounts(writer: Writer, keys: Keys, stage: Stage) -> str:
    for person in PEOPLE:
        stage.accounts[person.login] = await create_person(writer, keys, person)
    tasks = frozenset(task.id for task in stage.settings.tasks)
    stage.key = await create_machine(writer, NewMachine("demo clinical systems", tasks))
    return stage.key


def _gateway(stack: ExitStack, config: Path, url: str) -> None:
    environ = {**os.environ, "GARANT_DATABASE_URL": url}
    command = [sys.executable, "-m", "gateway.cli", "up", "--config", str(config)]
    stack.callback(_end, subprocess.Popen(command, env=environ, start_new_session=True))  # noqa: S603 - our own command line


def _await_ready(base: str) -> None:
    until = time.monotonic() + START_SECONDS
    while time.monotonic() < until:
        with suppress(OSError):
            if fetch(base, "/health/ready", seconds=2.0)[0] == 200:  # noqa: PLR2004
                return
        time.sleep(0.05)
    message = f"The gateway was not ready within {START_SECONDS:g} seconds."
    raise DemoFailedError(message)


def _end(process: subprocess.Popen[bytes]) -> None:
    process.send_signal(signal.SIGTERM)
    try:
        process.wait(15)
    except subprocess.TimeoutExpired:
        process.kill()
        process.wait()
