"""Rows taken in as one set are those that the contract takes one by one; whatever is not plain is left to the contract."""

from __future__ import annotations

import json
from typing import TYPE_CHECKING, Any

import pytest
from hypothesis import given, settings
from hypothesis import strategies as st

from impact.counting.lines import table
from impact.ledger import LedgerError, UsageRecord
from impact.pages import Section
from tests.impact.ledgers import PLAIN, ledger, records

if TYPE_CHECKING:
    from collections.abc import Iterable, Mapping

ROWS = ledger(60, workers=12)


def lines(rows: Iterable[Mapping[str, object]]) -> bytes:
    return "".join(json.dumps(row) + "\n" for row in rows).encode()


def changed(**facts: object) -> bytes:
    """The rows, the last of them with other facts."""
    plain = [row.to_mapping() for row in ROWS]
    return lines([*plain[:-1], plain[-1] | facts])


@given(st.lists(records(), max_size=20))
@settings(max_examples=12, deadline=None)
def test_every_record_of_the_contract_is_taken_as_it_is(found: list[UsageRecord]) -> None:
    taken = table(lines(row.to_mapping() for row in found))
    assert taken is not None
    assert [UsageRecord.from_mapping(row) for row in taken.to_pylist()] == found


def test_the_sums_of_lines_are_those_of_their_records() -> None:
    section = Section()
    assert section.part_of(lines(row.to_mapping() for row in ROWS), -1) == section.part(ROWS, -1)


REFUSED: dict[str, dict[str, Any]] = {
    "text for a number": {"human_seconds_raw": "60"},
    "a fraction for a version": {"version": 2.0},
    "another version": {"version": 9},
    "a number for a flag": {"two_person": 1},
    "nothing where something must be": {"task": None},
    "a list": {"reason": []},
    "a foreign field": {"patient_name": "Dupont"},
    "no such outcome": {"outcome": "approved"},
    "no such day": {"opened_at": "2026-02-30T10:00:00Z"},
    "below zero": {"human_seconds": -1},
    "more than was worked": {"unaided_seconds": 61.0},
}


@pytest.mark.parametrize("facts", REFUSED.values(), ids=REFUSED.keys())
def test_what_the_contract_refuses_is_not_counted_as_a_set(facts: dict[str, Any]) -> None:
    with pytest.raises(LedgerError):
        UsageRecord.from_mapping(PLAIN.to_mapping() | facts)
    assert Section().part_of(changed(**facts), -1) is None


@pytest.mark.parametrize("last", [b"[1]", b"null", b'"x"', b"{", b"{}", b"", '{"a": "\ud800"}'.encode("utf-8", "surrogatepass")])
def test_what_is_no_record_is_left_to_the_contract(last: bytes) -> None:
    assert Section().part_of(changed() + last + b"\n", -1) is None


def test_an_earlier_version_is_left_to_the_contract_which_takes_it() -> None:
    first = {name: value for name, value in ROWS[-1].to_mapping().items() if name not in {"unaided_seconds", "induced_seconds"}}
    assert Section().part_of(lines([*(row.to_mapping() for row in ROWS[:-1]), first | {"version": 1}]), -1) is None
