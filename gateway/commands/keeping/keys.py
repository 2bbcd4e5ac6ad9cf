"""`garant keys …`: the establishment's secret files, made, listed, changed while the gateway serves."""

from __future__ import annotations

from typing import TYPE_CHECKING, Annotated

import typer

from gateway.commands.console import CONFIG, Config, configured, counting, group, table, with_database, with_writer

if TYPE_CHECKING:
    from gateway.audit.writer import Writer
    from gateway.operations.keys import Keys
    from gateway.settings import Settings

app = group("The establishment's secret files.")


@app.command("create")
def create(config: Config = CONFIG) -> None:
    """Make the secret files that are missing. Back the folder up, apart from the database."""
    from gateway.operations.keys import create as made_in  # noqa: PLC0415 - each command imports only what it needs

    settings = configured(config)
    made = made_in(settings.keys_directory, settings.establishment.origin)
    typer.echo("\n".join(f"made {path}" for path in made) if made else f"{settings.keys_directory}: nothing was missing.")
    typer.echo(f"The log's public key for verifiers is in {settings.keys_directory / 'log.vkey'}.")


@app.command("list")
def listed(config: Config = CONFIG) -> None:
    """List the log's keys and the key-encryption keys: what each does, since when, how much it wraps."""
    from gateway.operations.rotation.listing import listed as found  # noqa: PLC0415

    rows = with_database(config, lambda settings, keys, url: found(url, settings.establishment.id, keys))
    table(("key", "of", "state", "since", "wraps"), [one.row() for one in rows], "There are no keys.")


@app.command("rotate-encryption")
def rotate_encryption(config: Config = CONFIG) -> None:
    """Make a new key-encryption key and wrap every payload's key by it, while replicas serve; stopped, it goes on where it was."""
    from gateway.operations.rotation.encryption import rotate  # noqa: PLC0415

    with counting("payload keys") as told:
        done = with_writer(config, lambda settings, writer, keys, url: rotate(settings, writer, keys, url, told))
    typer.echo(f"{done.current} wraps everything now; {done.count} payload key(s) were wrapped anew, no content was touched.")
    typer.echo(
        "Back the key folder up now. 'garant keys destroy-encryption' destroys the old key; copies of it in older backups are yours to destroy."
    )


@app.command("destroy-encryption")
def destroy_encryption(
    name: Annotated[str, typer.Argument(help="The key's id, as 'garant keys list' shows it.")], config: Config = CONFIG
) -> None:
    """Destroy a key-encryption key that wraps nothing any more: what older backups and files of the database still hold under it is unreadable then."""
    from gateway.audit.spool import Spool  # noqa: PLC0415
    from gateway.operations.rotation.encryption import destroy  # noqa: PLC0415

    async def work(settings: Settings, writer: Writer, _keys: Keys, url: str) -> None:
        await destroy(settings, writer, url, name, Spool(settings.spool_directory).waiting())

    with_writer(config, work)
    typer.echo(f"{name} is destroyed here. Destroy its copies in backups of the key folder too.")


@app.command("rotate-log")
def rotate_log(
    finish: Annotated[bool, typer.Option("--finish", help="Retire the old key: only the new one signs from the next start on.")] = False,
    config: Config = CONFIG,
) -> None:
    """Give the log a new key: announced under the old one, both sign until --finish. Restart the replicas after each step."""
    from gateway.operations.rotation import signing  # noqa: PLC0415

    key = with_writer(config, signing.finish if finish else signing.begin)
    if finish:
        typer.echo(f"The old key is retired and destroyed here; {key.id.hex()} signs alone once the replicas are restarted.")
        return
    typer.echo(f"{key.id.hex()} is announced. Restart the replicas one after the other: from then on both keys sign.")
    typer.echo("Give log.vkey, with both lines in this order, to auditors and witnesses; then run this again with --finish.")
