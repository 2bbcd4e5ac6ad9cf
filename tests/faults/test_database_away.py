"""The database goes away under a running gateway (R22): holds stop with words, time-critical alerts still go out."""

from __future__ import annotations

import tempfile
import threading
import time
from datetime import datetime
from pathlib import Path
from typing import TYPE_CHECKING
from uuid import uuid4

import httpx
import psutil
import pytest

from gateway.database import Embedded
from tests.fakes.model_server import CANARY, Script
from tests.stage import Stage, built, eventually

if TYPE_CHECKING:
    from collections.abc import Iterator


class Away:
    """A stage whose database can be killed and started again."""

    def __init__(self, folder: Path) -> None:
        self.folder = folder / "postgres"
        self.server = Embedded(self.folder)
        self.url = self.server.start()
        self.stage: Stage

    def kill(self) -> None:
        master = psutil.Process(int((self.folder / "postmaster.pid").read_text().split()[0]))
        family = [master, *master.children(recursive=True)]
        for process in family:
            process.kill()
        psutil.wait_procs(family, 10)
        (self.folder / "postmaster.pid").unlink(missing_ok=True)

    def again(self) -> None:
        self.server.again()


@pytest.fixture
def away() -> Iterator[Away]:
    with tempfile.TemporaryDirectory(prefix="garant-", ignore_cleanup_errors=True) as folder:
        found = Away(Path(folder))
        for stage in built(found.url):
            found.stage = stage
            stage.pager.scripts["/hook"] = Script(status=204)
            yield found
        found.server.stop()


def test_without_its_log_nothing_is_released_and_a_time_critical_alert_goes_out_all_the_same(away: Away) -> None:
    stage = away.stage
    assert stage.chat("letter").status_code == 200
    away.kill()
    began = time.monotonic()
    answers = [stage.chat(task) for task in ("diagnosis", "letter")]
    assert time.monotonic() - began < 11
    assert [(answer.status_code, answer.json()["error"]["code"], CANARY in answer.text) for answer in answers] == [
        (503, "audit_unavailable", False)
    ] * 2
    stage.pager.seen.clear()
    alert = stage.chat("triage")
    told_at = datetime.now().astimezone()
    assert (alert.status_code, CANARY in alert.text) == (403, False)
    assert len(stage.pager.seen) == 1
    away.again()
    merged = eventually(lambda: list(stage.entries("notified")), 20)
    assert len(merged) == 1
    assert abs((datetime.fromisoformat(merged[0]["at"]) - told_at).total_seconds()) < 6
    assert stage.verified().ok
    assert stage.clinician().waiting("triage") == merged[0]["suggestion"]


def test_a_held_caller_gets_its_answer_after_the_database_came_back(away: Away) -> None:
    stage = away.stage
    answers: list[httpx.Response] = []
    doctor = stage.clinician()
    thread = threading.Thread(
        target=lambda: answers.append(stage.post("diagnosis", "/predict", {"case": "c"}, prefer="respond-async")), daemon=True
    )
    thread.start()
    thread.join(10)
    suggestion = doctor.waiting("diagnosis")
    away.kill()
    away.again()
    assert eventually(lambda: stage.get("/health/ready").status_code == 200, 20)
    doctor.decide(suggestion, "approve")
    assert CANARY in stage.get(answers[0].headers["location"]).text
    assert stage.verified().ok


def test_readiness_tells_a_load_balancer_that_the_log_is_away(away: Away) -> None:
    away.kill()
    away.stage.chat("letter")
    assert away.stage.get("/health/ready").status_code == 503
    away.again()
    assert eventually(lambda: away.stage.chat("letter").status_code == 200, 20)


def test_a_clinician_reads_in_their_language_that_the_database_is_away_and_keeps_what_they_wrote(away: Away) -> None:
    browser = httpx.Client(
        base_url=away.stage.base, headers={"accept-language": "fr"}, cookies={"garant_session": away.stage.clinician().token}
    )
    assert browser.get("/queue").status_code == 200
    away.kill()
    page = browser.get("/queue")
    assert (page.status_code, page.headers["content-type"][:9], "base de données ne répond pas" in page.text) == (503, "text/html", True)
    refused = browser.post(f"/review/{uuid4()}/decision", data={"csrf": "x", "decision": "reject", "comment": "unsent words 4711"})
    assert (refused.status_code, "unsent words 4711" in refused.text) == (503, True)
    browser.close()
    away.again()
