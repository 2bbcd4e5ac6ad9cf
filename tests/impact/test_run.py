"""All six steps in one run, over any ledger and any tables, with the same bytes each time."""

from __future__ import annotations

import json
import os
from pathlib import Path
from typing import TYPE_CHECKING

import numpy as np
import pyarrow as pa
import pytest
from pyarrow import parquet
from typer.testing import CliRunner

from impact.cli import app
from impact.ledger import LedgerError, read_jsonl, write_jsonl
from impact.parquet import read_parquet, write_parquet
from impact.results.documents import document, dumped, encoded
from impact.results.inputs import Inputs
from impact.run import run
from tests.impact.ledgers import FIRST, ledger
from tests.impact.simulated import Plan, drawn

if TYPE_CHECKING:
    from typer.testing import Result as Told

PLAN = Plan(rows=5000, task="chest-reading", holdout=0.25)
TABLES = {
    "volumes.csv": "activité;mois;volume;source\n" + "".join(f"chest-reading;{month};1400;SIR\n" for month in PLAN.months[1:]),
    "quality.csv": "task;outcome;n;events;control_n;control_events;margin;source\nchest-reading;miss;1000;10;1000;12;2.5;collège\n",
    "census.csv": "profession;category;fte;headcount;source\nradiologists;medical;0.8;1;bilan social\n",
    "tasks.csv": "id;profession;name_fr;share;source\nchest-reading;radiologist;Lecture;60 %;enquête\n",
}


@pytest.fixture
def own(tmp_path: Path) -> Path:
    folder = tmp_path / "tables"
    folder.mkdir()
    for name, text in TABLES.items():
        (folder / name).write_bytes(text.encode("cp1252"))
    return folder


def told(*words: str | Path) -> Told:
    return CliRunner().invoke(app, [str(word) for word in words])


def test_the_six_steps_from_census_to_scenario(own: Path) -> None:
    result = run(drawn(PLAN), own)
    (radiology,) = [one for one in result.professions if one.profession == "radiologist"]
    assert [one.task for one in result.measured.tasks] == ["chest-reading"]
    (reading,) = result.measured.tasks
    (part,) = radiology.parts
    assert part.basis == "measured"
    assert part.share == pytest.approx(1400 * 12 * (reading.baseline or 0) / (60 * 1607 * 0.8))
    assert radiology.s == pytest.approx(part.share * (reading.s or 0))
    assert radiology.released == pytest.approx(0.8 * radiology.s)
    assert [play.scenario.id for play in result.plays] == ["back-to-care", "central", "fast", "shortage", "slow"]


def test_the_same_ledger_and_files_give_the_same_bytes_in_any_order_of_rows(own: Path) -> None:
    table = drawn(PLAN)
    shuffled = table.take(np.random.default_rng(1).permutation(PLAN.rows))
    assert dumped(document(run(shuffled, own))) == dumped(document(run(table, own)))


def test_every_form_of_a_ledger_gives_the_same_figures(own: Path, tmp_path: Path) -> None:
    table = drawn(Plan(rows=500, task="chest-reading"))
    parquet.write_table(table, tmp_path / "a.parquet")
    write_jsonl(tmp_path / "a.jsonl", read_parquet(tmp_path / "a.parquet"))
    records = list(read_jsonl(tmp_path / "a.jsonl"))
    parts = tmp_path / "parts"
    parts.mkdir()
    write_parquet(parts / "1.parquet", records[:200])
    write_parquet(parts / "2.parquet", records[200:])
    sources = [table, tmp_path / "a.parquet", str(tmp_path / "a.jsonl"), records, parts, table.to_pandas()]
    assert len({dumped(document(run(source, own))) for source in sources}) == 1


def test_a_ledger_of_version_1_is_measured(tmp_path: Path) -> None:
    parquet.write_table(pa.Table.from_pylist([FIRST]), tmp_path / "first.parquet")
    (tmp_path / "first.jsonl").write_text(json.dumps(FIRST) + "\n", encoding="utf-8")
    assert [run(tmp_path / name).rows for name in ("first.parquet", "first.jsonl")] == [1, 1]


def test_with_no_usage_at_all_there_is_a_first_picture_and_no_rate() -> None:
    result = run([])
    rows = result.table("professions").to_pylist()
    assert (result.rows, result.last, result.table("tasks").num_rows) == (0, -1, 0)
    assert all(row["s"] is None and row["status"] == "not enough measured" and row["measured"] == 0 for row in rows)
    assert {row["profession"]: row["first_picture"] for row in rows}["medical-secretary"] == pytest.approx(0.285)


def test_every_figure_has_n_interval_level_period_and_status_in_its_row(own: Path) -> None:
    (row,) = run(drawn(PLAN), own).table("tasks").to_pylist()
    assert (row["n"] > 0, row["low"] < row["s"] < row["high"], row["level"], row["from"], row["to"], row["status"]) == (
        *(True, True, "D"),
        *("2026-01", "2026-04", "measured"),
    )


@pytest.mark.parametrize("form", ["json", "csv", "parquet"])
def test_a_table_has_its_bytes_in_every_form(own: Path, form: str) -> None:
    table = run(drawn(PLAN), own).table("tasks")
    assert encoded(table, form) == encoded(table, form)
    assert b"chest-reading" in encoded(table, form)


def test_bad_rows_of_a_parquet_ledger_are_named_as_the_contract_names_them(tmp_path: Path) -> None:
    changes: dict[str, tuple[object, str]] = {
        "arm": ("human", "'arm' is 'human'"),
        "human_seconds": (-1.0, "seconds, a number from 0"),
        "received_at": ("yesterday", "a time in UTC"),
        "answered_at": ("2026-02-30T10:00:00Z", "a time in UTC"),
        "record": ("case 7", "a UUID in lower case"),
        "log_index": (-1, "a whole number from 0"),
        "induced_seconds": (1e9, "at most 'human_seconds'"),
        "opened_at": ("", "a time in UTC"),
    }
    rows = drawn(Plan(rows=3)).to_pylist()
    for name, (value, said) in changes.items():
        parquet.write_table(pa.Table.from_pylist([*rows[:2], {**rows[2], name: value}]), tmp_path / "bad.parquet")
        with pytest.raises(LedgerError, match=r"bad\.parquet, row 3: ") as caught:
            run(tmp_path / "bad.parquet")
        assert said in str(caught.value)


def test_a_record_twice_is_refused(tmp_path: Path) -> None:
    table = drawn(Plan(rows=3))
    with pytest.raises(LedgerError, match="is there twice; an instance counts once"):
        run(pa.concat_tables([table, table]))


def test_the_command_prints_the_six_steps(own: Path, tmp_path: Path) -> None:
    parquet.write_table(drawn(PLAN), tmp_path / "ledger.parquet")
    result = told("run", tmp_path / "ledger.parquet", "--inputs", own)
    assert result.exit_code == 0, result.output
    assert [f"Step {step}." in result.stdout or f"Steps {step} and" in result.stdout for step in (1, 2, 4, 5, 6)] == [True] * 5


def test_the_command_gives_json(own: Path, tmp_path: Path) -> None:
    parquet.write_table(drawn(PLAN), tmp_path / "ledger.parquet")
    result = told("run", tmp_path / "ledger.parquet", "--inputs", own, "--format", "json")
    given = json.loads(result.stdout)
    assert set(given["inputs"]) >= {"census.csv", "tasks.csv", "volumes.csv", "quality.csv", "professions.toml", "scenarios/central.toml"}
    assert given["ledger"] == {"rows": 5000, "last_log_index": 4999}


def test_an_import_is_whole_or_not_at_all(tmp_path: Path) -> None:
    good, bad = tmp_path / "good.csv", tmp_path / "bad.csv"
    good.write_bytes(TABLES["census.csv"].encode("cp1252"))
    bad.write_text("profession;category;fte;source\nx;y;-1;z\n", encoding="utf-8")
    assert told("import", good, "--into", tmp_path / "tables").exit_code == 0
    before = (tmp_path / "tables/census.csv").read_bytes()
    result = told("import", bad, "--into", tmp_path / "tables")
    assert (result.exit_code, "bad.csv, row 2, column 'fte': -1 must be 0 or more." in result.stderr) == (1, True)
    assert "Nothing was imported." in result.stderr
    assert [(path.name, path.read_bytes()) for path in (tmp_path / "tables").iterdir()] == [("census.csv", before)]
    assert Inputs.load(tmp_path / "tables").workforce.fte("radiologists") == 0.8


def test_an_import_says_which_heading_it_took_for_which_column_and_what_it_left(tmp_path: Path) -> None:
    (tmp_path / "c.csv").write_text("métier;catégorie;etp;couleur;source\nx;y;1;bleu;z\n", encoding="utf-8")
    result = told("import", tmp_path / "c.csv", "--into", tmp_path / "tables")
    assert (
        result.exit_code,
        "Read 'métier' as profession, 'catégorie' as category, 'etp' as fte. Not used: 'couleur'." in result.stdout,
    ) == (0, True)


def test_a_new_scenario_is_put_beside_a_known_one(own: Path, tmp_path: Path) -> None:
    chance = np.random.default_rng(3)
    arm = np.where(chance.random(8000) < 0.2, "not_routed", np.where(chance.random(8000) < 0.3, "holdout", "ai"))
    parquet.write_table(drawn(Plan(rows=8000, task="chest-reading"), arm), tmp_path / "ledger.parquet")
    (own / "volumes.csv").write_text(TABLES["volumes.csv"].replace("1400", "2200"), encoding="utf-8")
    text = (Path(__file__).parents[2] / "config/scenarios/fast.toml").read_text(encoding="utf-8")
    (tmp_path / "mine.toml").write_text(text.replace("seed = 12", "seed = 99"), encoding="utf-8")
    result = told("scenario", tmp_path / "ledger.parquet", tmp_path / "mine.toml", "--inputs", own)
    assert result.exit_code == 0, result.output
    assert ("mine" in result.stdout, "central" in result.stdout, "released" in result.stdout) == (True, True, True)


def test_a_missing_ledger_is_one_sentence(tmp_path: Path) -> None:
    for words in (
        ("run", tmp_path / "none.jsonl"),
        ("run", tmp_path / "none.parquet"),
        ("import", tmp_path / "none.csv", "--into", tmp_path),
    ):
        result = told(*words)
        assert (result.exit_code, "cannot be read" in result.stderr, "Traceback" in result.output) == (1, True, False)


def test_nothing_of_a_run_names_a_worker(own: Path) -> None:
    found = [*ledger(400, workers=12)]
    text = dumped(document(run(found, own, pilot=True)))
    assert [f'"w{number}"' in text for number in range(12)] == [False] * 12
    assert os.linesep == "\n"
