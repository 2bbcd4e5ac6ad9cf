"""Three clocks (R24): each class is destroyed when its term is over, none earlier, and not while somebody holds the case."""

from __future__ import annotations

from datetime import UTC, datetime, timedelta
from typing import TYPE_CHECKING, Any
from uuid import UUID

import asyncpg
import pytest

from gateway.custody.clocks.retention import Retaining
from gateway.custody.clocks.terms import months_before
from tests.custody.ground import NEWEST, another, canary
from tests.custody.test_erasure import as_gateway
from tests.fakes.model_server import Script, chat
from tests.signoff.cases import new_case
from tests.stage import Stage, built, eventually

if TYPE_CHECKING:
    from collections.abc import Iterator

    from gateway.custody.clocks.retention import Erased

EXTRA = """
[retention]
automatic = {automatic}
interval_seconds = 0.1
birth_date = "birth"
[[policies]]
id = "dated"
release_mode = "hold"
[[tasks]]
id = "dated"
kind = "diagnosis"
policy = "dated"
profession = "doctor"
[[routes]]
system = "reader"
task = "dated"
wait_seconds = 2
patient_pointers = {{ birth = "/metadata/birth" }}
"""
AGED = """
UPDATE suggestions SET received_at = $2::timestamptz, decided_at = CASE WHEN decided_at IS NULL THEN NULL ELSE $2::timestamptz END,
  released_at = CASE WHEN released_at IS NULL THEN NULL ELSE $2::timestamptz END WHERE id = $1
"""
DAY = timedelta(days=1)


@pytest.fixture(scope="module")
def aged(postgres_server: str) -> Iterator[Stage]:
    """A gateway whose replicas leave the clocks to whoever runs the command."""
    yield from built(postgres_server, extra=EXTRA.format(automatic="false"))


def ago(months: int) -> datetime:
    """The limit of so many months."""
    return months_before(datetime.now(UTC), months)


def looked(stage: Stage) -> Erased:
    """One look of the clocks."""
    app = stage.replicas[0].app
    assert app is not None
    found: Erased = stage.replicas[0].run(app.custody.retaining.once())
    return found


def letter(stage: Stage, at: datetime) -> dict[str, Any]:
    """A support task's call, answered without a signature, so long ago."""
    stage.chat("letter")
    return older(stage, at)


def signed(stage: Stage, at: datetime, birth: str = "") -> dict[str, Any]:
    """A signed case, so long ago."""
    stage.model.scripts["/v1/chat/completions"] = Script(body=chat(canary()))
    body = {"model": "reader", "messages": [{"role": "user", "content": canary()}], "metadata": {"birth": birth}}
    assert stage.post("dated", "/v1/chat/completions", body, prefer="wait=0").status_code == 403
    doctor = stage.clinician()
    doctor.decide(str(stage.rows(NEWEST)[0]["id"]), "approve")
    return older(stage, at)


def older(stage: Stage, at: datetime) -> dict[str, Any]:
    """The newest suggestion, as if it were of another day."""
    row = dict(stage.rows(NEWEST)[0])
    stage.rows(AGED, row["id"], at)
    return row


def kept(stage: Stage, row: dict[str, Any]) -> bool:
    """Whether its content is there."""
    return bool(stage.rows("SELECT 1 FROM payloads WHERE suggestion_id = $1 AND ciphertext IS NOT NULL", row["id"]))


def erased_as(stage: Stage, row: dict[str, Any]) -> list[str]:
    """On which basis the log says that something of the case was destroyed."""
    return [entry["detail"]["basis"] for entry in stage.entries("erased") if entry.get("case") == str(row["case_id"])]


def test_use_without_a_decision_goes_after_its_months_and_not_before(aged: Stage) -> None:
    over, nearly = letter(aged, ago(36) - DAY), letter(aged, ago(36) + DAY)
    looked(aged)
    assert (kept(aged, over), kept(aged, nearly)) == (False, True)
    assert (erased_as(aged, over), erased_as(aged, nearly)) == (["retention_use"], [])
    assert aged.verified().ok


def test_a_signed_decision_goes_after_twenty_years_and_not_before(aged: Stage) -> None:
    over, nearly = signed(aged, ago(240) - DAY), signed(aged, ago(240) + DAY)
    looked(aged)
    assert (kept(aged, over), kept(aged, nearly)) == (False, True)
    counts = [len(aged.rows("SELECT 1 FROM signatures WHERE suggestion_id = $1", row["id"])) for row in (over, nearly)]
    assert (erased_as(aged, over), counts) == (["retention_decision"], [0, 1])
    assert aged.verified().ok


def test_a_minors_decision_is_kept_until_they_have_grown_up(aged: Stage) -> None:
    """The control: somebody who was six then is twenty-six after twenty years; who was ten is thirty."""
    child, older_child = (signed(aged, ago(240) - DAY, f"{ago(240 + 12 * age).date():%Y-%m-%d}") for age in (6, 10))
    looked(aged)
    assert (kept(aged, child), kept(aged, older_child)) == (True, False)


def test_a_decision_of_which_the_age_cannot_be_read_is_kept(aged: Stage) -> None:
    """A key that is missing must not make a child of thirty out of anybody. The control: the same age, readable, goes."""
    unreadable, readable = (signed(aged, ago(240) - DAY, "1950-01-01") for _ in range(2))
    aged.rows("UPDATE payloads SET kek = 'kek-lost' WHERE suggestion_id = $1 AND field = 'patient'", unreadable["id"])
    looked(aged)
    assert (kept(aged, unreadable), kept(aged, readable)) == (True, False)


def test_after_a_death_near_to_it_a_decision_goes_ten_years_later(aged: Stage) -> None:
    rows = [signed(aged, ago(12 * 13)) for _ in range(3)]
    who = aged.clinician("quality")
    for row, day in zip(rows, (ago(121).date(), ago(119).date(), None), strict=True):
        body = {"case": str(row["case_id"]), "day": day.isoformat() if day else None}
        assert aged.api(who, "POST", "/custody/deaths", body).status_code == 204
    looked(aged)
    assert [kept(aged, row) for row in rows] == [True, True, True]  # for thirty days a noted death shortens nothing
    aged.rows("UPDATE cases SET death_noted_at = death_noted_at - interval '31 days' WHERE died_on IS NOT NULL")
    looked(aged)
    assert [kept(aged, row) for row in rows] == [False, True, True]
    said = [entry for entry in aged.entries("config_changed") if entry["detail"]["change"] == "death_noted"]
    assert (len(said), any(str(ago(121).year) in str(entry["detail"]) for entry in said)) == (2, False)


def test_a_legal_hold_stops_the_clocks_until_it_is_lifted(aged: Stage) -> None:
    row, who = letter(aged, ago(40)), aged.clinician("quality")
    held = {"case": str(row["case_id"]), "reason": "litigation"}
    assert aged.api(who, "POST", "/custody/holds", held).status_code == 204
    looked(aged)
    assert kept(aged, row)
    aged.api(who, "POST", "/custody/holds/lift", held | {"reason": "closed"})
    looked(aged)
    assert not kept(aged, row)


def test_what_waits_is_never_due(aged: Stage) -> None:
    new_case(aged)
    row = older(aged, ago(300))
    looked(aged)
    assert kept(aged, row)


def test_the_database_lets_nobody_erase_early_through_the_clocks(aged: Stage) -> None:
    """Two people cannot be got round: the function for what is due looks at the dates itself. The control: what is old goes."""
    young, decision, old = letter(aged, ago(5)), signed(aged, ago(12 * 9)), letter(aged, ago(40))
    statement = "SELECT erase_due($1, ARRAY[$2::uuid], 'retention_use', now())"
    answers = [as_gateway(aged, statement, UUID(str(row["case_id"])), UUID(str(row["id"]))) for row in (young, decision, old)]
    assert [len(answer) for answer in answers] == [0, 0, 1]
    assert [kept(aged, row) for row in (young, decision, old)] == [True, True, False]


def test_the_security_journal_is_no_longer_searched_by_person_after_a_year(aged: Stage) -> None:
    """The entries stay in the log, pseudonymous; what makes them searchable goes."""
    aged.clinician("quality")
    aged.clinician("dr.b")
    aged.api(aged.clinician(), "GET", "/queue")
    looked(aged)  # brings the index up to date
    oldest = [row["index"] for row in aged.rows("SELECT index FROM log_search WHERE type = 'auth_ok' ORDER BY index LIMIT 3")]
    aged.rows("UPDATE log_search SET at = $1 WHERE index = ANY($2::bigint[])", ago(12) - DAY, oldest[:2])
    done = looked(aged)
    left = [row["index"] for row in aged.rows("SELECT index FROM log_search WHERE index = ANY($1::bigint[])", oldest)]
    assert (done.security, left) == (2, oldest[2:])
    assert aged.verified().ok


def test_a_closed_accounts_name_stays_while_a_record_refers_to_it(aged: Stage) -> None:
    """The control: somebody who never did anything is forgotten once the account has been closed long enough."""
    signer, nobody = "dr.a", "quality.9"
    signed(aged, datetime.now(UTC))
    another(aged, nobody)
    aged.rows("INSERT INTO person_preferences (person_id, language) SELECT id, 'fr' FROM people WHERE login = $1", nobody)
    aged.rows("UPDATE people SET active = false, created_at = $2, last_sign_in_at = NULL WHERE login = ANY($1)", [signer, nobody], ago(13))
    looked(aged)
    still = {row["login"] for row in aged.rows("SELECT login FROM people WHERE login = ANY($1)", [signer, nobody])}
    aged.rows("UPDATE log_search SET at = $1 WHERE type = 'config_changed' AND case_id IS NULL", ago(37))
    try:
        looked(aged)
        left = {row["login"] for row in aged.rows("SELECT login FROM people WHERE login = ANY($1)", [signer, nobody])}
    finally:
        aged.rows("UPDATE people SET active = true WHERE login = $1", signer)
    assert (still, left) == ({signer, nobody}, {signer})  # the own change of password refers to a name for three years
    assert [entry["detail"]["basis"] for entry in aged.entries("erased")][-1] == "retention_identity"
    assert as_gateway(aged, "SELECT forget_person(id) FROM people WHERE login = $1", signer) == []


@pytest.mark.parametrize("days", [-1, 1])
def test_nobody_dies_before_their_last_passage_or_tomorrow(aged: Stage, days: int) -> None:
    """Otherwise one person shortens by a date what two people have to agree to erase."""
    row = signed(aged, ago(12 * 13))
    day = ((ago(12 * 13) if days < 0 else datetime.now(UTC)) + timedelta(days=days)).date()
    answer = aged.api(aged.clinician("quality"), "POST", "/custody/deaths", {"case": str(row["case_id"]), "day": day.isoformat()})
    assert (answer.status_code, answer.json()["code"]) == (400, "death_impossible")


STEADY = "UPDATE publications SET at = now(), tried_at = now() - interval '25 hours' WHERE place = 'retention'"


@pytest.fixture
def clockwork(postgres_server: str) -> Iterator[Stage]:
    """Two replicas that look ten times a second."""
    yield from built(postgres_server, count=2, extra=EXTRA.format(automatic="true"))


def test_replicas_erase_what_is_due_by_themselves_and_once(clockwork: Stage) -> None:
    row = letter(clockwork, ago(40))
    eventually(lambda: clockwork.rows("SELECT 1 FROM publications WHERE place = 'retention'"))
    clockwork.rows(STEADY)
    eventually(lambda: not kept(clockwork, row), 30)
    assert erased_as(clockwork, row) == ["retention_use"]
    assert clockwork.verified().ok


def test_a_database_that_goes_in_the_middle_of_a_command_ends_the_clocks_of_no_replica(
    clockwork: Stage, monkeypatch: pytest.MonkeyPatch
) -> None:
    """The driver then says that it is in a wrong state, which is no error of PostgreSQL's."""
    broken = list[object]()

    async def breaks(_: Retaining, connection: object) -> bool:
        broken.append(connection)
        raise asyncpg.InternalClientError

    row = letter(clockwork, ago(40))
    with monkeypatch.context() as gone:
        gone.setattr(Retaining, "_steady", breaks)
        eventually(lambda: len(broken) > 2)
    eventually(lambda: clockwork.rows("SELECT 1 FROM publications WHERE place = 'retention'"))
    clockwork.rows(STEADY)
    eventually(lambda: not kept(clockwork, row), 30)


def test_after_a_jump_of_the_clock_nothing_is_destroyed_for_a_day(clockwork: Stage) -> None:
    """A server whose date is set twenty years ahead must not empty the hospital's archive. The control: steady, what is due goes."""
    row = letter(clockwork, ago(40))
    eventually(lambda: clockwork.rows("SELECT 1 FROM publications WHERE place = 'retention'"))
    clockwork.rows(
        "UPDATE publications SET at = now() - interval '20 years', tried_at = now() - interval '21 years' WHERE place = 'retention'"
    )
    eventually(lambda: clockwork.rows("SELECT 1 FROM publications WHERE place = 'retention' AND at > now() - interval '1 minute'"))
    assert (kept(clockwork, row), erased_as(clockwork, row)) == (True, [])
    clockwork.rows(STEADY)
    eventually(lambda: not kept(clockwork, row), 30)
