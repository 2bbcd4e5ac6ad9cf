"""Frozen settings from TOML and the environment; the service starts, or lists every problem with its fix."""

from __future__ import annotations

from pathlib import Path
from typing import Literal

from pydantic import Field, HttpUrl

from gateway.policy.models import Frozen, Policy, Task

Identifier = Field(pattern=r"^[a-z0-9][a-z0-9_.-]{0,62}$")


class Establishment(Frozen):
    """The hospital that runs Garant; `host` and `id` make the log's origin `<host>/garant/<id>`."""

    id: str = Identifier
    name: str
    host: str
    sites: tuple[str, ...] = ("main",)

    @property
    def origin(self) -> str:
        """The name of the log in its checkpoints."""
        return f"{self.host}/garant/{self.id}"


class Server(Frozen):
    """Where the gateway listens, and the limits of its doors (bytes, seconds)."""

    host: str = "127.0.0.1"
    port: int = Field(default=8080, ge=0, le=65535)
    public_url: str = "http://127.0.0.1:8080"
    replicas: int = Field(default=1, ge=1, le=64)
    max_body_bytes: int = Field(default=8 * 2**20, gt=0)
    max_header_bytes: int = Field(default=32 * 2**10, gt=0)
    header_timeout_seconds: float = Field(default=10.0, gt=0)
    body_idle_seconds: float = Field(default=20.0, gt=0)


class Upstream(Frozen):
    """How an AI system is reached; a slow one starves nobody else (pool and limits are its own)."""

    url: HttpUrl
    secret_env: str | None = Field(default=None, description="environment variable that holds the AI system's own secret")
    secret_header: str = "authorization"  # noqa: S105 - the header's name
    secret_prefix: str = "Bearer "  # noqa: S105 - the scheme's name
    connect_seconds: float = Field(default=5.0, gt=0)
    first_byte_seconds: float = Field(default=60.0, gt=0)
    idle_seconds: float = Field(default=30.0, gt=0)
    total_seconds: float = Field(default=300.0, gt=0)
    max_connections: int = Field(default=200, gt=0)
    max_answer_bytes: int = Field(default=16 * 2**20, gt=0)


class Attributes(Frozen):
    """Source attributes that the signer sees; nothing here is computed."""

    provider: str = ""
    intended_use: str = ""
    known_limits: str = ""
    validation: str = ""
    contact: str = ""


class System(Frozen):
    """One AI system: an upstream model or service."""

    id: str = Identifier
    name: str
    version: str
    protocol: Literal["openai", "inference_v2", "json"]
    upstream: Upstream
    models: tuple[str, ...] = Field(default=(), description="model names the calls may name")
    attributes: Attributes = Attributes()


class FieldPointer(Frozen):
    """Where a part of a JSON suggestion is."""

    pointer: str
    label: str


class Route(Frozen):
    """An AI system used for a task: what a client's call can reach."""

    system: str
    task: str
    path: str | None = Field(default=None, description="json protocol: the path served and forwarded, e.g. /predict")
    wait_seconds: float = Field(default=50.0, ge=0, le=3600)
    while_held: Literal["refusal", "forbidden"] = "forbidden"
    case_pointer: str | None = None
    patient_pointers: dict[str, str] = Field(default_factory=dict)
    identity_pointers: dict[str, str] = Field(
        default_factory=dict, description="where the answer says whose it is; each name is one of patient_pointers, and must be equal"
    )
    version_pointer: str | None = None
    fields: tuple[FieldPointer, ...] = ()
    columns: dict[str, tuple[str, ...]] = Field(default_factory=dict)
    findings: FieldPointer | None = Field(
        default=None, description="a list in the answer whose parts are accepted one by one; label: a pointer inside a part, or a word"
    )


class Webhook(Frozen):
    """A Standard-Webhooks receiver; `groups` name the rotas and groups it serves (empty: all)."""

    id: str = Identifier
    url: HttpUrl
    secret_env: str | None = None
    groups: tuple[str, ...] = ()


class Shift(Frozen):
    """One person on call, RFC 3339 times with offset."""

    person: str
    start: str
    end: str


class Rota(Frozen):
    """Who is on call, when."""

    id: str = Identifier
    shifts: tuple[Shift, ...] = ()


class Database(Frozen):
    """PostgreSQL: `GARANT_DATABASE_URL` wins over `url`; without either the embedded one in `directory` runs."""

    url: str | None = None
    directory: Path = Path(".garant/postgres")


class Settings(Frozen):
    """The whole configuration, checked."""

    profile: Literal["pilot", "production"] = "pilot"
    identity: tuple[Literal["password"], ...] = ("password",)
    establishment: Establishment
    server: Server = Server()
    database: Database = Database()
    keys_directory: Path = Path(".garant/keys")
    spool_directory: Path = Path(".garant/spool")
    systems: tuple[System, ...]
    tasks: tuple[Task, ...]
    policies: tuple[Policy, ...]
    routes: tuple[Route, ...]
    webhooks: tuple[Webhook, ...] = ()
    rotas: tuple[Rota, ...] = ()
    log_level: Literal["debug", "info", "warning", "error"] = "info"
