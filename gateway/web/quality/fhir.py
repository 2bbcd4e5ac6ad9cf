"""Entries of the log as FHIR R4 AuditEvent, in the manner of IHE BALP: who did what, when, in which role, on which case.

Pseudonyms and ids stand as identifiers, never as references: what is behind them is for the hospital to resolve.
"""

from __future__ import annotations

from typing import TYPE_CHECKING, Final

if TYPE_CHECKING:
    from collections.abc import Sequence

    from gateway.audit.search.queries import Found

MEDIA_TYPE: Final = "application/fhir+json"
_DICOM: Final = "http://dicom.nema.org/resources/ontology/DCM"
_ACTIVITY: Final = ("110100", "Application Activity")
_TYPES: Final = {
    "auth_ok": ("110114", "User Authentication"),
    "auth_failed": ("110114", "User Authentication"),
    "denied": ("110113", "Security Alert"),
    "config_changed": ("110113", "Security Alert"),
    "key_changed": ("110113", "Security Alert"),
    "received": ("110107", "Import"),
    "released": ("110106", "Export"),
    "delivered": ("110106", "Export"),
} | dict.fromkeys(("viewed", "judged_first", "signed_off", "rejected", "reviewed"), ("110110", "Patient Record"))
_ACTIONS: Final = {"received": "C", "viewed": "R", "reviewed": "R", "released": "R", "signed_off": "U", "rejected": "U", "erased": "D"}
_FAILED: Final = frozenset({"auth_failed", "denied", "delivery_failed"})
_OBJECT: Final = "http://terminology.hl7.org/CodeSystem/audit-entity-type"


def bundle(found: Sequence[Found], origin: str) -> dict[str, object]:
    """A collection of AuditEvents, in the order given."""
    entries = [{"fullUrl": f"urn:garant:entry:{one.place}", "resource": audit_event(one, origin)} for one in found]
    return {"resourceType": "Bundle", "type": "collection", **({"entry": entries} if entries else {})}


def audit_event(one: Found, origin: str) -> dict[str, object]:
    """One entry; `origin` is the log's name, by which the source observes."""
    code, display = _TYPES.get(one.type, _ACTIVITY)
    person = not one.actor.startswith(("system:", "machine:"))
    return {
        "resourceType": "AuditEvent",
        "type": {"system": _DICOM, "code": code, "display": display},
        "subtype": [{"system": "urn:garant:event", "code": one.type}],
        "action": _ACTIONS.get(one.type, "E"),
        "recorded": one.at.isoformat(),
        "outcome": "4" if one.type in _FAILED else "0",
        "agent": [
            {
                "type": {"coding": [{"system": "urn:garant:role", "code": one.role}]},
                "who": {"identifier": {"system": "urn:garant:actor", "value": one.actor}},
                "requestor": person,
            }
        ],
        "source": {
            "observer": {"identifier": {"system": "urn:garant:log", "value": origin}},
            "type": [
                {"system": "http://terminology.hl7.org/CodeSystem/security-source-type", "code": "4", "display": "Application Server"}
            ],
        },
        "entity": _entities(one, origin),
    }


def _entities(one: Found, origin: str) -> list[dict[str, object]]:
    named = {"entry": f"{origin}#{one.place}", "case": one.case_id, "suggestion": one.suggestion_id, "system": one.system}
    entities = []
    for kind, value in named.items():
        if value:
            entity = {
                "what": {"identifier": {"system": f"urn:garant:{kind}", "value": str(value)}},
                "type": {"system": _OBJECT, "code": "2"},
            }
            entities.append(entity | _details(one) if kind == "entry" else entity)
    return entities


def _details(one: Found) -> dict[str, object]:
    said = {"task": one.task, "decision": one.decision, "reason": one.reason, "version": one.version}
    listed = [{"type": name, "valueString": value} for name, value in said.items() if value]
    return {"detail": listed} if listed else {}
