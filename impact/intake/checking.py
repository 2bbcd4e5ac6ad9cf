"""Every problem of a table at once, by file, row and column; a table comes out only where there is none."""

from __future__ import annotations

import re
from dataclasses import dataclass
from typing import TYPE_CHECKING, Final

from impact.intake.mapping import mapped
from impact.intake.rules import broken

if TYPE_CHECKING:
    from collections.abc import Callable, Iterator, Mapping, Sequence

    import pyarrow as pa

    from impact.intake.columns import Column, Table
    from impact.intake.mapping import Headings
    from impact.intake.reading import Sheet

Value = str | float | int | None
_MONTHS: Final = {
    r"(\d{4})-(\d{1,2})(?:-\d{1,2})?": (1, 2), r"(\d{1,2})/(\d{4})": (2, 1), r"\d{1,2}/(\d{1,2})/(\d{4})": (2, 1), r"(\d{4})(\d{2})": (1, 2),
}  # fmt: skip
_YEARS: Final = (1990, 2100)
_MOST_SHOWN: Final = 40
_LONGEST: Final = 1000
_MOST: Final = 2.0**53


@dataclass(frozen=True, slots=True)
class Problem:
    """One thing to repair; row 0 is the file as a whole."""

    file: str
    row: int
    column: str
    sentence: str

    def __str__(self) -> str:
        place = [self.file, *([f"row {self.row}"] if self.row else []), *([f"column '{self.column}'"] if self.column else [])]
        return f"{', '.join(place)}: {self.sentence}"


class Refused(ValueError):
    """A file that is not imported; every problem is listed and nothing was taken."""

    def __init__(self, problems: list[Problem]) -> None:
        self.problems = tuple(problems)
        shown = [str(problem) for problem in problems[:_MOST_SHOWN]]
        more = [f"… and {len(problems) - _MOST_SHOWN} more"] if len(problems) > _MOST_SHOWN else []
        super().__init__("\n".join([*shown, *more, "Nothing was imported."]))


def checked(table: Table, sheet: Sheet, said: Mapping[str, str] | None = None) -> pa.Table:
    """A sheet as a table of the given kind. Raises Refused with every problem."""
    import pyarrow as pa  # noqa: PLC0415 - rows alone are checked without it

    rows, numbers = (
        checked_rows(table, sheet, said),
        {"number": pa.float64(), "share": pa.float64(), "count": pa.int64(), "year": pa.int64()},
    )
    types = {column.name: numbers.get(column.form, pa.string()) for column in table.columns}
    return pa.table({name: pa.array([row[name] for row in rows], kind) for name, kind in types.items()})


def checked_rows(table: Table, sheet: Sheet, said: Mapping[str, str] | None = None) -> list[dict[str, Value]]:
    """A sheet's rows as the given kind of table has them, column by column. Raises Refused with every problem."""
    found = mapped(table, sheet.headings, said)
    read_rows = [_row(table, found, sheet.file, number, cells) for number, cells in (sheet.rows if not found.missing else ())]
    clean = [(number, row) for (number, _), (row, wrong) in zip(sheet.rows, read_rows, strict=False) if not wrong]
    problems = [*_headings(sheet, found), *(problem for _, wrong in read_rows for problem in wrong)]
    problems += [*_twice(table, sheet.file, sheet.rows, [row for row, _ in read_rows]), *_broken(table, sheet.file, clean)]
    problems += [Problem(sheet.file, number, "", _EXCESS) for number in sheet.excess]
    if problems:
        raise Refused(sorted(problems, key=lambda problem: (problem.row, problem.column)))
    return [row for row, _ in read_rows]


_EXCESS: Final = "more cells than headings; is a separator inside a text without quotes?"


def _row(table: Table, found: Headings, file: str, number: int, cells: Mapping[str, object]) -> tuple[dict[str, Value], list[Problem]]:
    row: dict[str, Value] = {}
    problems = []
    for column in table.columns:
        heading = found.columns.get(column.name, "")
        row[column.name], wrong = _value(column, cells.get(heading))
        problems += [Problem(file, number, heading or column.name, wrong)] if wrong else []
    return row, problems


def _broken(table: Table, file: str, clean: list[tuple[int, dict[str, Value]]]) -> Iterator[Problem]:
    for place, column, sentence in broken(table.name, [row for _, row in clean]):
        yield Problem(file, clean[place][0], column, sentence)


def _headings(sheet: Sheet, found: Headings) -> Iterator[Problem]:
    for name, alike in found.missing:
        hint = f" Is it {' or '.join(repr(heading) for heading in alike)}? If so, say --map 'HEADING={name}'." if alike else ""
        yield Problem(sheet.file, 0, name, f"this column is missing.{hint}")
    for name, headings in found.twice:
        yield Problem(sheet.file, 0, name, f"several headings are this column: {', '.join(headings)}. Rename all but one.")
    if not sheet.rows:
        yield Problem(sheet.file, 0, "", "there is no row under the headings.")


def _twice(table: Table, file: str, sheet: Sequence[tuple[int, object]], rows: list[dict[str, Value]]) -> Iterator[Problem]:
    seen: dict[tuple[Value, ...], int] = {}
    for (number, _), row in zip(sheet, rows, strict=False):
        key = tuple(row[name] for name in table.key)
        first = seen.setdefault(key, number)
        if first != number:
            named = ", ".join(f"{name} '{value}'" for name, value in zip(table.key, key, strict=True) if value)
            yield Problem(file, number, table.key[-1], f"{named} is there already, in row {first}; it would count twice.")


def _value(column: Column, cell: object) -> tuple[Value, str]:
    """A cell's value, and what is wrong with it ("" where nothing is)."""
    told = "" if cell is None else str(cell).strip()
    if not told:
        return (None, "this cell is empty; it must be filled.") if column.needed else (column.default, "")
    if column.form == "word":
        return (told, "") if told in column.words else (None, f"{told[:40]!r} must be one of {', '.join(column.words)}.")
    return _FORMS[column.form](told)


def _text(told: str) -> tuple[Value, str]:
    if any(ord(letter) < ord(" ") and letter not in "\t\r\n" for letter in told) or len(told) > _LONGEST:
        return None, f"{told[:40]!r} … holds signs that cannot be printed, or more than {_LONGEST} of them."
    return told, ""


def _number(told: str) -> tuple[Value, str]:
    """A number as French or English spreadsheets write it: 1 234,5 or 1,234.5 or 1234.5."""
    bare = re.sub(r"[\s\u00a0\u202f]", "", told)
    if re.fullmatch(r"[+-]?\d+(,\d+)?", bare):
        bare = bare.replace(",", ".")
    elif re.fullmatch(r"[+-]?\d{1,3}(,\d{3})+\.\d+", bare):
        bare = bare.replace(",", "")
    try:
        value = float(bare)
    except ValueError:
        return None, f"{told[:40]!r} is no number. Write 1234,5 or 1234.5, without a unit."
    if value > _MOST:
        return None, f"{told[:40]} is more than can be counted here."
    return (value, "") if value >= 0 else (None, f"{told[:40]} must be 0 or more.")


def _count(told: str) -> tuple[Value, str]:
    value, wrong = _number(told)
    if wrong or not isinstance(value, float):
        return None, wrong
    return (int(value), "") if value.is_integer() else (None, f"{told[:40]} must be a whole number.")


def _share(told: str) -> tuple[Value, str]:
    percent = told.endswith("%")
    value, wrong = _number(told.rstrip("% \u00a0\u202f"))
    if wrong or not isinstance(value, float):
        return None, wrong
    part = value / 100 if percent else value
    return (part, "") if part <= 1 else (None, f"{told[:40]} must be a share from 0 to 1, or written with %.")


def _month(told: str) -> tuple[Value, str]:
    for pattern, (year, month) in _MONTHS.items():
        found = re.fullmatch(pattern, told)
        if found and 1 <= int(found[month]) <= 12 and _YEARS[0] <= int(found[year]) <= _YEARS[1]:  # noqa: PLR2004 - months of a year
            return f"{found[year]}-{int(found[month]):02}", ""
    return None, f"{told[:40]!r} is no month. Write 2026-01 or 01/2026."


def _year(told: str) -> tuple[Value, str]:
    right = re.fullmatch(r"\d{4}", told) is not None and _YEARS[0] <= int(told) <= _YEARS[1]
    return (int(told), "") if right else (None, f"{told[:40]!r} is no year. Write it with four digits.")


_FORMS: Final[dict[str, Callable[[str], tuple[Value, str]]]] = {
    "text": _text, "number": _number, "count": _count, "share": _share, "month": _month, "year": _year,
}  # fmt: skip
