"""A time-critical alert survives what else fails with the database: background calls, a full disk, damaged files."""

from __future__ import annotations

import tempfile
from pathlib import Path
from typing import TYPE_CHECKING
from uuid import uuid4

import pytest

from tests.fakes.model_server import Script
from tests.faults.test_database_away import Away
from tests.stage import built, eventually

if TYPE_CHECKING:
    from collections.abc import Iterator

BACKGROUND = {"model": "reader", "background": True}


@pytest.fixture
def gone() -> Iterator[Away]:
    with tempfile.TemporaryDirectory(prefix="garant-", ignore_cleanup_errors=True) as folder:
        found = Away(Path(folder))
        for stage in built(found.url):
            found.stage = stage
            stage.pager.scripts["/hook"] = Script(status=204)
            yield found
        found.server.stop()


def told(away: Away) -> int:
    return away.stage.pager.count("/hook")


def test_a_background_call_without_its_log_alerts_the_clinician_on_call(gone: Away) -> None:
    gone.kill()
    answer = gone.stage.post("triage", "/v1/responses", {**BACKGROUND, "input": uuid4().hex})
    assert (answer.status_code, answer.json()["status"], told(gone)) == (200, "in_progress", 1)
    gone.again()
    eventually(lambda: len(gone.stage.entries("notified")) == 1, 20)
    assert gone.stage.verified().problems == ()


def test_an_answer_that_comes_when_the_log_is_gone_alerts_the_clinician_on_call(gone: Away) -> None:
    usual = gone.stage.model.scripts["/v1/responses"]
    gone.stage.model.scripts["/v1/responses"] = Script(body=usual.body, delay=1.0)
    assert gone.stage.post("triage", "/v1/responses", {**BACKGROUND, "input": uuid4().hex}).json()["status"] == "queued"
    gone.kill()
    eventually(lambda: told(gone) == 1, 15)
    gone.again()
    eventually(lambda: len(gone.stage.entries("notified")) == 1, 20)


def test_a_disk_that_refuses_the_spool_keeps_no_alert_back(gone: Away) -> None:
    folder = gone.stage.settings.spool_directory
    folder.parent.mkdir(exist_ok=True)
    folder.write_text("no folder")
    gone.kill()
    answer = gone.stage.chat("triage")
    assert (answer.status_code, answer.json()["error"]["code"], told(gone)) == (503, "spool_unavailable", 1)
    gone.again()


def test_nobody_on_call_is_not_told_as_somebody_notified(gone: Away) -> None:
    place = gone.stage.post("triage", "/v1/responses", {**BACKGROUND, "input": uuid4().hex}).json()["id"]
    eventually(lambda: gone.stage.rows("SELECT id FROM suggestions WHERE state = 'notified'"))
    assert "A clinician was notified" in gone.stage.get(f"/v1/responses/{place}").text
    gone.stage.rows("UPDATE suggestions SET notified_person = ''")
    assert "Nobody is on call" in gone.stage.get(f"/v1/responses/{place}").text
