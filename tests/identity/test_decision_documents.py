"""A decision has one canonical text and one challenge, for implementations in any language: `tests/vectors/identity`."""

from __future__ import annotations

import json
from pathlib import Path
from uuid import UUID

import pytest
from hypothesis import given
from hypothesis import strategies as st

from gateway.errors import BadInput
from gateway.identity.passkeys.document import decision_document, statement

VECTORS = json.loads((Path(__file__).parents[1] / "vectors" / "identity" / "decisions.json").read_text(encoding="utf-8"))
SUGGESTION = UUID(int=7)


@pytest.mark.parametrize("vector", VECTORS, ids=[vector["name"] for vector in VECTORS])
def test_a_decision_gives_its_document_its_statement_and_its_challenge(vector: dict[str, str]) -> None:
    decision: dict[str, object] = json.loads(json.dumps(vector["decision"]))
    made = statement(UUID(vector["suggestion"]), decision, bytes.fromhex(vector["salt"]))
    assert (made.document.decode(), made.text.decode(), made.challenge.hex()) == (
        vector["document"],
        vector["statement"],
        vector["challenge"],
    )


@given(st.dictionaries(st.sampled_from("abc"), st.integers(0, 9)), st.permutations(["lease", "decision", "comment"]))
def test_the_order_of_members_and_what_only_proves_change_nothing(more: dict[str, int], order: list[str]) -> None:
    plain = {name: f"{name}-1" for name in ("comment", "decision", "lease")} | more
    shuffled = {name: f"{name}-1" for name in order} | more | {"proof": "p", "assertion": {"id": "x"}, "active_seconds": {"raw": 1.5}}
    assert decision_document(SUGGESTION, plain) == decision_document(SUGGESTION, shuffled)


@pytest.mark.parametrize("name", ["lease", "shown_sha256", "amendment", "comment", "accepted_findings"])
def test_every_member_that_decides_changes_the_challenge(name: str) -> None:
    before, after = (statement(SUGGESTION, {"decision": "approve", name: value}, b"s" * 32).challenge for value in ("1", "2"))
    assert before != after


def test_a_number_without_a_canonical_form_is_refused_in_words() -> None:
    with pytest.raises(BadInput, match="too large to be signed exactly"):
        decision_document(SUGGESTION, {"amendment": {"/dose": 2**60}})
