"""What a task demands (R2, R15): decided by values, in words; what is unknown or broken holds."""

from __future__ import annotations

from datetime import UTC, datetime, timedelta

import pytest
from hypothesis import given
from hypothesis import strategies as st

from gateway.errors import Misconfigured
from gateway.policy.escalation import clock_marks, gaps, on_call
from gateway.policy.models import CLINICAL, CLINICAL_MODES, Kind, Policy, ReleaseMode, Task
from gateway.policy.rules import check_mode, check_still_clinical, decide, policy_digest, policy_document
from gateway.settings import Rota, Settings, Shift
from gateway.signoff.models import Decision

NOW = datetime(2026, 1, 1, 12, tzinfo=UTC)
SHIFTS = (
    Shift(person="a", start="2026-01-01T08:00:00Z", end="2026-01-01T14:00:00Z"),
    Shift(person="b", start="2026-01-01T16:00:00Z", end="2026-01-01T20:00:00Z"),
)


def task(kind: Kind = Kind.DIAGNOSIS) -> Task:
    return Task(id="t", kind=kind, policy="p")


@given(st.sampled_from(Kind), st.sampled_from(ReleaseMode))
def test_a_clinical_task_never_gets_another_mode_than_hold_notify_or_shadow(kind: Kind, mode: ReleaseMode) -> None:
    requirement = decide(task(kind), Policy(id="p", release_mode=mode))
    allowed = CLINICAL_MODES if kind in CLINICAL else frozenset(ReleaseMode)
    assert requirement.mode in allowed
    assert requirement.mode == (mode if mode in allowed else ReleaseMode.HOLD)
    assert requirement.reason


@given(st.sampled_from(Kind), st.sampled_from(ReleaseMode))
def test_the_check_and_the_decision_agree(kind: Kind, mode: ReleaseMode) -> None:
    policy = Policy(id="p", release_mode=mode)
    assert (check_mode(task(kind), policy) is None) == (decide(task(kind), policy).mode == mode)


@pytest.mark.parametrize("kind", Kind)
def test_an_unknown_policy_holds(kind: Kind) -> None:
    requirement = decide(task(kind), None)
    assert requirement.mode is ReleaseMode.HOLD
    assert "unknown" in requirement.reason


def test_two_person_means_two_signatures() -> None:
    assert decide(task(), Policy(id="p", two_person=True)).signatures == 2


def test_a_changed_policy_has_another_digest() -> None:
    assert policy_digest(Policy(id="p"), task()) != policy_digest(Policy(id="p", clock_seconds=1), task())


@pytest.mark.parametrize("model", [Policy, Task, Decision, Settings])
def test_no_field_can_approve_by_itself(model: type[Policy]) -> None:
    text = str(model.model_json_schema()).lower()
    assert not any(word in text for word in ("auto_approve", "autoapprove", "approve_after", "default_decision", "approve_on_timeout"))
    assert "decision" not in model.model_fields or model.model_fields["decision"].is_required()


def test_whoever_has_the_shift_is_on_call() -> None:
    rota = Rota(id="r", shifts=SHIFTS)
    assert on_call(rota, NOW) == ("a",)
    assert on_call(rota, NOW + timedelta(hours=3)) == ()


def test_gaps_of_a_rota_are_told_a_day_ahead() -> None:
    found = gaps(Rota(id="r", shifts=SHIFTS), NOW, 24)
    assert [(start.hour, end.hour) for start, end in found] == [(14, 16), (20, 12)]


def test_the_clock_reminds_at_half_time() -> None:
    remind, due, expires = clock_marks(NOW, Policy(id="p", clock_seconds=100, expires_seconds=300))
    assert [(mark - NOW).total_seconds() for mark in (remind, due, expires)] == [50, 100, 300]


def test_a_task_that_was_clinical_cannot_become_a_support_task() -> None:
    old = policy_document(Policy(id="p"), task()).decode()
    check_still_clinical([task(Kind.TREATMENT)], [old])
    check_still_clinical([task(Kind.LOGISTIC)], [policy_document(Policy(id="p"), task(Kind.LOGISTIC)).decode()])
    with pytest.raises(Misconfigured, match="clinical before and are not now: t"):
        check_still_clinical([task(Kind.ADMINISTRATIVE)], [old])
