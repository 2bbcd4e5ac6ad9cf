"""The database does not go away, it says nothing: paused for ten seconds, behind a black hole, half-open.

The figures: every caller has its 503 within five seconds and gets nothing unsigned; the log takes entries again within `BACK` seconds; what
was acknowledged is there, each once, and the log verifies. The control: a writer that waits as long as the database does.
"""

from __future__ import annotations

import os
import signal
import tempfile
import time
from concurrent.futures import ThreadPoolExecutor
from contextlib import contextmanager
from pathlib import Path
from typing import TYPE_CHECKING

import psutil
import pytest

from gateway.database import Embedded
from tests.fakes.model_server import CANARY, Script
from tests.faults.stalling import Network, network
from tests.stage import Stage, built, eventually

if TYPE_CHECKING:
    from collections.abc import Callable, Iterator

PAUSE, WITHIN, BACK = 10.0, 5.0, 20.0
"""Seconds: how long it stalls; until a caller has the answer, as promised; until entries are written again afterwards."""


class Stalled:
    """A stage behind a network, on a server of its own that can be stopped in mid-work."""

    def __init__(self, stage: Stage, between: Network, folder: Path) -> None:
        self.stage, self.between, self._folder = stage, between, folder

    @contextmanager
    def paused(self) -> Iterator[None]:
        """Every process of the server is stopped."""
        master = psutil.Process(int((self._folder / "postmaster.pid").read_text().split()[0]))
        family = [master, *master.children(recursive=True)]
        for process in family:
            os.kill(process.pid, signal.SIGSTOP)
        try:
            yield
        finally:
            for process in family:
                os.kill(process.pid, signal.SIGCONT)

    @contextmanager
    def black_holed(self) -> Iterator[None]:
        """Nothing passes in either direction."""
        self.between.hold()
        yield
        self.between.heal()

    @contextmanager
    def half_open(self) -> Iterator[None]:
        """The server has lost every connection and the gateway does not know."""
        self.between.half_open()
        yield
        self.between.heal()


@pytest.fixture
def stalled() -> Iterator[Stalled]:
    with tempfile.TemporaryDirectory(prefix="garant-", ignore_cleanup_errors=True) as folder:
        server = Embedded(Path(folder) / "postgres")
        with network(server.start()) as (url, between):
            for stage in built(url):
                stage.pager.scripts["/hook"] = Script(status=204)
                yield Stalled(stage, between, Path(folder) / "postgres")
        server.stop()


def timed(stage: Stage, task: str) -> tuple[float, int, bool]:
    """How long a call took, its status, whether the AI system's words were in it."""
    began = time.monotonic()
    answer = stage.chat(task)
    return time.monotonic() - began, answer.status_code, CANARY in answer.text


def during(stage: Stage) -> list[tuple[float, int, bool]]:
    """Calls all through the stall, from several callers."""
    until, told = time.monotonic() + PAUSE - 5, list[tuple[float, int, bool]]()
    with ThreadPoolExecutor(4) as pool:
        while time.monotonic() < until:
            told += pool.map(lambda task: timed(stage, task), ("letter", "diagnosis", "letter", "refusing"))
    return told


STALLS: dict[str, Callable[[Stalled], object]] = {
    "paused": Stalled.paused,
    "black-holed": Stalled.black_holed,
    "half-open": Stalled.half_open,
}


@pytest.mark.parametrize("kind", STALLS)
def test_a_database_that_says_nothing_releases_nothing_and_loses_nothing(stalled: Stalled, kind: str) -> None:
    stage = stalled.stage
    acknowledged = 2
    assert [stage.chat("letter").status_code for _ in range(acknowledged)] == [200] * acknowledged
    with STALLS[kind](stalled):  # type: ignore[attr-defined] # a context
        began = time.monotonic()
        told = during(stage)
        time.sleep(max(0.0, began + PAUSE - time.monotonic()))
    healed = time.monotonic()
    eventually(lambda: stage.chat("letter").status_code == 200, BACK)
    print(f"{kind}: slowest refusal {max(one[0] for one in told):.2f} s, back after {time.monotonic() - healed:.1f} s")  # noqa: T201 - the figure
    assert {(status, leaked) for _, status, leaked in told} == {(503, False)}
    assert max(seconds for seconds, *_ in told) < WITHIN
    released = [entry["suggestion"] for entry in stage.entries("released")]
    assert (len(released) >= acknowledged + 1, len(released) == len(set(released))) == (True, True)
    assert stage.verified().ok


def test_a_writer_that_waits_as_long_as_the_database_does_is_found(stalled: Stalled, monkeypatch: pytest.MonkeyPatch) -> None:
    """The control: without its own patience the same call is answered only once the stall has ended."""
    stalled.stage.chat("letter")
    monkeypatch.setattr("gateway.audit.writer.WAIT_SECONDS", 60.0)
    with ThreadPoolExecutor(1) as pool, stalled.black_holed():
        waiting = pool.submit(timed, stalled.stage, "letter")
        time.sleep(WITHIN + 1)
        assert not waiting.done()
