"""The report stands alone, proves what it rests on, and is the same bytes each time."""

from __future__ import annotations

import hashlib
import io
import json
import re
import subprocess
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
    assert proof["ledger"] == {"rows": 4000, "last_log_index": 3999, "sha256": "", "files": {}}
    assert proof["checkpoint"] == "origin\n7\nroot\n"
    assert proof["inputs"]["volumes.csv"] == hashlib.sha256((tables / "volumes.csv").read_bytes()).hexdigest()
    assert proof["outputs"] == {
        name: hashlib.sha256(content).hexdigest() for name, content in found.items() if name not in {"proof.json", "SHA256SUMS"}
    }


def test_the_command_writes_it_from_a_ledger_file_with_its_digest(tables: Path, tmp_path: Path) -> None:
    ledger = tmp_path / "ledger.parquet"
    parquet.write_table(drawn(Plan(rows=500, task="chest-reading")), ledger)
    told = CliRunner().invoke(app, ["report", str(ledger), "--inputs", str(tables), "--out", str(tmp_path / "out"), "--language", "en"])
    assert told.exit_code == 0, told.output
    proof = json.loads((tmp_path / "out/proof.json").read_text(encoding="utf-8"))
    assert proof["ledger"]["files"] == {"ledger.parquet": hashlib.sha256(ledger.read_bytes()).hexdigest()}
    assert {"report.html", "report.pdf", "run.json", "tasks.csv", "scenarios.csv"} <= {path.name for path in (tmp_path / "out").iterdir()}


@pytest.fixture
def reported(tables: Path, tmp_path: Path) -> Path:
    """A report of a ledger file, and the file beside it."""
    parquet.write_table(drawn(Plan(rows=900, task="chest-reading")), tmp_path / "ledger.parquet")
    words_ = ["report", str(tmp_path / "ledger.parquet"), "--inputs", str(tables), "--out", str(tmp_path / "out"), "--language", "en"]
    assert CliRunner().invoke(app, words_).exit_code == 0
    return tmp_path / "out"


def test_the_commands_that_the_report_names_are_in_its_last_page(reported: Path) -> None:
    page = (reported / "report.html").read_text(encoding="utf-8")
    assert ("sha256sum -c SHA256SUMS" in page, "garant impact check . --ledger LEDGER.parquet" in page) == (True, True)
    assert "made of a usage file alone, without a log" in page


def test_an_outsider_checks_the_files_with_the_common_tool(reported: Path) -> None:
    told = subprocess.run(["sha256sum", "-c", "SHA256SUMS"], cwd=reported, capture_output=True, text=True, check=False)
    assert (told.returncode, "report.pdf: OK" in told.stdout, "inputs/volumes.csv: OK" in told.stdout) == (0, True, True)


def test_an_outsider_computes_the_figures_anew(reported: Path) -> None:
    told = CliRunner().invoke(app, ["check", str(reported), "--ledger", str(reported.parent / "ledger.parquet")])
    assert told.exit_code == 0, told.output
    assert ("The usage is the report's: 900 rows." in told.stdout, "are the same." in told.stdout) == (True, True)


FORGED = {
    "a figure": ("tasks.csv", b"chest-reading", b"chest-Reading"),
    "an input": ("inputs/volumes.csv", b"1700", b"2700"),
    "the proof": ("proof.json", b'"rows": 900', b'"rows": 901'),
    "the page": ("report.html", b"Impact", b"Impacts"),
}


@pytest.mark.parametrize(("name", "old", "new"), FORGED.values(), ids=FORGED.keys())
def test_a_changed_file_is_named(reported: Path, name: str, old: bytes, new: bytes) -> None:
    content = (reported / name).read_bytes()
    assert old in content
    (reported / name).write_bytes(content.replace(old, new, 1))
    told = CliRunner().invoke(app, ["check", str(reported)])
    assert (told.exit_code, told.stderr.splitlines()[0]) == (1, f"{name}: changed or missing since the report was written.")


def rehashed(folder: Path) -> None:
    """What a forger would do: new sums over changed files."""
    proof = json.loads((folder / "proof.json").read_text(encoding="utf-8"))
    proof["outputs"] = {name: hashlib.sha256((folder / name).read_bytes()).hexdigest() for name in proof["outputs"]}
    (folder / "proof.json").write_text(json.dumps(proof), encoding="utf-8")
    names = [line.split("  ")[1] for line in (folder / "SHA256SUMS").read_text(encoding="utf-8").splitlines()]
    (folder / "SHA256SUMS").write_text(
        "".join(f"{hashlib.sha256((folder / name).read_bytes()).hexdigest()}  {name}\n" for name in names), encoding="utf-8"
    )


def test_figures_changed_with_their_digests_do_not_come_out_of_the_usage(reported: Path) -> None:
    run_ = (reported / "run.json").read_text(encoding="utf-8")
    s = json.loads(run_)["tables"]["tasks"][0]["saving"]
    (reported / "run.json").write_text(run_.replace(f'"saving": {s}', '"saving": 0.9'), encoding="utf-8")
    rehashed(reported)
    assert CliRunner().invoke(app, ["check", str(reported)]).exit_code == 0
    told = CliRunner().invoke(app, ["check", str(reported), "--ledger", str(reported.parent / "ledger.parquet")])
    assert (told.exit_code, "tasks: computed anew, it is another table." in told.stderr) == (1, True)


def test_another_usage_is_found_out(reported: Path) -> None:
    parquet.write_table(drawn(Plan(rows=900, task="chest-reading", seed=9)), reported.parent / "other.parquet")
    told = CliRunner().invoke(app, ["check", str(reported), "--ledger", str(reported.parent / "other.parquet")])
    assert (told.exit_code, "not the usage that the report was made of" in told.stderr) == (1, True)


def test_a_checkpoint_of_a_log_that_does_not_reach_the_usage_is_found_out(tables: Path, tmp_path: Path) -> None:
    made(tables, tmp_path)
    told = CliRunner().invoke(app, ["check", str(tmp_path)])
    assert (told.exit_code, "The checkpoint is of 7 entries, the usage goes up to entry 3999." in told.stderr) == (1, True)


def test_an_unknown_language_is_refused_before_anything_is_written(tmp_path: Path) -> None:
    parquet.write_table(drawn(Plan(rows=5)), tmp_path / "ledger.parquet")
    told = CliRunner().invoke(app, ["report", str(tmp_path / "ledger.parquet"), "--out", str(tmp_path / "out"), "--language", "de"])
    assert (told.exit_code, (tmp_path / "out").exists()) == (2, False)


def test_every_word_of_the_section_is_there_in_both_languages() -> None:
    assert words("fr").keys() == words("en").keys()
    assert all(name.startswith("impact_") for name in words("fr"))
