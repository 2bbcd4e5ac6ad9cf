"""How Garant is: the configuration on disk, the database, the log, the replicas, the AI systems as they were seen."""

from __future__ import annotations

import asyncio
import os
from datetime import UTC, datetime
from pathlib import Path
from typing import TYPE_CHECKING
from urllib.parse import urlsplit

from gateway.api.administration.models import (
    ConfigurationView,
    DatabaseView,
    FindingView,
    LogView,
    ReplicaView,
    StatusView,
    SystemView,
)
from gateway.configuration.check import Problem, examine
from gateway.configuration.french import french
from gateway.errors import AuditUnavailable
from gateway.operations.presence import reading

if TYPE_CHECKING:
    from collections.abc import Set as AbstractSet

    from gateway.api.administration.operation import Operation
    from gateway.api.dependencies import Parts
    from gateway.operations.presence.reading import Replica, Storage
    from gateway.outbound import Seen
    from gateway.settings import Settings


async def status(parts: Parts, operation: Operation) -> StatusView:
    """Everything but the AI systems. Raises AuditUnavailable while the database does not answer."""
    name = parts.settings.establishment.id
    stored = await reading.storage(parts.database, name)
    found = await reading.replicas(parts.database, name)
    return StatusView(
        configuration=await asyncio.to_thread(configuration, operation.source, parts.settings),
        database=DatabaseView(host=database_host(parts.url), version=stored.version, bytes=stored.bytes),
        log=_log(parts, operation, stored),
        replicas=[_replica(one, operation, parts.clock.now()) for one in found],
    )


async def systems(parts: Parts, operation: Operation, stopped: AbstractSet[str]) -> list[SystemView]:
    """Every AI system, with what any replica saw of it. Raises AuditUnavailable."""
    told = await reading.replicas(parts.database, parts.settings.establishment.id)
    here = operation.outbound.seen()
    seen = reading.merged([*(one.systems for one in told), here])
    return [system_view(parts.settings, n, stopped, seen.get(system.id)) for n, system in enumerate(parts.settings.systems)]


def system_view(settings: Settings, number: int, stopped: AbstractSet[str], seen: Seen | None) -> SystemView:
    """The view of the nth AI system."""
    system = settings.systems[number]
    return SystemView(
        id=system.id,
        name=system.name,
        version=system.version,
        protocol=system.protocol,
        host=host_of(str(system.upstream.url)),
        models=list(system.models),
        tasks=[route.task for route in settings.routes if route.system == system.id],
        stopped=f"system:{system.id}" in stopped,
        answered_at=_instant(seen.answered_at if seen else 0.0),
        failed_at=_instant(seen.failed_at if seen else 0.0),
        failure=seen.failure if seen else "",
    )


def configuration(source: Path | None, running: Settings) -> ConfigurationView:
    """What `garant check` says now of the file that this process was started with; settings from no file have no findings."""
    if source is None:
        return ConfigurationView(file="", differs=False, findings=[])
    settings, problems = examine(source, os.environ)
    return ConfigurationView(file=source.name, differs=settings != running, findings=[_finding(one) for one in problems])


def database_host(url: str) -> str:
    """The host of a database URL, without credentials; empty for a local socket."""
    try:
        return urlsplit(url).hostname or ""
    except ValueError:
        return "?"


def host_of(url: str) -> str:
    """Host and port of an address; never its credentials, path or query."""
    parts = urlsplit(url)
    return f"{parts.hostname}:{parts.port}" if parts.port else str(parts.hostname)


def _finding(problem: Problem) -> FindingView:
    place = Path(problem.file).name if problem.line else problem.file
    said = {"file": place, "cause": problem.cause, "fix": problem.fix}
    in_french = {f"{name}_fr": french(sentence) or sentence for name, sentence in said.items()}
    return FindingView(line=problem.line, severity=problem.severity, **said, **in_french)


def _log(parts: Parts, operation: Operation, stored: Storage) -> LogView:
    writer = parts.writer
    return LogView(
        writable=writer.available,
        damage=writer.damaged or "",
        damage_fr=AuditUnavailable(writer.damaged, code="log_damaged").said("fr") if writer.damaged else "",
        entries=stored.entries,
        last_at=stored.last_at,
        pending=writer.pending,
        spooled=bool(operation.spool.waiting()),
    )


def _replica(one: Replica, operation: Operation, now: datetime) -> ReplicaView:
    view = {name: getattr(one, name) for name in ("id", "host", "pid", "started_at", "seen_at")}
    return ReplicaView(**view, silent=one.silent(now), here=one.id == operation.presence.id)


def _instant(seconds: float) -> datetime | None:
    return datetime.fromtimestamp(seconds, UTC) if seconds else None
