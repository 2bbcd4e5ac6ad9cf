"""The database's disk is full, and clocks jump: nothing is released without its entry, and the order of the log is nobody's clock."""

from __future__ import annotations

import json
import time
from datetime import UTC, datetime, timedelta
from typing import TYPE_CHECKING

import httpx
import pytest

from gateway.audit.batch import Receipt
from gateway.audit.note import sign_checkpoint
from gateway.audit.tree import leaf_hash, root_of
from gateway.audit.verifier import verify
from gateway.audit.writer import Writer
from gateway.clock import SystemClock
from gateway.operations.auditing import snapshot
from tests.conftest import finished
from tests.fakes.model_server import CANARY
from tests.signoff.cases import new_case
from tests.signoff.test_decisions import decide, opened
from tests.stage import Stage, built, eventually

if TYPE_CHECKING:
    from collections.abc import Iterator

    from gateway.audit.batch import Write

WITHIN = 5.0
FULL = """
CREATE FUNCTION no_space() RETURNS trigger LANGUAGE plpgsql AS
$$ BEGIN RAISE EXCEPTION 'could not extend file: No space left on device' USING ERRCODE = 'disk_full'; END $$
"""


@pytest.fixture
def stage(postgres_server: str) -> Iterator[Stage]:
    yield from built(postgres_server)


def filled(stage: Stage) -> None:
    """From now on the server answers every entry with what it says when its disk is full (SQLSTATE 53100)."""
    stage.rows(FULL)
    stage.rows("CREATE TRIGGER full_disk BEFORE INSERT ON entries FOR EACH ROW EXECUTE FUNCTION no_space()")


def timed(stage: Stage, task: str) -> tuple[int, float, bool]:
    began = time.monotonic()
    answer = stage.chat(task)
    return answer.status_code, time.monotonic() - began, CANARY in answer.text


def test_a_full_disk_of_the_database_releases_nothing_and_is_over_when_there_is_space_again(stage: Stage) -> None:
    assert stage.chat("letter").status_code == 200
    filled(stage)
    size = len(stage.entries())
    told = [timed(stage, task) for task in ("letter", "diagnosis")]
    print(f"full disk: slowest refusal {max(one[1] for one in told):.2f} s")  # noqa: T201 - the figure
    assert [(status, leaked) for status, _, leaked in told] == [(503, False)] * 2
    assert (max(one[1] for one in told) < WITHIN, len(stage.entries())) == (True, size)
    stage.rows("DROP TRIGGER full_disk ON entries")
    assert eventually(lambda: stage.chat("letter").status_code == 200, 10)
    assert stage.verified().ok


def test_a_gateway_that_goes_on_without_its_log_is_found(stage: Stage, monkeypatch: pytest.MonkeyPatch) -> None:
    """The control: where a write that failed counts as written, the same call brings an answer of which the log knows nothing."""

    async def never_mind(_writer: Writer, write: Write, **_: object) -> Receipt:
        return Receipt(tuple(range(len(write.events))))

    stage.chat("letter")
    filled(stage)
    size = len(stage.entries())
    monkeypatch.setattr(Writer, "append", never_mind)
    assert (stage.chat("letter").status_code, len(stage.entries())) == (200, size)


class Jumping:
    """The machine's clock, set forth and back."""

    def __init__(self, monkeypatch: pytest.MonkeyPatch) -> None:
        self.by = timedelta()
        monkeypatch.setattr(SystemClock, "now", lambda _: datetime.now(UTC) + self.by)


def signed_in_again(stage: Stage) -> None:
    """A new session, by this clock."""
    doctor = stage.clinician()
    wish = {"login": "dr.a", "password": doctor.password, "bearer": True}
    doctor.token = httpx.post(f"{stage.base}/api/session", json=wish, timeout=20).json()["token"]


@pytest.mark.parametrize("hours", [-48, -1, 1])
def test_a_clock_that_jumps_between_opening_and_signing_releases_what_was_signed_and_nothing_else(
    stage: Stage, monkeypatch: pytest.MonkeyPatch, hours: int
) -> None:
    """Proofs of identity from before the case was taken, or from an ended session, count for nothing; once the clock is right they do."""
    clock = Jumping(monkeypatch)
    signed, left = new_case(stage), new_case(stage)
    shown = opened(stage, signed)
    clock.by = timedelta(hours=hours)
    body = {"lease": shown["lease"], "shown_sha256": shown["shown_sha256"], "decision": "approve", "proof": stage.clinician().password}
    early = stage.api(stage.clinician(), "POST", f"/suggestions/{signed}/decision", body).status_code
    assert len(stage.entries("released")) == (early == 200)
    clock.by = timedelta()
    if early != 200:
        signed_in_again(stage)
        assert decide(stage, signed, opened(stage, signed), decision="approve").status_code == 200
    released = {entry["suggestion"] for entry in stage.entries("released")}
    assert (released, CANARY in stage.get(f"/suggestions/{left}").text) == ({signed}, False)
    report = stage.verified()
    assert report.ok, report.problems


def test_a_log_put_in_the_order_of_its_times_is_no_log(stage: Stage, monkeypatch: pytest.MonkeyPatch) -> None:
    """The control: the times did jump, so whoever takes them for the order finds a log that breaks its own rules."""
    clock = Jumping(monkeypatch)
    stage.chat("letter")
    clock.by = timedelta(hours=-48)
    assert stage.chat("letter").status_code == 200
    found = finished(snapshot(stage.url, "test"))
    by_time = sorted(found.leaves, key=lambda leaf: str(json.loads(leaf)["at"]))
    note = sign_checkpoint(stage.settings.establishment.origin, len(by_time), root_of(map(leaf_hash, by_time)), stage.keys.log)
    assert (stage.verified().ok, by_time == found.leaves) == (True, False)
    assert not verify(by_time, note, stage.keys.vkeys, found.policies, (), found.assertions).ok


def test_two_replicas_whose_clocks_differ_by_a_day_take_one_decision_between_them(postgres_server: str) -> None:
    """Both decide at once; the log has one `signed_off` and one `released`."""
    for stage in built(postgres_server, 2):
        ahead = stage.replicas[1].app
        assert ahead is not None
        suggestion = new_case(stage)
        shown = opened(stage, suggestion)
        body = {"lease": shown["lease"], "shown_sha256": shown["shown_sha256"], "decision": "approve", "proof": stage.clinician().password}
        object.__setattr__(ahead.desk.signoff, "clock", Tomorrow())
        answers = [stage.api(stage.clinician(), "POST", f"/suggestions/{suggestion}/decision", body, replica=n) for n in (0, 1)]
        kinds = [entry["type"] for entry in stage.entries() if entry.get("suggestion") == suggestion]
        assert (200 in {answer.status_code for answer in answers}, kinds.count("signed_off"), kinds.count("released")) == (True, 1, 1)
        assert stage.verified().ok


class Tomorrow:
    """A clock that is a day ahead."""

    def now(self) -> datetime:
        return datetime.now(UTC) + timedelta(days=1)
