"""The queue: what may be signed, in an order in which nobody waits without bound; filters, facets, holders (R16)."""

from __future__ import annotations

import asyncio
import time
from datetime import UTC, datetime, timedelta
from typing import TYPE_CHECKING, Any
from uuid import uuid4

import pytest
from sqlalchemy import event

from gateway.database import engine, sessions
from gateway.suggestions.models import NewSuggestion
from gateway.suggestions.queue import Asking, LaneRight, Queues
from gateway.suggestions.repository import COLUMNS, INSERT
from tests.signoff.cases import new_case
from tests.signoff.test_decisions import opened

if TYPE_CHECKING:
    from collections.abc import Iterator

    from tests.stage import Stage

AGEING = 600
MANY = 5_000


@pytest.fixture(autouse=True)
def _alone(stage: Stage) -> None:
    stage.rows(
        "UPDATE suggestions SET state = 'cancelled', next_clock_at = NULL, attach_key = NULL WHERE state NOT IN ('released', 'passed')"
    )


def queue(stage: Stage, who: str = "dr.a", **filters: object) -> dict[str, Any]:
    text = "&".join(f"{name}={value}" for name, value in filters.items())
    answer = stage.api(stage.clinician(who), "GET", f"/queue?{text}")
    assert answer.status_code == 200, answer.text
    return dict(answer.json())


def planted(stage: Stage, minutes: float, *, urgency: int = 3, task: str = "diagnosis", **more: object) -> str:
    """A waiting case that came some minutes ago."""
    at = datetime.now(UTC) - timedelta(minutes=minutes)
    row = NewSuggestion(
        uuid4(), "test", "main", uuid4(), "reader", task, "diagnosis", "openai", "hold", "0" * 64, "m", "held", at, urgency=urgency
    )
    for name, value in more.items():
        setattr(row, name, value)
    stage.rows(INSERT, *(getattr(row, name) for name in COLUMNS))
    return str(row.id)


def ids(found: dict[str, Any]) -> list[str]:
    return [case["id"] for case in found["cases"]]


def test_urgency_orders_until_waiting_outweighs_it(stage: Stage) -> None:
    """Each ageing span (1800 s in this policy) lifts a case by one level: the longest wait is bounded, and shown."""
    old = planted(stage, 121, urgency=5)
    urgent, calm, older = planted(stage, 1, urgency=1), planted(stage, 2, urgency=5), planted(stage, 20, urgency=3)
    found = queue(stage)
    assert ids(found) == [old, urgent, older, calm]
    assert 121 * 60 <= found["longest_wait_seconds"] < 123 * 60


def test_emergencies_and_overdue_time_critical_cases_stand_on_top(stage: Stage) -> None:
    """R16: until they are signed."""
    urgent = planted(stage, 300, urgency=1, overdue=True)
    critical = planted(stage, 1, urgency=5, task="triage", mode="notify_now", overdue=True, state="notified")
    left = planted(stage, 2, urgency=5, state="emergency")
    assert ids(queue(stage)) == [left, critical, urgent]


def test_filters_choose_and_facets_count_everything(stage: Stage) -> None:
    for n in range(3):
        planted(stage, n, urgency=1 + n)
    planted(stage, 9, task="pair", state="first_signed", first_signer=uuid4(), overdue=True)
    found = queue(stage, task="pair")
    assert (len(found["cases"]), found["total"], found["overdue"]) == (1, 1, 1)
    assert found["facets"]["task"] == {"diagnosis": 3, "pair": 1}
    assert found["facets"]["urgency"] == {"1": 1, "2": 1, "3": 2}
    assert [queue(stage, **one)["total"] for one in ({"urgency": 2}, {"state": "first_signed"}, {"overdue": "true"}, {"mine": "true"})] == [
        1,
        1,
        1,
        0,
    ]
    assert (len(ids(queue(stage, limit=2))), len(ids(queue(stage, limit=2, offset=3))), queue(stage, limit=2)["total"]) == (2, 1, 4)


def test_only_what_a_person_may_sign_is_in_the_queue(stage: Stage) -> None:
    planted(stage, 1)
    planted(stage, 1, task="gone")
    assert len(ids(queue(stage))) == 1
    assert queue(stage, "nurse")["total"] == 0


def test_who_has_a_case_open_is_named_and_the_next_free_one_opens(stage: Stage) -> None:
    first, second = new_case(stage), new_case(stage)
    assert opened(stage, first)["id"] == first
    told = {case["id"]: (case["holder"], case["leased_by_me"], case["step"]) for case in queue(stage, "dr.b")["cases"]}
    assert told == {first: ("Dr dr.a", False, "decide"), second: ("", False, "decide")}
    assert stage.api(stage.clinician("dr.b"), "POST", "/queue/next").json()["id"] == second
    assert stage.api(stage.clinician(), "POST", "/queue/next").json()["id"] == first
    nothing = stage.api(stage.clinician("dr.c"), "POST", "/queue/next?task=diagnosis")
    assert (nothing.status_code, nothing.json()["code"]) == (404, "nothing_free")


def test_an_escalated_case_shows_its_rung_and_goes_back_to_the_team(stage: Stage) -> None:
    """R16: a colleague to whom it was handed and who did not come keeps nobody else from it."""
    suggestion = new_case(stage, "short")
    shown = opened(stage, suggestion)
    stage.api(stage.clinician(), "POST", f"/suggestions/{suggestion}/hand-over", {"lease": shown["lease"], "to": "dr.b"})
    stage.rows(
        "UPDATE suggestions SET due_at = now(), next_clock_at = now(), expires_at = now() + interval '1 hour' WHERE id = $1", suggestion
    )
    stage.rows("SELECT pg_notify('garant', 'clock')")
    until = time.monotonic() + 10
    while not (case := queue(stage)["cases"][0])["rung"] and time.monotonic() < until:
        time.sleep(0.05)
    assert (case["rung"] >= 1, case["overdue"], case["asked"], case["assigned_to"]) == (True, True, ["oncall"], "")


@pytest.fixture
def crowded(stage: Stage) -> Iterator[Stage]:
    """Five thousand waiting cases among ten times as many that are done."""
    columns = "id, establishment, site, case_id, system, task, kind, protocol, mode, policy, machine, state, urgency, received_at"
    many = f"""INSERT INTO suggestions ({columns})
      SELECT gen_random_uuid(), 'test', 'main', gen_random_uuid(), 'reader', (ARRAY['diagnosis', 'pair', 'undoable'])[1 + n % 3], 'diagnosis',
        'openai', 'hold', '', 'crowd', CASE WHEN n % 11 = 0 THEN 'held' ELSE 'released' END, 1 + n % 5, now() - make_interval(secs => n % 7200)
      FROM generate_series(1, 11 * $1::int) AS n"""  # noqa: S608 - our own columns
    stage.rows(many, MANY)
    stage.rows("ANALYZE suggestions")
    yield stage
    stage.rows("DELETE FROM suggestions WHERE machine = 'crowd'")


def test_five_thousand_waiting_cases_cost_two_queries_of_milliseconds(crowded: Stage) -> None:
    """Two queries for the page and all counts; the figure is printed, the limit here leaves room for a busy machine."""
    rights = tuple(LaneRight(task, 1800.0, sign=True, arbitrate=True) for task in ("diagnosis", "pair", "undoable"))
    asking = Asking(uuid4(), "test", datetime.now(UTC), rights)

    async def read() -> tuple[int, int, float]:
        pool, sent = engine(crowded.url), []
        event.listen(pool.sync_engine, "before_cursor_execute", lambda *arguments: sent.append(arguments[2]))
        queues = Queues(sessions(pool))
        await queues.page(asking)
        sent.clear()
        began = time.perf_counter()
        rows, counts = await queues.page(asking)
        seconds = time.perf_counter() - began
        await pool.dispose()
        assert len(rows) == 100
        return counts.total, len(sent), seconds

    total, queries, seconds = asyncio.run(read())
    print(f"queue of {total}: {seconds * 1000:.1f} ms")  # noqa: T201 - the figure
    assert (total, queries, seconds < 0.5) == (MANY, 2, True)
