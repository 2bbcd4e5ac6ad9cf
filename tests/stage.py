"""A real gateway for tests: replicas with real sockets on a real PostgreSQL, a scripted model server, people and keys."""

from __future__ import annotations

import asyncio
import tempfile
import threading
import time
from contextlib import ExitStack, suppress
from dataclasses import dataclass, field
from pathlib import Path
from typing import TYPE_CHECKING, Any
from uuid import uuid4

import httpx
import uvloop

from gateway.app import replica
from gateway.audit.batch import LogIdentity
from gateway.audit.verifier import Report, verify
from gateway.audit.writer import Writer
from gateway.configuration.load import load
from gateway.demo.clinician import Clinician
from gateway.identity.machines import NewMachine, create_machine
from gateway.identity.people import NewPerson, create_person
from gateway.identity.roles import Role
from gateway.operations import keys as secret_files
from gateway.operations import serving
from gateway.operations.auditing import snapshot
from tests.conftest import apart, execute, finished, migrated, of_database
from tests.fakes.model_server import ModelServer
from tests.lines import lines

if TYPE_CHECKING:
    import socket
    from collections.abc import Callable, Coroutine, Iterator

    import asyncpg
    import uvicorn

    from gateway.app import Replica
    from gateway.settings import Settings

CONFIGURATION = """
spool_directory = "{folder}/spool"
keys_directory = "{folder}/keys"
[establishment]
id = "test"
name = "Test"
host = "localhost"
sites = ["main", "north"]
[server]
public_url = "http://garant.test"
max_body_bytes = 100000
header_timeout_seconds = 1.0
body_idle_seconds = 1.0
[[systems]]
id = "reader"
name = "Reader"
version = "1"
protocol = "openai"
models = ["reader"]
upstream = {{ url = "{upstream}", secret_env = "TEST_SECRET", first_byte_seconds = 1.5, idle_seconds = 1.0, total_seconds = 10, max_answer_bytes = 200000 }}
attributes = {{ intended_use = "tests", population = "none", known_limits = "none", validation = "none", subgroups = "none", local_validation = "none", contact = "tests" }}
[[systems]]
id = "tensor"
name = "Tensor"
version = "1"
protocol = "inference_v2"
models = ["tensor"]
upstream = {{ url = "{upstream}" }}
attributes = {{ intended_use = "tests", population = "none", known_limits = "none", validation = "none", subgroups = "none", local_validation = "none", contact = "tests" }}
[[systems]]
id = "plain"
name = "Plain"
version = "1"
protocol = "json"
upstream = {{ url = "{upstream}" }}
attributes = {{ intended_use = "tests", population = "none", known_limits = "none", validation = "none", subgroups = "none", local_validation = "none", contact = "tests" }}
{routes}
[[routes]]
system = "tensor"
task = "diagnosis"
wait_seconds = 2
columns = {{ probability = ["malignant", "benign"] }}
[[routes]]
system = "plain"
task = "diagnosis"
path = "/predict"
wait_seconds = 2
fields = [{{ pointer = "/label", label = "finding" }}, {{ pointer = "/p", label = "probability" }}]
[[routes]]
system = "plain"
task = "listed"
path = "/findings"
wait_seconds = 2
fields = [{{ pointer = "/summary", label = "summary" }}]
findings = {{ pointer = "/report/findings", label = "/name" }}
[[webhooks]]
id = "pager"
url = "{pager}/hook"
secret_env = "TEST_WEBHOOK"
[[rotas]]
id = "oncall"
shifts = [{{ person = "dr.a", start = "2020-01-01T00:00:00Z", end = "2090-01-01T00:00:00Z" }}]
{policies}
"""
MODES = {
    "diagnosis": ("diagnosis", 'release_mode = "hold"'),
    "refusing": ("diagnosis", 'release_mode = "hold"'),
    "pair": ("diagnosis", 'release_mode = "hold"\ntwo_person = true'),
    "undoable": ("diagnosis", 'release_mode = "hold"\nundo_seconds = 1'),
    "short": ("diagnosis", 'release_mode = "hold"\nclock_seconds = 1\nexpires_seconds = 2\nescalation = ["oncall"]'),
    "triage": ("triage", 'release_mode = "notify_now"\nnotify_rota = "oncall"\nclock_seconds = 1\nescalation = ["oncall"]'),
    "telling": ("triage", 'release_mode = "notify_now"\nnotify_rota = "oncall"\nunsigned_content_to_caller = true'),
    "draft": ("documentation", 'release_mode = "draft"'),
    "trial": ("diagnosis", 'release_mode = "shadow"'),
    "letter": ("administrative", 'release_mode = "log_only"'),
    "judged": ("diagnosis", 'release_mode = "hold"\njudge_first = true'),
    "compared": ("diagnosis", 'release_mode = "hold"\nblind_share = 0.5'),
    "blind": ("diagnosis", 'release_mode = "hold"\njudge_first = true\ntwo_person = true\njudge_options = ["benign", "malignant"]'),
    "arbitrated": ("diagnosis", 'release_mode = "hold"\ntwo_person = true\nundo_seconds = 1\narbiter_groups = ["seniors"]'),
    "listed": ("diagnosis", 'release_mode = "hold"'),
}
UNGUARDED = "guard_seconds = 0\n"  # scripted people press at once, also on pages
FINDINGS = 'findings = { pointer = "/report/findings", label = "/name" }\n'
ENVIRONMENT = {"TEST_SECRET": "upstream-secret-1", "TEST_WEBHOOK": "whsec_MfKQ9r8GKYqrTwjUPD8ILPZIo2LaLaSw"}


@dataclass
class Served:
    """One replica on a thread of its own."""

    port: int = 0
    app: Replica | None = None
    server: uvicorn.Server | None = None
    loop: asyncio.AbstractEventLoop | None = None
    thread: threading.Thread | None = None
    failure: BaseException | None = None

    @property
    def base(self) -> str:
        """Its address."""
        return f"http://127.0.0.1:{self.port}"

    def run(self, work: Coroutine[Any, Any, Any]) -> Any:  # noqa: ANN401 - whatever the work gives
        """Run something on the replica's own loop."""
        assert self.loop is not None
        return asyncio.run_coroutine_threadsafe(work, self.loop).result(30)

    def stop(self) -> None:
        """End it in order."""
        if self.server is not None:
            self.server.should_exit = True
        if self.thread is not None:
            self.thread.join(20)
        if self.failure is not None:
            raise self.failure


@dataclass
class Stage:
    """Everything of one test: replicas, model server, webhook receiver, keys, people."""

    url: str
    model: ModelServer
    pager: ModelServer
    settings: Any
    keys: secret_files.Keys
    replicas: list[Served] = field(default_factory=list)
    key: str = ""
    one_time: dict[str, str] = field(default_factory=dict)
    people: dict[str, Clinician] = field(default_factory=dict)

    @property
    def base(self) -> str:
        """The first replica's address."""
        return self.replicas[0].base

    def clinician(self, login: str = "dr.a", replica: int = 0) -> Clinician:
        """Somebody signed in with an own password."""
        if login not in self.people:
            self.people[login] = Clinician(self.replicas[replica].base, login, self.one_time[login])
            self.people[login].sign_in()
        return self.people[login]

    def post(self, task: str, path: str, body: object, *, replica: int = 0, **headers: str) -> httpx.Response:
        """One machine call."""
        sent = {"authorization": f"Bearer {self.key}", **{name.replace("_", "-"): value for name, value in headers.items()}}
        content = body if isinstance(body, bytes) else None
        with httpx.Client(timeout=30) as client:
            return client.post(
                f"{self.replicas[replica].base}/call/{task}{path}",
                headers=sent,
                content=content,
                json=None if content is not None else body,
            )

    def chat(self, task: str = "diagnosis", *, replica: int = 0, stream: bool = False, **headers: str) -> httpx.Response:
        """One chat completion."""
        body = {"model": "reader", "messages": [{"role": "user", "content": uuid4().hex}], **({"stream": True} if stream else {})}
        return self.post(task, "/v1/chat/completions", body, replica=replica, **headers)

    def get(self, path: str, *, replica: int = 0, key: str | None = None, method: str = "GET") -> httpx.Response:
        """One GET of a machine."""
        with httpx.Client(timeout=30) as client:
            return client.request(method, f"{self.replicas[replica].base}{path}", headers={"authorization": f"Bearer {key or self.key}"})

    def api(self, who: Clinician, method: str, path: str, body: object = None, *, replica: int = 0) -> httpx.Response:
        """One call of the control API."""
        with httpx.Client(timeout=30) as client:
            return client.request(
                method, f"{self.replicas[replica].base}/api{path}", json=body, headers={"authorization": f"Bearer {who.token}"}
            )

    def entries(self, kind: str | None = None) -> list[dict[str, Any]]:
        """The log's entries, all or of one type."""
        import json  # noqa: PLC0415

        found = finished(snapshot(self.url, "test"))
        leaves = [json.loads(leaf) for leaf in found.leaves]
        return [leaf for leaf in leaves if kind in {None, leaf["type"]}]

    def verified(self) -> Report:
        """The verifier's report on the live log."""
        found = finished(snapshot(self.url, "test"))
        return verify(found.leaves, found.checkpoint, self.keys.vkeys, found.policies, found.kept, found.assertions)

    def rows(self, query: str, *arguments: object) -> list[asyncpg.Record]:
        """Rows of the database, as its owner."""
        return lines().ask(self.url, query, arguments)

    def add_replica(self) -> Served:
        """Start one more replica."""
        served = _serve(self.settings, self.keys, self.url)
        self.replicas.append(served)
        return served


def built(server: str, count: int = 1, extra: str = "", environ: dict[str, str] | None = None) -> Iterator[Stage]:
    """A stage on a database of its own.

    Args:
        server: the PostgreSQL.
        count: how many replicas.
        extra: more configuration; `{upstream}` in it becomes the model server's address.
        environ: overrides some of the environment.
    """
    name = f"stage_{uuid4().hex}"
    finished(execute(server, f'CREATE DATABASE "{name}" TEMPLATE "{apart(migrated, server)}"'))
    with ExitStack() as stack, tempfile.TemporaryDirectory(prefix="garant-") as folder:
        settings = _configured(stack, Path(folder), extra, environ or {})
        stage = _prepared(settings, of_database(server, name), count)
        try:
            yield stage
        finally:
            lines().hang_up(stage.url)
            for served in stage.replicas:
                served.stop()
    finished(execute(server, f'DROP DATABASE "{name}" WITH (FORCE)'))


def eventually(check: Callable[[], object], seconds: float = 10.0) -> Any:  # noqa: ANN401
    """Wait until something is true; returns it. Asked ever less often, since most askings are a connection of their own."""
    began = time.monotonic()
    while (waited := time.monotonic() - began) < seconds:
        found = check()
        if found:
            return found
        time.sleep(0.02 + min(0.25, waited / 8))
    message = f"not within {seconds:g} s"
    raise AssertionError(message)


def _configured(stack: ExitStack, folder: Path, extra: str, environ: dict[str, str]) -> tuple[ModelServer, ModelServer, Settings]:
    model, pager = stack.enter_context(ModelServer()), stack.enter_context(ModelServer())
    path = folder / "garant.toml"
    routes = "".join(_route(task) for task in MODES)
    policies = "".join(
        f'[[policies]]\nid = "{task}"\n{text}\n{"" if "guard_seconds" in text else UNGUARDED}[[tasks]]\nid = "{task}"\nkind = "{kind}"\npolicy = "{task}"\nprofession = "doctor"\n'
        for task, (kind, text) in MODES.items()
    )
    text = CONFIGURATION.format(folder=folder, upstream=model.url, pager=pager.url, routes=routes, policies=policies)
    path.write_text(text + extra.replace("{upstream}", model.url), encoding="utf-8")
    return model, pager, load(path, ENVIRONMENT | environ)


def _prepared(configured: tuple[ModelServer, ModelServer, Settings], url: str, count: int) -> Stage:
    model, pager, settings = configured
    secret_files.create(settings.keys_directory, settings.establishment.origin)
    keys = secret_files.load(settings.keys_directory, settings.establishment.origin)
    stage = Stage(url, model, pager, settings, keys)
    finished(_people(stage))
    for _ in range(count):
        stage.add_replica()
    return stage


def _route(task: str) -> str:
    held = 'while_held = "refusal"\n' if task == "refusing" else ""
    listed = FINDINGS if task == "listed" else ""
    return f'[[routes]]\nsystem = "reader"\ntask = "{task}"\nwait_seconds = 2\n{held}{listed}'


async def _people(stage: Stage) -> None:
    writer = Writer(stage.url, LogIdentity("test", stage.settings.establishment.origin, stage.keys.log, stage.keys.vkeys))
    await writer.start()
    for login, profession, role in (
        ("dr.a", "doctor", Role.CLINICIAN),
        ("dr.b", "doctor", Role.CLINICIAN),
        ("dr.c", "doctor", Role.CLINICIAN),
        ("dr.s", "senior", Role.CLINICIAN),
        ("nurse", "nurse", Role.CLINICIAN),
        ("quality", "quality", Role.QUALITY),
        ("it", "it", Role.IT),
    ):
        groups = frozenset({"seniors"} if profession == "senior" else ())
        stage.one_time[login] = await create_person(
            writer, stage.keys, NewPerson(login, f"Dr {login}", profession, frozenset({role}), groups)
        )
    stage.key = await create_machine(writer, NewMachine("test", frozenset(task.id for task in stage.settings.tasks)))
    await writer.stop()


def _serve(settings: Any, keys: secret_files.Keys, url: str) -> Served:  # noqa: ANN401
    import os  # noqa: PLC0415

    os.environ.update(ENVIRONMENT)
    served, ready = Served(), threading.Event()
    listener = serving.bound("127.0.0.1", 0)
    served.port = listener.getsockname()[1]
    served.thread = threading.Thread(target=_thread, args=(served, ready, settings, keys, url, listener), daemon=True)
    served.thread.start()
    ready.wait(30)
    if served.failure is not None:
        raise served.failure
    return served


def _thread(served: Served, ready: threading.Event, settings: Any, keys: secret_files.Keys, url: str, listener: socket.socket) -> None:  # noqa: ANN401
    async def serve() -> None:
        served.loop = asyncio.get_running_loop()
        try:
            async with replica(settings, keys, url, source=settings.keys_directory.parent / "garant.toml") as app:
                served.app, served.server = app, serving.server(app, settings.server)
                served.server.install_signal_handlers = lambda: None  # type: ignore[attr-defined]
                ready.set()
                await served.server._serve([listener])  # noqa: SLF001 - without its signal handlers, which a thread may not set
        except BaseException as error:  # noqa: BLE001 - told to the test
            served.failure = error
            ready.set()

    # uvloop, as the product does; it does not close where a connection to a database that is gone was left open
    with suppress(OSError), asyncio.Runner(loop_factory=uvloop.new_event_loop) as runner:
        runner.run(serve())
