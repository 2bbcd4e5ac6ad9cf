"""`garant machines …`: the keys of clinical systems that call."""

from __future__ import annotations

from typing import TYPE_CHECKING, Annotated

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

if TYPE_CHECKING:
    from gateway.settings import Settings

app = group("Keys of clinical systems that call.")


@app.command("create")
def create(
    name: Annotated[str, typer.Argument(help="Which system calls with it, e.g. ris.")],
    task: Annotated[list[str], typer.Option(help="A task the key may use; may be given several times.")],
    site: Annotated[str, typer.Option(help="The site it stands on; the configuration's first where none is given.")] = "",
    config: Config = CONFIG,
) -> None:
    """Make a key for a clinical system; prints it, once."""
    from gateway.identity.machines import NewMachine, create_machine  # noqa: PLC0415 - each command imports only what it needs

    settings = configured(config)
    machine = NewMachine(name, frozenset(task), site or settings.establishment.sites[0])
    _check_known(settings, machine.tasks, machine.site)
    typer.echo(with_writer(config, lambda _, writer, __, ___: create_machine(writer, machine)))


@app.command("list")
def listed(config: Config = CONFIG) -> None:
    """List the valid keys: for which tasks, on which site, last used when (up to a minute late)."""
    rows = with_database(config, lambda _, __, url: _rows(url))
    table(("id", "name", "tasks", "site", "last use"), rows, "There is no key, so no system can call. 'garant machines create' makes one.")


@app.command("revoke")
def revoke(
    machine: Annotated[str, typer.Argument(metavar="ID", help="The key's id, as 'garant machines list' prints it.")],
    config: Config = CONFIG,
) -> None:
    """End a key for good, on all replicas at once."""
    from gateway.identity.machines import revoke_machine  # noqa: PLC0415

    with_writer(config, lambda _, writer, __, ___: revoke_machine(writer, machine))
    typer.echo(f"{machine} is revoked; calls with it are refused from now on.")


def _check_known(settings: Settings, tasks: frozenset[str], site: str) -> None:
    known, sites = [task.id for task in settings.tasks], settings.establishment.sites
    unknown = sorted(tasks - set(known))
    if unknown:
        fail(f"The configuration has no task {', '.join(unknown)}. Tasks: {', '.join(known)}.")
    if site not in sites:
        fail(f"The configuration has no site '{site}'. Sites: {', '.join(sites)}.")


async def _rows(url: str) -> list[tuple[str, ...]]:
    from gateway.database import engine, sessions  # noqa: PLC0415
    from gateway.identity.machines import stored  # noqa: PLC0415
    from gateway.operations.presence.reading import last_uses  # noqa: PLC0415

    pool = engine(url, pool_size=1)
    try:
        machines, last = await stored(sessions(pool)), await last_uses(sessions(pool))
    finally:
        await pool.dispose()
    return [(one.id, one.name, ", ".join(sorted(one.tasks)), one.site, instant(last.get(one.id))) for one in machines]
