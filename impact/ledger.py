"""THE CONTRACT: one usage record per task instance, versioned and pseudonymous; everything in `impact` starts from it.

A record is validated on the way in, so that nothing behind this door has to doubt it. Only the standard library is
needed here; the Parquet form is in `parquet.py`.
"""

from __future__ import annotations

import json
import math
from dataclasses import asdict, dataclass, fields
from datetime import datetime
from typing import TYPE_CHECKING, Final, Literal, get_args

if TYPE_CHECKING:
    from collections.abc import Iterable, Iterator, Mapping
    from pathlib import Path

VERSION: Final = 1
Arm = Literal["ai", "holdout", "not_routed"]
Outcome = Literal["auto", "accepted", "amended", "rejected", "ignored"]
TimeSource = Literal["reported", "lease", "none"]


class LedgerError(ValueError):
    """A record that cannot be used; the message names the place and what to do."""


@dataclass(frozen=True, slots=True)
class UsageRecord:
    """What happened to one task instance.

    Args:
        version: of this contract.
        record: id of the instance (UUID), unique in a ledger.
        log_index: index of the log entry that finished it.
        worker: keyed pseudonym that changes each quarter, used only to cluster; "" where nobody worked on it.
        received_at, answered_at, opened_at, decided_at, released_at: RFC 3339, UTC.
        human_seconds_raw, human_seconds: active seconds of all people who touched it, raw and capped.
        time_source: whether seconds were reported by the page, bounded by a lease, or there were none.
        edit_distance: normalised to [0, 1], None where there is no final text.
        substituted_decision: an amendment that changed the decision, not only its wording.
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

    @classmethod
    def from_mapping(cls, values: Mapping[str, object]) -> UsageRecord:
        """A record from plain values. Raises LedgerError, naming the field."""
        version = values.get("version")
        if isinstance(version, int) and version > VERSION:
            message = f"This ledger is of version {version}; this program reads up to {VERSION}. Install a newer one."
            raise LedgerError(message)
        missing = [name for name in NAMES if name not in values]
        unknown = sorted(set(values) - set(NAMES))
        if missing or unknown:
            message = f"A record lacks {', '.join(missing) or 'nothing'} and has unknown fields {', '.join(unknown) or 'none'}."
            raise LedgerError(message)
        for name in NAMES:
            _CHECKS[name](name, values[name])
        return cls(**values)  # type: ignore[arg-type]

    def to_mapping(self) -> dict[str, object]:
        """Plain values; `from_mapping` gives the record back."""
        return asdict(self)


NAMES: Final = tuple(part.name for part in fields(UsageRecord))


def read_jsonl(path: Path) -> Iterator[UsageRecord]:
    """Records of a JSON-lines file, one by one. Raises LedgerError with the line's number; a doubled record is an error."""
    seen: set[str] = set()
    with path.open(encoding="utf-8") as lines:
        for number, line in enumerate(lines, start=1):
            record = _line(path, number, line)
            if record.record in seen:
                message = f"{path.name}, line {number}: the record {record.record} is there twice. Export the ledger again."
                raise LedgerError(message)
            seen.add(record.record)
            yield record


def write_jsonl(path: Path, records: Iterable[UsageRecord]) -> int:
    """Write records as JSON lines; returns how many."""
    written = 0
    with path.open("w", encoding="utf-8") as lines:
        for record in records:
            lines.write(json.dumps(record.to_mapping(), ensure_ascii=False, separators=(",", ":")) + "\n")
            written += 1
    return written


def _line(path: Path, number: int, line: str) -> UsageRecord:
    try:
        values = json.loads(line)
        if not isinstance(values, dict):
            message = "not an object"
            raise LedgerError(message)
        return UsageRecord.from_mapping(values)
    except ValueError as error:
        message = f"{path.name}, line {number}: {error}"
        raise LedgerError(message) from error


def _refuse(name: str, value: object, expected: str) -> LedgerError:
    return LedgerError(f"'{name}' is {str(value)[:60]!r}; expected is {expected}.")


def _text(name: str, value: object) -> None:
    if not isinstance(value, str):
        raise _refuse(name, value, "text")


def _count(name: str, value: object) -> None:
    if not isinstance(value, int) or isinstance(value, bool) or value < 0:
        raise _refuse(name, value, "a whole number from 0")


def _flag(name: str, value: object) -> None:
    if not isinstance(value, bool):
        raise _refuse(name, value, "true or false")


def _seconds(name: str, value: object) -> None:
    if isinstance(value, bool) or not isinstance(value, int | float) or not math.isfinite(value) or value < 0:
        raise _refuse(name, value, "seconds, 0 or more")


def _share(name: str, value: object) -> None:
    if value is None:
        return
    _seconds(name, value)
    if isinstance(value, int | float) and value > 1:
        raise _refuse(name, value, "a share between 0 and 1")


def _time(name: str, value: object) -> None:
    try:
        moment = datetime.fromisoformat(str(value))
    except ValueError as error:
        raise _refuse(name, value, "a time like 2026-01-31T10:00:00Z") from error
    if moment.tzinfo is None or moment.utcoffset():
        raise _refuse(name, value, "a time in UTC, like 2026-01-31T10:00:00Z")


def _time_or_none(name: str, value: object) -> None:
    if value is not None:
        _time(name, value)


def _arm(name: str, value: object) -> None:
    if value not in get_args(Arm):
        raise _refuse(name, value, f"one of {', '.join(get_args(Arm))}")


def _outcome(name: str, value: object) -> None:
    if value not in get_args(Outcome):
        raise _refuse(name, value, f"one of {', '.join(get_args(Outcome))}")


def _source(name: str, value: object) -> None:
    if value not in get_args(TimeSource):
        raise _refuse(name, value, f"one of {', '.join(get_args(TimeSource))}")


_CHECKS: Final = (
    dict.fromkeys(NAMES, _text)
    | dict.fromkeys(("version", "log_index"), _count)
    | dict.fromkeys(("substituted_decision", "two_person", "break_glass"), _flag)
    | dict.fromkeys(("human_seconds_raw", "human_seconds"), _seconds)
    | dict.fromkeys(("received_at", "answered_at"), _time)
    | dict.fromkeys(("opened_at", "decided_at", "released_at"), _time_or_none)
    | {"edit_distance": _share, "arm": _arm, "outcome": _outcome, "time_source": _source}
)
