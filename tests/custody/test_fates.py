"""No table is forgotten by an erasure: each one, and each column that could hold content, has its fate written down."""

from __future__ import annotations

import tomllib
from importlib.resources import files
from typing import Any

from gateway.custody.proving import TOUCHED
from tests.audit.ground import rows

FATES: dict[str, dict[str, Any]] = tomllib.loads(files("gateway.custody").joinpath("fates.toml").read_text(encoding="utf-8"))
COLUMNS = """
SELECT table_name, column_name FROM information_schema.columns
WHERE table_schema = 'public' AND data_type IN ('text', 'bytea', 'jsonb', 'json', 'ARRAY', 'character varying')
"""
TABLES = "SELECT tablename AS name FROM pg_tables WHERE schemaname = 'public'"


def undecided(tables: set[str], columns: set[tuple[str, str]], fates: dict[str, dict[str, Any]]) -> list[str]:
    """Tables and columns of which nobody has said what an erasure does to them, and fates of what is not there."""
    told = {(table, column) for table, fate in fates.items() for column in (*fate.get("cleared", ()), *fate.get("kept", ()))}
    whole = {table for table, fate in fates.items() if fate.get("deleted")}
    found = [f"table {name}" for name in tables ^ fates.keys()]
    found += [f"column {table}.{column}" for table, column in columns - told if table in fates and table not in whole]
    return sorted(found + [f"no such column {table}.{column}" for table, column in told - columns])


async def test_every_table_and_column_has_its_fate(database_url: str) -> None:
    tables = {row["name"] for row in await rows(database_url, TABLES)}
    columns = {(row["table_name"], row["column_name"]) for row in await rows(database_url, COLUMNS)}
    found = undecided(tables, columns, FATES)
    assert found == [], "say in gateway/custody/fates.toml what an erasure does to: " + ", ".join(found)


def test_a_new_table_and_a_new_column_are_found() -> None:
    fates: dict[str, dict[str, Any]] = {"a": {"kept": ["x"]}, "b": {"deleted": True}, "gone": {"kept": []}}
    found = undecided({"a", "b", "c"}, {("a", "x"), ("a", "y"), ("b", "z")}, fates)
    assert found == ["column a.y", "table c", "table gone"]


def test_what_loses_rows_or_columns_is_vacuumed() -> None:
    assert {table for table, fate in FATES.items() if fate.get("deleted") or fate.get("cleared")} == set(TOUCHED)


def test_every_fate_has_its_reason() -> None:
    assert [table for table, fate in FATES.items() if len(fate["why"]) < 8] == []
