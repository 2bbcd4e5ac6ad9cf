"""THE CONTRACT: one usage record per task instance, versioned and pseudonymous; everything in `impact` starts from it.

A record is validated on the way in, so that nothing behind this door has to doubt it; whatever the bytes, only
`LedgerError` (or an `OSError` of the file itself) comes out. Only the standard library is needed here; the Parquet form
is in `parquet.py`.
"""

from __future__ import annotations

import json
from collections import Counter
from dataclasses import dataclass, fields
from typing import TYPE_CHECKING, Final, Literal, get_args
from uuid import UUID

from impact.fields import described, exactly, flag, identifier, one_of, or_none, seconds, share, text, time, whole

if TYPE_CHECKING:
    from collections.abc import Iterable, Iterator, Mapping
    from pathlib import Path

    from impact.fields import Check

VERSION: Final = 2
MAX_LINE: Final = 65_536  # bytes; a record has about 1,000
Arm = Literal["ai", "holdout", "not_routed"]
Outcome = Literal["auto", "accepted", "amended", "rejected", "ignored"]
TimeSource = Literal["reported", "lease", "none"]


class LedgerError(ValueError):
    """A record that cannot be used; the message names the place and what to do."""

    def __init__(self, message: str, column: int | None = None) -> None:
        super().__init__(message)
        self.column = column

    def at(self, place: str) -> LedgerError:
        """The same error, said with its place and, where it is known, the column."""
        return LedgerError(f"{place}{'' if self.column is None else f', column {self.column}'}: {self}")


@dataclass(frozen=True, slots=True)
class UsageRecord:
    """What happened to one task instance.

    Args:
        version: of this contract.
        record: id of the instance (UUID), unique in a ledger.
        log_index: index of the log entry that finished it.
        worker: keyed pseudonym that changes each quarter, used only to cluster; "" where nobody worked on it.
        received_at, answered_at, opened_at, decided_at, released_at: RFC 3339, UTC.
        human_seconds_raw, human_seconds: active seconds of all people who touched it, raw and capped; never more capped than raw.
        time_source: whether seconds were reported by the page, bounded by a lease, or there were none.
        edit_distance: normalised to [0, 1], None where there is no final text.
        substituted_decision: an amendment that changed the decision, not only its wording.
        unaided_seconds: active seconds before anything of the AI was shown, capped; in the arm `holdout` the time without AI.
            None where it was not measured apart.
        induced_seconds: of `human_seconds`, those that AI added: audit, second look, extra recalls.
    """

    version: int
    record: str
    log_index: int
    establishment: str
    site: str
    task: str
    kind: str
    profession: str
    worker: str
    system: str
    model: str
    model_version: str
    policy: str
    release_mode: str
    arm: Arm
    outcome: Outcome
    received_at: str
    answered_at: str
    opened_at: str | None
    decided_at: str | None
    released_at: str | None
    human_seconds_raw: float
    human_seconds: float
    time_source: TimeSource
    edit_distance: float | None
    substituted_decision: bool
    two_person: bool
    break_glass: bool
    reason: str
    stratum: str
    unaided_seconds: float | None
    induced_seconds: float

    @classmethod
    def from_mapping(cls, values: Mapping[str, object]) -> UsageRecord:
        """A record from plain values, of this version or an earlier one. Raises LedgerError, naming the field and what it must be."""
        check_version(values.get("version"))
        values = upgraded(values)
        check_names(values)
        for name in NAMES:
            if expected := _CHECKS[name](values[name]):
                raise _refuse(name, values[name], expected)
        record = cls(**values)  # type: ignore[arg-type]
        record._check_parts()
        return record

    def to_mapping(self) -> dict[str, object]:
        """Plain values; `from_mapping` gives the record back."""
        return {name: getattr(self, name) for name in NAMES}

    def _check_parts(self) -> None:
        if self.human_seconds > self.human_seconds_raw:
            raise _refuse("human_seconds", self.human_seconds, f"at most 'human_seconds_raw', {self.human_seconds_raw}: a cap only lowers")
        for name in ("induced_seconds", "unaided_seconds"):
            if (getattr(self, name) or 0) > self.human_seconds:
                raise _refuse(name, getattr(self, name), f"at most 'human_seconds', {self.human_seconds}: it is a part of them")


NAMES: Final = tuple(part.name for part in fields(UsageRecord))
ADDED: Final[dict[str, float | None]] = {"unaided_seconds": None, "induced_seconds": 0.0}
"""What version 2 added, and what a record of version 1 holds there."""


def upgraded(values: Mapping[str, object]) -> Mapping[str, object]:
    """A record of version 1 as one of this version; any other as it is."""
    earlier = type(values.get("version")) is int and values["version"] == 1
    return {**values, **ADDED, "version": VERSION} if earlier and not ADDED.keys() & values.keys() else values


def check_version(version: object) -> None:
    """Refuse a ledger of a newer contract than this program knows. Raises LedgerError."""
    if isinstance(version, int) and version > VERSION:
        raise LedgerError(
            f"'version' is {described(version)}; this program reads up to {VERSION}. Install a newer Garant, or export as {VERSION}."
        )


def check_names(names: Iterable[str]) -> None:
    """Refuse a record that lacks fields, or has others, or one twice. Raises LedgerError naming them."""
    given = Counter(iter(names))  # a mapping would be taken for counts
    missing = [f"'{name}'" for name in NAMES if name not in given]
    unknown = sorted(repr(name)[:60] for name in given if name not in NAMES)
    double = sorted(repr(name)[:60] for name, times in given.items() if times > 1)
    found = {"lacks": missing, "has unknown": unknown[:10], "has twice": double}
    problems = [f"{what} {', '.join(listed)}" for what, listed in found.items() if listed]
    if problems:
        raise LedgerError(f"The record {' and '.join(problems)}. Give exactly the fields of the contract, version {VERSION}.")


class Once:
    """Sees every record id of a ledger once; 16 bytes are kept of each."""

    def __init__(self) -> None:
        self._seen: set[bytes] = set()

    def check(self, record: UsageRecord) -> None:
        """Refuse a record whose id was seen before. Raises LedgerError."""
        key = UUID(record.record).bytes
        if key in self._seen:
            raise LedgerError(f"'record' {record.record} is there twice; an instance counts once. Export the ledger again.")
        self._seen.add(key)


def read_jsonl(path: Path) -> Iterator[UsageRecord]:
    """Records of a JSON-lines file, one by one, in bounded memory but for the ids.

    Raises:
        LedgerError: with the file's name, the line, and the column or the field; also for a record that is there twice.
    """
    once = Once()
    with path.open("rb") as file:
        for number, line in enumerate(iter(lambda: file.readline(MAX_LINE + 1), b""), start=1):
            try:
                record = UsageRecord.from_mapping(_parse(line))
                once.check(record)
            except LedgerError as error:
                raise error.at(f"{path.name}, line {number}") from error
            yield record


def write_jsonl(path: Path, records: Iterable[UsageRecord]) -> int:
    """Write records as JSON lines; returns how many. The file appears when all are written, never half.

    Raises:
        LedgerError: a record that is there twice.
    """
    once, written, part = Once(), 0, path.with_name(path.name + ".part")
    try:
        with part.open("w", encoding="utf-8", newline="\n") as lines:
            for written, record in enumerate(records, start=1):  # noqa: B007 - the last number is the count
                once.check(record)
                lines.write(json.dumps(record.to_mapping(), ensure_ascii=False, allow_nan=False, separators=(",", ":")) + "\n")
        part.replace(path)
    finally:
        part.unlink(missing_ok=True)
    return written


def _parse(line: bytes) -> dict[str, object]:
    if len(line) > MAX_LINE:
        raise LedgerError(f"The line is longer than {MAX_LINE:,} bytes. Give one record per line.")
    try:
        values: object = json.loads(line.decode("utf-8"), object_pairs_hook=_object)
    except json.JSONDecodeError as error:
        raise LedgerError(f"This is no JSON ({error.msg}). Give one record per line, as JSON.", error.colno) from error
    except UnicodeDecodeError as error:
        raise LedgerError("These bytes are no UTF-8. Save the ledger as UTF-8.", error.start + 1) from error
    except RecursionError as error:
        raise LedgerError("The line is nested too deep. A record is one flat object.") from error
    except LedgerError:
        raise
    except ValueError as error:  # a number with thousands of digits
        raise LedgerError("The line holds a number too large to read. Export the ledger again.") from error
    if not isinstance(values, dict):
        raise LedgerError('The line is no JSON object. Give one record per line, as {"version":1,…}.')
    return values


def _object(pairs: list[tuple[str, object]]) -> dict[str, object]:
    values = dict(pairs)
    if len(values) < len(pairs):
        names = [name for name, _ in pairs]
        double = next(name for name in names if names.count(name) > 1)
        raise LedgerError(f"{double[:60]!r} is there twice in one record. Give each field once.")
    return values


def _refuse(name: str, value: object, expected: str) -> LedgerError:
    return LedgerError(f"'{name}' is {described(value)}; it must be {expected}.")


_CHECKS: Final[dict[str, Check]] = (
    dict.fromkeys(NAMES, text)
    | dict.fromkeys(("two_person", "break_glass", "substituted_decision"), flag)
    | dict.fromkeys(("human_seconds_raw", "human_seconds"), seconds)
    | dict.fromkeys(("received_at", "answered_at"), time)
    | dict.fromkeys(("opened_at", "decided_at", "released_at"), or_none(time))
    | {"induced_seconds": seconds, "unaided_seconds": or_none(seconds)}
    | {"version": exactly(VERSION), "record": identifier, "log_index": whole, "edit_distance": or_none(share)}
    | {"arm": one_of(get_args(Arm)), "outcome": one_of(get_args(Outcome)), "time_source": one_of(get_args(TimeSource))}
)
