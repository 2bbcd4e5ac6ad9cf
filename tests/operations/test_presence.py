"""Last uses, last answers, last sign-ins and replicas: seen in memory, written rarely, never as log events."""

from __future__ import annotations

import time
from datetime import UTC, datetime, timedelta
from typing import TYPE_CHECKING
from uuid import uuid4

import pytest
from pydantic import HttpUrl

from gateway.errors import UpstreamFailed, UpstreamTimeout
from gateway.operations.presence.reading import Replica, merged
from gateway.outbound import Outbound, Outgoing, Seen
from gateway.settings import System, Upstream
from tests.fakes.model_server import DEFAULTS, Script
from tests.stage import Stage, built

if TYPE_CHECKING:
    from collections.abc import Iterator


@pytest.fixture(scope="module")
def shared(postgres_server: str) -> Iterator[Stage]:
    yield from built(postgres_server, 2)


@pytest.fixture
def stage(shared: Stage) -> Stage:
    shared.model.scripts = dict(DEFAULTS)
    return shared


def last_use(stage: Stage) -> datetime | None:
    found: datetime | None = stage.rows("SELECT last_used_at FROM machines")[0]["last_used_at"]
    return found


def flush(stage: Stage, replica: int = 0) -> None:
    app = stage.replicas[replica].app
    assert app is not None
    stage.replicas[replica].run(app.presence.flush())


def test_a_call_writes_no_last_use_and_the_next_flush_does_without_an_entry(stage: Stage) -> None:
    before, began = last_use(stage), datetime.now(UTC)
    for _ in range(5):
        stage.chat("letter")
    assert last_use(stage) == before
    entries = len(stage.entries())
    flush(stage)
    written = last_use(stage)
    assert written is not None
    assert began - timedelta(seconds=1) <= written <= datetime.now(UTC)
    assert len(stage.entries()) == entries


def test_a_last_use_never_goes_back(stage: Stage) -> None:
    stage.chat("letter", replica=1)
    time.sleep(0.01)
    stage.chat("letter", replica=0)
    flush(stage, 0)
    newest = last_use(stage)
    flush(stage, 1)
    assert last_use(stage) == newest


def test_a_database_that_is_away_costs_nothing_but_the_news(stage: Stage, monkeypatch: pytest.MonkeyPatch) -> None:
    stage.chat("letter")
    app = stage.replicas[0].app
    assert app is not None
    url = app.presence._url  # noqa: SLF001 - the edge of the process: where the database is
    monkeypatch.setattr(app.presence, "_url", "postgresql://127.0.0.1:1/none")
    flush(stage)
    assert app.parts.machines.used
    monkeypatch.setattr(app.presence, "_url", url)
    flush(stage)
    assert not app.parts.machines.used


def test_every_replica_tells_of_itself_and_of_what_it_saw(stage: Stage) -> None:
    stage.model.scripts["/v1/chat/completions"] = Script(status=503)
    stage.chat("letter", replica=1)
    flush(stage, 1)
    rows = stage.rows("SELECT pid, systems::text AS systems FROM replicas ORDER BY started_at")
    assert len(rows) == 2
    assert '"failure": "status_503"' in rows[1]["systems"]


def test_a_last_sign_in_is_kept_after_the_session_has_ended(stage: Stage) -> None:
    stage.clinician("dr.b")
    stage.api(stage.people.pop("dr.b"), "DELETE", "/session")
    assert stage.rows("SELECT last_sign_in_at FROM people WHERE login = 'dr.b'")[0]["last_sign_in_at"] is not None
    assert stage.rows("SELECT last_sign_in_at FROM people WHERE login = 'nurse'")[0]["last_sign_in_at"] is None


def test_a_replica_that_left_in_order_is_not_listed_any_more(postgres_server: str) -> None:
    for alone in built(postgres_server):
        alone.chat("letter")
        alone.replicas[0].stop()
        assert alone.rows("SELECT count(*) AS n FROM replicas")[0]["n"] == 0
        assert last_use(alone) is not None


def test_a_replica_is_silent_after_two_missed_minutes() -> None:
    now = datetime.now(UTC)
    seen = [now - timedelta(seconds=age) for age in (61, 151)]
    assert [Replica(uuid4(), "h", 1, at, at, {}).silent(now) for at in seen] == [False, True]


def test_the_newest_success_and_failure_of_all_replicas_count() -> None:
    views = [{"a": Seen(5.0, 1.0, "old")}, {"a": Seen(3.0, 9.0, "new"), "b": Seen(1.0)}]
    assert merged(views) == {"a": Seen(5.0, 9.0, "new"), "b": Seen(1.0)}


async def test_a_refused_connection_is_not_called_late() -> None:
    system = System(id="a", name="a", version="1", protocol="openai", upstream=Upstream(url=HttpUrl("http://127.0.0.1:1")))
    outbound = Outbound((system,), {})
    with pytest.raises(UpstreamFailed) as caught:
        await outbound.door("a").exchange(Outgoing("GET", "/", (), b""))
    await outbound.close()
    assert not isinstance(caught.value, UpstreamTimeout)
    assert outbound.seen()["a"].failure == "upstream_failed"
