"""A policy that asks for judgements or arbiters in vain is found before it is used (R12, R13)."""

from __future__ import annotations

import pytest

from gateway.configuration.checks.judging import judging
from gateway.policy.models import Policy, ReleaseMode

SENSIBLE = [
    Policy(id="p"),
    Policy(id="p", judge_first=True, judge_options=("benign", "malignant")),
    Policy(id="p", two_person=True, arbiter_groups=("seniors",), judge_first=True),
]
CONTRADICTIONS = [
    (Policy(id="p", judge_first=True, release_mode=ReleaseMode.SHADOW), "nobody judges first"),
    (Policy(id="p", judge_first=True, release_mode=ReleaseMode.DRAFT), "read elsewhere first"),
    (Policy(id="p", judge_first=True, release_mode=ReleaseMode.NOTIFY_NOW, unsigned_content_to_caller=True), "read elsewhere first"),
    (Policy(id="p", judge_options=("benign",)), "nobody is asked to judge"),
    (Policy(id="p", judge_first=True, judge_options=("benign", "benign")), "twice"),
    (Policy(id="p", arbiter_groups=("seniors",)), "here one signs"),
]


@pytest.mark.parametrize("policy", SENSIBLE)
def test_a_policy_that_makes_sense_passes(policy: Policy) -> None:
    assert list(judging(0, policy)) == []


@pytest.mark.parametrize(("policy", "cause"), CONTRADICTIONS)
def test_a_contradiction_is_named(policy: Policy, cause: str) -> None:
    found = list(judging(3, policy))
    assert [(one.path[:2], cause in one.cause) for one in found] == [(("policies", 3), True)]
