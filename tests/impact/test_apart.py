"""The impact section in a process of its own: it answers as the section does, and it never outlives who started it."""

from __future__ import annotations

import os
import signal
import subprocess
import sys
import time
from pathlib import Path
from typing import TYPE_CHECKING

import psutil
import pytest

from gateway.web.texts import words
from impact.pages import Section
from impact.showing.apart import Apart
from tests.impact.ledgers import ledger

if TYPE_CHECKING:
    from collections.abc import Callable, Iterator

ROOT = Path(__file__).parents[2]
ROWS = ledger(60, workers=12)


@pytest.fixture
def apart() -> Iterator[Apart]:
    made = Apart().start()
    yield made
    made.close()


def eventually(check: Callable[[], bool]) -> bool:
    for _ in range(300):
        if check():
            return True
        time.sleep(0.05)
    return False


def test_it_answers_as_the_section_in_this_process_does(apart: Apart) -> None:
    section = Section()
    for one in (apart, section):
        one.add(ROWS)
    assert (apart.last, apart.form) == (section.last, section.form) == (59, section.form)
    assert apart.data("", "", "csv") == section.data("", "", "csv")
    page = apart.page("tasks", "cytology", words("en"), {})
    assert isinstance(page, dict)
    assert page["title"] == getattr(section.page("tasks", "cytology", words("en"), {}), "title", "")
    assert apart.page("tasks", "none", words("en"), {}) is None


def test_what_it_keeps_the_next_process_takes_in(apart: Apart) -> None:
    part = apart.part(ROWS, -1)
    apart.close()
    apart.start()
    assert (apart.last, apart.restore(part), apart.last, apart.restore(part)) == (-1, True, 59, False)
    assert apart.packed()[:2] == part[:2] == b"PK"


def test_a_table_that_cannot_be_used_is_told_here(tmp_path: Path) -> None:
    (tmp_path / "census.csv").write_text("profession;category;fte;source\nx;y;-1;z\n", encoding="utf-8")
    apart = Apart(tmp_path).start()
    with pytest.raises(ValueError, match=r"census\.csv, row 2, column 'fte'"):
        apart.data("", "", "json")
    assert apart.last == -1
    apart.close()


def test_a_process_that_was_killed_is_told_and_begins_anew(apart: Apart) -> None:
    apart.add(ROWS)
    os.kill(apart.process or 0, signal.SIGKILL)
    with pytest.raises(ConnectionError):
        apart.data("", "", "csv")
    assert apart.process is None
    assert apart.start().last == -1


def test_it_ends_when_nobody_has_asked_for_a_while() -> None:
    apart = Apart(idle=0.5).start()
    assert apart.last == -1
    assert eventually(lambda: apart.process is None)
    apart.close()


def test_it_ends_with_the_program_that_started_it_even_when_that_is_killed() -> None:
    code = "import time; from impact.showing.apart import Apart; a = Apart().start(); print(a.process, a.last, flush=True); time.sleep(60)"
    with subprocess.Popen([sys.executable, "-c", code], cwd=ROOT, env=os.environ, stdout=subprocess.PIPE, text=True) as program:
        assert program.stdout is not None
        number = int(program.stdout.readline().split()[0])
        assert psutil.pid_exists(number)
        program.kill()
    assert eventually(lambda: not psutil.pid_exists(number) or psutil.Process(number).status() == psutil.STATUS_ZOMBIE)
