"""Tables as JSON, CSV and Parquet whose bytes depend on nothing but the figures."""

from __future__ import annotations

import json
from typing import TYPE_CHECKING, Any, Final

import pyarrow as pa
from pyarrow import parquet

from impact.results.inputs import as_csv

if TYPE_CHECKING:
    from impact.run import Result

VERSION: Final = 1
MEDIA: Final = {"json": "application/json", "csv": "text/csv; charset=utf-8", "parquet": "application/vnd.apache.parquet"}


def document(result: Result) -> dict[str, Any]:
    """A whole run as one JSON object."""
    return {
        "version": VERSION,
        "ledger": {"rows": result.rows, "last_log_index": result.last},
        "inputs": dict(result.inputs.digests),
        "tables": {name: table.to_pylist() for name, table in result.tables().items()},
    }


def dumped(value: object) -> str:
    """JSON for people and machines: two spaces, UTF-8, a line end."""
    return json.dumps(value, indent=2, ensure_ascii=False, allow_nan=False) + "\n"


def encoded(table: pa.Table, form: str) -> bytes:
    """A table as the bytes of `json`, `csv` or `parquet`."""
    if form == "parquet":
        sink = pa.BufferOutputStream()
        parquet.write_table(table, sink, compression="zstd")
        return bytes(sink.getvalue().to_pybytes())
    return (dumped(table.to_pylist()) if form == "json" else as_csv(table)).encode()
