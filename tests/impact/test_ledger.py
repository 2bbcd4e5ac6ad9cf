"""The contract: what is written comes back, and what is not a record is refused at the door, in words."""

from __future__ import annotations

import json
import subprocess
import sys
import tempfile
from dataclasses import FrozenInstanceError, replace
from pathlib import Path
from typing import TYPE_CHECKING

import pytest
from hypothesis import given, settings
from hypothesis import strategies as st

from impact.ledger import MAX_LINE, NAMES, LedgerError, UsageRecord, read_jsonl, write_jsonl
from tests.impact.ledgers import FIRST, PLAIN, ledger, ledgers, records

if TYPE_CHECKING:
    from collections.abc import Iterator

ROOM = Path(__file__).parents[2] / "impact"
LINE = json.dumps(PLAIN.to_mapping()).encode()
ANY_JSON = st.recursive(st.none() | st.booleans() | st.integers() | st.floats() | st.text(), lambda inner: st.lists(inner, max_size=2))


def test_the_contract_has_these_fields_in_this_order() -> None:
    assert " ".join(NAMES) == (
        "version record log_index establishment site task kind profession worker system model model_version policy release_mode arm outcome "
        "received_at answered_at opened_at decided_at released_at human_seconds_raw human_seconds time_source edit_distance "
        "substituted_decision two_person break_glass reason stratum unaided_seconds induced_seconds"
    )


def test_every_field_is_explained_in_the_rooms_readme() -> None:
    readme = (ROOM / "README.md").read_text(encoding="utf-8")
    assert [name for name in NAMES if f"`{name}`" not in readme] == []


def test_a_record_cannot_be_changed() -> None:
    with pytest.raises(FrozenInstanceError):
        PLAIN.task = "another"  # type: ignore[misc]


@given(records())
def test_a_record_comes_back_from_its_mapping(record: UsageRecord) -> None:
    assert UsageRecord.from_mapping(record.to_mapping()) == record


@given(ledgers())
@settings(max_examples=50)
def test_a_ledger_comes_back_from_json_lines(found: list[UsageRecord]) -> None:
    with tempfile.TemporaryDirectory() as folder:
        path = Path(folder) / "ledger.jsonl"
        assert write_jsonl(path, found) == len(found)
        assert list(read_jsonl(path)) == found


REFUSED = [
    ("version", 3, "this program reads up to 2"),
    ("version", 10**5000, "this program reads up to 2"),
    ("version", 0, "it must be 2"),
    ("version", 1, "it must be 2"),
    ("version", True, "it must be 2"),
    ("version", 1.0, "it must be 2"),
    ("record", "0198C0DE-0000-7000-8000-000000000001", "a UUID in lower case"),
    ("record", "case 7", "a UUID in lower case"),
    ("record", 7, "a UUID in lower case"),
    ("log_index", -1, "a whole number from 0"),
    ("log_index", True, "a whole number from 0"),
    ("log_index", 2**64, "a whole number from 0"),
    ("task", None, "it must be text"),
    ("model", "\ud800", "without lone surrogates"),
    ("arm", "AI", "one of ai, holdout, not_routed"),
    ("outcome", ["auto"], "one of auto, accepted, amended, rejected, ignored"),
    ("time_source", "", "one of reported, lease, none"),
    ("received_at", None, "a time in UTC"),
    ("received_at", "2026-01-31", "a time in UTC"),
    ("answered_at", "2026-01-31T10:00:00+01:00", "a time in UTC"),
    ("opened_at", "2026-02-30T10:00:00Z", "a time in UTC"),
    ("decided_at", "", "a time in UTC"),
    ("released_at", 1.5, "a time in UTC"),
    ("human_seconds_raw", -0.1, "seconds, a number from 0"),
    ("human_seconds_raw", 10**400, "seconds, a number from 0"),
    ("human_seconds", float("nan"), "seconds, a number from 0"),
    ("human_seconds", float("inf"), "seconds, a number from 0"),
    ("human_seconds", "1", "seconds, a number from 0"),
    ("human_seconds", 1.0, "at most 'human_seconds_raw'"),
    ("unaided_seconds", 1.0, "at most 'human_seconds'"),
    ("induced_seconds", 1.0, "at most 'human_seconds'"),
    ("induced_seconds", None, "seconds, a number from 0"),
    ("edit_distance", 1.01, "a number from 0 to 1"),
    ("two_person", 1, "true or false"),
]


@pytest.mark.parametrize(("name", "value", "expected"), REFUSED, ids=[f"{name}-{expected}" for name, _, expected in REFUSED])
def test_a_field_that_cannot_be_is_refused_by_its_name_with_what_it_must_be(name: str, value: object, expected: str) -> None:
    with pytest.raises(LedgerError) as caught:
        UsageRecord.from_mapping({**PLAIN.to_mapping(), name: value})
    assert f"'{name}'" in str(caught.value)
    assert expected in str(caught.value)


@pytest.mark.parametrize("name", NAMES)
def test_a_missing_field_is_named(name: str) -> None:
    values = {key: value for key, value in PLAIN.to_mapping().items() if key != name}
    with pytest.raises(LedgerError, match=f"lacks '{name}'"):
        UsageRecord.from_mapping(values)


def test_a_record_of_version_1_is_read_as_one_of_version_2() -> None:
    assert UsageRecord.from_mapping(FIRST) == PLAIN


def test_a_record_of_version_1_that_knows_version_2_is_refused() -> None:
    with pytest.raises(LedgerError, match="'version' is 1; it must be 2"):
        UsageRecord.from_mapping({**PLAIN.to_mapping(), "version": 1})


def test_an_unknown_field_is_named() -> None:
    with pytest.raises(LedgerError, match="has unknown 'patient_name'"):
        UsageRecord.from_mapping({**PLAIN.to_mapping(), "patient_name": "x"})


@given(st.sampled_from(NAMES), ANY_JSON)
def test_whatever_a_field_holds_the_door_gives_a_record_or_its_own_error(name: str, value: object) -> None:
    try:
        record = UsageRecord.from_mapping({**PLAIN.to_mapping(), name: value})
    except LedgerError:
        return
    assert UsageRecord.from_mapping(record.to_mapping()) == record


BROKEN = [
    (b"", "line 2, column 1: This is no JSON"),
    (b'{"version":1,}', "line 2, column 14: This is no JSON"),
    (b"[1]", "line 2: The line is no JSON object"),
    (b'{"task":"\xff"}', "line 2, column 10: These bytes are no UTF-8"),
    (b'{"task":"a","task":"b"}', "line 2: 'task' is there twice in one record"),
    (b"[" * 60_000, "line 2: The line is nested too deep"),
    (b"1" * 5_000, "line 2: The line holds a number too large"),
    (b" " * (MAX_LINE + 1), f"line 2: The line is longer than {MAX_LINE:,} bytes"),
    (LINE.replace(b'"ai"', b'"human"'), "line 2: 'arm' is 'human'"),
    (LINE.replace(b'"version": 2', b'"version": 3'), "line 2: 'version' is 3; this program reads up to 2"),
    (LINE, "line 2: 'record' 00000000-0000-0000-0000-000000000001 is there twice"),
]


@pytest.mark.parametrize(("line", "expected"), BROKEN, ids=[expected[:40] for _, expected in BROKEN])
def test_a_broken_line_is_named_by_file_line_and_column_or_field(tmp_path: Path, line: bytes, expected: str) -> None:
    path = tmp_path / "ledger.jsonl"
    path.write_bytes(LINE + b"\n" + line + b"\n")
    with pytest.raises(LedgerError) as caught:
        list(read_jsonl(path))
    assert str(caught.value).startswith(f"ledger.jsonl, {expected}")


@given(st.binary(max_size=200))
def test_whatever_the_bytes_only_the_ledgers_own_error_comes_out(content: bytes) -> None:
    with tempfile.TemporaryDirectory() as folder:
        path = Path(folder) / "ledger.jsonl"
        path.write_bytes(content + b"\n")
        with pytest.raises(LedgerError):
            list(read_jsonl(path))


def test_records_are_read_one_by_one(tmp_path: Path) -> None:
    path = tmp_path / "ledger.jsonl"
    path.write_bytes(LINE + b"\nbroken\n")
    assert next(read_jsonl(path)) == PLAIN


def test_a_ledger_that_fails_half_way_leaves_the_old_file_as_it_was(tmp_path: Path) -> None:
    def failing() -> Iterator[UsageRecord]:
        yield PLAIN
        raise OSError("the source went away")

    path = tmp_path / "ledger.jsonl"
    path.write_text("old", encoding="utf-8")
    with pytest.raises(OSError, match="went away"):
        write_jsonl(path, failing())
    assert [(file.name, file.read_text(encoding="utf-8")) for file in tmp_path.iterdir()] == [("ledger.jsonl", "old")]


def test_a_record_is_not_written_twice(tmp_path: Path) -> None:
    with pytest.raises(LedgerError, match="is there twice"):
        write_jsonl(tmp_path / "ledger.jsonl", [PLAIN, replace(PLAIN, log_index=1)])


def test_a_ledger_may_be_read_and_written_under_the_same_name(tmp_path: Path) -> None:
    path = tmp_path / "ledger.jsonl"
    found = ledger(20, workers=2)
    write_jsonl(path, found)
    assert write_jsonl(path, read_jsonl(path)) == 20
    assert list(read_jsonl(path)) == found


def test_the_contract_and_the_counts_need_the_standard_library_alone() -> None:
    code = "import sys; import impact.ledger, impact.counts; print({name.split('.')[0] for name in sys.modules} - sys.stdlib_module_names)"
    result = subprocess.run([sys.executable, "-S", "-c", code], cwd=ROOM.parent, capture_output=True, text=True, check=True)
    assert result.stdout.strip() in {"{'__main__', 'impact'}", "{'impact', '__main__'}", "{'impact'}"}
