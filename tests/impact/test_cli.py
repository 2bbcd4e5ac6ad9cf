"""What is printed: counts of machine calls always, minutes of people with their label, and no rate without a denominator."""

from __future__ import annotations

import csv
import io
import json
import subprocess
import sys
from dataclasses import replace
from pathlib import Path

import pytest
import typer
from typer.testing import CliRunner

from impact import intervals
from impact.cli import app, rates
from impact.counts import UNKNOWN
from impact.ledger import LedgerError, write_jsonl
from impact.parquet import write_parquet
from tests.impact.ledgers import PLAIN, ledger

ROOT = Path(__file__).parents[2]
PILOT = "pilot data, below the publication threshold: not for publication"


def test_a_pilot_of_one_clinician_shows_counts_shares_and_intervals() -> None:
    table = rates([*ledger(15, workers=1), *(replace(PLAIN, outcome="rejected") for _ in range(5))])
    assert "15 (75%)" in table
    assert "5 (25%)" in table
    assert "9–44%" in table


def test_suppressed_minutes_are_said_in_words_and_not_given() -> None:
    table = rates(ledger(20, workers=1, seconds=77.0))
    assert "suppressed: fewer than 10 workers or 30 instances" in table
    assert "25.67" not in table
    assert "1.28" not in table


def test_pilot_minutes_are_given_with_their_label() -> None:
    table = rates(ledger(20, workers=1, seconds=77.0), pilot=True)
    assert "25.67 *" in table
    assert PILOT in table


def test_minutes_above_the_threshold_have_no_label() -> None:
    table = rates(ledger(40, workers=10), pilot=True)
    assert "40.00" in table
    assert PILOT not in table


def test_raw_minutes_stand_under_the_capped_ones() -> None:
    table = rates([replace(record, human_seconds_raw=90.0) for record in ledger(40, workers=10)])
    assert "raw 60.00" in table


def test_an_upper_bound_is_marked_as_one() -> None:
    table = rates([replace(record, time_source="lease") for record in ledger(40, workers=10)])
    assert "≤ 40.00" in table
    assert "are an upper bound" in table


@pytest.mark.parametrize("form", ["table", "json", "csv"])
def test_coverage_and_the_substitution_rate_are_unknown_in_every_form(form: str) -> None:
    assert UNKNOWN in rates([PLAIN], form=form)


@pytest.mark.parametrize("form", ["table", "json", "csv"])
@pytest.mark.parametrize("pilot", [True, False])
def test_no_form_names_a_worker_or_an_instance(form: str, pilot: bool) -> None:
    found = [replace(record, worker=f"pseudonym-{record.worker}") for record in ledger(12, workers=3)]
    text = rates(found, pilot=pilot, form=form)
    assert "pseudonym" not in text
    assert "00000000-0000" not in text


@pytest.mark.parametrize("form", ["json", "csv"])
def test_suppressed_minutes_are_missing_in_data_and_say_why(form: str) -> None:
    row = _rows(rates(ledger(3, workers=1), form=form), form)[0]
    given = [row[name] or None for name in ("minutes", "minutes_raw", "minutes_each", "minutes_raw_each")]
    assert given == [None] * 4
    assert str(row["minutes_status"]).startswith("suppressed: fewer than")


@pytest.mark.parametrize("form", ["json", "csv"])
def test_pilot_minutes_carry_their_label_in_data(form: str) -> None:
    row = _rows(rates(ledger(3, workers=1), pilot=True, form=form), form)[0]
    assert (float(str(row["minutes"])), row["minutes_status"]) == (3.0, PILOT)


def test_json_and_csv_say_the_same() -> None:
    found = [*ledger(20, workers=1), replace(PLAIN, arm="holdout"), replace(PLAIN, task="letters", outcome="auto")]
    as_json, as_csv = rates(found, form="json"), rates(found, form="csv")
    assert [{key: "" if value is None else str(value) for key, value in row.items()} for row in _rows(as_json, "json")] == _rows(
        as_csv, "csv"
    )


def test_an_empty_ledger_is_said_to_be_empty_and_keeps_its_columns() -> None:
    assert "The ledger holds no record." in rates([])
    assert json.loads(rates([], form="json")) == []
    assert rates([], form="csv").strip().split(",")[:4] == ["task", "kind", "profession", "n"]


def test_other_arms_are_said_to_be_apart() -> None:
    assert "2 holdout, 1 not_routed" in rates([PLAIN, *[replace(PLAIN, arm="holdout")] * 2, replace(PLAIN, arm="not_routed")])


def test_names_of_a_foreign_ledger_are_printed_as_text() -> None:
    table = rates([replace(PLAIN, task="[red]x[/red]\x1b[31m")])
    assert "[red]x[/red]?[31m" in table
    assert "\x1b" not in table


def test_missing_intervals_are_said_to_be_missing(monkeypatch: pytest.MonkeyPatch) -> None:
    monkeypatch.setattr(intervals, "_scipy_special", lambda: None)
    assert "need scipy" in rates([PLAIN])


def test_an_unknown_form_is_refused_with_the_known_ones() -> None:
    with pytest.raises(typer.BadParameter, match="table, json, csv"):
        rates([PLAIN], form="xml")


def test_the_command_reads_an_exported_ledger(tmp_path: Path) -> None:
    write_jsonl(tmp_path / "ledger.jsonl", ledger(20, workers=1))
    command = [sys.executable, "-m", "impact", "rates", str(tmp_path / "ledger.jsonl"), "--format", "json", "--pilot"]
    result = subprocess.run(command, cwd=ROOT, capture_output=True, text=True, check=True)
    assert [(row["task"], row["n"], row["minutes"]) for row in json.loads(result.stdout)] == [("cytology", 20, 20.0)]


@pytest.mark.parametrize(
    ("name", "content", "said"),
    [("a.jsonl", b"{", "a.jsonl, line 1, column 2"), ("none.jsonl", None, "cannot be read: No such file"), (".", None, "cannot be read")],
)
def test_a_ledger_that_cannot_be_read_is_one_sentence_and_exit_code_1(tmp_path: Path, name: str, content: bytes | None, said: str) -> None:
    if content is not None:
        (tmp_path / name).write_bytes(content)
    result = CliRunner().invoke(app, ["rates", str(tmp_path / name)])
    assert (result.exit_code, said in result.stderr, "Traceback" in result.stderr) == (1, True, False)


def test_an_unknown_format_is_refused_before_anything_is_printed(tmp_path: Path) -> None:
    write_jsonl(tmp_path / "ledger.jsonl", [PLAIN])
    result = CliRunner().invoke(app, ["rates", str(tmp_path / "ledger.jsonl"), "--format", "xml"])
    assert (result.exit_code, result.stdout) == (2, "")


@pytest.mark.parametrize("name", ["pyarrow", "pyarrow.parquet"])
def test_parquet_without_pyarrow_is_one_sentence_with_the_fix(tmp_path: Path, monkeypatch: pytest.MonkeyPatch, name: str) -> None:
    monkeypatch.setitem(sys.modules, name, None)
    (tmp_path / "ledger.parquet").write_bytes(b"PAR1")
    result = CliRunner().invoke(app, ["rates", str(tmp_path / "ledger.parquet")])
    assert (result.exit_code, "pip install pyarrow" in result.stderr) == (1, True)
    with pytest.raises(LedgerError, match="or use JSON lines"):
        write_parquet(tmp_path / "other.parquet", [PLAIN])


def _rows(text: str, form: str) -> list[dict[str, object]]:
    if form == "json":
        return list(json.loads(text))
    return [dict(row) for row in csv.DictReader(io.StringIO(text))]
