"""The command line: `garant up | demo | check | keys | users | machines | audit | impact`.

Every error is one paragraph that says what happened, why, and what to do, and the exit code is 1.
"""

from __future__ import annotations

import asyncio
import os
import sys
from pathlib import Path
from typing import TYPE_CHECKING, Annotated, NoReturn, TypeVar

import typer

from gateway.errors import GarantError, Misconfigured

if TYPE_CHECKING:
    from collections.abc import Callable, Coroutine

    from gateway.audit.verifier import Report
    from gateway.audit.writer import Writer
    from gateway.identity.roles import Role
    from gateway.operations.keys import Keys
    from gateway.settings import Settings

app = typer.Typer(
    no_args_is_help=True, add_completion=False, pretty_exceptions_enable=False, help="Garant: sign, log and measure what AI suggests."
)
keys_app = typer.Typer(no_args_is_help=True, help="The establishment's secret files.")
users_app = typer.Typer(no_args_is_help=True, help="Accounts of people.")
machines_app = typer.Typer(no_args_is_help=True, help="Keys of clinical systems.")
audit_app = typer.Typer(no_args_is_help=True, help="The log: export it, verify it.")
impact_app = typer.Typer(no_args_is_help=True, help="What AI does to the work, measured.")
app.add_typer(keys_app, name="keys")
app.add_typer(users_app, name="users")
app.add_typer(machines_app, name="machines")
app.add_typer(audit_app, name="audit")
app.add_typer(impact_app, name="impact")

Config = Annotated[Path, typer.Option("--config", "-c", envvar="GARANT_CONFIG", help="The configuration file.")]
_DEFAULT = Path("garant.toml")
_T = TypeVar("_T")


def main() -> None:
    """The entry point of the `garant` command."""
    try:
        app()
    except GarantError as error:
        _fail(error.message)
    except KeyboardInterrupt:
        raise SystemExit(130) from None


@app.command()
def up(config: Config = _DEFAULT) -> None:
    """Run the gateway: checks the configuration, prepares the database, serves until Ctrl-C."""
    from gateway.operations import running  # noqa: PLC0415 - each command imports only what it needs

    running.up(config)


@app.command(hidden=True)
def replica(config: Config = _DEFAULT, fd: int = 0) -> None:
    """One replica process on an inherited socket."""
    from gateway.operations import running  # noqa: PLC0415

    running.one_replica(config, fd)


@app.command()
def demo(
    once: Annotated[bool, typer.Option("--once", help="Play the whole story without a person, verify, print the table, end.")] = False,
    directory: Annotated[Path | None, typer.Option("--dir", help="Keep the demo's data here instead of a temporary folder.")] = None,
) -> None:
    """Try everything on this machine: a real model, real cases, a database, the gateway, accounts. Made-up patients."""
    from gateway.demo import story  # noqa: PLC0415
    from impact.cli import rates  # noqa: PLC0415

    sys.exit(story.play(once=once, directory=directory, table=lambda found: rates(found, pilot=True)))


@app.command()
def check(config: Config = _DEFAULT) -> None:
    """List every problem of the configuration at once: file, line, cause, fix."""
    from gateway.configuration.check import check as find  # noqa: PLC0415
    from gateway.configuration.check import render  # noqa: PLC0415

    problems = find(config, os.environ)
    typer.echo(render(problems) if problems else f"{config}: no problem found.")
    if any(problem.severity == "error" for problem in problems):
        raise typer.Exit(1)


@keys_app.command("create")
def keys_create(config: Config = _DEFAULT) -> None:
    """Make the secret files that are missing. Back the folder up, apart from the database."""
    from gateway.operations.keys import create  # noqa: PLC0415

    settings = _settings(config)
    made = create(settings.keys_directory, settings.establishment.origin)
    typer.echo("\n".join(f"made {path}" for path in made) if made else f"{settings.keys_directory}: nothing was missing.")
    typer.echo(f"The log's public key for verifiers is in {settings.keys_directory / 'log.vkey'}.")


@users_app.command("create")
def users_create(
    login: str,
    name: Annotated[str, typer.Option(help="Printed name, as it stands under signatures.")],
    role: Annotated[list[str], typer.Option(help="clinician, quality, it or auditor; may be given twice.")],
    profession: Annotated[str, typer.Option(help="e.g. pathologist")] = "",
    group: Annotated[list[str] | None, typer.Option(help="Groups of the policies' sign_groups.")] = None,
    config: Config = _DEFAULT,
) -> None:
    """Make an account; prints its one-time password once."""
    from gateway.identity.people import NewPerson, create_person  # noqa: PLC0415

    roles = frozenset(_role(text) for text in role)
    person = NewPerson(login, name, profession, roles, frozenset(group or ()))
    password = _with_writer(config, lambda writer, keys: create_person(writer, keys, person))
    typer.echo(f"login: {login}\none-time password: {password}\nIt is shown once and has to be changed at the first sign-in.")


@machines_app.command("create")
def machines_create(
    name: str,
    task: Annotated[list[str], typer.Option(help="A task the key may use; may be given several times.")],
    site: Annotated[str, typer.Option(help="The site it stands on.")] = "main",
    config: Config = _DEFAULT,
) -> None:
    """Make a key for a clinical system; prints it once."""
    from gateway.identity.machines import NewMachine, create_machine  # noqa: PLC0415

    settings = _settings(config)
    unknown = sorted(set(task) - {known.id for known in settings.tasks})
    if unknown or site not in settings.establishment.sites:
        _fail(
            f"The configuration has no task {', '.join(unknown) or '—'} or no site '{site}'. Tasks: {', '.join(known.id for known in settings.tasks)}."
        )
    machine = NewMachine(name, frozenset(task), site)
    typer.echo(_with_writer(config, lambda writer, _: create_machine(writer, machine)))


@audit_app.command("export")
def audit_export(folder: Path, config: Config = _DEFAULT) -> None:
    """Write the log as static files (tlog-tiles) that anybody can verify offline."""
    from gateway.operations.auditing import export  # noqa: PLC0415

    size = _with_database(config, lambda settings, keys, url: export(settings, keys, url, folder))
    typer.echo(f"{size} entries written to {folder}.")


@audit_app.command("verify")
def audit_verify(
    folder: Annotated[Path | None, typer.Argument(help="An export; without it the live database is verified.")] = None,
    key: Annotated[Path | None, typer.Option(help="The log's public key (log.vkey); needed for an export.")] = None,
    config: Config = _DEFAULT,
) -> None:
    """Verify the whole log: signature, tree, every entry, the clinical rules. Names the first bad row."""
    from gateway.operations.auditing import verify_folder, verify_live  # noqa: PLC0415

    report = verify_folder(folder, key) if folder is not None else _with_database(config, verify_live)
    _print_report(report)
    if not report.ok:
        raise typer.Exit(1)


@impact_app.command("rates")
def impact_rates(
    pilot: Annotated[bool, typer.Option(help="Show minutes below the publication threshold, labelled.")] = False,
    form: Annotated[str, typer.Option("--format", help="table, json or csv")] = "table",
    config: Config = _DEFAULT,
) -> None:
    """Counts, shares and minutes per task, from the ledger."""
    from gateway.usage import records  # noqa: PLC0415
    from impact.cli import rates  # noqa: PLC0415

    found = _with_database(config, lambda settings, _, url: records(url, settings.establishment.id))
    typer.echo(rates(found, pilot=pilot, form=form))


def _print_report(report: Report) -> None:
    state = "verified" if report.ok else "NOT verified"
    typer.echo(f"{state}: {report.size} entries, root {report.root}")
    for problem in report.problems[:20]:
        typer.echo(f"  row {problem.index}: {problem.sentence}")


def _settings(config: Path) -> Settings:
    from gateway.configuration.load import load  # noqa: PLC0415

    return load(config, os.environ)


def _role(text: str) -> Role:
    from gateway.identity.roles import Role  # noqa: PLC0415

    try:
        return Role(text)
    except ValueError:
        _fail(f"There is no role '{text}'. Roles: clinician, quality, it, auditor.")


def _with_database(config: Path, work: Callable[[Settings, Keys, str], Coroutine[object, object, _T]]) -> _T:
    from gateway.operations.running import database  # noqa: PLC0415

    settings = _settings(config)
    with database(settings) as (keys, url):
        return asyncio.run(work(settings, keys, url))


def _with_writer(config: Path, work: Callable[[Writer, Keys], Coroutine[object, object, str]]) -> str:
    from gateway.operations.running import writing  # noqa: PLC0415

    return _with_database(config, lambda settings, keys, url: writing(settings, keys, url, work))


def _fail(sentence: str) -> NoReturn:
    typer.echo(sentence, err=True)
    raise SystemExit(1) from None


__all__ = ["Misconfigured", "app", "main"]

if __name__ == "__main__":
    main()
