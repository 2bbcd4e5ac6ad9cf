"""The record as a FHIR R4 Provenance: who verified what, with the AI label (AIAST) in its security tags.

Signer: agent of type `verifier` and a signature of type 1.2.840.10065.1.12.1.5 (verification). Where the decision was signed with the
verifier's own key, `data` holds that signature: a line of `assertions.jsonl` with the statement that names the target, the signed bytes,
the public key and the salt under which the log entry commits to all of it; `gateway.audit.rules.assertions` checks it offline. A
password leaves no signature; then the log entry is the proof. What was changed before it left is an entity of role `revision`.
Contract: `protocols.md`, "FHIR R4".
"""

from __future__ import annotations

from base64 import b64encode
from typing import TYPE_CHECKING, Final

if TYPE_CHECKING:
    from collections.abc import Mapping
    from uuid import UUID

    from gateway.api.records.models import SignedBy, SignedRecord
    from gateway.messages import JsonValue

_AI_LABEL: Final[dict[str, JsonValue]] = {
    "system": "http://terminology.hl7.org/CodeSystem/v3-ObservationValue",
    "code": "AIAST",
    "display": "Artificial Intelligence asserted",
}
_VERIFICATION: Final[dict[str, JsonValue]] = {
    "system": "urn:iso-astm:E1762-95:2013",
    "code": "1.2.840.10065.1.12.1.5",
    "display": "Verification Signature",
}
_PARTICIPANT: Final = "http://terminology.hl7.org/CodeSystem/provenance-participant-type"
_FORM: Final = "application/json"
MEANING: Final = "urn:garant:fhir:signature-meaning"
_ROLES: Final = {"amend": "revision"}


def provenance(record: SignedRecord, assertions: Mapping[UUID, str]) -> dict[str, JsonValue]:
    """The resource as JSON; AI system and signers are contained in it. `assertions`: entry → the signature by passkey of its decision."""
    last = record.signatures[-1]
    return {
        "resourceType": "Provenance",
        "id": str(record.suggestion),
        "meta": {"security": [_AI_LABEL]},
        "contained": [_device(record, last), *(_practitioner(n, one) for n, one in enumerate(record.signatures, start=1))],
        "target": [_identified(f"urn:uuid:{record.suggestion}", f"{record.system_name}: {record.task}")],
        "occurredDateTime": last.at,
        "recorded": last.at,
        "policy": [f"urn:garant:policy:{record.policy}"],
        "reason": _reasons(record),
        "activity": _coded("urn:garant:decision", _decision(record)),
        "agent": [*(_verifier(n, one) for n, one in enumerate(record.signatures, start=1)), _author(record)],
        "entity": [_entity(record)],
        "signature": [_signature(n, one, assertions.get(one.entry)) for n, one in enumerate(record.signatures, start=1)],
    }


def _reasons(record: SignedRecord) -> list[JsonValue]:
    """Coded reasons; FHIR knows no empty lists, so words stand where nobody had to give one."""
    return [_coded("urn:garant:reason", one.reason) for one in record.signatures if one.reason] or [
        {"text": "sign-off of an AI suggestion"}
    ]


def _decision(record: SignedRecord) -> str:
    """What became of the suggestion: changed by anybody is changed."""
    decisions = [one.decision for one in record.signatures]
    return "amend" if "amend" in decisions and decisions[-1] != "reject" else decisions[-1]


def _device(record: SignedRecord, signed: SignedBy) -> dict[str, JsonValue]:
    versions: dict[str, JsonValue] = {"version": [{"value": signed.model_version}]} if signed.model_version else {}
    names: list[JsonValue] = [{"name": record.system_name, "type": "user-friendly-name"}]
    if signed.model:
        names.append({"name": signed.model, "type": "model-name"})
    return {
        "resourceType": "Device",
        "id": "ai",
        "identifier": [{"system": "urn:garant:system", "value": record.system}],
        "deviceName": names,
        **versions,
    }


def _practitioner(number: int, signed: SignedBy) -> dict[str, JsonValue]:
    return {
        "resourceType": "Practitioner",
        "id": f"signer-{number}",
        "name": [{"text": signed.printed_name}],
        "qualification": [{"code": {"text": signed.profession}}],
    }


def _verifier(number: int, signed: SignedBy) -> dict[str, JsonValue]:
    return {"type": _coded(_PARTICIPANT, "verifier"), "who": {"reference": f"#signer-{number}", "display": signed.printed_name}}


def _author(record: SignedRecord) -> dict[str, JsonValue]:
    return {"type": _coded(_PARTICIPANT, "author"), "who": {"reference": "#ai", "display": record.system_name}}


def _entity(record: SignedRecord) -> dict[str, JsonValue]:
    """What the signers were shown, named by its digest."""
    shown = record.signatures[-1].shown_sha256
    return {"role": _ROLES.get(_decision(record), "source"), "what": _identified(f"urn:garant:sha256:{shown}", "what was shown")}


def _signature(number: int, signed: SignedBy, assertion: str | None) -> dict[str, JsonValue]:
    own: dict[str, JsonValue] = {}
    if assertion is not None:
        own = {"targetFormat": _FORM, "sigFormat": _FORM, "data": b64encode(assertion.encode()).decode()}
    return {
        "extension": [
            {"url": MEANING, "valueString": signed.meaning},
            {"url": "urn:garant:fhir:log-entry", "valueUri": f"urn:uuid:{signed.entry}"},
        ],
        "type": [_VERIFICATION],
        "when": signed.at,
        "who": {"reference": f"#signer-{number}", "display": signed.printed_name},
        **own,
    }


def _identified(value: str, display: str) -> dict[str, JsonValue]:
    return {"identifier": {"system": "urn:ietf:rfc:3986", "value": value}, "display": display}


def _coded(system: str, code: str) -> dict[str, JsonValue]:
    return {"coding": [{"system": system, "code": code}]}
