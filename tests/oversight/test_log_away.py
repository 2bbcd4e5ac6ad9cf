"""Many callers at once while the log is away (R22): each learns it in seconds, each alarm goes out and is logged once."""

from __future__ import annotations

import time
from concurrent.futures import ThreadPoolExecutor
from typing import TYPE_CHECKING

from tests.fakes.model_server import CANARY
from tests.faults.test_database_away import Away, away
from tests.stage import eventually

if TYPE_CHECKING:
    import httpx

__all__ = ["away"]
CALLERS = 16


def timed(stage_of: Away, task: str) -> tuple[float, httpx.Response]:
    """How long one call took, and its answer."""
    began = time.monotonic()
    answer = stage_of.stage.chat(task)
    return time.monotonic() - began, answer


def at_once(stage_of: Away, task: str) -> list[tuple[float, httpx.Response]]:
    """The same call from many callers at the same time."""
    with ThreadPoolExecutor(CALLERS) as pool:
        return list(pool.map(lambda _: timed(stage_of, task), range(CALLERS)))


def test_every_one_of_many_callers_is_told_within_five_seconds(away: Away) -> None:
    """R22: 503 in the protocol's own shape, nothing released."""
    away.stage.chat("letter")
    away.kill()
    told = at_once(away, "diagnosis")
    print(f"holds refused: slowest {max(seconds for seconds, _ in told):.2f} s")  # noqa: T201 - the figure
    assert {(answer.status_code, answer.json()["error"]["code"]) for _, answer in told} == {(503, "audit_unavailable")}
    assert max(seconds for seconds, _ in told) < 5
    assert not any(CANARY in answer.text for _, answer in told)
    away.again()


def test_every_one_of_many_alarms_goes_out_and_is_logged_once(away: Away) -> None:
    """R22: posted past the dead database, spooled, merged once after its return."""
    away.stage.chat("letter")
    away.kill()
    told = at_once(away, "triage")
    print(f"alarms without a log: slowest {max(seconds for seconds, _ in told):.2f} s")  # noqa: T201 - the figure
    assert len(away.stage.pager.seen) == CALLERS
    assert max(seconds for seconds, _ in told) < 10
    assert not any(CANARY in answer.text for _, answer in told)
    away.again()
    first = "SELECT count(DISTINCT suggestion_id) AS n FROM entries WHERE type = 'received' AND task = 'triage'"
    assert eventually(lambda: away.stage.rows(first)[0]["n"] == CALLERS, 20)
    heard = [entry["id"] for entry in away.stage.entries("received") if entry["task"] == "triage"]
    assert (len(heard), len(set(heard)), away.stage.verified().ok) == (CALLERS, CALLERS, True)
