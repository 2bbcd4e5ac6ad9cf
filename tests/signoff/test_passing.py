"""Nobody is forced to decide (R7): put back, hand over, ask for an opinion; the case keeps its clock."""

from __future__ import annotations

from typing import TYPE_CHECKING

import pytest

from tests.signoff.cases import new_case, state
from tests.signoff.test_decisions import decide, opened, refused
from tests.signoff.test_judging_first import judge

if TYPE_CHECKING:
    import httpx

    from tests.stage import Stage


def hand_over(
    stage: Stage, suggestion: str, shown: dict[str, object], to: str = "dr.b", who: str = "dr.a", **more: object
) -> httpx.Response:
    body = {"lease": shown["lease"], "to": to, **more}
    return stage.api(stage.clinician(who), "POST", f"/suggestions/{suggestion}/hand-over", body)


def advise(stage: Stage, suggestion: str, shown: dict[str, object], text: str = "I would amend it", who: str = "dr.b") -> httpx.Response:
    return stage.api(stage.clinician(who), "POST", f"/suggestions/{suggestion}/opinion", {"lease": shown["lease"], "text": text})


def in_queue(stage: Stage, suggestion: str, who: str) -> dict[str, object]:
    return next(dict(case) for case in stage.clinician(who).queue() if case["id"] == suggestion)


def clock(stage: Stage, suggestion: str) -> object:
    return dict(stage.rows("SELECT due_at, expires_at, next_clock_at FROM suggestions WHERE id = $1", suggestion)[0])


def test_a_case_is_given_to_a_colleague_with_its_clock_and_a_word(stage: Stage) -> None:
    suggestion = new_case(stage)
    shown, before = opened(stage, suggestion), clock(stage, suggestion)
    assert hand_over(stage, suggestion, shown, comment="please", reason="not_my_competence").status_code == 200
    assert clock(stage, suggestion) == before
    mine = in_queue(stage, suggestion, "dr.b")
    assert (mine["mine"], mine["assigned_to"], mine["step"]) == (True, "Dr dr.b", "decide")
    assert in_queue(stage, suggestion, "dr.a")["mine"] is False
    theirs = opened(stage, suggestion, "dr.b")
    assert [(one["kind"], one["by"], one["text"]) for one in theirs["opinions"]] == [("hand_over", "Dr dr.a", "please")]  # type: ignore[attr-defined]
    assert stage.entries("handed_over")[-1]["detail"]["reason"] == "not_my_competence"
    assert "please" not in str(stage.entries("handed_over")[-1])


def test_an_opinion_is_asked_given_and_the_case_returns(stage: Stage) -> None:
    suggestion = new_case(stage)
    assert hand_over(stage, suggestion, opened(stage, suggestion), mode="ask", comment="benign?").status_code == 200
    theirs = opened(stage, suggestion, "dr.b")
    assert theirs["step"] == "opinion"
    refused(stage, decide(stage, suggestion, theirs, "dr.b"), "opinion_asked")
    refused(stage, hand_over(stage, suggestion, theirs, "dr.c", "dr.b"), "opinion_asked")
    assert advise(stage, suggestion, theirs).status_code == 200
    assert in_queue(stage, suggestion, "dr.a")["mine"] is True
    back = opened(stage, suggestion)
    assert [(one["kind"], one["text"]) for one in back["opinions"]] == [("question", "benign?"), ("opinion", "I would amend it")]  # type: ignore[attr-defined]
    assert decide(stage, suggestion, back).status_code == 200
    assert stage.verified().ok


def test_who_asked_may_decide_without_waiting_and_the_opinion_then_comes_too_late(stage: Stage) -> None:
    suggestion = new_case(stage)
    hand_over(stage, suggestion, opened(stage, suggestion), mode="ask")
    assert opened(stage, suggestion)["step"] == "decide"
    refused(
        stage,
        advise(stage, suggestion, {"lease": str(stage.rows("SELECT lease FROM suggestions WHERE id = $1", suggestion)[0]["lease"])}),
        "lease_lost",
    )


def test_who_gives_an_opinion_judges_first_where_the_task_says_so(stage: Stage) -> None:
    """R13: also for an opinion, the own answer comes before the AI's."""
    suggestion = new_case(stage, "judged")
    hand_over(stage, suggestion, opened(stage, suggestion), mode="ask")
    theirs = opened(stage, suggestion, "dr.b")
    assert (theirs["step"], theirs["suggestion"]) == ("judge", "")
    refused(stage, advise(stage, suggestion, theirs), "judgement_first")
    assert judge(stage, suggestion, theirs, "dr.b").json()["step"] == "opinion"


def test_colleagues_are_listed_by_the_rule_that_decisions_are_checked_by(stage: Stage) -> None:
    """R7: who may not sign, and who has signed, is excluded by rule, not by hope."""
    suggestion = new_case(stage, "pair")

    def listed(who: str) -> list[str]:
        return [one["login"] for one in stage.api(stage.clinician(who), "GET", f"/suggestions/{suggestion}/colleagues").json()]

    assert listed("dr.a") == ["dr.b", "dr.c"]
    assert decide(stage, suggestion, opened(stage, suggestion)).status_code == 200
    assert listed("dr.b") == ["dr.c"]
    shown = opened(stage, suggestion, "dr.b")
    refused(stage, hand_over(stage, suggestion, shown, "dr.a", "dr.b"), "second_person_needed")
    refused(stage, hand_over(stage, suggestion, shown, "dr.b", "dr.b"), "same_person")


def test_the_first_persons_words_do_not_reach_the_second(stage: Stage) -> None:
    """R12: what was said before the first decision, or by its author, is a trace of it."""
    suggestion = new_case(stage, "pair")
    hand_over(stage, suggestion, opened(stage, suggestion), "dr.c", comment="I think it is wrong")
    shown = opened(stage, suggestion, "dr.c")
    assert decide(stage, suggestion, shown, "dr.c").status_code == 200
    assert opened(stage, suggestion, "dr.b")["opinions"] == []


@pytest.mark.parametrize("reason", ["not_my_competence", ""])
def test_a_case_is_put_back_with_or_without_a_reason(stage: Stage, reason: str) -> None:
    suggestion = new_case(stage)
    shown = opened(stage, suggestion)
    body = {"lease": shown["lease"], "reason": reason}
    assert stage.api(stage.clinician(), "POST", f"/suggestions/{suggestion}/defer", body).status_code == 200
    assert (in_queue(stage, suggestion, "dr.b")["leased"], stage.entries("deferred")[-1]["detail"].get("reason", "")) == (False, reason)


def test_a_word_that_is_too_long_is_refused_and_nothing_is_lost(stage: Stage) -> None:
    """A comment of a megabyte: refused in words, the case stays open."""
    suggestion = new_case(stage)
    shown = opened(stage, suggestion)
    for size in (10_001, 900_000):
        answer = decide(stage, suggestion, shown, comment="x" * size)
        assert (answer.status_code, answer.json()["code"]) == (413, "text_too_long")
    assert decide(stage, suggestion, shown, comment="x" * 2**20).status_code == 413
    assert stage.api(stage.clinician(), "POST", f"/suggestions/{suggestion}/lease", {"lease": shown["lease"]}).status_code == 200
    assert state(stage, suggestion) == "held"


def test_every_refusal_is_told_in_french_too(stage: Stage) -> None:
    suggestion = new_case(stage)
    doctor = stage.clinician("dr.b")
    import httpx  # noqa: PLC0415

    opened(stage, suggestion)
    headers = {"authorization": f"Bearer {doctor.token}", "accept-language": "fr"}
    answer = httpx.post(f"{stage.base}/api/suggestions/{suggestion}/open", headers=headers, json={})
    assert (answer.headers["content-language"], answer.json()["detail"][:11]) == ("fr", "Un collègue")


def test_a_lease_is_kept_while_its_person_works_and_refused_when_it_is_lost(stage: Stage) -> None:
    suggestion = new_case(stage)
    shown = opened(stage, suggestion)
    stage.rows("UPDATE suggestions SET leased_until = now() + interval '20 seconds' WHERE id = $1", suggestion)
    path = f"/suggestions/{suggestion}/lease"
    before = stage.rows("SELECT leased_until FROM suggestions WHERE id = $1", suggestion)[0]["leased_until"]
    assert stage.api(stage.clinician(), "POST", path, {"lease": shown["lease"]}).status_code == 200
    assert stage.rows("SELECT leased_until FROM suggestions WHERE id = $1", suggestion)[0]["leased_until"] > before
    stage.rows("UPDATE suggestions SET leased_until = now() - interval '1 second' WHERE id = $1", suggestion)
    refused(stage, stage.api(stage.clinician(), "POST", path, {"lease": shown["lease"]}), "lease_expired")
