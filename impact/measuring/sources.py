"""Any ledger as one DuckDB view: Parquet files, JSON lines, Arrow tables, records; checked on the way in.

JSON lines and records pass `impact.ledger`, field by field. Parquet and Arrow are checked by one query that finds the first
row that cannot be; that row is then refused by the contract itself, so every form has the same refusals.
"""

from __future__ import annotations

from pathlib import Path
from typing import TYPE_CHECKING, Final

import duckdb
import pyarrow as pa
from pyarrow import parquet

from impact.ledger import ADDED, NAMES, VERSION, LedgerError, UsageRecord, check_names, check_version, read_jsonl
from impact.parquet import OPTIONAL, TYPES, VERSION_KEY

if TYPE_CHECKING:
    from collections.abc import Iterable, Iterator, Mapping

    Connection = duckdb.DuckDBPyConnection

MEMORY: Final = "3GB"
"""What DuckDB may take before it uses the disk; a run stays below 4 GiB with what Python and Arrow need."""
BATCH: Final = 50_000
SQL: Final = {"string": "VARCHAR", "int32": "INTEGER", "int64": "BIGINT", "float64": "DOUBLE", "bool": "BOOLEAN"}
_TIME: Final = r"[0-9]{4}-[0-9]{2}-[0-9]{2}T[0-9]{2}:[0-9]{2}:[0-9]{2}(\.[0-9]{1,6})?(Z|\+00:00)"
_UUID: Final = r"[0-9a-f]{8}(-[0-9a-f]{4}){3}-[0-9a-f]{12}"
_NUMBERS: Final = ("human_seconds_raw", "human_seconds", "induced_seconds")


def connect(path: Path | None = None, memory: str = MEMORY) -> Connection:
    """A DuckDB database, in memory or in a file, that asks no network and keeps to its memory."""
    settings: dict[str, str | bool | int | float | list[str]] = {
        "memory_limit": memory,
        "autoinstall_known_extensions": False,
        "autoload_known_extensions": False,
    }
    made = duckdb.connect(str(path) if path else ":memory:", config=settings)
    made.execute("SET preserve_insertion_order = false")
    return made


def view(database: Connection, source: object, name: str = "usage") -> None:
    """Make a view of a ledger's rows, with the columns of this version.

    Args:
        database: where the view lives; an Arrow table stays in memory as long as it.
        source: a path (`.parquet`, a folder of them, else JSON lines), records, or anything that offers an Arrow stream:
            pyarrow, Polars, pandas, DuckDB.
        name: of the view.

    Raises:
        LedgerError: no such ledger, other columns, a newer version, a broken line.
        OSError: the file cannot be read.
    """
    if isinstance(source, Path) and (source.is_dir() or source.suffix.lower() == ".parquet"):
        _parquet_view(database, source, name)
        return
    table = _table(source)
    database.register(f"{name}_given", table)
    _select(database, name, f"{name}_given", table.column_names)


def files(source: object) -> list[Path]:
    """The Parquet files of a ledger, in the order of their names; none where it is something else."""
    if not isinstance(source, Path):
        return []
    if source.is_dir():
        return sorted(source.glob("**/*.parquet"))
    return [source] if source.suffix.lower() == ".parquet" else []


def check(database: Connection, source: object, name: str = "usage") -> int:
    """Check every row of a view; returns how many there are.

    Raises:
        LedgerError: the first row that cannot be, by row and field, or a record that is there twice.
    """
    place = source.name if isinstance(source, Path) else "the ledger"
    found = database.execute(f"SELECT * EXCLUDE (fault) FROM {_numbered(name)} WHERE fault LIMIT 1").fetchone()  # noqa: S608 - our names
    if found is not None:
        values = dict(zip((*NAMES, "row_number"), found, strict=True))
        _refuse(values, place)
    twice = database.execute(_TWICE.format(name=name)).fetchone()
    if twice is not None:
        raise LedgerError(f"{place}: 'record' {twice[0]} is there twice; an instance counts once. Export the ledger again.")
    return int((database.execute(f"SELECT count(*) FROM {name}").fetchone() or (0,))[0])  # noqa: S608 - our names


_TWICE: Final = "SELECT record FROM {name} GROUP BY record HAVING count(*) > 1 ORDER BY record LIMIT 1"


def _numbered(name: str) -> str:
    return f"(SELECT *, row_number() OVER () AS row_number, ({_faults()}) AS fault FROM {name})"  # noqa: S608 - our names


def _faults() -> str:
    """True for a row that the contract refuses; what it says is left to the contract."""
    words = {
        "arm": ("ai", "holdout", "not_routed"),
        "outcome": ("auto", "accepted", "amended", "rejected", "ignored"),
        "time_source": ("reported", "lease", "none"),
    }
    tests = [f"{field} NOT IN {listed}" for field, listed in words.items()]
    tests += [f"{field} IS NULL" for field in NAMES if field not in OPTIONAL]
    tests += [f"NOT ({field} >= 0 AND {field} <= 9007199254740992)" for field in (*_NUMBERS, "log_index", "coalesce(unaided_seconds, 0)")]
    tests += [
        f"NOT regexp_full_match({field}, '{_TIME}') OR try_cast({field} AS TIMESTAMPTZ) IS NULL" for field in ("received_at", "answered_at")
    ]
    tests += [
        f"{field} IS NOT NULL AND (NOT regexp_full_match({field}, '{_TIME}') OR try_cast({field} AS TIMESTAMPTZ) IS NULL)"
        for field in ("opened_at", "decided_at", "released_at")
    ]
    tests += [f"NOT regexp_full_match(record, '{_UUID}')", f"version <> {VERSION}", "NOT coalesce(edit_distance BETWEEN 0 AND 1, true)"]
    tests += ["human_seconds > human_seconds_raw", "greatest(induced_seconds, coalesce(unaided_seconds, 0)) > human_seconds"]
    return " OR ".join(f"({test})" for test in tests)


def _refuse(values: dict[str, object], place: str) -> None:
    number = values.pop("row_number")
    try:
        UsageRecord.from_mapping(values)
    except LedgerError as error:
        raise error.at(f"{place}, row {number}") from error
    raise LedgerError(f"{place}, row {number}: a time is not in UTC as the contract wants it. Export the ledger again.")


def _parquet_view(database: Connection, source: Path, name: str) -> None:
    found = files(source)
    if not found:
        raise LedgerError(f"{source.name}: there is no Parquet file in this folder. Give the folder of an exported ledger.")
    columns = _columns(found)
    listed = ", ".join("'" + str(file).replace("'", "''") + "'" for file in found)
    _select(database, name, f"read_parquet([{listed}], union_by_name = true)", columns)


def _columns(files: list[Path]) -> list[str]:
    """The columns that every file has, checked against the contract."""
    found: list[str] = []
    for file in files:
        try:
            schema = parquet.read_schema(file)
        except (pa.ArrowException, ValueError) as error:
            raise LedgerError(f"{file.name}: this is no readable Parquet file ({str(error)[:120]}). Export the ledger again.") from error
        found = found or schema.names
        _check_names(schema.names, file.name, schema.metadata or {})
    return found


def _check_names(names: list[str], place: str, told: Mapping[bytes, bytes]) -> None:
    version = told.get(VERSION_KEY, b"")
    try:
        check_version(int(version) if version.isdigit() else VERSION)
        check_names([*names, *ADDED] if not ADDED.keys() & set(names) else names)
    except LedgerError as error:
        raise error.at(place) from error


def _select(database: Connection, name: str, source: str, columns: list[str]) -> None:
    earlier = not ADDED.keys() & set(columns)
    told = {field: f"CAST({field} AS {SQL[TYPES[field]]})" for field in NAMES}
    if earlier:
        told |= {"unaided_seconds": "NULL::DOUBLE", "induced_seconds": "0.0::DOUBLE", "version": f"version + {VERSION - 1}"}
    chosen = ", ".join(f"{value} AS {field}" for field, value in told.items())
    try:
        database.execute(f"CREATE OR REPLACE TEMP VIEW {name} AS SELECT {chosen} FROM {source}")  # noqa: S608 - our names, quoted paths
    except duckdb.Error as error:
        raise LedgerError(f"The ledger's columns cannot be read as the contract's: {str(error).splitlines()[0][:200]}") from error


def _table(source: object) -> pa.Table:
    if isinstance(source, Path):
        return _from_records(read_jsonl(source))
    if hasattr(source, "__arrow_c_stream__"):
        table = pa.table(source)
        _check_names(table.column_names, "the ledger", table.schema.metadata or {})
        return table
    return _from_records(source)  # type: ignore[arg-type]


def _from_records(records: Iterable[UsageRecord]) -> pa.Table:
    schema = pa.schema([pa.field(name, getattr(pa, {"bool": "bool_"}.get(kind, kind))()) for name, kind in TYPES.items()])
    return pa.Table.from_batches(_batches(iter(records), schema), schema)


def _batches(records: Iterator[UsageRecord], schema: pa.Schema) -> Iterator[pa.RecordBatch]:
    from itertools import islice  # noqa: PLC0415

    while found := list(islice(records, BATCH)):
        columns = [pa.array([getattr(record, name) for record in found], schema.field(name).type) for name in NAMES]
        yield pa.RecordBatch.from_arrays(columns, schema=schema)
