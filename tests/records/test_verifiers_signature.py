"""A Provenance carries the signature by the verifier's own key, and whoever has it checks it without us."""

from __future__ import annotations

import json
from base64 import b64decode
from typing import TYPE_CHECKING, Any

import pytest
from fhir.resources.R4B.provenance import Provenance

from gateway.audit.rules.assertions import Assertions
from gateway.audit.rules.entries import BrokenRuleError
from tests.identity.passkey_stage import Desk, opened_stage

if TYPE_CHECKING:
    from collections.abc import Iterator

    from tests.stage import Stage


@pytest.fixture
def stage(postgres_server: str) -> Iterator[Stage]:
    yield from opened_stage(postgres_server)


def signature(desk: Desk, suggestion: str) -> dict[str, Any]:
    """The one signature of a case's Provenance."""
    document = desk.api("GET", f"/suggestions/{suggestion}/record.fhir.json").json()
    Provenance.model_validate(json.loads(json.dumps(document)))
    (found,) = document["signature"]
    return dict(found)


def checked(stage: Stage, suggestion: str, line: str) -> None:
    """Hold a signature against the log's entries. Raises BrokenRuleError."""
    decided = next(entry for entry in stage.entries("signed_off") if entry["suggestion"] == suggestion)
    verifier = Assertions({decided["id"]: line})
    for entry in stage.entries("config_changed"):
        verifier.check(entry)  # type: ignore[arg-type] # an entry as the log has it
    verifier.check(decided)  # type: ignore[arg-type]


def test_a_decision_by_passkey_is_signed_in_the_provenance_by_the_verifiers_key(stage: Stage) -> None:
    desk = Desk(stage)
    desk.register()
    suggestion, decision = desk.opened("keyed")
    desk.sign(suggestion, decision)
    found = signature(desk, suggestion)
    line = b64decode(found["data"]).decode()
    checked(stage, suggestion, line)
    assert json.loads(json.loads(json.loads(line)["evidence"])["statement"])["suggestion"] == suggestion
    assert (found["sigFormat"], found["targetFormat"]) == ("application/json", "application/json")
    with pytest.raises(BrokenRuleError):  # the control: another suggestion's name in it
        checked(stage, suggestion, line.replace(suggestion, suggestion[::-1]))


def test_a_decision_by_password_claims_no_signature(stage: Stage) -> None:
    desk = Desk(stage)
    suggestion, decision = desk.opened("diagnosis")
    password = stage.clinician().password
    assert desk.api("POST", f"/suggestions/{suggestion}/decision", {**decision, "proof": password}).status_code == 200
    assert not {"data", "sigFormat", "targetFormat"} & set(signature(desk, suggestion))
