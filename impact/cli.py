"""What `garant impact …` prints; `python -m impact rates LEDGER` does the same on anybody's ledger, JSON lines or Parquet."""

from __future__ import annotations

from pathlib import Path
from typing import TYPE_CHECKING, Annotated

import typer

from impact.ledger import read_jsonl
from impact.parquet import read_parquet
from impact.results.counted import rates

if TYPE_CHECKING:
    from collections.abc import Callable, Iterator

    from impact.intake.reading import Sheet
    from impact.ledger import UsageRecord
    from impact.results.inputs import Inputs

Form = Annotated[str, typer.Option("--format", help="table or json")]
File = Annotated[Path, typer.Argument(help="CSV in any usual encoding and separator, Parquet, or TOML.")]
Into = Annotated[Path, typer.Option("--into", help="The folder of your tables; made if it does not exist.")]
Kind = Annotated[
    str | None, typer.Option("--as", help="census, professions, tasks, volumes, baselines, quality or exposure; guessed without it.")
]
Headings = Annotated[list[str] | None, typer.Option("--map", help="HEADING=COLUMN, as often as needed.")]
Filled = Annotated[list[str] | None, typer.Option("--fill", help="COLUMN=VALUE, the same in every row, where the file has no such column.")]
ScenarioFile = Annotated[Path, typer.Argument(help="A scenario file, like those in config/scenarios.")]
Beside = Annotated[str, typer.Option("--beside", help="The scenario to compare with: the name of a known one, or another .toml file.")]
Folder = Annotated[Path, typer.Argument(help="The folder of a report.")]
Usage = Annotated[
    Path | None,
    typer.Option("--ledger", help="The usage as it was handed out: .parquet, or JSON lines; without it only files are checked."),
]
Out = Annotated[Path, typer.Option("--out", help="The folder of the report; made if it does not exist.")]
Language = Annotated[str, typer.Option("--language", help="fr or en")]
app = typer.Typer(no_args_is_help=True, add_completion=False, help="What AI does to the work, from a usage ledger.")
Ledger = Annotated[Path, typer.Argument(help="A ledger: .parquet, a folder of them, or JSON lines under any other name.")]
Tables = Annotated[Path | None, typer.Option("--inputs", help="The folder of your own tables; without it the shipped ones.")]
Pilot = Annotated[bool, typer.Option(help="Show figures below the publication threshold, labelled.")]


@app.callback()
def _root() -> None:
    """What AI does to the work, from a usage ledger."""


@app.command("rates")
def rates_command(
    ledger: Ledger,
    *,
    pilot: Annotated[bool, typer.Option(help="Show minutes below the publication threshold, labelled.")] = False,
    form: Annotated[str, typer.Option("--format", help="table, json or csv")] = "table",
) -> None:
    """Counts, shares and minutes per task."""
    said(lambda: rates(read(ledger), pilot=pilot, form=form), ledger)


@app.command("run")
def run_command(ledger: Ledger, *, inputs: Tables = None, pilot: Pilot = False, form: Form = "table") -> None:
    """All six steps: census, professions, tasks, rates, rates of professions, scenarios."""
    said(lambda: six_steps(ledger, inputs, pilot=pilot, form=form), ledger)


@app.command("import")
def import_command(file: File, *, into: Into, kind: Kind = None, heading: Headings = None, fill: Filled = None) -> None:
    """Check a table of yours and keep it; what is wrong is told by row and column, and nothing is imported."""
    said(lambda: imported(file, into, kind, heading or [], fill), file)


@app.command("scenario")
def scenario_command(ledger: Ledger, file: ScenarioFile, *, inputs: Tables = None, beside: Beside = "central") -> None:
    """Play one more scenario beside another, draw by draw."""
    said(lambda: one_scenario(ledger, file, inputs, beside), ledger)


@app.command("report")
def report_command(ledger: Ledger, *, out: Out, inputs: Tables = None, language: Language = "fr", pilot: Pilot = False) -> None:
    """Write the report: HTML, PDF, tables as CSV, and the digests that prove what it rests on."""
    said(lambda: report(ledger, inputs, out, language, pilot=pilot), ledger)


@app.command("check")
def check_command(report: Folder, *, ledger: Usage = None) -> None:
    """Check a report that was written: its files, and with the usage its figures, computed anew."""
    said(lambda: checked_report(report, ledger), report)


def checked_report(folder: Path, ledger: Path | None) -> str:
    """What holds of a report. Raises ReportError."""
    from impact.results.proving import check  # noqa: PLC0415

    return "\n".join(check(folder, ledger))


def said(work: Callable[[], str], path: Path) -> None:
    """Print what is found; what is refused is said on standard error, with exit code 1."""
    try:
        typer.echo(work())
    except (ValueError, ImportError) as error:
        if isinstance(error, typer.BadParameter):
            raise
        typer.echo(str(error), err=True)
        raise typer.Exit(1) from error
    except OSError as error:
        typer.echo(
            f"{error.filename or path} cannot be read: {error.strerror}. Check the path; for a ledger, give an exported one.", err=True
        )
        raise typer.Exit(1) from error


def read(ledger: Path) -> Iterator[UsageRecord]:
    """Records of a ledger, by its name's ending. Raises LedgerError."""
    return read_parquet(ledger) if ledger.suffix.lower() == ".parquet" else read_jsonl(ledger)


def six_steps(ledger: object, inputs: Path | Inputs | None, *, pilot: bool = False, form: str = "table") -> str:
    """The six steps as tables for people or as JSON. Raises typer.BadParameter for an unknown form, and what `run` raises."""
    from impact.results.documents import document, dumped  # noqa: PLC0415 - each command imports only what it needs
    from impact.results.printed import printed  # noqa: PLC0415
    from impact.run import run  # noqa: PLC0415

    if form not in {"table", "json"}:
        raise typer.BadParameter(f"There is no format '{form}'. Formats: table, json.")
    result = run(ledger, inputs, pilot=pilot)
    return printed(result) if form == "table" else dumped(document(result))


def imported(file: Path, into: Path, kind: str | None, headings: list[str], filled: list[str] | None = None) -> str:
    """What was imported, as a sentence. Raises Refused, Unreadable."""
    from impact.results.inputs import take_in  # noqa: PLC0415

    check_kind(kind)
    name, rows, target = take_in(file, into, kind, told_headings(headings), told_cells(filled))
    return f"{rows} rows of {name} imported into {target}. {understood(file, name, told_headings(headings))}"


def table_of(file: Path, kind: str | None, filled: list[str] | None = None) -> tuple[str, Sheet]:
    """The kind of a table, as said or guessed by its headings, and its rows as they are. Raises Unreadable, typer.BadParameter."""
    from impact.intake.mapping import guessed  # noqa: PLC0415
    from impact.intake.reading import read as rows_of  # noqa: PLC0415

    check_kind(kind)
    sheet = rows_of(file).filled(told_cells(filled))
    return kind or guessed(sheet.headings)[0], sheet


def check_kind(kind: str | None) -> None:
    """Refuse a table that there is none of. Raises typer.BadParameter."""
    from impact.intake.columns import TABLES  # noqa: PLC0415

    if kind is not None and kind not in TABLES:
        raise typer.BadParameter(f"There is no table '{kind}'. Tables: {', '.join(TABLES)}.")


def told_headings(pairs: list[str]) -> dict[str, str]:
    """`HEADING=COLUMN` as heading → column."""
    return {heading: column for heading, _, column in (pair.rpartition("=") for pair in pairs)}


def understood(file: Path, name: str, said_of: dict[str, str]) -> str:
    """Which heading was taken for which column, and which were not used."""
    from impact.intake.columns import TABLES  # noqa: PLC0415
    from impact.intake.mapping import mapped  # noqa: PLC0415
    from impact.intake.reading import read as rows_of  # noqa: PLC0415

    found = mapped(TABLES[name], rows_of(file).headings, said_of)
    renamed = ", ".join(f"'{heading}' as {column}" for column, heading in found.columns.items() if heading != column)
    unused = ", ".join(f"'{heading}'" for heading in found.unknown)
    return " ".join(sentence for sentence in (f"Read {renamed}." if renamed else "", f"Not used: {unused}." if unused else "") if sentence)


def told_cells(pairs: list[str] | None) -> dict[str, str]:
    """`COLUMN=VALUE` as column → value."""
    return {column: value for column, _, value in (pair.partition("=") for pair in pairs or [])}


def one_scenario(ledger: object, file: Path, inputs: Path | Inputs | None, other: str) -> str:
    """One more scenario beside a known one or another file. Raises typer.BadParameter for one that is not known, and what `run` raises."""
    from dataclasses import replace  # noqa: PLC0415

    from impact.results.beside import compare  # noqa: PLC0415
    from impact.results.inputs import Inputs  # noqa: PLC0415
    from impact.results.printed import compared  # noqa: PLC0415
    from impact.run import run  # noqa: PLC0415
    from impact.scenarios import Scenario  # noqa: PLC0415

    known, own = Inputs.known(inputs), Scenario.read(file)
    second = Scenario.read(Path(other)) if other.endswith(".toml") else known.scenario(other)
    if second is None:
        names = ", ".join(one.id for one in known.scenarios)
        raise typer.BadParameter(f"There is no scenario '{other}'. Scenarios: {names}; or give the path of a .toml file.")
    return compared(compare(run(ledger, replace(known, scenarios=())), own, second))


def report(ledger: object, inputs: Path | Inputs | None, out: Path, language: str, *, pilot: bool = False, checkpoint: str = "") -> str:
    """Write the report and say where. Raises typer.BadParameter for an unknown language, and what `run` raises."""
    from impact.followup import Store  # noqa: PLC0415
    from impact.report import LANGUAGES, write  # noqa: PLC0415
    from impact.results.inputs import Inputs  # noqa: PLC0415

    if language not in LANGUAGES:
        raise typer.BadParameter(f"There is no report in '{language}'. Languages: {', '.join(LANGUAGES)}.")
    with Store.open() as store:
        store.add(ledger)
        result = store.result(Inputs.known(inputs), pilot=pilot)
        made = write(result, out, language, calls=store.calls(), ledger=ledger, checkpoint=checkpoint)
    return f"{len(made)} files written to {out}: {', '.join(made)}."


__all__ = ["app", "imported", "one_scenario", "rates", "report", "six_steps"]
