"""A case is erased by two people, whole, at once; what proves the log stays, and nobody reads what is gone."""

from __future__ import annotations

from typing import TYPE_CHECKING, Any
from uuid import UUID, uuid4

import asyncpg
import pytest

from gateway.database import connect
from tests.conftest import finished
from tests.custody.ground import BASIS, NEWEST, another, ask, canary, confirm, decided, erased
from tests.signoff.cases import new_case
from tests.stage import eventually

if TYPE_CHECKING:
    from tests.stage import Stage


def test_two_people_erase_a_case_and_the_log_still_verifies(stage: Stage) -> None:
    case = decided(stage, canary())
    done = erased(stage, case["case_id"])
    assert (done["state"], stage.rows("SELECT count(*) AS n FROM payloads WHERE suggestion_id = $1", case["id"])[0]["n"]) == ("done", 0)
    entry = stage.entries("erased")[-1]
    said = entry["detail"]
    assert (entry["case"], entry["role"], entry["auth"]["method"], said["basis"]) == (
        case["case_id"],
        "quality",
        "password",
        "wrong_patient",
    )
    assert said["requested_by"] != entry["actor"]
    assert said["indices"]
    assert stage.verified().ok
    proof = eventually(lambda: stage.rows("SELECT proof FROM erasures WHERE id = $1", done["id"])[0]["proof"])
    assert '"found": []' in proof


def test_whoever_asked_cannot_confirm(stage: Stage) -> None:
    case, who = decided(stage, canary()), stage.clinician("quality")
    asked = ask(stage, who, case["case_id"]).json()
    again = confirm(stage, who, asked["id"])
    assert (again.status_code, again.json()["code"]) == (403, "second_person_needed")
    assert kept(stage, case) > 0
    assert stage.entries("denied")[-1]["detail"]["code"] == "second_person_needed"


def test_the_database_refuses_the_same_person_too(stage: Stage) -> None:
    """Whatever the program believes: the function that destroys looks at the request itself."""
    case = decided(stage, canary())
    asked = ask(stage, stage.clinician("quality"), case["case_id"]).json()
    who = stage.rows("SELECT asked_by FROM erasures WHERE id = $1", asked["id"])[0]["asked_by"]
    assert as_gateway(stage, "SELECT erase_case($1, $2, $1, now())", UUID(asked["id"]), who) == []
    assert kept(stage, case) > 0


@pytest.mark.parametrize("statement", ["DELETE FROM payloads", "DELETE FROM signatures", "SELECT destroy_content('{}', '', now())"])
def test_the_gateways_own_role_deletes_nothing(stage: Stage, statement: str) -> None:
    with pytest.raises(asyncpg.InsufficientPrivilegeError):
        as_gateway(stage, statement)


def test_an_old_proof_of_identity_asks_for_nothing(stage: Stage) -> None:
    case, who = decided(stage, canary()), another(stage, "quality.2")
    stage.rows("UPDATE sessions SET authenticated_at = authenticated_at - interval '10 minutes'")
    answer = stage.api(who, "POST", "/custody/erasures", {"case": case["case_id"], "basis": BASIS})
    assert (answer.status_code, answer.json()["code"]) == (403, "reauthentication_required")


def test_one_proof_of_identity_counts_for_one_act(stage: Stage) -> None:
    """The control: with a proof of its own the second request is taken."""
    who, first, second = another(stage, "quality.2"), decided(stage, canary()), decided(stage, canary())
    assert ask(stage, who, first["case_id"]).status_code == 201
    answer = stage.api(who, "POST", "/custody/erasures", {"case": second["case_id"], "basis": BASIS})
    assert (answer.status_code, answer.json()["code"]) == (403, "reauthentication_required")
    assert ask(stage, who, second["case_id"]).status_code == 201


@pytest.mark.parametrize("login", ["it", "dr.b"])
def test_only_quality_may_ask(stage: Stage, login: str) -> None:
    case = decided(stage, canary())
    assert ask(stage, stage.clinician(login), case["case_id"]).json()["code"] == "right_missing"


def test_who_got_an_account_from_it_erases_only_after_a_colleague_has_confirmed_them(stage: Stage) -> None:
    """Otherwise hospital IT makes two accounts and erases what it likes."""
    case, it = decided(stage, canary()), stage.clinician("it")
    login = f"made.{uuid4().hex[:6]}"
    wish = {"login": login, "name": "Made", "profession": "quality", "roles": ["quality"]}
    made = stage.api(it, "POST", "/people", wish).json()
    stage.one_time[login] = made["one_time_password"]
    answer = ask(stage, stage.clinician(login), case["case_id"])
    assert (answer.status_code, answer.json()["code"]) == (403, "person_unconfirmed")


def test_what_waits_for_a_decision_is_not_erased(stage: Stage) -> None:
    new_case(stage)
    case = str(stage.rows(NEWEST)[0]["case_id"])
    answer = ask(stage, stage.clinician("quality"), case)
    assert (answer.status_code, answer.json()["code"]) == (409, "case_waits")


def test_what_begins_to_wait_between_the_two_is_not_erased(stage: Stage) -> None:
    reference = canary()
    case = decided(stage, canary(), reference=reference)
    asked = ask(stage, stage.clinician("quality"), case["case_id"]).json()
    stage.chat("diagnosis", prefer="wait=0", garant_case=reference)
    assert confirm(stage, another(stage, "quality.2"), asked["id"]).json()["code"] == "case_waits"
    who = another(stage, "quality.2")
    person = stage.rows("SELECT id FROM people WHERE login = $1", who.login)[0]["id"]
    assert as_gateway(stage, "SELECT erase_case($1, $2, $1, now())", UUID(asked["id"]), person) == []


def test_a_signed_decision_is_not_erased_because_somebody_asks_for_it(stage: Stage) -> None:
    """R26: the refusal names the law. The control: on another basis it is."""
    case = decided(stage, canary())
    answer = ask(stage, stage.clinician("quality"), case["case_id"], "objection")
    assert (answer.json()["code"], "R.1112-7" in answer.json()["detail"]) == ("erasure_refused", True)
    assert ask(stage, stage.clinician("quality"), case["case_id"]).status_code == 201


def test_a_case_under_legal_hold_is_not_erased_until_it_is_lifted(stage: Stage) -> None:
    case, who = decided(stage, canary()), stage.clinician("quality")
    asked = ask(stage, who, case["case_id"]).json()
    held = {"case": case["case_id"], "reason": "litigation"}
    assert stage.api(who, "POST", "/custody/holds", held).status_code == 204
    answer = confirm(stage, another(stage, "quality.2"), asked["id"])
    assert (answer.status_code, answer.json()["code"], kept(stage, case) > 0) == (409, "case_held", True)
    assert stage.api(who, "POST", "/custody/holds/lift", held | {"reason": "closed"}).status_code == 204
    assert confirm(stage, another(stage, "quality.2"), asked["id"]).status_code == 200
    changes = [entry["detail"]["change"] for entry in stage.entries("config_changed") if entry.get("case") == case["case_id"]]
    assert changes == ["erasure_asked", "hold_set", "hold_lifted"]


def test_an_erased_case_says_so_to_people_and_to_its_caller(stage: Stage) -> None:
    case = decided(stage, canary())
    paths = ("", "/signatures", "/record.json", "/record.pdf", "/record.fhir.json")
    before = [stage.api(stage.clinician(), "GET", f"/suggestions/{case['id']}{path}").status_code for path in paths]
    erased(stage, case["case_id"])
    answers = [stage.api(stage.clinician(), "GET", f"/suggestions/{case['id']}{path}") for path in paths]
    assert (before, [one.status_code for one in answers]) == ([200] * 5, [410] * 5)
    assert all("erased on" in one.json()["detail"] for one in answers)
    caller = stage.get(f"/suggestions/{case['id']}")
    assert (caller.status_code, "erased on" in caller.text) == (410, True)


def test_a_caller_who_names_the_erased_case_again_begins_a_new_one(stage: Stage) -> None:
    reference = canary()
    case = decided(stage, canary(), reference=reference)
    erased(stage, case["case_id"])
    eventually(lambda: str(decided(stage, canary(), reference=reference)["case_id"]) != case["case_id"])
    assert ask(stage, stage.clinician("quality"), case["case_id"]).status_code == 410


def test_a_request_is_withdrawn_and_made_once_at_a_time(stage: Stage) -> None:
    case, who = decided(stage, canary()), stage.clinician("quality")
    asked = ask(stage, who, case["case_id"]).json()
    assert ask(stage, who, case["case_id"]).status_code == 409
    assert stage.api(who, "POST", f"/custody/erasures/{asked['id']}/withdraw").json()["state"] == "withdrawn"
    assert confirm(stage, another(stage, "quality.2"), asked["id"]).json()["code"] == "request_closed"


def kept(stage: Stage, case: dict[str, Any]) -> int:
    """How many payloads a suggestion has."""
    return int(stage.rows("SELECT count(*) AS n FROM payloads WHERE suggestion_id = $1", case["id"])[0]["n"])


def as_gateway(stage: Stage, statement: str, *arguments: object) -> list[asyncpg.Record]:
    """What the gateway's own role gets."""

    async def run() -> list[asyncpg.Record]:
        connection = await connect(stage.url)
        try:
            return list(await connection.fetch(statement, *arguments))
        finally:
            await connection.close()

    found: list[asyncpg.Record] = finished(run())
    return found
