"""Payloads open only where they were sealed, and a commitment says nothing without its salt."""

from __future__ import annotations

import os
from dataclasses import replace

import pytest
from hypothesis import given
from hypothesis import strategies as st

from gateway.adapters.protocol import Operation, Recognised
from gateway.errors import Conflict
from gateway.ids import random_case, uuid7
from gateway.messages import Answer
from gateway.suggestions.content import Place, Vault, commitment
from gateway.suggestions.exchange import pack, unpack

VAULT = Vault({"old": os.urandom(32), "new": os.urandom(32)}, "new")
HERE = Place("one", random_case(), uuid7())
names = st.text(min_size=1, max_size=20)
headers = st.lists(st.tuples(st.sampled_from([b"content-type", b"x-odd", b"etag"]), st.binary(max_size=20)), max_size=4).map(tuple)


@given(names, st.binary(max_size=300))
def test_what_was_sealed_opens_again_and_is_what_the_log_says(field: str, data: bytes) -> None:
    sealed = VAULT.seal(field, data, HERE)
    assert VAULT.open(sealed, HERE) == data
    assert sealed.commitment == commitment(sealed.salt, field, data)


@pytest.mark.parametrize(
    "elsewhere",
    [replace(HERE, establishment="two"), replace(HERE, case=random_case()), replace(HERE, entry=uuid7())],
    ids=["establishment", "case", "entry"],
)
def test_a_payload_moved_elsewhere_does_not_open(elsewhere: Place) -> None:
    sealed = VAULT.seal("suggestion", b"text", HERE)
    with pytest.raises(Conflict) as refused:
        VAULT.open(sealed, elsewhere)
    assert refused.value.code == "content_damaged"


@given(st.sampled_from(["field", "kek", "wrapped_key", "nonce", "ciphertext"]), st.integers(0, 11))
def test_a_changed_payload_does_not_open(member: str, place: int) -> None:
    sealed = VAULT.seal("suggestion", b"a text of some length", HERE)
    other = {"field": "final", "kek": "old"}.get(member) or _flipped(getattr(sealed, member), place)
    changed = replace(sealed, **{member: other})  # type: ignore[arg-type]
    with pytest.raises(Conflict):
        VAULT.open(changed, HERE)


def test_what_is_only_committed_to_cannot_be_shown() -> None:
    with pytest.raises(Conflict) as refused:
        VAULT.open(VAULT.commit_only("shown", b"text", HERE), HERE)
    assert refused.value.code == "content_not_kept"


def test_equal_texts_have_unlike_commitments_and_ciphertexts() -> None:
    one, other = VAULT.seal("final", b"same", HERE), VAULT.seal("final", b"same", HERE)
    assert one.commitment != other.commitment
    assert one.ciphertext != other.ciphertext


@given(names, names, st.booleans(), st.booleans(), st.none() | names, st.integers(100, 599), headers)
def test_an_exchange_comes_back_as_it_was_kept(
    model: str, path: str, stream: bool, background: bool, request: str | None, status: int, sent: tuple[tuple[bytes, bytes], ...]
) -> None:
    recognised = Recognised(Operation.INFER, model, path, b"", stream=stream, background=background, request_id=request)
    found = unpack(pack(recognised, Answer(status, sent, b"body")))
    assert found.recognised == recognised
    assert found.answer(b"body") == Answer(status, sent, b"body")


def test_credentials_are_not_kept() -> None:
    sent = ((b"set-cookie", b"c=secret"), (b"authorization", b"secret"), (b"x-odd", b"kept"))
    kept = pack(Recognised(Operation.INFER, "m", "/p", b""), Answer(200, sent, b""))
    assert b"secret" not in kept
    assert b"kept" in kept


def _flipped(data: bytes, place: int) -> bytes:
    return data[:place] + bytes([data[place] ^ 1]) + data[place + 1 :]
