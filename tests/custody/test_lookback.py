"""Looking back over the API and the command line: complete against an oracle, ticked off until nobody is left, every tick in a name."""

from __future__ import annotations

from typing import TYPE_CHECKING, Any
from uuid import uuid4

from gateway.audit.search.index import fill
from tests.custody.ground import canary, decided

if TYPE_CHECKING:
    import pytest

    from gateway.database import Connection
    from tests.stage import Stage


def oracle(stage: Stage, *, released: bool) -> dict[str, dict[str, Any]]:
    """What the entries themselves say: case → signers and recipients."""
    cases: dict[str, dict[str, Any]] = {}
    entries = [one for one in stage.entries() if one.get("detail", {}).get("system") == "reader" and "case" in one]
    for one in entries:
        if one["type"] == "received":
            case = cases.setdefault(one["case"], {"signers": set(), "recipients": set(), "left": False})
            case["recipients"] |= {one["actor"]} if one["role"] == "machine" else set()
    for one in entries:
        if one["case"] in cases and one["type"] == "signed_off":
            cases[one["case"]]["signers"].add(one["actor"])
        if one["case"] in cases and one["type"] == "released":
            cases[one["case"]]["left"] = True
    return {name: case for name, case in cases.items() if case["left"] or not released}


def begun(stage: Stage, **asked: object) -> dict[str, Any]:
    """A look-back at the AI system of these tests."""
    answer = stage.api(stage.clinician("quality"), "POST", "/lookbacks", {"system": "reader", **asked})
    assert answer.status_code == 201, answer.text
    found: dict[str, Any] = answer.json()
    return found


def test_every_case_is_there_with_signers_and_recipients(stage: Stage) -> None:
    decided(stage, canary())
    decided(stage, canary(), decision="approve")
    stage.chat("letter")
    stage.chat("trial")
    for released in (False, True):
        back, there = begun(stage, released=released), oracle(stage, released=released)
        told = {one["case"]: (set(one["signers"]), set(one["recipients"]), one["released_at"] is not None) for one in back["cases"]}
        assert told == {name: (case["signers"], case["recipients"], case["left"]) for name, case in there.items()}
        assert (back["total"], back["left"]) == (len(there), len(there))
    assert len(oracle(stage, released=True)) < len(oracle(stage, released=False))


def test_cases_are_ticked_off_once_in_the_name_of_who_did(stage: Stage) -> None:
    decided(stage, canary())
    back, who = begun(stage), stage.clinician("quality")
    for one in back["cases"]:
        assert stage.api(who, "POST", f"/lookbacks/{back['id']}/cases/{one['case']}").status_code == 204
    again = [stage.api(who, "POST", f"/lookbacks/{back['id']}/cases/{case}").status_code for case in (back["cases"][0]["case"], uuid4())]
    after = stage.api(who, "GET", f"/lookbacks/{back['id']}").json()
    listed = next(one for one in stage.api(who, "GET", "/lookbacks").json() if one["id"] == back["id"])
    assert (again, after["left"], listed["left"], listed["total"]) == ([409, 409], 0, 0, back["total"])
    assert {one["done_by"] for one in after["cases"]} == {entry["actor"] for entry in stage.entries("patient_informed")}
    assert stage.verified().ok


def test_the_list_says_of_each_what_its_own_page_says_and_is_one_reading(stage: Stage, monkeypatch: pytest.MonkeyPatch) -> None:
    """However many were begun: as many statements, one connection, the index brought up to date once."""
    decided(stage, canary())
    stage.chat("letter")
    who = stage.clinician("quality")
    backs = [
        begun(stage, **asked) for asked in ({}, {"released": True}, {"version": "never"}, {"until": "2020-01-01"}, {"since": "2020-01-01"})
    ]
    stage.api(who, "POST", f"/lookbacks/{backs[1]['id']}/cases/{backs[1]['cases'][0]['case']}")
    own = [stage.api(who, "GET", f"/lookbacks/{back['id']}").json() for back in backs]
    filled = list[str]()

    async def counted(connection: Connection, establishment: str) -> int:
        filled.append(establishment)
        return await fill(connection, establishment)

    monkeypatch.setattr("gateway.api.custody.lookback.fill", counted)
    listed = {one["id"]: (one["total"], one["left"]) for one in stage.api(who, "GET", "/lookbacks").json()}
    assert [listed[one["id"]] for one in own] == [(one["total"], one["left"]) for one in own]
    assert (len({(one["total"], one["left"]) for one in own}) >= 3, filled) == (True, ["test"])


def test_only_who_reads_log_and_cases_looks_back(stage: Stage) -> None:
    back = begun(stage)
    answers = [stage.api(stage.clinician(login), "GET", f"/lookbacks/{back['id']}").status_code for login in ("dr.a", "it")]
    assert answers == [403, 403]
    assert stage.api(stage.clinician("quality"), "GET", f"/lookbacks/{uuid4()}").status_code == 404
