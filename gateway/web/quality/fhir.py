"""Entries of the log as FHIR R4 AuditEvent: who did what, when, in which role, on which case.

What happened to a case claims the IHE BALP profile that it meets (IHE ITI Basic Audit Log Patterns 1.1.4): received → PatientCreate,
viewed → PatientRead, decided → PatientUpdate, erased → PatientDelete, answered to a machine → PrivacyDisclosure.Source. Everything else,
failures too, is a plain AuditEvent. Pseudonyms and ids stand as identifiers, never as addresses: what is behind them is for the
hospital to resolve, and a case's random id stands where the patient does. Network addresses are not in the log; where the profile wants
a caller's, it is said to be unknown.
"""

from __future__ import annotations

from typing import TYPE_CHECKING, Final

if TYPE_CHECKING:
    from collections.abc import Sequence

    from gateway.audit.search.queries import Found
    from gateway.messages import JsonValue

    Part = dict[str, JsonValue]

MEDIA_TYPE: Final = "application/fhir+json"
PROFILES: Final = "https://profiles.ihe.net/ITI/BALP/StructureDefinition/IHE.BasicAudit."
_DICOM: Final = "http://dicom.nema.org/resources/ontology/DCM"
_HL7: Final = "http://terminology.hl7.org/CodeSystem/"
_ACTIVITY: Final = ("110100", "Application Activity")
_TYPES: Final = {
    "auth_ok": ("110114", "User Authentication"),
    "auth_failed": ("110114", "User Authentication"),
    "denied": ("110113", "Security Alert"),
    "config_changed": ("110113", "Security Alert"),
    "key_changed": ("110113", "Security Alert"),
    "released": ("110106", "Export"),
    "delivered": ("110106", "Export"),
}
_PATTERNS: Final = {"received": "create", "viewed": "read", "reviewed": "read", "erased": "delete"}
_DISCLOSED: Final = frozenset({"released", "delivered"})
_FAILED: Final = frozenset({"auth_failed", "denied", "delivery_failed"})
_PLAIN: Final = _FAILED | {"blind"}
_ACTIONS: Final = {"create": "C", "read": "R", "update": "U", "delete": "D", "disclose": "R"}
_SOURCE: Final = ("110153", "Source Role ID")
_DESTINATION: Final = ("110152", "Destination Role ID")
_UNKNOWN: Final[Part] = {"extension": [{"url": "http://hl7.org/fhir/StructureDefinition/data-absent-reason", "valueCode": "unknown"}]}


def bundle(found: Sequence[Found], origin: str) -> dict[str, JsonValue]:
    """A collection of AuditEvents, in the order given."""
    entries: list[JsonValue] = [{"fullUrl": f"urn:garant:entry:{one.place}", "resource": audit_event(one, origin)} for one in found]
    return {"resourceType": "Bundle", "type": "collection", **({"entry": entries} if entries else {})}


def audit_event(one: Found, origin: str) -> Part:
    """One entry; `origin` is the log's name, by which the source observes."""
    pattern = _pattern(one)
    claimed: Part = {"meta": {"profile": [PROFILES + _profile(pattern)]}} if pattern else {}
    return {
        "resourceType": "AuditEvent",
        **claimed,
        "type": _type(one, pattern),
        "subtype": _subtypes(one, pattern),
        "action": _ACTIONS.get(pattern, "E"),
        "recorded": one.at.isoformat(),
        "outcome": "4" if one.type in _FAILED else "0",
        **_purpose(one),
        "agent": _agents(one, pattern, origin),
        "source": {"site": origin.partition("/")[0], "observer": _named("log", origin), "type": [_server()]},
        "entity": _entities(one, origin),
    }


def _pattern(one: Found) -> str:
    """What the entry is to BALP: create, read, update, delete, disclose; empty where no profile fits."""
    if one.case_id is None or one.type in _PLAIN:
        return ""
    if one.type in _DISCLOSED and one.actor.startswith("machine:"):
        return "disclose"
    return _PATTERNS.get(one.type, "update")


def _profile(pattern: str) -> str:
    return "PrivacyDisclosure.Source" if pattern == "disclose" else f"Patient{pattern.capitalize()}"


def _type(one: Found, pattern: str) -> Part:
    if pattern not in {"", "disclose"}:
        return {"system": f"{_HL7}audit-event-type", "code": "rest", "display": "Restful Operation"}
    return _dicom(*_TYPES.get(one.type, _ACTIVITY))


def _subtypes(one: Found, pattern: str) -> list[JsonValue]:
    """The profile's own word, then ours; a deletion may have one alone."""
    ours: Part = {"system": "urn:garant:event", "code": one.type}
    if pattern == "delete":
        return [_interaction(pattern)]
    if pattern == "disclose":
        return [{"system": f"{_HL7}iso-21089-lifecycle", "code": "disclose", "display": "Disclose Record Lifecycle Event"}, ours]
    return [_interaction(pattern), ours] if pattern else [ours]


def _purpose(one: Found) -> Part:
    """Emergency access says so where auditors look for it."""
    reason: Part = {"coding": [{"system": f"{_HL7}v3-ActReason", "code": "BTG", "display": "break the glass"}]}
    return {"purposeOfEvent": [reason]} if one.type == "break_glass" else {}


def _agents(one: Found, pattern: str, origin: str) -> list[JsonValue]:
    """Garant, what speaks to it, and the person; who is no person speaks for themselves."""
    person = not one.actor.startswith(("system:", "machine:"))
    if not pattern:
        return [_somebody(one, {"coding": [_role(one)]}, requestor=person)]
    host = origin.partition("/")[0]
    log: Part = {"who": _named("log", origin), "requestor": False, "network": {"address": host, "type": "1"}}
    caller: Part = {"who": _named("actor", one.actor), "requestor": True, "network": {"address": host, "type": "1"}}
    if one.actor.startswith("machine:"):
        caller |= {"network": _UNKNOWN, "requestor": pattern != "disclose"}
    elif person:
        caller |= {"who": _named("application", "garant"), "requestor": False}
    agents: list[JsonValue] = [_typed(_caller_type(pattern), caller), _typed(_log_type(pattern), log)]
    return [*agents, _somebody(one, _participation(pattern), requestor=True)] if person else agents


def _somebody(one: Found, kind: Part, *, requestor: bool) -> Part:
    return {"type": kind, "role": [{"coding": [_role(one)]}], "who": _named("actor", one.actor), "requestor": requestor}


def _caller_type(pattern: str) -> Part:
    if pattern == "delete":
        return _dicom("110150", "Application")
    return _dicom(*(_DESTINATION if pattern in {"read", "disclose"} else _SOURCE))


def _log_type(pattern: str) -> Part:
    if pattern == "delete":
        return {"system": f"{_HL7}provenance-participant-type", "code": "custodian", "display": "Custodian"}
    return _dicom(*(_SOURCE if pattern in {"read", "disclose"} else _DESTINATION))


def _participation(pattern: str) -> Part:
    code, display = ("IRCP", "information recipient") if pattern in {"read", "disclose"} else ("AUT", "author (originator)")
    return {"coding": [{"system": f"{_HL7}v3-ParticipationType", "code": code, "display": display}]}


def _entities(one: Found, origin: str) -> list[JsonValue]:
    """The case where the patient stands, one system object, and what else the entry names."""
    entry = _named("entry", f"{origin}#{one.place}")
    about = _named("suggestion", str(one.suggestion_id)) if one.suggestion_id else None
    entities: list[JsonValue] = [_entity("2", "4", about or entry) | ({} if about or one.type == "erased" else _details(one))]
    if about:
        entities.append(_entity("4", "", entry) | _details(one))
    if one.system:
        entities.append(_entity("4", "", _named("system", one.system)))
    return [_entity("1", "1", _named("case", str(one.case_id)) | {"type": "Patient"}), *entities] if one.case_id else entities


def _details(one: Found) -> Part:
    said = {"task": one.task, "decision": one.decision, "reason": one.reason, "version": one.version}
    listed: list[JsonValue] = [{"type": name, "valueString": value} for name, value in said.items() if value]
    return {"detail": listed} if listed else {}


def _entity(kind: str, role: str, what: Part) -> Part:
    part: Part = {"what": what, "type": {"system": f"{_HL7}audit-entity-type", "code": kind}}
    return part | ({"role": {"system": f"{_HL7}object-role", "code": role}} if role else {})


def _named(kind: str, value: str) -> Part:
    return {"identifier": {"system": f"urn:garant:{kind}", "value": value}}


def _typed(kind: Part, agent: Part) -> Part:
    return {"type": {"coding": [kind]}, **agent}


def _role(one: Found) -> Part:
    return {"system": "urn:garant:role", "code": one.role}


def _server() -> Part:
    return {"system": f"{_HL7}security-source-type", "code": "4", "display": "Application Server"}


def _interaction(code: str) -> Part:
    return {"system": "http://hl7.org/fhir/restful-interaction", "code": code, "display": code}


def _dicom(code: str, display: str) -> Part:
    return {"system": _DICOM, "code": code, "display": display}
