"""`garant audit …`: the log, exported and verified."""

from __future__ import annotations

from pathlib import Path
from typing import TYPE_CHECKING, Annotated
from uuid import UUID  # noqa: TC003 - typer reads annotations at run time

import typer

from gateway.commands.console import CONFIG, Config, counting, fail, group, with_database

if TYPE_CHECKING:
    from gateway.audit.verifier import Report

app = group("The log: export it, verify it.")


@app.command("export")
def export(folder: Annotated[Path, typer.Argument(help="Where the files go; made if it does not exist.")], config: Config = CONFIG) -> None:
    """Write the log as static files (tlog-tiles) that anybody can verify offline; in a folder that holds some, only what is new."""
    from gateway.operations.auditing import export as written  # noqa: PLC0415 - each command imports only what it needs

    with counting("entries") as told:
        size = with_database(config, lambda settings, keys, url: written(settings, keys, url, folder, told))
    typer.echo(f"{folder} holds {size} entries.")


@app.command("proof")
def proof(
    case: Annotated[UUID | None, typer.Argument(help="The case's id, as it stands in the log.")] = None,
    entry: Annotated[int | None, typer.Option(help="Prove this one entry instead, by its index.", min=0)] = None,
    out: Annotated[Path | None, typer.Option(help="Where the file goes; default: CASE.tlog-proof or INDEX.tlog-proof.")] = None,
    config: Config = CONFIG,
) -> None:
    """Write the proof of a case, or of one entry, as a text file that a patient file or a court can keep (C2SP tlog-proof)."""
    from gateway.operations.auditing import prove  # noqa: PLC0415

    if (case is None) == (entry is None):
        fail("Name a case, or one entry with --entry: exactly one of the two.")
    what = entry if case is None else case
    text = with_database(config, lambda settings, keys, url: prove(settings, keys, url, what))  # type: ignore[arg-type] # one of the two
    path = out or Path(f"{what}.tlog-proof")
    path.write_text(text, encoding="utf-8")
    typer.echo(f"{path}: {path.stat().st_size} bytes. 'garant audit verify {path} --key log.vkey' checks it anywhere.")


@app.command("consistency")
def consistency(
    old: Annotated[int, typer.Argument(help="Entries of the older kept checkpoint.", min=0)],
    new: Annotated[int, typer.Argument(help="Entries of the newer kept checkpoint.", min=0)],
    config: Config = CONFIG,
) -> None:
    """Print the proof that the log only grew between two kept checkpoints, in the form in which witnesses take it."""
    from gateway.operations.auditing import prove_growth  # noqa: PLC0415

    typer.echo(with_database(config, lambda settings, keys, url: prove_growth(settings, keys, url, old, new)), nl=False)


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
