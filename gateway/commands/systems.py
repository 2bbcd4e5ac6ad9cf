"""`garant systems …`, `garant stops …`, `garant status`: AI systems, what is stopped, and how Garant itself is."""

from __future__ import annotations

import asyncio
import os
from contextlib import asynccontextmanager
from dataclasses import dataclass
from datetime import UTC, datetime
from typing import TYPE_CHECKING, Annotated, Final
from urllib.parse import urlsplit
from uuid import UUID

import typer

from gateway.commands.console import (
    CONFIG,
    Config,
    configured,
    fail,
    group,
    instant,
    table,
    with_database,
    with_writer,
)
from gateway.identity.roles import COMMAND_LINE, Author, Right

if TYPE_CHECKING:
    from collections.abc import AsyncIterator

    from sqlalchemy.ext.asyncio import async_sessionmaker
    from sqlmodel.ext.asyncio.session import AsyncSession

    from gateway.audit.writer import Writer
    from gateway.operations.keys import Keys
    from gateway.operations.presence.checking import Checked
    from gateway.outbound import Seen
    from gateway.settings import Settings
    from gateway.signoff.stopping import StopButton

systems_app = group("AI systems: what they are used for, and whether they answer.")
stops_app = group("The stop button: an AI system, a task or a site, for everybody at once.")
Scope = Annotated[str, typer.Argument(help="system:ID, task:ID or site:ID, as in the configuration.")]
Reason = Annotated[str, typer.Option(help="Why, in a few words, for the next shift.")]
NOBODY: Final = UUID(int=0)
VERDICTS: Final = {
    "answers": "answers normally",
    "answers_elsewhere": "answers, without knowing this question: the address is reached",
    "refuses_us": "refuses our secret: check the environment variable named by secret_env",
    "fails": "fails: ask whoever runs it",
    "redirects": "redirects elsewhere, which is never followed: correct its address in the configuration",
    "slow": "did not answer within 8 seconds: check network and load",
    "unreachable": "cannot be reached: check address, firewall and service",
}


@dataclass(frozen=True, slots=True)
class CommandLine:
    """The command line where a person would press the button."""

    id: UUID = NOBODY

    def author(self, _keys: Keys, _right: Right | None = None) -> Author:
        """Who answers for it in the log, whatever the right."""
        return COMMAND_LINE


@systems_app.command("list")
def listed(config: Config = CONFIG) -> None:
    """List the AI systems: address, tasks with their release mode, whether they are stopped, what was seen of them last."""
    rows = with_database(config, lambda settings, _, url: _system_rows(settings, url))
    table(("id", "host", "protocol", "version", "tasks", "state", "last answer", "last failure"), rows, "There is no AI system.")


@systems_app.command("check")
def check(
    system: Annotated[str, typer.Argument(metavar="[ID]", help="One AI system; all of them where none is named.")] = "",
    config: Config = CONFIG,
) -> None:
    """Ask AI systems now whether they answer, without any patient's data. Exit code 1 if one does not."""
    settings = configured(config)
    known = [one.id for one in settings.systems]
    if system and system not in known:
        fail(f"The configuration has no AI system '{system}'. AI systems: {', '.join(known)}.")
    found = asyncio.run(_checked(settings, [system] if system else known))
    for one in found:
        status = f" (HTTP {one.status})" if one.status else ""
        typer.echo(f"{one.system}: {VERDICTS[one.verdict]}{status}, {one.seconds:.2f} s")
    if not all(one.good for one in found):
        raise typer.Exit(1)


@stops_app.command("list")
def stopped(config: Config = CONFIG) -> None:
    """List what is stopped now: since when and why."""
    rows = with_database(config, lambda settings, _, url: _stop_rows(settings, url))
    table(("scope", "since", "reason"), rows, "Nothing is stopped.")


@stops_app.command("stop")
def stop(scope: Scope, reason: Reason, config: Config = CONFIG) -> None:
    """Stop a scope for everybody, on all replicas; waiting answers are withdrawn, never released."""

    async def work(settings: Settings, writer: Writer, keys: Keys, url: str) -> int:
        async with _button(settings, writer, keys, url) as button:
            return await button.stop(CommandLine(), scope, reason)

    typer.echo(f"{scope} is stopped; {with_writer(config, work)} waiting answers were withdrawn.")


@stops_app.command("resume")
def resume(scope: Scope, reason: Reason, config: Config = CONFIG) -> None:
    """Let a scope run again; what was withdrawn stays withdrawn."""

    async def work(settings: Settings, writer: Writer, keys: Keys, url: str) -> None:
        async with _button(settings, writer, keys, url) as button:
            await button.resume(CommandLine(), scope, reason)

    with_writer(config, work)
    typer.echo(f"{scope} runs again.")


def status(config: Config = CONFIG) -> None:
    """Say how Garant is: database, log, replicas. What the configuration is like says 'garant check'."""
    lines = with_database(config, lambda settings, _, url: _status(settings, url))
    typer.echo("\n".join(lines))


async def _status(settings: Settings, url: str) -> list[str]:
    from gateway.operations.presence import reading  # noqa: PLC0415 - each command imports only what it needs

    now = datetime.now(UTC)
    async with _reading(url) as sessions:
        stored = await reading.storage(sessions, settings.establishment.id)
        replicas = await reading.replicas(sessions, settings.establishment.id)
    where = urlsplit(url).hostname or "the local server"
    lines = [
        f"database: PostgreSQL {stored.version} on {where}, {stored.bytes / 2**20:.1f} MB",
        f"log: {stored.entries} entries, last one {instant(stored.last_at)}",
    ]
    for one in replicas:
        state = f"SILENT since {instant(one.seen_at)}" if one.silent(now) else f"runs since {instant(one.started_at)}"
        lines.append(f"replica: {one.host}, process {one.pid}, {state}")
    return lines if replicas else [*lines, "replica: none has told of itself; 'garant up' starts one"]


async def _system_rows(settings: Settings, url: str) -> list[tuple[str, ...]]:
    from gateway.operations.presence import reading  # noqa: PLC0415
    from gateway.signals.stops import Stops  # noqa: PLC0415

    async with _reading(url) as sessions:
        replicas = await reading.replicas(sessions, settings.establishment.id)
    stops = Stops(url, settings.establishment.id)
    await stops.refresh()
    seen = reading.merged(one.systems for one in replicas)
    policies = {policy.id: policy.release_mode.value for policy in settings.policies}
    modes = {task.id: f"{task.id} ({policies.get(task.policy, 'hold')})" for task in settings.tasks}
    rows: list[tuple[str, ...]] = []
    for system in settings.systems:
        tasks = ", ".join(modes.get(route.task, route.task) for route in settings.routes if route.system == system.id)
        state = "STOPPED" if f"system:{system.id}" in stops.active else "in service"
        host = urlsplit(str(system.upstream.url)).netloc.rpartition("@")[2]
        rows.append((system.id, host, system.protocol, system.version, tasks, state, *_seen(seen.get(system.id))))
    return rows


def _seen(found: Seen | None) -> tuple[str, str]:
    if found is None:
        return "never", "never"
    answered, failed = (instant(datetime.fromtimestamp(at, UTC) if at else None) for at in (found.answered_at, found.failed_at))
    return answered, f"{failed} {found.failure}".strip()


async def _stop_rows(settings: Settings, url: str) -> list[tuple[str, ...]]:
    from gateway.database import connect  # noqa: PLC0415

    connection = await connect(url)
    try:
        found = await connection.fetch(
            "SELECT scope, stopped_at, reason FROM stops WHERE establishment = $1 AND resumed_at IS NULL ORDER BY stopped_at",
            settings.establishment.id,
        )
    finally:
        await connection.close()
    return [(row["scope"], instant(row["stopped_at"]), row["reason"]) for row in found]


async def _checked(settings: Settings, names: list[str]) -> list[Checked]:
    from gateway.operations.presence.checking import check as asked  # noqa: PLC0415
    from gateway.outbound import Outbound  # noqa: PLC0415

    outbound = Outbound(settings.systems, os.environ)
    try:
        return list(await asyncio.gather(*(asked(outbound.door(name)) for name in names)))
    finally:
        await outbound.close()


@asynccontextmanager
async def _button(settings: Settings, writer: Writer, keys: Keys, url: str) -> AsyncIterator[StopButton]:
    from gateway.clock import SystemClock  # noqa: PLC0415
    from gateway.signoff.stopping import StopButton  # noqa: PLC0415
    from gateway.suggestions.repository import Suggestions  # noqa: PLC0415

    async with _reading(url) as sessions:
        yield StopButton(settings, Suggestions(sessions, keys.vault), writer, keys, SystemClock())


@asynccontextmanager
async def _reading(url: str) -> AsyncIterator[async_sessionmaker[AsyncSession]]:
    from gateway.database import engine, sessions  # noqa: PLC0415

    pool = engine(url, pool_size=2)
    try:
        yield sessions(pool)
    finally:
        await pool.dispose()
