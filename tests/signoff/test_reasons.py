"""Why suggestions are not followed: every rejection is coded, and quality reads the counts (R8, R52)."""

from __future__ import annotations

from typing import TYPE_CHECKING

import pytest

from tests.signoff.cases import new_case
from tests.signoff.test_decisions import decide, opened, refused

if TYPE_CHECKING:
    from tests.stage import Stage


def counted(stage: Stage, task: str) -> dict[str, int]:
    listed = stage.api(stage.clinician("quality"), "GET", "/reasons").json()
    return {one["reason"]: one["times"] for one in listed if one["task"] == task}


def test_every_rejection_carries_a_code_and_quality_counts_them(stage: Stage) -> None:
    """R8: 100 %, in the interface and in the database."""
    before = counted(stage, "diagnosis")
    for reason in ("patient_context_differs", "patient_context_differs", "cds_not_applicable"):
        suggestion = new_case(stage, "diagnosis")
        assert decide(stage, suggestion, opened(stage, suggestion), decision="reject", reason=reason, comment="words").status_code == 200
    after = counted(stage, "diagnosis")
    assert {name: after[name] - before.get(name, 0) for name in after} == {"patient_context_differs": 2, "cds_not_applicable": 1}
    assert stage.rows("SELECT id FROM signatures WHERE decision = 'reject' AND reason = ''") == []


def test_the_database_takes_no_rejection_without_a_code(stage: Stage) -> None:
    suggestion = new_case(stage)
    assert decide(stage, suggestion, opened(stage, suggestion), decision="reject", reason="other").status_code == 200
    with pytest.raises(Exception, match="a_rejection_is_coded"):
        stage.rows("UPDATE signatures SET reason = '' WHERE suggestion_id = $1", suggestion)


@pytest.mark.parametrize("reason", ["", "because", "OTHER"])
def test_a_rejection_without_a_reason_of_the_task_is_refused(stage: Stage, reason: str) -> None:
    suggestion = new_case(stage)
    answer = decide(stage, suggestion, opened(stage, suggestion), decision="reject", reason=reason)
    if answer.status_code != 422:
        refused(stage, answer, "reason_required")
    assert answer.status_code in {400, 422}


@pytest.mark.parametrize("login", ["dr.a", "it"])
def test_the_counts_are_for_quality(stage: Stage, login: str) -> None:
    answer = stage.api(stage.clinician(login), "GET", "/reasons")
    assert (answer.status_code, answer.json()["code"]) == (403, "right_missing")


def test_the_counts_name_nobody(stage: Stage) -> None:
    """R52."""
    text = stage.api(stage.clinician("quality"), "GET", "/reasons").text
    assert not [login for login in ("dr.a", "dr.b") if login in text]
