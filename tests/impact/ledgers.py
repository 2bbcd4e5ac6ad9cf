"""Usage records for the tests: one plain record, and every record the contract allows."""

from __future__ import annotations

from dataclasses import replace
from datetime import UTC, datetime
from typing import TYPE_CHECKING
from uuid import UUID

from hypothesis import strategies as st

from impact.ledger import ADDED, VERSION, UsageRecord

if TYPE_CHECKING:
    from hypothesis.strategies import SearchStrategy

PLAIN = UsageRecord(
    version=VERSION,
    record=str(UUID(int=1)),
    log_index=0,
    establishment="hospital",
    site="north",
    task="cytology",
    kind="diagnosis",
    profession="cytologist",
    worker="",
    system="demo",
    model="classifier",
    model_version="1",
    policy="sha256:0",
    release_mode="hold",
    arm="ai",
    outcome="accepted",
    received_at="2026-01-31T10:00:00Z",
    answered_at="2026-01-31T10:00:00.250000Z",
    opened_at=None,
    decided_at=None,
    released_at=None,
    human_seconds_raw=0.0,
    human_seconds=0.0,
    time_source="none",
    edit_distance=None,
    substituted_decision=False,
    two_person=False,
    break_glass=False,
    reason="",
    stratum="",
    unaided_seconds=None,
    induced_seconds=0.0,
)
FIRST = {name: value for name, value in PLAIN.to_mapping().items() if name not in ADDED} | {"version": 1}
"""The same record as version 1 of the contract told it."""


def ledger(count: int, *, workers: int, seconds: float = 60.0) -> list[UsageRecord]:
    """Accepted records of one task, their work spread evenly over some workers."""
    worked = replace(PLAIN, human_seconds_raw=seconds, human_seconds=seconds, time_source="reported")
    return [replace(worked, record=str(UUID(int=number + 1)), log_index=number, worker=f"w{number % workers}") for number in range(count)]


def records() -> SearchStrategy[UsageRecord]:
    """Every record the contract allows."""
    text = st.text(max_size=8)
    times = st.datetimes(min_value=datetime(1970, 1, 1), timezones=st.just(UTC)).map(  # noqa: DTZ001 - hypothesis adds the zone
        lambda moment: moment.isoformat(timespec="microseconds").replace("+00:00", "Z")
    )
    names = ("establishment", "site", "task", "kind", "profession", "worker", "system", "model", "model_version", "policy", "release_mode")
    flags = ("substituted_decision", "two_person", "break_glass")
    seconds = st.tuples(*[st.floats(0, 1e6)] * 4).map(sorted)
    return st.builds(
        lambda four, apart, **values: replace(
            PLAIN,
            induced_seconds=four[0],
            unaided_seconds=four[1] if apart else None,
            human_seconds=four[2],
            human_seconds_raw=four[3],
            **values,
        ),
        seconds,
        st.booleans(),
        record=st.uuids().map(str),
        log_index=st.integers(0, 2**53),
        arm=st.sampled_from(["ai", "holdout", "not_routed"]),
        outcome=st.sampled_from(["auto", "accepted", "amended", "rejected", "ignored"]),
        time_source=st.sampled_from(["reported", "lease", "none"]),
        edit_distance=st.none() | st.floats(0, 1),
        received_at=times,
        answered_at=times,
        **dict.fromkeys(("opened_at", "decided_at", "released_at"), st.none() | times),
        **dict.fromkeys((*names, "reason", "stratum"), text),
        **dict.fromkeys(flags, st.booleans()),
    )


def ledgers() -> SearchStrategy[list[UsageRecord]]:
    """Short ledgers whose records differ."""
    return st.lists(records(), max_size=5, unique_by=lambda record: record.record)
