"""What `garant impact …` prints; `python -m impact rates LEDGER.jsonl` does the same on anybody's ledger."""

from __future__ import annotations

import csv
import io
import json
from pathlib import Path  # noqa: TC003 - typer reads annotations at run time
from typing import TYPE_CHECKING, Annotated

import typer
from rich.console import Console
from rich.table import Table

from impact.ledger import LedgerError, read_jsonl
from impact.rates import OUTCOMES, UNKNOWN, TaskCounts, counts

if TYPE_CHECKING:
    from collections.abc import Iterable

    from impact.ledger import UsageRecord

_HEAD = ("task", "kind", "profession", "n", *OUTCOMES, "minutes", "minutes_raw", "minutes_each", "substitution_rate")
_PILOT = "Minutes marked * are pilot data below the publication threshold (10 workers, 30 instances): not for publication."
_SUPPRESSED = "Minutes marked ··· are suppressed: fewer than 10 workers or 30 instances, or one person did most of it."
_BOUNDED = "Minutes marked ≤ are an upper bound: no page reported active time, so the time a case was open was taken, cut at 60 s."
app = typer.Typer(no_args_is_help=True, add_completion=False, help="What AI does to the work, from a usage ledger.")


@app.callback()
def _root() -> None:
    """What AI does to the work, from a usage ledger."""


@app.command("rates")
def rates_command(
    ledger: Path,
    *,
    pilot: Annotated[bool, typer.Option(help="Show minutes below the publication threshold, labelled.")] = False,
    form: Annotated[str, typer.Option("--format", help="table, json or csv")] = "table",
) -> None:
    """Counts, shares and minutes per task."""
    try:
        typer.echo(rates(read_jsonl(ledger), pilot=pilot, form=form))
    except (LedgerError, OSError) as error:
        typer.echo(str(error), err=True)
        raise typer.Exit(1) from error


def rates(records: Iterable[UsageRecord], *, pilot: bool = False, form: str = "table") -> str:
    """The counts of a ledger as a table for people, or as JSON or CSV.

    Raises:
        ValueError: an unknown form.
    """
    found = counts(records, pilot=pilot)
    if form == "json":
        return json.dumps([_row(task) for task in found], indent=2)
    if form == "csv":
        return _csv(found)
    if form != "table":
        message = f"There is no form '{form}'. Forms: table, json, csv."
        raise ValueError(message)
    return _table(found)


def _row(task: TaskCounts) -> dict[str, object]:
    each = task.minutes_each()
    return {
        "task": task.task,
        "kind": task.kind,
        "profession": task.profession,
        "n": task.n,
        **dict(zip(OUTCOMES, task.outcomes, strict=True)),
        "minutes": None if task.minutes is None else round(task.minutes, 3),
        "minutes_raw": None if task.minutes_raw is None else round(task.minutes_raw, 3),
        "minutes_each": None if each is None else round(each, 4),
        "substitution_rate": UNKNOWN,
    }


def _csv(found: Iterable[TaskCounts]) -> str:
    out = io.StringIO()
    writer = csv.DictWriter(out, _HEAD, lineterminator="\n")
    writer.writeheader()
    writer.writerows(_row(task) for task in found)
    return out.getvalue()


def _table(found: tuple[TaskCounts, ...]) -> str:
    table = Table(title="Usage by task, measured")
    for name in ("task", "kind", "n", *OUTCOMES, "minutes", "per case"):
        table.add_column(name, justify="left" if name in {"task", "kind"} else "right")
    for task in found:
        shares = [f"{count} ({task.share(outcome):.0%})" if count else "0" for outcome, count in zip(OUTCOMES, task.outcomes, strict=True)]
        table.add_row(task.task, task.kind, str(task.n), *shares, _minutes(task, task.minutes), _minutes(task, task.minutes_each()))
    out = io.StringIO()
    Console(file=out, width=130).print(table)
    return out.getvalue() + "\n".join(_notes(found))


def _minutes(task: TaskCounts, value: float | None) -> str:
    if value is None:
        return "···"
    return f"{'≤ ' if task.bounded else ''}{value:.2f}{'' if task.publishable else ' *'}"


def _notes(found: Iterable[TaskCounts]) -> list[str]:
    cells = list(found)
    notes = [f"Coverage and substitution rate: {UNKNOWN}. Give the tasks' total volumes to compute them."]
    if any(task.minutes is not None and not task.publishable for task in cells):
        notes.append(_PILOT)
    if any(task.minutes is None for task in cells):
        notes.append(_SUPPRESSED)
    if any(task.bounded for task in cells):
        notes.append(_BOUNDED)
    return notes
