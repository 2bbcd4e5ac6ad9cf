"""Every exported AuditEvent meets the IHE BALP profile that it claims; one that lost anything of it is found."""

from __future__ import annotations

import copy
from dataclasses import replace
from datetime import UTC, datetime
from typing import Any
from uuid import UUID

import pytest
from fhir.resources.R4B.auditevent import AuditEvent

from gateway.audit.leaf import EventType
from gateway.audit.search.queries import Found
from gateway.web.quality.fhir import audit_event
from tests.web.balp import PROFILES, at, broken, profile

ORIGIN = "garant.example/garant/ward"
PLAIN = {"delivery_failed", "denied", "auth_failed"}
ENTRY = Found(7, datetime(2026, 1, 2, 3, tzinfo=UTC), "", UUID(int=1), UUID(int=2), "ct", "p" * 32, "clinician", "reader", "1", "", "")
EXPECTED = {
    ("received", "machine:m1"): "PatientCreate",
    ("viewed", "p"): "PatientRead",
    ("reviewed", "p"): "PatientRead",
    ("signed_off", "p"): "PatientUpdate",
    ("released", "system:release"): "PatientUpdate",
    ("released", "machine:m1"): "PrivacyDisclosure.Source",
    ("delivered", "machine:m1"): "PrivacyDisclosure.Source",
    ("break_glass", "p"): "PatientUpdate",
    ("erased", "p"): "PatientDelete",
    ("delivery_failed", "machine:m1"): "",
    ("blind", "p"): "",
}


def event(kind: str, actor: str = ENTRY.actor, **more: Any) -> dict[str, Any]:  # noqa: ANN401 - fields of an entry
    return audit_event(replace(ENTRY, type=kind, actor=actor, **more), ORIGIN)


@pytest.mark.parametrize(("kind", "actor"), EXPECTED)
def test_what_happened_to_a_case_claims_its_profile(kind: str, actor: str) -> None:
    assert profile(event(kind, actor)) == EXPECTED[kind, actor]


@pytest.mark.parametrize("kind", [*EventType, "blind"])
@pytest.mark.parametrize("actor", ["p", "machine:m1", "system:release"])
@pytest.mark.parametrize("named", [{}, {"suggestion_id": None}, {"case_id": None, "suggestion_id": None}])
def test_every_entry_is_an_audit_event_that_keeps_what_it_claims(kind: str, actor: str, named: dict[str, None]) -> None:
    made = event(str(kind), actor, **named)
    AuditEvent.model_validate(copy.deepcopy(made))
    assert not profile(made) or broken(made) == []


def claimed() -> list[tuple[str, str, str]]:
    """Every element that a profile demands: entry, actor, path."""
    chosen = {"PatientCreate": "received", "PatientRead": "viewed", "PatientUpdate": "signed_off", "PatientDelete": "erased"}
    chosen["PrivacyDisclosure.Source"] = "delivered"
    by = {"received": "machine:m1", "delivered": "machine:m1"}
    return [
        (kind, by.get(kind, "p"), fact.path)
        for name, kind in chosen.items()
        for fact in PROFILES[name]
        if fact.least and fact.path != "agent"
    ]


@pytest.mark.parametrize(("kind", "actor", "path"), claimed())
def test_an_event_that_lost_what_its_profile_demands_is_found(kind: str, actor: str, path: str) -> None:
    """The control, for every element of every profile."""
    made = event(kind, actor)
    if not at(path, made):
        assert "AUT" in path or "IRCP" in path  # nobody was at the screen
        return
    assert path in broken(without(made, path))


def without(made: dict[str, Any], path: str) -> dict[str, Any]:
    parent, _, last = path.rpartition(".")
    name = last.partition("[")[0]
    for holder in at(parent, made) if parent else [made]:
        gone = at(last, holder)
        if isinstance(holder[name], list):
            holder[name] = [one for one in holder[name] if one not in gone]
        else:
            del holder[name]
    return made


@pytest.mark.parametrize(
    ("kind", "path", "value"),
    [
        ("viewed", "action", "E"),
        ("viewed", "outcome", "4"),
        ("signed_off", "type", {"code": "110110"}),
        ("erased", "subtype", [{"code": "delete"}, {"code": "erased"}]),
    ],
)
def test_an_event_with_another_code_than_its_profile_has_is_found(kind: str, path: str, value: object) -> None:
    assert broken(event(kind) | {path: value}) == [path]


def test_a_second_system_object_is_found() -> None:
    made = event("viewed")
    made["entity"].append(made["entity"][1])
    assert broken(made) == ["entity[2]"]


def test_a_discloser_who_is_not_who_observed_is_found() -> None:
    made = event("delivered", "machine:m1")
    made["source"]["observer"] = {"identifier": {"value": "somebody else"}}
    assert broken(made) == ["val-audit-source"]


def test_emergency_access_says_so_and_a_callers_network_is_said_to_be_unknown() -> None:
    broke, came = event("break_glass"), event("received", "machine:m1")
    assert broke["purposeOfEvent"][0]["coding"][0]["code"] == "BTG"
    assert came["agent"][0]["network"]["extension"][0]["valueCode"] == "unknown"
    assert came["agent"][1]["network"]["address"] == "garant.example"
