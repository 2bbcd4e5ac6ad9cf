"""A suggestion of several findings: only the accepted ones leave, byte for byte, and the log commits to all (R14)."""

from __future__ import annotations

import json
from typing import TYPE_CHECKING, Any
from uuid import uuid4

import pytest
from hypothesis import given
from hypothesis import strategies as st

from gateway.adapters.exact.findings import without
from tests.fakes.model_server import Script, chat
from tests.signoff.cases import new_case, received, state
from tests.signoff.test_decisions import decide, opened, refused

if TYPE_CHECKING:
    from tests.stage import Stage

POINTER = "/report/findings"
PARTS = [
    b'{"name": "nodule",  "p": 0.910}',
    b'{"name":"effusion","p":1e-3}',
    b' {"p":0.50, "name" : "fracture"}',
    b'{"name":"mass"}',
    b'{"name":"clear"}',
]
BODY = b'{ "summary":"five", "report": {"findings" : [' + b" ,\n".join(PARTS) + b'], "n":5.0 } }'
LEFT_OUT = {f"{POINTER}/1": "wrong_finding", f"{POINTER}/3": "not_relevant"}
KEPT = tuple(f"{POINTER}/{n}" for n in (0, 2, 4))


def waiting(stage: Stage, *, chatting: bool = False, body: bytes = BODY) -> str:
    stage.model.scripts["/findings"] = Script(body=body)
    stage.model.scripts["/v1/chat/completions"] = Script(body=chat(BODY.decode()))
    return new_case(stage, "listed") if chatting else new_case(stage, "listed", path="/findings", body={"n": uuid4().hex})


def choosing(**more: object) -> dict[str, Any]:
    return {"decision": "amend", "accepted_findings": list(KEPT), "finding_reasons": LEFT_OUT, **more}


def test_of_five_findings_two_are_left_out_and_the_other_three_leave_byte_for_byte(stage: Stage) -> None:
    """R14: the released bytes hold three as the AI system wrote them; the log commits to all five."""
    suggestion = waiting(stage)
    shown = opened(stage, suggestion)
    assert [one["label"] for one in shown["findings"]] == ["nodule", "effusion", "fracture", "mass", "clear"]  # type: ignore[attr-defined]
    assert decide(stage, suggestion, shown, **choosing()).status_code == 200
    body = received(stage, suggestion).content
    assert [part.strip() in body for part in PARTS] == [True, False, True, False, True]
    assert [one["name"] for one in json.loads(body)["report"]["findings"]] == ["nodule", "fracture", "clear"]
    assert body.startswith(b'{ "summary":"five", "report": {"findings" : [')
    assert body.endswith(b'], "n":5.0 } }')
    entry = next(entry for entry in stage.entries("signed_off") if entry["suggestion"] == suggestion)
    assert (entry["detail"]["findings"], "findings" in entry["commitments"]) == ("3/5", True)
    assert stage.verified().ok


def test_each_finding_that_is_left_out_has_its_coded_reason_in_the_record(stage: Stage) -> None:
    """R8, R4."""
    suggestion = waiting(stage)
    assert decide(stage, suggestion, opened(stage, suggestion), **choosing()).status_code == 200
    record = stage.api(stage.clinician(), "GET", f"/suggestions/{suggestion}/signatures").json()[0]
    told = {one["pointer"]: (one["label"], one["accepted"], one["reason"]) for one in record["findings"]}
    assert told[f"{POINTER}/1"] == ("effusion", False, "wrong_finding")
    assert told[f"{POINTER}/0"] == ("nodule", True, "")
    counted = stage.api(stage.clinician("quality"), "GET", "/reasons").json()
    assert {one["reason"] for one in counted if one["task"] == "listed"} >= {"wrong_finding", "not_relevant"}


def test_findings_in_an_openai_text_that_is_json_can_be_left_out_too(stage: Stage) -> None:
    suggestion = waiting(stage, chatting=True)
    assert decide(stage, suggestion, opened(stage, suggestion), **choosing()).status_code == 200
    text = received(stage, suggestion).json()["choices"][0]["message"]["content"].encode()
    assert text == without(BODY, POINTER, LEFT_OUT)


@pytest.mark.parametrize(
    ("more", "code"),
    [
        ({"finding_reasons": {}}, "finding_reason_required"),
        ({"finding_reasons": {f"{POINTER}/1": "wrong_finding"}}, "finding_reason_required"),
        ({"finding_reasons": {**LEFT_OUT, f"{POINTER}/0": "other"}}, "finding_reason_required"),
        ({"finding_reasons": dict.fromkeys(LEFT_OUT, "because")}, "reason_required"),
        ({"accepted_findings": [f"{POINTER}/9"]}, "findings_elsewhere"),
        ({"accepted_findings": [f"{POINTER}/{n}" for n in range(5)], "finding_reasons": {}}, "nothing_changed"),
        ({"decision": "approve"}, "amendment_required"),
    ],
)
def test_a_choice_that_does_not_say_everything_is_refused(stage: Stage, more: dict[str, object], code: str) -> None:
    suggestion = waiting(stage)
    refused(stage, decide(stage, suggestion, opened(stage, suggestion), **choosing(**more)), code)
    assert state(stage, suggestion) == "held"


def test_where_there_are_no_findings_none_can_be_chosen(stage: Stage) -> None:
    suggestion = waiting(stage, body=b'{"summary":"none","report":{}}')
    refused(stage, decide(stage, suggestion, opened(stage, suggestion), **choosing()), "findings_elsewhere")


spaces = st.sampled_from(["", " ", "\n\t", "  "])


@given(
    st.lists(st.tuples(spaces, st.recursive(st.integers() | st.text(max_size=3), st.lists, max_leaves=4), spaces), max_size=7), st.data()
)
def test_leaving_parts_of_any_list_out_moves_no_other_byte(parts: list[tuple[str, object, str]], data: st.DataObject) -> None:
    """R14, R55: what stays is what the list would be without them, each part as it was written."""
    gone = data.draw(st.sets(st.integers(0, max(0, len(parts) - 1))))
    written = [before + json.dumps(value) + after for before, value, after in parts]
    body = ('{"a":1.50 , "list":[' + ",".join(written) + '],"b":"x"}').encode()
    left = without(body, "/list", {f"/list/{n}" for n in gone})
    kept = [value for n, (_, value, _) in enumerate(parts) if n not in gone]
    assert json.loads(left)["list"] == kept
    assert (left[:20], left[-9:]) == (b'{"a":1.50 , "list":[', b'],"b":"x"}'[-9:])
    assert all(json.dumps(value).encode() in left for value in kept)
