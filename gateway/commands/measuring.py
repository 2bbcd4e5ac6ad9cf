"""What `garant impact …` does: figures from the live ledger or an exported one, tables in, reports out.

Only here does the command line open the impact section; every command imports only what it needs.
"""

from __future__ import annotations

from pathlib import Path  # noqa: TC003 - typer reads annotations at run time
from typing import TYPE_CHECKING, Annotated, TypeVar

import typer

from gateway.commands.console import CONFIG, Config, configured, fail, group, with_database, with_writer

if TYPE_CHECKING:
    from collections.abc import Callable

    from gateway.audit.writer import Writer
    from gateway.settings import Settings
    from gateway.usage import Content, Given, VolumeRow
    from impact.results.inputs import Inputs

_T = TypeVar("_T")
app = group("What AI does to the work, measured.")


@app.command("rates")
def impact_rates(
    pilot: Annotated[bool, typer.Option(help="Show minutes below the publication threshold, labelled.")] = False,
    form: Annotated[str, typer.Option("--format", help="table, json or csv")] = "table",
    config: Config = CONFIG,
) -> None:
    """Counts, shares and minutes per task, from the ledger."""
    from gateway.usage import records  # noqa: PLC0415
    from impact.cli import rates  # noqa: PLC0415

    found = with_database(config, lambda settings, _, url: records(url, settings.establishment.id))
    typer.echo(rates(found, pilot=pilot, form=form))


@app.command("run")
def impact_run(
    ledger: Annotated[Path | None, typer.Option(help="A ledger that was exported; without it the live one.")] = None,
    inputs: Annotated[Path | None, typer.Option(help="The folder of your tables; without it that of the configuration.")] = None,
    pilot: Annotated[bool, typer.Option(help="Show figures below the publication threshold, labelled.")] = False,
    form: Annotated[str, typer.Option("--format", help="table or json")] = "table",
    config: Config = CONFIG,
) -> None:
    """All six steps: census, professions, tasks, rates, rates of professions, scenarios."""
    from impact.cli import six_steps  # noqa: PLC0415

    typer.echo(impact(config, ledger, inputs, lambda rows, tables: six_steps(rows, tables, pilot=pilot, form=form)))


@app.command("import")
def impact_import(
    file: Annotated[Path, typer.Argument(help="CSV in any usual encoding and separator, Parquet, or TOML.")],
    into: Annotated[Path | None, typer.Option(help="The folder of your tables; without it that of the configuration.")] = None,
    kind: Annotated[
        str | None, typer.Option("--as", help="census, professions, tasks, volumes, baselines, quality or exposure; else guessed.")
    ] = None,
    heading: Annotated[list[str] | None, typer.Option("--map", help="HEADING=COLUMN, as often as needed.")] = None,
    fill: Annotated[list[str] | None, typer.Option(help="COLUMN=VALUE, the same in every row, where the file has no such column.")] = None,
    config: Config = CONFIG,
) -> None:
    """Check a table of yours and keep it; what is wrong is told by row and column, and nothing is imported.

    Total volumes go where the API puts them, with an entry of the log, unless --into names a folder.
    """
    from impact.cli import imported, table_of, told_headings  # noqa: PLC0415

    name, sheet = _understood(lambda: table_of(file, kind, fill)) if into is None else ("", None)
    if sheet is None or name != "volumes":
        typer.echo(_understood(lambda: imported(file, into or configured(config).impact_directory, kind, heading or [], fill)))
        return
    content = (sheet, told_headings(heading or []))
    given = with_writer(config, lambda settings, writer, _, url: _taken(settings, writer, url, content))
    typer.echo(f"{given.rows} rows of volumes taken; {given.changed or 'none'} of them changed. SHA-256 of all volumes: {given.digest}.")


@app.command("scenario")
def impact_scenario(
    file: Annotated[Path, typer.Argument(help="A scenario file, like those in config/scenarios.")],
    beside: Annotated[str, typer.Option(help="The scenario to compare with: the name of a known one, or another .toml file.")] = "central",
    ledger: Annotated[Path | None, typer.Option(help="A ledger that was exported; without it the live one.")] = None,
    inputs: Annotated[Path | None, typer.Option(help="The folder of your tables; without it that of the configuration.")] = None,
    config: Config = CONFIG,
) -> None:
    """Play one more scenario beside another, draw by draw."""
    from impact.cli import one_scenario  # noqa: PLC0415

    typer.echo(impact(config, ledger, inputs, lambda rows, tables: one_scenario(rows, file, tables, beside)))


@app.command("report")
def impact_report(
    out: Annotated[Path, typer.Option(help="The folder of the report; made if it does not exist.")],
    language: Annotated[str, typer.Option(help="fr or en")] = "fr",
    ledger: Annotated[Path | None, typer.Option(help="A ledger that was exported; without it the live one.")] = None,
    inputs: Annotated[Path | None, typer.Option(help="The folder of your tables; without it that of the configuration.")] = None,
    pilot: Annotated[bool, typer.Option(help="Show figures below the publication threshold, labelled.")] = False,
    config: Config = CONFIG,
) -> None:
    """Write the report: HTML, PDF, tables as CSV, and the digests and checkpoint that prove what it rests on."""
    from gateway.operations.auditing import checkpoint  # noqa: PLC0415
    from impact.cli import report  # noqa: PLC0415

    def work(rows: object, tables: Inputs) -> str:
        """The checkpoint is read after the rows, so that it covers them."""
        signed = "" if ledger is not None else with_database(config, lambda settings, _, url: checkpoint(url, settings.establishment.id))
        return report(rows, tables, out, language, pilot=pilot, checkpoint=signed)

    typer.echo(impact(config, ledger, inputs, work))


@app.command("ledger")
def impact_ledger(
    out: Annotated[Path, typer.Argument(help="The file: .parquet, or JSON lines under any other name.")],
    config: Config = CONFIG,
) -> None:
    """Write the usage ledger to a file, for an auditor or another tool; pseudonyms of workers are in it, so it is not for publication."""
    from gateway.usage import records  # noqa: PLC0415
    from impact.ledger import write_jsonl  # noqa: PLC0415
    from impact.parquet import write_parquet  # noqa: PLC0415

    found = with_database(config, lambda settings, _, url: records(url, settings.establishment.id))
    count = (write_parquet if out.suffix.lower() == ".parquet" else write_jsonl)(out, found)
    typer.echo(f"{count} rows written to {out}. Not for publication: it holds pseudonyms of workers.")


@app.command("check")
def impact_check(
    report: Annotated[Path, typer.Argument(help="The folder of a report.")],
    ledger: Annotated[
        Path | None, typer.Option(help="The usage as 'garant impact ledger' wrote it; without it only files are checked.")
    ] = None,
    log_export: Annotated[Path | None, typer.Option("--log", help="An export of the log: every row must be of the entry it names.")] = None,
) -> None:
    """Check a report as an outsider: its files, its figures computed anew, and that each row of usage is of its entry in the log."""
    from gateway.operations.checking import usage_in  # noqa: PLC0415
    from impact.cli import checked_report, read  # noqa: PLC0415

    typer.echo(_understood(lambda: checked_report(report, ledger)))
    if ledger is not None and log_export is not None:
        rows = {row.log_index: (row.record, row.task) for row in _understood(lambda: list(read(ledger)))}
        typer.echo(f"{usage_in(log_export, rows)} rows of usage are each of the entry of the log that they name.")


def impact(config: Path, ledger: Path | None, inputs: Path | None, work: Callable[[object, Inputs], str]) -> str:
    """What the impact section says of a ledger, the live one where none is given. Raises Misconfigured, Conflict, and says what is wrong."""
    from gateway.usage import records, volumes  # noqa: PLC0415
    from impact.results.inputs import Inputs  # noqa: PLC0415

    if ledger is not None:
        return _understood(lambda: work(ledger, Inputs.load(inputs)))

    async def read(settings: Settings, _: object, url: str) -> tuple[object, list[VolumeRow]]:
        return await records(url, settings.establishment.id), await volumes(url)

    found, told = with_database(config, read)
    return _understood(lambda: work(found, Inputs.load(inputs or configured(config).impact_directory, told)))


async def _taken(settings: Settings, writer: Writer, url: str, content: Content) -> Given:
    """Total volumes given on the server's command line."""
    from gateway.clock import SystemClock  # noqa: PLC0415
    from gateway.identity.roles import COMMAND_LINE  # noqa: PLC0415
    from gateway.usage import Giver, give  # noqa: PLC0415

    return await give(writer, url, content, Giver.of(settings, COMMAND_LINE), SystemClock().now())


def _understood(work: Callable[[], _T]) -> _T:
    try:
        return work()
    except typer.BadParameter:
        raise
    except ValueError as error:
        fail(str(error))
