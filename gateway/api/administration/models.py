"""What the routes of administration take and give. No answer holds a secret, a credential of an address, or a patient's data."""

from datetime import datetime
from typing import Literal
from uuid import UUID

from pydantic import AwareDatetime, BaseModel

from gateway.api.accounts import Strict


class SystemView(BaseModel):
    """An AI system: where it is (host alone), what it is used for, whether it runs, what was seen of it last on any replica."""

    id: str
    name: str
    version: str
    protocol: str
    host: str
    models: list[str]
    tasks: list[str]
    stopped: bool
    answered_at: datetime | None
    failed_at: datetime | None
    failure: str


class SystemsView(BaseModel):
    """All AI systems of the configuration that runs."""

    systems: list[SystemView]


class CheckView(BaseModel):
    """What an AI system answered just now; `verdict` as in `gateway.operations.presence.checking.Checked`."""

    system: str
    good: bool
    verdict: str
    status: int
    seconds: float


class FindingView(BaseModel):
    """One thing that `garant check` says of the file on disk, in both languages; line 0: a variable of the environment."""

    file: str
    file_fr: str
    line: int
    severity: Literal["error", "warning"]
    cause: str
    cause_fr: str
    fix: str
    fix_fr: str


class ConfigurationView(BaseModel):
    """The configuration on disk now; `differs`: it says something else than what runs, so that a restart would change it."""

    file: str
    differs: bool
    findings: list[FindingView]


class DatabaseView(BaseModel):
    """The database: where (host alone, empty: the embedded server's local socket), PostgreSQL's version, bytes on disk."""

    host: str
    version: str
    bytes: int


class LogView(BaseModel):
    """The log: whether it can be written, entries, the last one's instant, writes that wait, notices that wait in the spool.

    `damage`: what is wrong with it, with what was found; `damage_fr`: the sentence for whoever cannot go on because of it.
    """

    writable: bool
    damage: str
    damage_fr: str
    entries: int
    last_at: datetime | None
    pending: int
    spooled: bool


class ReplicaView(BaseModel):
    """A gateway process; `silent`: it has not been heard of for more than two minutes."""

    id: UUID
    host: str
    pid: int
    started_at: datetime
    seen_at: datetime
    silent: bool
    here: bool


class StatusView(BaseModel):
    """How Garant itself is."""

    configuration: ConfigurationView
    database: DatabaseView
    log: LogView
    replicas: list[ReplicaView]


class ActivityView(BaseModel):
    """Last sign-ins by account, last uses by machine key; what was never used is not in it."""

    people: dict[UUID, datetime]
    machines: dict[str, datetime]


class Training(Strict):
    """Until when the training for the tasks is valid; null: none is demanded of this account."""

    trained_until: AwareDatetime | None
