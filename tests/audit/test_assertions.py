"""Signatures by passkey beside a log: the sound one passes, every false one is named with its row."""

from __future__ import annotations

import json
from dataclasses import dataclass, replace
from hashlib import sha256
from typing import TYPE_CHECKING, Any

import pytest
from cryptography.hazmat.primitives.serialization import Encoding, PublicFormat

from gateway.audit.verifier import Report, verify
from gateway.identity.passkeys.document import Assertion, evidence, statement
from gateway.suggestions.content import commitment
from tests.audit.story import POLICIES, VKEYS, Story, mark, signed
from tests.fakes.authenticator import Authenticator, data, text

if TYPE_CHECKING:
    from gateway.audit.leaf import Event

SALT, RP = b"s" * 32, "garant.example"


@dataclass
class Signing:
    """A log in which p1 registers a key and signs with it; each part can be told falsely."""

    added_by: str = "p1"
    removed: bool = False
    registered: bool = True
    says: str = "approve"
    origin: str = f"https://{RP}"
    verified: bool = True
    kind: str = "webauthn.get"
    method: str = "passkey"
    committed: bool = True
    spoiled: bool = False
    kept: bool = True

    def report(self) -> Report:
        """What the verifier says."""
        key = Authenticator(self.origin, verified=self.verified)
        spki = key.key.public_key().public_bytes(Encoding.DER, PublicFormat.SubjectPublicKeyInfo)
        story = Story()
        detail = {"change": "passkey_added", "subject": "p1", "key": sha256(spki).hexdigest()}
        if self.registered:
            story.add("config_changed", None, None, actor=self.added_by, detail=detail)
        if self.removed:
            story.add("config_changed", None, None, detail={**detail, "change": "passkey_removed"})
        story.receive(1)
        story.sign(1)
        event = next(event for event in story.events if event.type == "signed_off")
        kept = self.evidence(key, spki, event)
        commitments = {**(event.commitments or {}), **({"assertion": commitment(SALT, "assertion", kept)} if self.committed else {})}
        auth = {"method": self.method, "at": "2026-01-02T03:04:05Z"}
        story.events[story.events.index(event)] = replace(event, commitments=commitments, auth=auth)
        leaves = story.leaves()
        line = json.dumps({"entry": str(event.id), "salt": SALT.hex(), "evidence": kept.decode()})
        return verify(leaves, signed(leaves), VKEYS, POLICIES, (), {str(event.id): line} if self.kept else {})

    def evidence(self, key: Authenticator, spki: bytes, event: Event) -> bytes:
        """The signature as the gateway keeps it."""
        assert event.suggestion is not None
        made = statement(event.suggestion, {"decision": self.says, "reason": ""}, SALT)
        parts: dict[str, Any] = key.get({"challenge": text(made.challenge), "rpId": RP}, kind=self.kind)["response"]
        signature = data(parts["signature"])
        signature = signature[:-1] + bytes([signature[-1] ^ 1]) if self.spoiled else signature
        client, authenticator = data(parts["clientDataJSON"]), data(parts["authenticatorData"])
        return evidence(made, Assertion(client, authenticator, signature, spki, "ES256", RP, f"https://{RP}")).document


FALSE = {
    "had not registered": Signing(registered=False),
    "had not registered at that time": Signing(removed=True),
    "signer had not registered": Signing(added_by="p2"),
    "signed another decision": Signing(says="amend"),
    "another address": Signing(origin="https://evil.example"),
    "without having verified its user": Signing(verified=False),
    "something else than this decision": Signing(kind="webauthn.create"),
    "commits to no such signature": Signing(committed=False),
    "does not hold": Signing(spoiled=True),
    "is missing": Signing(kept=False),
}


def test_a_sound_signature_by_passkey_verifies() -> None:
    assert Signing().report().problems == ()


def test_a_decision_by_password_needs_no_assertion() -> None:
    assert Signing(method="password", committed=False, kept=False).report().ok


@pytest.mark.parametrize("sentence", FALSE)
def test_a_false_signature_by_passkey_is_named_with_its_row(sentence: str) -> None:
    report = FALSE[sentence].report()
    assert [problem.sentence for problem in report.problems if sentence in problem.sentence] != []
    assert report.first is not None
    assert report.first.index is not None


@pytest.mark.parametrize("line", ["", "[]", "{", '{"salt":"zz","evidence":"{}"}', '{"salt":"00","evidence":7}'])
def test_a_line_that_cannot_be_read_is_a_finding_and_no_crash(line: str) -> None:
    story = Story()
    story.receive(1)
    story.sign(1)
    event = next(event for event in story.events if event.type == "signed_off")
    story.events[story.events.index(event)] = replace(event, commitments={**(event.commitments or {}), "assertion": mark("x")})
    leaves = story.leaves()
    assert "malformed" in str(verify(leaves, signed(leaves), VKEYS, POLICIES, (), {str(event.id): line}).problems)
