"""Running sums as bytes: a ZIP of four Parquet tables, and a mark that says which rows they count.

No row of the ledger is in it, only sums; people are numbers, as in `measuring/cells.py`.
"""

from __future__ import annotations

import io
import json
import zipfile
from dataclasses import asdict, dataclass
from typing import TYPE_CHECKING, Final

import duckdb
import pyarrow as pa
from pyarrow import parquet

if TYPE_CHECKING:
    from impact.measuring.sources import Connection

_MARK: Final = "mark.json"
_SUMMED: Final = ("n", "cs", "cs2", "rework", "induced_cs", "ignored")
_CELLS: Final = ", ".join(f"sum({name})::{'DOUBLE' if name == 'cs2' else 'BIGINT'} AS {name}" for name in _SUMMED)
_TABLES: Final = {
    "series": "SELECT DISTINCT * FROM series ORDER BY ALL",
    "cells": f"SELECT h, week, w, {_CELLS} FROM cells GROUP BY h, week, w ORDER BY h, week, w",  # noqa: S608 - our names
    "times": "SELECT h, week, outcome, tenths, sum(n)::BIGINT AS n FROM times GROUP BY ALL ORDER BY ALL",
    "calls": "SELECT task, kind, profession, what, sum(n)::BIGINT AS n FROM calls GROUP BY ALL ORDER BY ALL",
    "reach": "SELECT max(last) AS last FROM reach",
}


class Unusable(ValueError):
    """Bytes that are no sums of this form; the message says why."""


@dataclass(frozen=True, slots=True)
class Mark:
    """Which rows were counted: those after one log index up to another, how many; and the form of the sums."""

    form: str
    after: int
    last: int
    rows: int


def pack(database: Connection, mark: Mark) -> bytes:
    """The sums of a store with their mark."""
    out = io.BytesIO()
    with zipfile.ZipFile(out, "w", zipfile.ZIP_STORED) as file:
        file.writestr(zipfile.ZipInfo(_MARK), json.dumps(asdict(mark)))
        for name, query in _TABLES.items():
            table = io.BytesIO()
            parquet.write_table(database.sql(query).to_arrow_table(), table, compression="zstd")
            file.writestr(zipfile.ZipInfo(f"{name}.parquet"), table.getvalue())
    return out.getvalue()


def unpack(database: Connection, packed: bytes, form: str, after: int) -> Mark:
    """Add packed sums to a store that ends at a log index, within the caller's transaction. Raises Unusable."""
    try:
        with zipfile.ZipFile(io.BytesIO(packed)) as file:
            mark = Mark(**json.loads(file.read(_MARK)))
            _check(mark, form, after)
            for name in _TABLES:
                database.register("packed", parquet.read_table(io.BytesIO(file.read(f"{name}.parquet"))))
                database.execute(f"INSERT INTO {name} BY NAME SELECT * FROM packed")  # noqa: S608 - our names
                database.unregister("packed")
    except Unusable:
        raise
    except (zipfile.BadZipFile, KeyError, TypeError, ValueError, OSError, pa.ArrowException, duckdb.Error) as error:
        raise Unusable("it is damaged.") from error
    return mark


def _check(mark: Mark, form: str, after: int) -> None:
    if mark.form != form:
        raise Unusable("it was made by another version of Garant or DuckDB.")
    if mark.after != after:
        raise Unusable(f"it begins after log entry {mark.after}, and not {after}.")
