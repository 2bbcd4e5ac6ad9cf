"""Files as rows of text: CSV as Excel and others write it, Parquet, TOML.

A CSV may be UTF-8 (with or without mark), UTF-16 with mark, or Windows-1252; separated by semicolons, commas, tabs or bars.
Windows-1252 has no name inside a file: what is no UTF-8 is read as it, as French hospitals' Excel writes it.
"""

from __future__ import annotations

import csv
import io
import tomllib
from dataclasses import dataclass, replace
from typing import TYPE_CHECKING, Final

from impact.intake.columns import TABLES

if TYPE_CHECKING:
    from collections.abc import Iterable, Mapping
    from pathlib import Path

    import pyarrow as pa

MAX_BYTES: Final = 256 * 1024 * 1024
SEPARATORS: Final = ";,\t|"


class Unreadable(ValueError):
    """A file that is no table; the message names it and what to do."""


@dataclass(frozen=True, slots=True)
class Sheet:
    """A file's rows before any check.

    Args:
        file: its name.
        headings: as they stand there.
        rows: number of the row as a person counts (the heading is row 1), and its cells by heading.
        described: how it was read, for people: encoding and separator.
        excess: rows with more cells than headings.
    """

    file: str
    headings: tuple[str, ...]
    rows: tuple[tuple[int, dict[str, object]], ...]
    described: str
    excess: tuple[int, ...] = ()

    def filled(self, columns: Mapping[str, str]) -> Sheet:
        """With further columns that are the same in every row, as a published table's source."""
        rows = tuple((number, {**cells, **columns}) for number, cells in self.rows)
        return replace(self, headings=(*self.headings, *(name for name in columns if name not in self.headings)), rows=rows)


def read(path: Path) -> Sheet:
    """The rows of a file, by its name's ending. Raises Unreadable, OSError."""
    if path.stat().st_size > MAX_BYTES:
        raise Unreadable(f"{path.name}: larger than {MAX_BYTES // 1024**2} MiB. These tables are small; is it the right file?")
    readers = {".parquet": _parquet, ".toml": _toml}
    return readers.get(path.suffix.lower(), _csv)(path)


def decoded(content: bytes, file: str) -> tuple[str, str]:
    """Text and the name of its encoding. Raises Unreadable."""
    marks = {b"\xff\xfe": "utf-16", b"\xfe\xff": "utf-16", b"\xef\xbb\xbf": "utf-8-sig"}
    named = [encoding for mark, encoding in marks.items() if content.startswith(mark)]
    for encoding in named or ["utf-8", "cp1252"]:
        try:
            return content.decode(encoding), encoding
        except UnicodeDecodeError:
            continue
    raise Unreadable(f"{file}: neither UTF-8 nor Windows-1252 text. Save it as 'CSV UTF-8' in the spreadsheet.")


def _csv(path: Path) -> Sheet:
    return of_csv(path.read_bytes(), path.name)


def of_csv(content: bytes, file: str) -> Sheet:
    """The bytes of a CSV as a sheet; `file` is what problems call it. Raises Unreadable."""
    text, encoding = decoded(content, file)
    if "\0" in text:
        raise Unreadable(f"{file}: this is no text. Save the spreadsheet as CSV.")
    first = next((line for line in text.splitlines() if line.strip()), "")
    separator = max(SEPARATORS, key=first.count)
    try:
        lines = [(number, cells) for number, cells in _numbered(text, separator) if any(cell.strip() for cell in cells)]
    except csv.Error as error:
        raise Unreadable(f"{file}: no readable CSV ({error}). Save it again as CSV.") from error
    if not lines:
        raise Unreadable(f"{file}: the file is empty. Its first row names the columns.")
    headings = tuple(cell.strip() for cell in lines[0][1])
    rows = tuple((number, dict[str, object](zip(headings, cells, strict=False))) for number, cells in lines[1:])
    excess = tuple(number for number, cells in lines[1:] if any(cell.strip() for cell in cells[len(headings) :]))
    return Sheet(file, headings, rows, f"{encoding}, separated by {separator!r}", excess)


def of_rows(rows: Iterable[Mapping[str, object]], file: str) -> Sheet:
    """Rows of a program as a sheet, counted from 1. Raises Unreadable for a cell that is neither text nor number."""
    numbered = tuple((number, dict(row)) for number, row in enumerate(rows, start=1))
    for number, row in numbered:
        strange = [name for name, cell in row.items() if isinstance(cell, bool) or not isinstance(cell, str | int | float | None)]
        if strange:
            raise Unreadable(f"{file}, row {number}, column '{strange[0][:40]}': this is neither text nor a number.")
    return Sheet(file, tuple(dict.fromkeys(name for _, row in numbered for name in row)), numbered, "rows")


def _numbered(text: str, separator: str) -> list[tuple[int, list[str]]]:
    """Rows with the line they begin on."""
    reader, found, line = csv.reader(io.StringIO(text), delimiter=separator, strict=True), [], 1
    for cells in reader:
        found.append((line, cells))
        line = reader.line_num + 1
    return found


def _parquet(path: Path) -> Sheet:
    import pyarrow as pa  # noqa: PLC0415 - text is read without it
    from pyarrow import parquet  # noqa: PLC0415

    try:
        table = parquet.read_table(path)
    except (pa.ArrowException, ValueError) as error:
        raise Unreadable(f"{path.name}: no readable Parquet file ({str(error)[:100]}).") from error
    return of_table(table, path.name)


def of_table(table: pa.Table, file: str) -> Sheet:
    """An Arrow table as a sheet; rows are counted from 1."""
    rows = tuple((number, dict(row)) for number, row in enumerate(table.to_pylist(), start=1))
    return Sheet(file, tuple(table.column_names), rows, "Arrow")


def _toml(path: Path) -> Sheet:
    try:
        given = tomllib.loads(path.read_text(encoding="utf-8"))
    except (tomllib.TOMLDecodeError, UnicodeDecodeError) as error:
        raise Unreadable(f"{path.name}: no readable TOML ({error}).") from error
    name = next((name for name in TABLES if isinstance(given.get(name), list)), None)
    if name is None:
        raise Unreadable(f"{path.name}: none of these lists is in it: {', '.join(TABLES)}. Write one entry per [[tasks]], for example.")
    rows = tuple((number, _flat(entry)) for number, entry in enumerate(given[name], start=1))
    headings = tuple(dict.fromkeys(heading for _, row in rows for heading in row))
    return Sheet(path.name, headings, rows, f"TOML, {name}")


def _flat(entry: object) -> dict[str, object]:
    """`name = {fr = "…", en = "…"}` as `name_fr`, `name_en`."""
    found: dict[str, object] = {}
    for name, value in entry.items() if isinstance(entry, dict) else ():
        found |= {f"{name}_{inner}": told for inner, told in value.items()} if isinstance(value, dict) else {name: value}
    return found
