"""Hospital IT can give anybody a way in, and yet signs in nobody's stead: a colleague confirms first who it is (R5)."""

from __future__ import annotations

from typing import TYPE_CHECKING

import httpx
import pytest

from gateway.demo.clinician import Clinician
from tests.signoff.cases import new_case
from tests.stage import Stage, built

if TYPE_CHECKING:
    from collections.abc import Iterator

WORDS = {"i_know_this_person": True, "i_saw_them_choose_their_password": True}


@pytest.fixture
def stage(postgres_server: str) -> Iterator[Stage]:
    yield from built(postgres_server)


def ident(stage: Stage, login: str) -> str:
    return str(stage.rows("SELECT id FROM people WHERE login = $1", login)[0]["id"])


def reset(stage: Stage, login: str) -> Clinician:
    """IT gives a new one-time password, and whoever has it signs in and chooses an own one."""
    made = stage.api(stage.clinician("it"), "POST", f"/people/{ident(stage, login)}/password").json()
    somebody = Clinician(stage.base, login, made["one_time_password"])
    somebody.sign_in()
    stage.people[login] = somebody
    return somebody


def opening(stage: Stage, who: Clinician) -> tuple[int, str]:
    answer = stage.api(who, "POST", f"/suggestions/{new_case(stage)}/open", {})
    return answer.status_code, answer.json().get("code", "")


def confirming(stage: Stage, who: str, login: str) -> int:
    return stage.api(stage.clinician(who), "POST", f"/people/{ident(stage, login)}/confirm", WORDS).status_code


def test_it_that_resets_a_doctor_s_password_cannot_sign_as_that_doctor(stage: Stage) -> None:
    """The control: before the reset the doctor opens cases."""
    assert opening(stage, stage.clinician("dr.a")) == (200, "")
    thief = reset(stage, "dr.a")
    assert opening(stage, thief) == (403, "person_unconfirmed")
    assert stage.api(thief, "GET", "/queue").json()["cases"] == []
    case = new_case(stage)
    answer = stage.api(thief, "POST", f"/suggestions/{case}/break-glass", {"reason": "vital_risk"})
    assert (answer.status_code, answer.json()["code"]) == (403, "person_unconfirmed")


def test_a_colleague_who_knows_the_person_confirms_and_both_acts_are_in_the_log(stage: Stage) -> None:
    doctor = reset(stage, "dr.a")
    assert confirming(stage, "dr.b", "dr.a") == 200
    assert opening(stage, doctor) == (200, "")
    told = [entry["detail"]["change"] for entry in stage.entries("config_changed")]
    assert told[-2:] == ["password_changed", "person_confirmed"]
    assert "one_time_password" in told
    assert stage.verified().ok


@pytest.mark.parametrize("who", ["it", "dr.a"])
def test_neither_it_nor_the_person_confirms(stage: Stage, who: str) -> None:
    reset(stage, "dr.a")
    assert confirming(stage, who, "dr.a") == 403


def test_who_was_reset_themselves_confirms_nobody(stage: Stage) -> None:
    """IT that resets two accounts must not let one answer for the other."""
    reset(stage, "dr.a")
    reset(stage, "quality")
    assert confirming(stage, "quality", "dr.a") == 403


def test_an_account_that_it_made_or_tied_to_another_name_has_to_be_confirmed_too(stage: Stage) -> None:
    wish = {"login": "dr.new", "name": "Dr New", "profession": "doctor", "roles": ["clinician"]}
    made = stage.api(stage.clinician("it"), "POST", "/people", wish).json()
    fresh = Clinician(stage.base, "dr.new", made["one_time_password"])
    fresh.sign_in()
    assert opening(stage, fresh) == (403, "person_unconfirmed")
    named = stage.api(stage.clinician("it"), "PUT", f"/people/{ident(stage, 'dr.b')}/names", {"ehr_user": "somebody"})
    assert named.json()["confirmed"] is False


def test_who_is_made_a_clinician_or_quality_by_it_has_to_be_confirmed_and_other_roles_change_nothing(stage: Stage) -> None:
    it, who = stage.clinician("it"), ident(stage, "dr.c")
    answers = [stage.api(it, "PUT", f"/people/{who}/roles", {"roles": roles}).json() for roles in (["auditor"], ["clinician"])]
    assert [answer["confirmed"] for answer in answers] == [True, False]


def test_one_reads_on_every_page_who_gave_the_way_in_and_a_colleague_confirms_on_theirs(stage: Stage) -> None:
    doctor = reset(stage, "dr.a")
    page = httpx.get(f"{stage.base}/account?lang=en", cookies={"garant_session": doctor.token}).text
    assert "Dr it gave your account its way in" in page
    with httpx.Client(base_url=stage.base, cookies={"garant_session": stage.clinician("dr.b").token}) as colleague:
        page = colleague.get("/account?lang=en").text
        csrf = page.partition('name="csrf" value="')[2].partition('"')[0]
        address = f"/account/people/{ident(stage, 'dr.a')}/confirm"
        assert colleague.post(address, data={"csrf": csrf, "i_know_this_person": "yes"}).status_code == 400
        assert colleague.post(address, data={"csrf": csrf, **dict.fromkeys(WORDS, "yes")}).status_code == 303
    assert "its way in" not in httpx.get(f"{stage.base}/account?lang=en", cookies={"garant_session": doctor.token}).text
