"""The holdout arm (R44): chance hides the AI until the person has judged; both times are in the ledger, where the arms are compared."""

from __future__ import annotations

import json
from typing import TYPE_CHECKING

import pytest

from gateway.configuration.checks.judging import judging
from gateway.policy.models import Policy, Requirement
from gateway.proxy.steps.capture import held_out
from tests.fakes.model_server import CANARY, Script, chat
from tests.signoff.cases import new_case
from tests.signoff.test_decisions import decide, opened
from tests.signoff.test_judging_first import everything, judge

if TYPE_CHECKING:
    from tests.stage import Stage

DRAWS = 20_000


def requirement(share: float, mode: str = "hold") -> Requirement:
    policy = Policy.model_validate({"id": "compared", "release_mode": mode, "blind_share": share})
    return Requirement(mode=policy.release_mode, reason="", policy=policy, digest="")


@pytest.fixture
def drawn(stage: Stage) -> dict[bool, list[str]]:
    """Cases by whether they were held out."""
    stage.model.scripts["/v1/chat/completions"] = Script(body=chat(f"{CANARY} finding"))
    found: dict[bool, list[str]] = {True: [], False: []}
    while not (found[True] and found[False]):  # each within a few draws of a half
        suggestion = new_case(stage, "compared")
        found[stage.rows("SELECT held_out FROM suggestions WHERE id = $1", suggestion)[0]["held_out"]].append(suggestion)
    return found


def fact(stage: Stage, suggestion: str, name: str) -> object:
    return json.loads(str(stage.rows("SELECT facts FROM usage_records WHERE record = $1", suggestion)[0]["facts"]))[name]


@pytest.mark.parametrize("share", [0.0, 0.1, 0.5])
def test_the_share_that_is_held_out_is_the_policys(share: float) -> None:
    counted = sum(held_out(requirement(share)) for _ in range(DRAWS))
    assert abs(counted / DRAWS - share) <= 4 * (share * (1 - share) / DRAWS) ** 0.5


@pytest.mark.parametrize("mode", ["notify_now", "draft", "shadow", "log_only"])
def test_nothing_is_held_out_where_not_everything_is_held(mode: str) -> None:
    assert not any(held_out(requirement(0.5, mode)) for _ in range(100))
    assert [finding.fix for finding in judging(0, requirement(0.5, mode).policy)] == ["use hold, or remove blind_share"]


def test_chance_draws_both_arms(drawn: dict[bool, list[str]]) -> None:
    assert drawn[True]
    assert drawn[False]


def test_a_held_out_case_shows_nothing_of_the_ai_before_the_own_judgement(stage: Stage, drawn: dict[bool, list[str]]) -> None:
    assert CANARY not in everything(stage, drawn[True][0], "dr.a")
    assert CANARY in json.dumps(opened(stage, drawn[False][0])["content"])


def test_the_ledger_has_the_arm_and_the_time_before_the_ai_was_seen(stage: Stage, drawn: dict[bool, list[str]]) -> None:
    hidden, plain = drawn[True][-1], drawn[False][-1]
    shown = judge(stage, hidden, opened(stage, hidden)).json()
    assert decide(stage, hidden, shown, after_judgement="kept").status_code == 200
    assert decide(stage, plain, opened(stage, plain)).status_code == 200
    assert [fact(stage, one, "arm") for one in (hidden, plain)] == ["holdout", "ai"]
    unaided, seconds = fact(stage, hidden, "unaided_seconds"), fact(stage, hidden, "human_seconds")
    assert isinstance(unaided, float)
    assert isinstance(seconds, float)
    assert 0 < unaided <= seconds
    assert fact(stage, plain, "unaided_seconds") is None
    assert stage.verified().ok
