"""The ledger as Parquet: the same records and the same refusals as JSON lines, in files anybody's tools can make."""

from __future__ import annotations

import tempfile
from dataclasses import replace
from pathlib import Path
from typing import TYPE_CHECKING, Any

import pyarrow as pa
import pytest
from hypothesis import given, settings
from hypothesis import strategies as st
from pyarrow import parquet
from typer.testing import CliRunner

from impact.cli import app
from impact.ledger import NAMES, LedgerError, UsageRecord, write_jsonl
from impact.parquet import OPTIONAL, TYPES, VERSION_KEY, read_parquet, write_parquet
from tests.impact.ledgers import FIRST, PLAIN, ledger, ledgers

if TYPE_CHECKING:
    from collections.abc import Iterator

WHOLE = PLAIN.to_mapping()


def foreign(path: Path, *rows: dict[str, Any], version: bytes | None = None) -> Path:
    """A file as somebody else's program writes it: types guessed, no metadata unless given."""
    table = pa.Table.from_pylist(list(rows))
    parquet.write_table(table if version is None else table.replace_schema_metadata({VERSION_KEY: version}), path)
    return path


def refusal(path: Path) -> str:
    with pytest.raises(LedgerError) as caught:
        list(read_parquet(path))
    return str(caught.value)


@given(ledgers())
@settings(max_examples=50)
def test_a_ledger_comes_back_from_parquet(found: list[UsageRecord]) -> None:
    with tempfile.TemporaryDirectory() as folder:
        path = Path(folder) / "ledger.parquet"
        assert write_parquet(path, found) == len(found)
        assert list(read_parquet(path)) == found


def test_a_ledger_longer_than_a_batch_comes_back_in_order(tmp_path: Path) -> None:
    found = ledger(25_000, workers=3)
    assert write_parquet(tmp_path / "ledger.parquet", iter(found)) == 25_000
    assert list(read_parquet(tmp_path / "ledger.parquet")) == found


def test_the_columns_are_the_contracts_in_its_order_with_its_types(tmp_path: Path) -> None:
    write_parquet(tmp_path / "ledger.parquet", [PLAIN])
    schema = parquet.read_schema(tmp_path / "ledger.parquet")
    assert tuple(schema.names) == NAMES
    assert {name for name in schema.names if schema.field(name).nullable} == OPTIONAL
    told = {"double": "float64"}
    assert {name: told.get(str(schema.field(name).type), str(schema.field(name).type)) for name in NAMES} == TYPES
    assert schema.metadata[VERSION_KEY] == b"2"


def test_a_file_of_another_program_is_read_whatever_its_column_order(tmp_path: Path) -> None:
    path = foreign(tmp_path / "other.parquet", dict(reversed(WHOLE.items())))
    assert list(read_parquet(path)) == [PLAIN]


@pytest.mark.parametrize("name", NAMES)
def test_a_missing_column_is_named(tmp_path: Path, name: str) -> None:
    path = foreign(tmp_path / "other.parquet", {key: value for key, value in WHOLE.items() if key != name})
    assert refusal(path).startswith("other.parquet:")
    assert f"lacks '{name}'" in refusal(path)


def test_a_foreign_column_is_named_and_nothing_of_it_is_taken(tmp_path: Path) -> None:
    told = refusal(foreign(tmp_path / "other.parquet", {**WHOLE, "patient_name": "Dupont"}))
    assert "has unknown 'patient_name'" in told
    assert "Dupont" not in told


@pytest.mark.parametrize("version", [b"3", b"999999999999"])
def test_a_newer_version_is_refused_before_any_row(tmp_path: Path, version: bytes) -> None:
    path = foreign(tmp_path / "newer.parquet", {"something": "else"}, version=version)
    assert refusal(path).startswith(f"newer.parquet: 'version' is {version.decode()}; this program reads up to 2")


def test_a_newer_version_in_a_row_is_refused_too(tmp_path: Path) -> None:
    second = {**WHOLE, "record": "00000000-0000-0000-0000-000000000002", "version": 3}
    path = foreign(tmp_path / "newer.parquet", WHOLE, second)
    assert refusal(path).startswith("newer.parquet, row 2: 'version' is 3; this program reads up to 2")


BROKEN = [
    ({"arm": "human"}, "'arm' is 'human'"),
    ({"outcome": None}, "'outcome' is None"),
    ({"log_index": -1}, "a whole number from 0"),
    ({"human_seconds": -1.0}, "seconds, a number from 0"),
    ({"edit_distance": 1.5}, "a number from 0 to 1"),
    ({"received_at": "yesterday"}, "a time in UTC"),
    ({"two_person": None}, "true or false"),
    ({"record": WHOLE["record"]}, "is there twice"),
]


@pytest.mark.parametrize(("change", "expected"), BROKEN, ids=[expected for _, expected in BROKEN])
def test_a_row_that_cannot_be_is_named_by_file_row_and_field(tmp_path: Path, change: dict[str, object], expected: str) -> None:
    second = {**WHOLE, "record": "00000000-0000-0000-0000-000000000002", **change}
    told = refusal(foreign(tmp_path / "broken.parquet", WHOLE, second))
    assert told.startswith("broken.parquet, row 2: ")
    assert expected in told


def test_numbers_of_another_width_are_the_same_numbers(tmp_path: Path) -> None:
    table = pa.Table.from_pylist([WHOLE])
    table = table.set_column(table.schema.get_field_index("version"), "version", pa.array([2], pa.uint8()))
    table = table.set_column(table.schema.get_field_index("log_index"), "log_index", pa.array([0], pa.int16()))
    parquet.write_table(table, tmp_path / "other.parquet")
    assert list(read_parquet(tmp_path / "other.parquet")) == [PLAIN]


def test_a_file_of_version_1_is_read(tmp_path: Path) -> None:
    assert list(read_parquet(foreign(tmp_path / "first.parquet", FIRST, version=b"1"))) == [PLAIN]


def test_whole_seconds_come_back(tmp_path: Path) -> None:
    found = replace(PLAIN, human_seconds=7, human_seconds_raw=7, induced_seconds=1)
    write_parquet(tmp_path / "ledger.parquet", [found])
    assert list(read_parquet(tmp_path / "ledger.parquet")) == [found]


def test_times_as_parquet_timestamps_are_refused_in_words(tmp_path: Path) -> None:
    table = pa.Table.from_pylist([WHOLE])
    stamps = pa.array([0], pa.timestamp("us", "UTC"))
    parquet.write_table(table.set_column(table.schema.get_field_index("received_at"), "received_at", stamps), tmp_path / "other.parquet")
    assert "row 1: 'received_at' is" in refusal(tmp_path / "other.parquet")


@given(st.binary(max_size=200))
@settings(max_examples=50)
def test_whatever_the_bytes_only_the_ledgers_own_error_comes_out(content: bytes) -> None:
    with tempfile.TemporaryDirectory() as folder:
        path = Path(folder) / "ledger.parquet"
        path.write_bytes(b"PAR1" + content + b"PAR1")
        assert "no readable Parquet file" in refusal(path)


@given(st.data())
@settings(max_examples=100)
def test_a_damaged_file_is_refused_or_read_as_what_it_was(data: st.DataObject) -> None:
    with tempfile.TemporaryDirectory() as folder:
        path = Path(folder) / "ledger.parquet"
        found = ledger(50, workers=2)
        write_parquet(path, found)
        content = bytearray(path.read_bytes())
        content[data.draw(st.integers(0, len(content) - 1))] ^= data.draw(st.integers(1, 255))
        path.write_bytes(content)
        try:
            read = list(read_parquet(path))
        except LedgerError:
            return
        assert read == found


def test_a_ledger_that_fails_half_way_leaves_the_old_file_as_it_was(tmp_path: Path) -> None:
    def failing() -> Iterator[UsageRecord]:
        yield PLAIN
        raise OSError("the source went away")

    path = tmp_path / "ledger.parquet"
    path.write_text("old", encoding="utf-8")
    with pytest.raises(OSError, match="went away"):
        write_parquet(path, failing())
    assert [(file.name, file.read_text(encoding="utf-8")) for file in tmp_path.iterdir()] == [("ledger.parquet", "old")]


def test_a_record_is_not_written_twice(tmp_path: Path) -> None:
    with pytest.raises(LedgerError, match="is there twice"):
        write_parquet(tmp_path / "ledger.parquet", [PLAIN, replace(PLAIN, log_index=1)])


@pytest.mark.parametrize("form", ["json", "csv", "table"])
def test_the_rates_are_the_same_from_both_forms(tmp_path: Path, form: str) -> None:
    found = ledger(60, workers=12)
    write_parquet(tmp_path / "ledger.parquet", found)
    write_jsonl(tmp_path / "ledger.jsonl", found)
    told = [CliRunner().invoke(app, ["rates", str(tmp_path / name), "--format", form]) for name in ("ledger.parquet", "ledger.jsonl")]
    assert [result.exit_code for result in told] == [0, 0]
    assert told[0].output == told[1].output
