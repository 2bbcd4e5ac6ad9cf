"""`garant demo --once` as a person would run it."""

from __future__ import annotations

import json
import os
import signal
import subprocess
import sys
import time
from typing import TYPE_CHECKING

import psutil
import pytest

from gateway.demo.model import Model, train

if TYPE_CHECKING:
    from pathlib import Path

COMMAND = [sys.executable, "-m", "gateway.cli", "demo"]


@pytest.fixture(scope="module")
def model() -> Model:
    return train()


def test_the_model_is_measured_on_patients_it_was_not_trained_on(model: Model) -> None:
    figures = model.figures
    assert figures.patients == 171
    assert figures.auc > 0.95
    assert len(model.cases(6)) == 6


def test_the_story_ends_with_what_was_measured() -> None:
    done = subprocess.run([*COMMAND, "--once"], capture_output=True, text=True, timeout=120, check=False)
    told = json.loads(done.stdout.splitlines()[-1])
    assert done.returncode == 0, done.stdout + done.stderr
    assert (told["calls"], told["held"], told["leaks"], told["log"]["verified"]) == (14, 10, 0, True)
    assert told["held"] == told["approved"] + told["amended"] + told["rejected"] + told["expired"]
    assert told["ledger_rows"] == told["calls"]


def test_control_c_leaves_nothing_running(tmp_path: Path) -> None:
    folder = tmp_path / "demo"
    began = time.monotonic()
    with subprocess.Popen([*COMMAND, "--dir", str(folder)], stdout=subprocess.PIPE, text=True, env=os.environ) as process:
        assert process.stdout is not None
        assert any("Ctrl-C" in line for line in process.stdout)
        family = psutil.Process(process.pid).children(recursive=True)
        process.send_signal(signal.SIGINT)
        assert process.wait(60) == 0
    assert time.monotonic() - began < 120
    assert psutil.wait_procs(family, 10)[1] == []
    assert not any(str(folder) in " ".join(one.info["cmdline"] or ()) for one in psutil.process_iter(["cmdline"]))
