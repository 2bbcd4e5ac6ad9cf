"""Active time of everybody who touched a case goes into the ledger, never more than passed, never told per person."""

from __future__ import annotations

import json
from typing import TYPE_CHECKING, Any

from tests.signoff.cases import new_case
from tests.signoff.test_decisions import decide, opened

if TYPE_CHECKING:
    from tests.stage import Stage

SPENT = {"raw": 20.0, "capped": 10.0, "phases": {"read": 6.0, "judge": 3.0, "edit": 1.0}}


def since(stage: Stage, suggestion: str, seconds: float) -> None:
    """As if the case had been open for so long."""
    stage.rows("UPDATE suggestions SET leased_at = now() - make_interval(secs => $2) WHERE id = $1", suggestion, seconds)


def times(stage: Stage, suggestion: str) -> list[dict[str, Any]]:
    return [dict(row) for row in stage.rows("SELECT * FROM active_times WHERE suggestion_id = $1 ORDER BY at", suggestion)]


def facts(stage: Stage, suggestion: str) -> dict[str, Any]:
    return dict(json.loads(stage.rows("SELECT facts FROM usage_records WHERE record = $1", suggestion)[0]["facts"]))


def test_everybody_who_touched_a_case_counts(stage: Stage) -> None:
    """Issue 3, item 7: defer, hand-over, opinion and both decisions are summed."""
    suggestion = new_case(stage, "pair")
    path = f"/suggestions/{suggestion}"
    shown = opened(stage, suggestion)
    since(stage, suggestion, 60)
    stage.api(stage.clinician(), "POST", f"{path}/defer", {"lease": shown["lease"], "active_seconds": SPENT})
    shown = opened(stage, suggestion)
    since(stage, suggestion, 60)
    stage.api(
        stage.clinician(), "POST", f"{path}/hand-over", {"lease": shown["lease"], "to": "dr.c", "mode": "ask", "active_seconds": SPENT}
    )
    shown = opened(stage, suggestion, "dr.c")
    since(stage, suggestion, 60)
    stage.api(stage.clinician("dr.c"), "POST", f"{path}/opinion", {"lease": shown["lease"], "text": "yes", "active_seconds": SPENT})
    for who in ("dr.a", "dr.b"):
        shown = opened(stage, suggestion, who)
        since(stage, suggestion, 60)
        assert decide(stage, suggestion, shown, who, active_seconds=SPENT).status_code == 200
    told = facts(stage, suggestion)
    assert [one["act"] for one in times(stage, suggestion)] == ["defer", "hand_over", "opinion", "decision", "decision"]
    assert (told["human_seconds_raw"], told["human_seconds"], told["time_source"]) == (100.0, 50.0, "reported")


def test_a_page_cannot_claim_more_seconds_than_passed(stage: Stage) -> None:
    suggestion = new_case(stage)
    shown = opened(stage, suggestion)
    since(stage, suggestion, 5)
    claim = {"raw": 3000.0, "capped": 2000.0, "phases": {"read": 1000.0, "judge": 500.0, "edit": 500.0}}
    assert decide(stage, suggestion, shown, active_seconds=claim).status_code == 200
    kept = times(stage, suggestion)[0]
    assert 5 <= kept["raw"] < 30
    assert kept["capped"] <= kept["raw"]
    assert abs(kept["read"] + kept["judge"] + kept["edit"] - kept["capped"]) < 1e-6
    assert kept["read"] == 2 * kept["judge"]


def test_without_a_pages_measurement_at_most_a_minute_of_the_lease_counts(stage: Stage) -> None:
    suggestion = new_case(stage)
    shown = opened(stage, suggestion)
    since(stage, suggestion, 200)
    assert decide(stage, suggestion, shown).status_code == 200
    told = facts(stage, suggestion)
    assert (told["human_seconds_raw"] >= 200, told["human_seconds"], told["time_source"]) == (True, 60.0, "lease")


def test_what_was_claimed_with_a_judgement_is_not_claimed_again(stage: Stage) -> None:
    suggestion = new_case(stage, "judged")
    shown = opened(stage, suggestion)
    since(stage, suggestion, 60)
    body = {"lease": shown["lease"], "answer": "benign", "confidence": 50, "active_seconds": SPENT}
    revealed = stage.api(stage.clinician(), "POST", f"/suggestions/{suggestion}/judgement", body).json()
    assert decide(stage, suggestion, revealed, after_judgement="kept", active_seconds=SPENT).status_code == 200
    judged, decided = times(stage, suggestion)
    assert (judged["act"], judged["raw"], decided["raw"] < 20) == ("judgement", 20.0, True)


def test_a_page_that_was_left_without_a_decision_counts_and_its_seconds_are_not_claimed_twice(stage: Stage) -> None:
    """Issue 3, item 7: who reads a case for a minute and closes the page has worked on it."""
    suggestion = new_case(stage)
    shown = opened(stage, suggestion)
    since(stage, suggestion, 60)
    left = stage.api(stage.clinician(), "POST", f"/suggestions/{suggestion}/leave", {"lease": shown["lease"], "active_seconds": SPENT})
    claim = {"raw": 600.0, "capped": 600.0}
    assert (left.status_code, decide(stage, suggestion, shown, active_seconds=claim).status_code) == (204, 200)
    first, second = times(stage, suggestion)
    assert (first["act"], first["raw"], first["capped"], second["act"]) == ("left", 20.0, 10.0, "decision")
    assert 39 <= second["raw"] < 45
    assert stage.verified().ok


def test_nobody_else_tells_the_time_of_a_case(stage: Stage) -> None:
    suggestion = new_case(stage)
    body = {"lease": opened(stage, suggestion)["lease"], "active_seconds": SPENT}
    assert stage.api(stage.clinician("dr.b"), "POST", f"/suggestions/{suggestion}/leave", body).status_code == 409
    assert times(stage, suggestion) == []


def test_no_interface_tells_the_seconds_of_a_person(stage: Stage) -> None:
    """R52: the API's document names no member with a person's time."""
    suggestion = new_case(stage)
    assert decide(stage, suggestion, opened(stage, suggestion), active_seconds=SPENT).status_code == 200
    record = stage.api(stage.clinician(), "GET", f"/suggestions/{suggestion}/signatures").text
    schemas = stage.api(stage.clinician(), "GET", "/openapi.json").json()["components"]["schemas"]
    told = {name for model in ("Record", "Stand", "Shown", "Waiting", "Colleague") for name in schemas[model]["properties"]}
    assert "seconds" not in record
    assert {name for name in told if "active" in name or "seconds" in name} <= {
        "waiting_seconds",
        "guard_seconds",
        "undo_seconds",
        "reauthenticate_seconds",
    }
