"""The ledger as Parquet, for statisticians: the same records and the same refusals as JSON lines.

pyarrow is optional and imported where it is used. Times stay text, as in the contract, so that a record comes back
exactly as it was written. Columns, in the contract's order, required unless marked *:

| Arrow type | fields |
|---|---|
| int32, int64 | `version`; `log_index` |
| float64 | `human_seconds_raw`, `human_seconds`, `edit_distance`*, `unaided_seconds`*, `induced_seconds` |
| bool | `substituted_decision`, `two_person`, `break_glass` |
| string | all others; `opened_at`*, `decided_at`*, `released_at`* may be null |

The file's metadata holds `garant.ledger.version` and `garant.ledger.sha256`, the digest of all records as JSON lines: a file that was
damaged is refused, not read wrongly. Files of other programs need neither. A file of version 1 lacks the last two columns.
"""

from __future__ import annotations

import hashlib
import json
from importlib import import_module
from itertools import islice
from typing import TYPE_CHECKING, Final

from impact.ledger import ADDED, NAMES, VERSION, LedgerError, Once, UsageRecord, check_names, check_version

if TYPE_CHECKING:
    from collections.abc import Iterable, Iterator, Mapping
    from pathlib import Path
    from types import ModuleType

ROWS: Final = 10_000  # records held in memory at a time
VERSION_KEY: Final = b"garant.ledger.version"
DIGEST_KEY: Final = b"garant.ledger.sha256"
OPTIONAL: Final = frozenset({"edit_distance", "opened_at", "decided_at", "released_at", "unaided_seconds"})
TYPES: Final = (
    dict.fromkeys(NAMES, "string")
    | {"version": "int32", "log_index": "int64"}
    | dict.fromkeys(("human_seconds_raw", "human_seconds", "edit_distance", "unaided_seconds", "induced_seconds"), "float64")
    | dict.fromkeys(("substituted_decision", "two_person", "break_glass"), "bool")
)


def read_parquet(path: Path) -> Iterator[UsageRecord]:
    """Records of a Parquet file, one by one.

    Raises:
        LedgerError: with the file's name, the row (from 1) and the field; pyarrow is missing; this is no Parquet file.
    """
    once, digest = Once(), hashlib.sha256()
    told: dict[bytes, bytes] = {}
    for number, values in enumerate(_rows(path, told), start=1):
        try:
            record = UsageRecord.from_mapping(values)
            once.check(record)
        except LedgerError as error:
            raise error.at(f"{path.name}, row {number}") from error
        digest.update(_line(values))
        yield record
    if told.get(DIGEST_KEY, digest.hexdigest().encode()) != digest.hexdigest().encode():
        raise LedgerError(
            f"{path.name}: the records are not those that were written; the file was damaged or changed. Export the ledger again."
        )


def write_parquet(path: Path, records: Iterable[UsageRecord]) -> int:
    """Write records as Parquet; returns how many. The file appears when all are written, never half.

    Raises:
        LedgerError: a record that is there twice; pyarrow is missing.
    """
    arrow, parquet = _arrow(), _arrow(".parquet")
    schema, part, written, digest = _schema(arrow), path.with_name(path.name + ".part"), 0, hashlib.sha256()
    try:
        with parquet.ParquetWriter(part, schema, compression="zstd", write_page_checksum=True) as file:
            for batch in _batches(records):
                file.write_table(arrow.Table.from_pylist([record.to_mapping() for record in batch], schema=schema))
                digest.update(b"".join(_line(record.to_mapping()) for record in batch))
                written += len(batch)
            file.add_key_value_metadata({DIGEST_KEY.decode(): digest.hexdigest()})
        part.replace(path)
    finally:
        part.unlink(missing_ok=True)
    return written


def _arrow(part: str = "") -> ModuleType:
    try:
        return import_module(f"pyarrow{part}")
    except ImportError as error:
        raise LedgerError("Parquet needs pyarrow, which is not installed. Run 'pip install pyarrow', or use JSON lines.") from error


def _schema(arrow: ModuleType) -> object:
    columns = [arrow.field(name, getattr(arrow, _FACTORIES.get(kind, kind))(), name in OPTIONAL) for name, kind in TYPES.items()]
    return arrow.schema(columns, metadata={VERSION_KEY: str(VERSION).encode()})


_FACTORIES: Final = {"bool": "bool_"}


def _line(values: Mapping[str, object]) -> bytes:
    """A record as it stands in the file, of whatever version; 7 seconds come back as 7.0."""
    told = {name: float(value) if TYPES.get(name) == "float64" and isinstance(value, int) else value for name, value in values.items()}
    return json.dumps(told).encode() + b"\n"


def _batches(records: Iterable[UsageRecord]) -> Iterator[list[UsageRecord]]:
    once, source = Once(), iter(records)
    while found := list(islice(source, ROWS)):
        for record in found:
            once.check(record)
        yield found


def _rows(path: Path, told: dict[bytes, bytes]) -> Iterator[dict[str, object]]:
    """Plain values row by row, the file's metadata into `told`; whatever pyarrow finds wrong is a LedgerError."""
    arrow, parquet = _arrow(), _arrow(".parquet")
    with path.open("rb") as source:
        try:
            file = parquet.ParquetFile(source, page_checksum_verification=True)
            told.update(file.metadata.metadata or {})
            _check_columns(path, file.schema_arrow.names, told)
            for batch in file.iter_batches(batch_size=ROWS):
                yield from batch.to_pylist()
        except LedgerError:
            raise
        except (arrow.ArrowException, OSError, ValueError, OverflowError) as error:
            raise LedgerError(f"{path.name}: this is no readable Parquet file ({str(error)[:120]}). Export the ledger again.") from error


def _check_columns(path: Path, names: list[str], told: dict[bytes, bytes]) -> None:
    version = told.get(VERSION_KEY, b"")
    try:
        check_version(int(version) if version.isdigit() else VERSION)
        earlier = not ADDED.keys() & set(names)  # then each row has to be of version 1
        check_names([*names, *ADDED] if earlier else names)
    except LedgerError as error:
        raise error.at(path.name) from error
