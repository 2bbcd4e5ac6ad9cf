"""Rows as JSON lines, taken in as one set where every one of them is plainly a record of this version.

To look at each field of each row one by one costs more than to count them. A set of rows has only a few different shapes (which fields, of which
kind), so the shapes are looked at instead, and what fields hold is checked by one query (`measuring/sources.py`). Where anything is not plain, also
where the contract would still take it, there is no table: whoever asked reads row by row, and the contract decides and says what is wrong.
"""

from __future__ import annotations

import json
from typing import TYPE_CHECKING, Final

import duckdb
import pyarrow as pa

from impact.measuring import sources
from impact.parquet import OPTIONAL, TYPES

if TYPE_CHECKING:
    from impact.measuring.sources import Connection

_KINDS: Final = {
    "string": frozenset({"VARCHAR"}),
    "int32": frozenset({"UBIGINT"}),
    "int64": frozenset({"UBIGINT"}),
    "float64": frozenset({"UBIGINT", "DOUBLE"}),
    "bool": frozenset({"BOOLEAN"}),
}
"""What DuckDB calls the JSON values that a column of an Arrow type may be made of."""
_SHAPES: Final = "SELECT DISTINCT json_structure(line) FROM given"
_PARSED: Final = f"SELECT unnest(from_json(line, '{json.dumps({name: sources.SQL[kind] for name, kind in TYPES.items()})}')) FROM given"  # noqa: S608 - our names


def table(lines: bytes) -> pa.Table | None:
    """The rows with the columns of the contract; None where one of them is not plainly right in its fields and their kinds.

    Args:
        lines: JSON, one row a line, no field twice in one row.
    """
    database = sources.connect()
    try:
        database.register("given", pa.table({"line": pa.array(lines.splitlines(), pa.string())}))
        return database.sql(_PARSED).to_arrow_table() if _is_plain(database) else None
    except (duckdb.Error, pa.ArrowException):
        return None
    finally:
        database.close()


def _is_plain(database: Connection) -> bool:
    return all(_fits(json.loads(shape)) for (shape,) in database.execute(_SHAPES).fetchall())


def _fits(shape: object) -> bool:
    if not isinstance(shape, dict) or shape.keys() != TYPES.keys():
        return False
    return all(str(kind) in _KINDS[TYPES[name]] or (kind == "NULL" and name in OPTIONAL) for name, kind in shape.items())
