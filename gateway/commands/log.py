"""`garant audit …`: the log, exported and verified."""

from __future__ import annotations

from pathlib import Path  # noqa: TC003 - typer reads annotations at run time
from typing import TYPE_CHECKING, Annotated

import typer

from gateway.commands.console import CONFIG, Config, group, with_database

if TYPE_CHECKING:
    from gateway.audit.verifier import Report

app = group("The log: export it, verify it.")


@app.command("export")
def export(folder: Annotated[Path, typer.Argument(help="Where the files go; made if it does not exist.")], config: Config = CONFIG) -> None:
    """Write the log as static files (tlog-tiles) that anybody can verify offline."""
    from gateway.operations.auditing import export as written  # noqa: PLC0415 - each command imports only what it needs

    size = with_database(config, lambda settings, keys, url: written(settings, keys, url, folder))
    typer.echo(f"{size} entries written to {folder}.")


@app.command("verify")
def verify(
    folder: Annotated[Path | None, typer.Argument(help="An export; without it the live database is verified.")] = None,
    key: Annotated[Path | None, typer.Option(help="The log's public key (log.vkey); needed for an export.")] = None,
    config: Config = CONFIG,
) -> None:
    """Verify the whole log: signature, tree, every entry, the clinical rules. Names the first bad row."""
    from gateway.operations.auditing import verify_folder, verify_live  # noqa: PLC0415

    report = verify_folder(folder, key) if folder is not None else with_database(config, verify_live)
    _print(report)
    if not report.ok:
        raise typer.Exit(1)


def _print(report: Report) -> None:
    state = "verified" if report.ok else "NOT verified"
    typer.echo(f"{state}: {report.size} entries, root {report.root}")
    for problem in report.problems[:20]:
        typer.echo(f"  row {problem.index}: {problem.sentence}")
