"""The report stands alone, proves what it rests on, and is the same bytes each time."""

from __future__ import annotations

import hashlib
import io
import json
import re
from pathlib import Path  # noqa: TC003 - the fixtures' type

import pypdf
import pytest
from pyarrow import parquet
from typer.testing import CliRunner

from impact.cli import app
from impact.report import words, write
from impact.run import run
from tests.impact.simulated import Plan, drawn
from tests.impact.test_run import TABLES


@pytest.fixture(scope="module")
def tables(tmp_path_factory: pytest.TempPathFactory) -> Path:
    folder = tmp_path_factory.mktemp("tables")
    for name, text in TABLES.items():
        (folder / name).write_text(text.replace("1400", "1700"), encoding="utf-8")
    return folder


def made(tables: Path, out: Path, language: str = "fr") -> dict[str, bytes]:
    names = write(run(drawn(Plan(rows=4000, task="chest-reading", holdout=0.3)), tables), out, language, checkpoint="origin\n7\nroot\n")
    return {name: (out / name).read_bytes() for name in names}


def test_the_same_run_gives_the_same_bytes(tables: Path, tmp_path: Path) -> None:
    assert made(tables, tmp_path / "a") == made(tables, tmp_path / "b")


@pytest.mark.parametrize(("language", "said"), [("fr", "De quoi le taux est fait"), ("en", "What the rate is made of")])
def test_html_and_pdf_say_the_same_and_the_html_needs_nothing_else(tables: Path, tmp_path: Path, language: str, said: str) -> None:
    found = made(tables, tmp_path, language)
    page = found["report.html"].decode()
    assert said in page
    assert re.findall(r'(?:src|href)="[^#"]|url\((?!#)|<script|@import', page) == []
    pdf = "\n".join(one.extract_text() for one in pypdf.PdfReader(io.BytesIO(found["report.pdf"])).pages)
    assert said in pdf


def test_the_proof_names_inputs_outputs_the_last_log_index_and_the_checkpoint(tables: Path, tmp_path: Path) -> None:
    found = made(tables, tmp_path)
    proof = json.loads(found["proof.json"])
    assert proof["ledger"] == {"rows": 4000, "last_log_index": 3999, "files": {}}
    assert proof["checkpoint"] == "origin\n7\nroot\n"
    assert proof["inputs"]["volumes.csv"] == hashlib.sha256((tables / "volumes.csv").read_bytes()).hexdigest()
    assert proof["outputs"] == {name: hashlib.sha256(content).hexdigest() for name, content in found.items() if name != "proof.json"}


def test_the_command_writes_it_from_a_ledger_file_with_its_digest(tables: Path, tmp_path: Path) -> None:
    ledger = tmp_path / "ledger.parquet"
    parquet.write_table(drawn(Plan(rows=500, task="chest-reading")), ledger)
    told = CliRunner().invoke(app, ["report", str(ledger), "--inputs", str(tables), "--out", str(tmp_path / "out"), "--language", "en"])
    assert told.exit_code == 0, told.output
    proof = json.loads((tmp_path / "out/proof.json").read_text(encoding="utf-8"))
    assert proof["ledger"]["files"] == {"ledger.parquet": hashlib.sha256(ledger.read_bytes()).hexdigest()}
    assert {"report.html", "report.pdf", "run.json", "tasks.csv", "scenarios.csv"} <= {path.name for path in (tmp_path / "out").iterdir()}


def test_an_unknown_language_is_refused_before_anything_is_written(tmp_path: Path) -> None:
    parquet.write_table(drawn(Plan(rows=5)), tmp_path / "ledger.parquet")
    told = CliRunner().invoke(app, ["report", str(tmp_path / "ledger.parquet"), "--out", str(tmp_path / "out"), "--language", "de"])
    assert (told.exit_code, (tmp_path / "out").exists()) == (2, False)


def test_every_word_of_the_section_is_there_in_both_languages() -> None:
    assert words("fr").keys() == words("en").keys()
    assert all(name.startswith("impact_") for name in words("fr"))
