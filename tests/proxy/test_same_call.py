"""Two calls are one only where address, case and body are the same: another patient never gets a first one's answer."""

from __future__ import annotations

from typing import TYPE_CHECKING
from uuid import uuid4

import httpx
import pytest

if TYPE_CHECKING:
    from tests.stage import Stage


def place(stage: Stage, query: str = "", headers: dict[str, bytes] | None = None, body: str = "") -> httpx.Response:
    sent = {b"authorization": b"Bearer " + stage.key.encode(), b"prefer": b"respond-async"}
    sent |= {name.encode(): value for name, value in (headers or {}).items()}
    with httpx.Client(timeout=30) as client:
        return client.post(f"{stage.base}/call/diagnosis/predict{query}", headers=list(sent.items()), json={"image": body})


def test_equal_bodies_for_two_addresses_are_two_suggestions(stage: Stage) -> None:
    body = uuid4().hex
    first, second = (place(stage, f"?patient={name}", body=body) for name in "AB")
    assert first.headers["location"] != second.headers["location"]
    assert [seen.path for seen in stage.model.seen] == ["/predict?patient=A", "/predict?patient=B"]


def test_an_idempotency_key_does_not_carry_an_answer_to_another_case(stage: Stage) -> None:
    key, body = uuid4().hex.encode(), uuid4().hex
    first, second = (place(stage, headers={"idempotency-key": key, "garant-case": name}, body=body) for name in (b"A", b"B"))
    assert (first.status_code, second.status_code) == (202, 422)
    assert second.json()["code"] == "idempotency_key_reused"


@pytest.mark.parametrize(("one", "other"), [(b"\xc9-12", b"\xc8-12"), ("É-12".encode(), "È-12".encode())])
def test_case_references_with_accents_stay_apart_in_both_encodings(stage: Stage, one: bytes, other: bytes) -> None:
    body = uuid4().hex
    places = {place(stage, headers={"garant-case": name}, body=body).headers["location"] for name in (one, other)}
    ids = [found.rpartition("/")[2] for found in places]
    assert len({row["case_id"] for row in stage.rows("SELECT case_id FROM suggestions WHERE id = ANY($1::uuid[])", ids)}) == 2


def test_the_same_call_twice_is_still_one_suggestion(stage: Stage) -> None:
    body = uuid4().hex
    assert len({place(stage, "?q=1", {"garant-case": b"C"}, body).headers["location"] for _ in range(2)}) == 1
