"""As a library: three lines, any table library, a ledger of anybody's gateway; nothing of ours beside it."""

from __future__ import annotations

import subprocess
import sys
from importlib import import_module
from pathlib import Path
from typing import TYPE_CHECKING, Any

import duckdb
import polars as pl
import pyarrow as pa
import pytest
from pyarrow import parquet

from impact.ledger import ADDED, NAMES, VERSION, LedgerError, write_jsonl
from impact.parquet import read_parquet
from impact.results.documents import document, dumped
from impact.run import run
from tests.impact.measured import ledger, tables

if TYPE_CHECKING:
    from collections.abc import Callable

ROOT = Path(__file__).parents[2]
pd: Any = import_module("pandas")
"""It ships no types."""


@pytest.fixture(scope="module")
def folder(tmp_path_factory: pytest.TempPathFactory) -> Path:
    made = tmp_path_factory.mktemp("alone")
    tables(made / "tables")
    parquet.write_table(ledger(), made / "ledger.parquet")
    return made


def test_three_lines_of_a_notebook_outside_the_source_tree(folder: Path) -> None:
    """The lines of the README, run where nothing but `impact` can be imported."""
    readme = (ROOT / "impact/README.md").read_text(encoding="utf-8")
    lines = [line.strip() for line in readme.splitlines() if line.startswith("    ")][:3]
    assert [line.split()[0] for line in lines] == ["from", "result", 'result.table("tasks")']
    code = "\n".join(["import sys", f"sys.path.insert(0, {str(ROOT)!r})", *lines, 'print(result.table("tasks")["s"][0])'])
    code += "\nassert not [name for name in sys.modules if name.split('.')[0] == 'gateway']"
    told = subprocess.run(
        [sys.executable, "-c", code.replace("our-tables", "tables")], cwd=folder, capture_output=True, text=True, check=False, env={}
    )
    assert told.returncode == 0, told.stderr
    assert 0.1 < float(told.stdout) < 0.4


GIVEN: dict[str, Callable[[pa.Table], object]] = {
    "pyarrow": lambda table: table,
    "a record batch reader": lambda table: table.to_reader(),
    "pandas": lambda table: table.to_pandas(),
    "pandas with Arrow columns": lambda table: table.to_pandas(types_mapper=pd.ArrowDtype),
    "Polars": pl.from_arrow,
    "DuckDB": duckdb.from_arrow,
}


@pytest.mark.parametrize("form", GIVEN)
def test_a_ledger_comes_from_any_table_library(folder: Path, form: str) -> None:
    expected = dumped(document(run(folder / "ledger.parquet", folder / "tables")))
    assert dumped(document(run(GIVEN[form](ledger()), folder / "tables"))) == expected


TAKEN: dict[str, Callable[[pa.Table], int]] = {
    "pandas": lambda table: len(pd.DataFrame.from_arrow(table)),
    "Polars": lambda table: pl.DataFrame(table).height,
    "DuckDB": lambda table: len(duckdb.from_arrow(table).fetchall()),
    "pyarrow": lambda table: pa.table(table).num_rows,
}


@pytest.mark.parametrize("form", TAKEN)
def test_every_table_goes_to_any_table_library(folder: Path, form: str) -> None:
    for name, table in run(folder / "ledger.parquet", folder / "tables").tables().items():
        assert (name, TAKEN[form](table)) == (name, table.num_rows)


def test_the_contract_in_the_readme_names_every_field_and_the_version() -> None:
    text = (ROOT / "impact/README.md").read_text(encoding="utf-8")
    contract = text[text.index("## The contract") : text.index("## Decisions")]
    assert f"version {VERSION}" in contract.splitlines()[0]
    assert [name for name in NAMES if f"`{name}`" not in contract] == []


def test_a_ledger_of_a_newer_version_is_refused_by_file_and_version(folder: Path, tmp_path: Path) -> None:
    newer: list[Any] = [row | {"version": VERSION + 1} for row in ledger().slice(0, 3).to_pylist()]
    parquet.write_table(pa.Table.from_pylist(newer), tmp_path / "newer.parquet")
    with pytest.raises(LedgerError, match=rf"newer\.parquet, row 1: .version. is {VERSION + 1}; this program reads up to {VERSION}"):
        run(tmp_path / "newer.parquet")


def test_rows_out_of_order_and_split_over_files_are_the_same_ledger(folder: Path, tmp_path: Path) -> None:
    table = ledger()
    for place, part in enumerate((table.slice(4000), table.slice(0, 4000))):
        parquet.write_table(part, tmp_path / f"{place}.parquet")
    expected = dumped(document(run(folder / "ledger.parquet", folder / "tables")))
    assert dumped(document(run(tmp_path, folder / "tables"))) == expected


def test_columns_of_a_later_contract_are_no_secret_extras(folder: Path, tmp_path: Path) -> None:
    parquet.write_table(ledger().append_column("patient_name", pa.array(["x"] * 8000)), tmp_path / "more.parquet")
    with pytest.raises(LedgerError, match="patient_name"):
        run(tmp_path / "more.parquet")
    assert set(ADDED) < set(NAMES)


def test_json_lines_of_a_ledger_are_the_same_ledger(folder: Path, tmp_path: Path) -> None:
    write_jsonl(tmp_path / "ledger.jsonl", read_parquet(folder / "ledger.parquet"))
    expected = dumped(document(run(folder / "ledger.parquet", folder / "tables")))
    assert dumped(document(run(str(tmp_path / "ledger.jsonl"), folder / "tables"))) == expected
