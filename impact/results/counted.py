"""Counts, shares and minutes per task, printed: what can be said without any denominator."""

from __future__ import annotations

import csv
import io
import json
from typing import TYPE_CHECKING, Final

import typer
from rich.console import Console
from rich.table import Table
from rich.text import Text

from impact.counts import ARMS, MIN_INSTANCES, MIN_WORKERS, OUTCOMES, UNKNOWN, TaskCounts, counts

if TYPE_CHECKING:
    from collections.abc import Iterable

    from impact.ledger import UsageRecord

STATUS: Final = {
    "published": "published",
    "nobody worked": "nobody worked on it",
    "pilot": "pilot data, below the publication threshold: not for publication",
    "suppressed": f"suppressed: fewer than {MIN_WORKERS} workers or {MIN_INSTANCES} instances, or one person did most of it",
}
_BOUNDED: Final = "Minutes marked ≤ are an upper bound: no page reported active time, so the time a case was open was taken, cut at 60 s."
_NO_INTERVALS: Final = "Intervals of the shares need scipy, which is not installed: 'pip install scipy'."
_INTERVALS: Final = "Under each share: its 95 % interval, to be read once; it does not hold for a figure watched day by day."
_WIDTH: Final = 130


def rates(records: Iterable[UsageRecord], *, pilot: bool = False, form: str = "table") -> str:
    """The counts of a ledger as a table for people, or as JSON or CSV.

    Args:
        records: in any order.
        pilot: show minutes below the publication threshold too, labelled as not for publication.
        form: "table", "json" (a list of objects) or "csv" (with a header).

    Raises:
        typer.BadParameter: an unknown form.
    """
    forms = {"table": _table, "json": _json, "csv": _csv}
    if form not in forms:
        raise typer.BadParameter(f"There is no format '{form}'. Formats: {', '.join(forms)}.")
    return forms[form](counts(records, pilot=pilot))


def _row(task: TaskCounts) -> dict[str, object]:
    row: dict[str, object] = {"task": task.task, "kind": task.kind, "profession": task.profession, "n": task.n}
    row |= dict(zip(OUTCOMES, task.outcomes, strict=True))
    for outcome in OUTCOMES:
        low, high = task.interval(outcome) or (None, None)
        share = task.share(outcome) if task.n else None
        row |= {f"{outcome}_share": _rounded(share), f"{outcome}_low": _rounded(low), f"{outcome}_high": _rounded(high)}
    row |= {f"arm_{arm}": count for arm, count in zip(ARMS, task.arms, strict=True)}
    row |= {
        "modes": " ".join(f"{mode}:{count}" for mode, count in task.modes),
        "two_person": task.two_person,
        "break_glass": task.break_glass,
    }
    row |= {"minutes": _rounded(task.minutes), "minutes_raw": _rounded(task.minutes_raw)}
    row |= {"minutes_each": _rounded(task.minutes_each()), "minutes_raw_each": _rounded(task.minutes_raw_each())}
    row |= {"minutes_bounded": task.bounded, "minutes_status": STATUS[task.minutes_status()]}
    return row | {"coverage": UNKNOWN, "substitution_rate": UNKNOWN}


def _rounded(value: float | None) -> float | None:
    return None if value is None else round(value, 4)


def _json(found: tuple[TaskCounts, ...]) -> str:
    return json.dumps([_row(task) for task in found], indent=2)


def _csv(found: tuple[TaskCounts, ...]) -> str:
    out = io.StringIO()
    empty = TaskCounts("", "", "", 0, (0,) * len(OUTCOMES), 0, 0, None, None, 0, False, (0,) * len(ARMS), ())  # noqa: FBT003
    writer = csv.DictWriter(out, list(_row(empty)), lineterminator="\n")
    writer.writeheader()
    writer.writerows(_row(task) for task in found)
    return out.getvalue()


def _table(found: tuple[TaskCounts, ...]) -> str:
    table = Table(title="Usage by task, measured", show_lines=True)
    for name in ("task", "n", *OUTCOMES, "minutes", "per case"):
        table.add_column(name, justify="left" if name == "task" else "right")
    for task in found:
        shares = [_share(task, outcome) for outcome in OUTCOMES]
        minutes = [_minutes(task, task.minutes, task.minutes_raw), _minutes(task, task.minutes_each(), task.minutes_raw_each())]
        table.add_row(_name(task), *(Text(cell) for cell in (str(task.n), *shares, *minutes)))
    out = io.StringIO()
    Console(file=out, width=_WIDTH, color_system=None).print(table)
    return out.getvalue() + "\n".join(_notes(found))


def _name(task: TaskCounts) -> Text:
    """What a foreign ledger says is printed as text: no markup, no control characters."""
    modes = ", ".join(mode if count == task.n else f"{mode} {count}" for mode, count in task.modes)
    lines = (task.task, f"{task.kind}, {task.profession}", modes)
    return Text("\n".join("".join(letter if letter.isprintable() else "?" for letter in line) for line in lines))


def _share(task: TaskCounts, outcome: str) -> str:
    count, interval = task.outcomes[OUTCOMES.index(outcome)], task.interval(outcome)
    if not count:
        return "0"
    return f"{count} ({task.share(outcome):.0%})" + ("" if interval is None else f"\n{interval[0] * 100:.0f}–{interval[1]:.0%}")


def _minutes(task: TaskCounts, capped: float | None, raw: float | None) -> str:
    if capped is None or raw is None:
        return "suppressed" if task.minutes is None else "–"
    bounded, pilot = "≤ " if task.bounded else "", "" if task.publishable else " *"
    return f"{bounded}{capped:.2f}{pilot}" + (f"\nraw {raw:.2f}{pilot}" if raw != capped else "")


def _notes(found: tuple[TaskCounts, ...]) -> list[str]:
    states = {task.minutes_status() for task in found}
    shared = [task for task in found if task.n]
    apart = {arm: sum(task.arms[place] for task in found) for place, arm in enumerate(ARMS) if arm != "ai"}
    others = ", ".join(f"{count} {arm}" for arm, count in apart.items() if count)
    notes = {
        f"Coverage and substitution rate: {UNKNOWN}. Give the tasks' total volumes to compute them.": True,
        "The ledger holds no record.": not found,
        f"Not among n, shares and minutes: {others}; these arms are what routed cases are compared with.": bool(others),
        _INTERVALS: bool(shared) and shared[0].interval("auto") is not None,
        _NO_INTERVALS: bool(shared) and shared[0].interval("auto") is None,
        f"Minutes marked *: {STATUS['pilot']}.": "pilot" in states,
        f"Minutes {STATUS['suppressed']}.": "suppressed" in states,
        _BOUNDED: any(task.bounded and task.minutes is not None for task in found),
    }
    return [note for note, holds in notes.items() if holds]
