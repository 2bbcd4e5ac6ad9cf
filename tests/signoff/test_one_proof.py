"""One proof of identity counts for one decision (R5), on every replica, however it was made."""

from __future__ import annotations

import threading
from datetime import UTC, datetime, timedelta
from typing import TYPE_CHECKING

import pytest

from gateway.errors import Forbidden
from gateway.identity.sessions import Authentication
from gateway.policy.models import Policy
from gateway.signoff.rules import check_fresh
from tests.signoff.cases import new_case

if TYPE_CHECKING:
    import httpx

    from tests.stage import Stage

AT_ONCE, WINDOW = Policy(id="p", reauthenticate_seconds=0), Policy(id="p", reauthenticate_seconds=900)
NOW = datetime(2026, 1, 1, tzinfo=UTC)


def opened(stage: Stage) -> tuple[str, dict[str, str]]:
    suggestion = new_case(stage)
    shown = stage.api(stage.clinician(), "POST", f"/suggestions/{suggestion}/open", {}).json()
    return suggestion, {"lease": shown["lease"], "shown_sha256": shown["shown_sha256"], "decision": "approve"}


def decided(stage: Stage, case: tuple[str, dict[str, str]], **more: str) -> httpx.Response:
    return stage.api(stage.clinician(), "POST", f"/suggestions/{case[0]}/decision", {**case[1], **more})


def confirmed(stage: Stage) -> None:
    doctor = stage.clinician()
    assert stage.api(doctor, "POST", "/session/reauthenticate", {"proof": doctor.password}).status_code == 200


def test_one_proof_signs_one_of_four_open_cases(stage: Stage) -> None:
    """R5. The control is the first decision: a proof of its own is enough."""
    cases = [opened(stage) for _ in range(4)]
    confirmed(stage)
    answers = [decided(stage, case) for case in cases]
    assert [answer.status_code for answer in answers] == [200, 403, 403, 403]
    assert {answer.json()["code"] for answer in answers[1:]} == {"reauthentication_required"}


def test_each_of_four_cases_is_signed_with_a_proof_of_its_own(stage: Stage) -> None:
    cases = [opened(stage) for _ in range(4)]
    proof = stage.clinician().password
    assert [decided(stage, case, proof=proof).status_code for case in cases] == [200, 200, 200, 200]


def test_a_proof_sent_with_one_decision_decides_no_second_one(stage: Stage) -> None:
    first, second = opened(stage), opened(stage)
    assert decided(stage, first, proof=stage.clinician().password).status_code == 200
    assert decided(stage, second).json()["code"] == "reauthentication_required"


def test_two_decisions_at_the_same_moment_share_no_proof(stage: Stage) -> None:
    cases = [opened(stage) for _ in range(4)]
    confirmed(stage)
    answers: list[int] = []
    threads = [threading.Thread(target=lambda case=case: answers.append(decided(stage, case).status_code)) for case in cases]
    for thread in threads:
        thread.start()
    for thread in threads:
        thread.join(20)
    assert (len(answers), answers.count(200)) == (4, 1)


@pytest.mark.parametrize(
    ("policy", "age", "used", "fresh"),
    [
        (AT_ONCE, 1, False, True),
        (AT_ONCE, 1, True, False),
        (AT_ONCE, 61, False, False),
        (AT_ONCE, -60, False, False),
        (WINDOW, 899, True, True),
        (WINDOW, 901, True, False),
        (WINDOW, -60, False, False),
    ],
)
def test_a_proof_counts_as_the_policy_says_and_never_from_the_future(policy: Policy, age: int, used: bool, fresh: bool) -> None:
    proof = Authentication("password", NOW - timedelta(seconds=age), used=used)
    try:
        check_fresh(proof, policy, NOW, NOW - timedelta(minutes=30))
    except Forbidden:
        assert not fresh
    else:
        assert fresh


def test_a_proof_from_before_this_person_took_the_case_was_made_for_something_else() -> None:
    proof = Authentication("password", NOW - timedelta(seconds=30))
    with pytest.raises(Forbidden):
        check_fresh(proof, AT_ONCE, NOW, NOW - timedelta(seconds=10))
