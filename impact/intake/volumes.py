"""Total volumes as a program or a spreadsheet gives them, and what is kept of them beside what was given before.

What is given replaces, as a whole, what was known of the same task, month and site; everything else stays. So the same rows given
twice change nothing, and a corrected month is given again. Pure functions over rows of the table `volumes`; nothing is stored here.
"""

from __future__ import annotations

import hashlib
import json
from typing import TYPE_CHECKING, Any, Final

from impact.intake.checking import Problem, Refused, checked_rows
from impact.intake.columns import VOLUMES
from impact.intake.mapping import mapped
from impact.intake.reading import of_csv, of_rows

if TYPE_CHECKING:
    from collections.abc import Collection, Iterable, Mapping, Sequence

    from impact.intake.reading import Sheet

    Row = dict[str, Any]

UNIT: Final = ("task", "month", "site")
"""What is given as a whole."""


def sheet_of(content: bytes | Sequence[Mapping[str, object]]) -> Sheet:
    """What a program gave: a CSV's bytes, or rows by column name, which must be the table's. Raises Refused, Unreadable."""
    if isinstance(content, bytes):
        return of_csv(content, "volumes")
    sheet = of_rows(content, "volumes")
    strange = [Problem(sheet.file, 0, name, _STRANGE) for name in mapped(VOLUMES, sheet.headings).unknown]
    if strange:
        raise Refused(strange)
    return sheet


def given(sheet: Sheet, known: Iterable[Row], allowed: Mapping[str, Collection[str]], said: Mapping[str, str] | None = None) -> list[Row]:
    """Rows that were given, checked by themselves and against what is known.

    Args:
        sheet: they.
        known: the volumes of before.
        allowed: the tasks ("task") and sites ("site") that may be told of; the site "" is the establishment as a whole.
        said: heading → column, where a person decided.

    Raises:
        Refused: every problem by row and column; nothing of it is to be kept.
    """
    rows = checked_rows(VOLUMES, sheet, said)
    problems = [one for column, names in allowed.items() for one in _unknown(sheet, rows, column, names)] + _doubled(sheet, rows, known)
    if problems:
        raise Refused(sorted(problems, key=lambda problem: (problem.row, problem.column)))
    return rows


_STRANGE: Final = f"there is no such column. Columns: {', '.join(column.name for column in VOLUMES.columns)}."


def merged(known: Iterable[Row], new: Iterable[Row]) -> list[Row]:
    """What is known after `new` was given."""
    units = {_unit(row) for row in new}
    return sorted([*(row for row in known if _unit(row) not in units), *new], key=_key)


def changed(known: Iterable[Row], new: Iterable[Row]) -> int:
    """How many rows would be other ones than before, those that go included."""
    units, before, after = {_unit(row) for row in new}, {_key(row): row for row in known}, {_key(row): row for row in new}
    gone = sum(_unit(row) in units and key not in after for key, row in before.items())
    return gone + sum(before.get(key) != row for key, row in after.items())


def digest(rows: Iterable[Row]) -> str:
    """SHA-256 of the rows in their order, columns and form; the same rows in any order give the same."""
    columns = [column.name for column in VOLUMES.columns]
    listed = [[row[name] for name in columns] for row in sorted(rows, key=_key)]
    return hashlib.sha256(json.dumps([columns, *listed], ensure_ascii=False, separators=(",", ":")).encode()).hexdigest()


def _unknown(sheet: Sheet, rows: Sequence[Row], column: str, known: Collection[str]) -> list[Problem]:
    listed = ", ".join(sorted(name or "(empty: all sites)" for name in known)) or "none"
    return [
        Problem(sheet.file, number, column, f"{str(row[column])[:40]!r} is no {column} that you may tell of. Known: {listed}.")
        for (number, _), row in zip(sheet.rows, rows, strict=True)
        if row[column] not in known
    ]


def _doubled(sheet: Sheet, rows: Sequence[Row], known: Iterable[Row]) -> list[Problem]:
    """Rows that would be counted beside an older one of the whole establishment, or of a site of it."""
    units = {_unit(row) for row in rows}
    kept = {(row["task"], row["month"], row["profession"], row["stratum"], bool(row["site"])) for row in known if _unit(row) not in units}
    return [
        Problem(sheet.file, number, "site", _DOUBLED[bool(row["site"])])
        for (number, _), row in zip(sheet.rows, rows, strict=True)
        if (row["task"], row["month"], row["profession"], row["stratum"], not row["site"]) in kept
    ]


_DOUBLED: Final = {
    True: "this task and month was given before without a site: it would count twice. Give the whole month by site, or without one.",
    False: "this task and month was given before by site: it would count twice. Give the whole month by site, or without one.",
}


def _unit(row: Row) -> tuple[str, ...]:
    return tuple(str(row[name] or "") for name in UNIT)


def _key(row: Row) -> tuple[str, ...]:
    return tuple(str(row[name] or "") for name in VOLUMES.key)
