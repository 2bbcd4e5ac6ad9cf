"""Finished facts become ledger rows; the only door to `impact.ledger`.

A row is written in the transaction of the log entry that finishes the task instance, so a figure of the impact
section always rests on an entry of the log.
"""

from __future__ import annotations

from dataclasses import dataclass
from datetime import datetime  # noqa: TC003 - dataclass fields
from typing import TYPE_CHECKING, Final, Literal, TypeAlias

import orjson

from gateway.audit.batch import Usage
from gateway.clock import rfc3339
from gateway.database import aside
from gateway.errors import Conflict
from impact.ledger import VERSION, LedgerError, UsageRecord

if TYPE_CHECKING:
    from collections.abc import AsyncIterator

    from gateway.database import Connection
    from gateway.suggestions.models import AnySuggestion
    from gateway.suggestions.repository import Suggestions
    from gateway.suggestions.work.repository import Active

LedgerRow: TypeAlias = UsageRecord
_AT_A_TIME: Final = 500


@dataclass(frozen=True, slots=True)
class Work:
    """What people did on one instance. Seconds are active seconds, summed over everybody; `worker` is a keyed pseudonym.

    `unaided`: of these, the seconds before anything of the AI was shown; None where the page did not tell them apart.
    """

    outcome: Literal["auto", "accepted", "amended", "rejected", "ignored"]
    profession: str
    at: datetime
    worker: str = ""
    seconds_raw: float = 0.0
    seconds: float = 0.0
    time_source: Literal["reported", "lease", "none"] = "none"
    opened_at: datetime | None = None
    decided_at: datetime | None = None
    released_at: datetime | None = None
    edit_distance: float | None = None
    substituted_decision: bool = False
    two_person: bool = False
    break_glass: bool = False
    reason: str = ""
    unaided: float | None = None


def record(row: AnySuggestion, work: Work) -> Usage:
    """The ledger row of a finished task instance; its log index is set at commit."""
    facts = {
        "version": VERSION,
        "record": str(row.id),
        "establishment": row.establishment,
        "site": row.site,
        "task": row.task,
        "kind": row.kind,
        "profession": work.profession,
        "worker": work.worker,
        "system": row.system,
        "model": row.model,
        "model_version": row.model_version,
        "policy": row.policy,
        "release_mode": row.mode,
        "arm": "holdout" if row.held_out else "ai",
        "outcome": work.outcome,
        "received_at": rfc3339(row.received_at),
        "answered_at": rfc3339(row.answered_at or work.at),
        "opened_at": _time(work.opened_at),
        "decided_at": _time(work.decided_at),
        "released_at": _time(work.released_at),
        "human_seconds_raw": work.seconds_raw,
        "human_seconds": work.seconds,
        "time_source": work.time_source,
        "edit_distance": work.edit_distance,
        "substituted_decision": work.substituted_decision,
        "two_person": work.two_person,
        "break_glass": work.break_glass,
        "reason": work.reason,
        "stratum": "",
        "unaided_seconds": work.unaided,
        "induced_seconds": 0.0,
    }
    return Usage(row.id, row.task, work.at, orjson.dumps(facts).decode())


def ignored(row: AnySuggestion, profession: str, at: datetime, active: Active) -> Usage:
    """The ledger row of an instance that ended without a decision that counts, with the time that people spent on it."""
    source: Literal["reported", "lease", "none"] = "none" if not active.raw else "reported" if active.reported else "lease"
    return record(row, Work("ignored", profession, at, "", active.raw, active.capped, source, row.opened_at, unaided=active.unaided))


async def left(suggestions: Suggestions, row: AnySuggestion, at: datetime) -> Usage | None:
    """The ledger row of an instance that is withdrawn; None where nobody had opened it."""
    active = await suggestions.work.active(row.id)
    if row.opened_at is None and not active.raw:
        return None
    return ignored(row, (await suggestions.ruling(row))[1].profession, at, active)


async def read(connection: Connection, establishment: str, *, after: int = -1, most: int | None = None) -> AsyncIterator[UsageRecord]:
    """Every ledger row after a log index, or so many of them, in log order, as the contract's records.

    Raises:
        Conflict: at the first that is none.
    """
    query = "SELECT log_index, facts FROM usage_records WHERE establishment = $1 AND log_index > $2 ORDER BY log_index LIMIT $3"
    async with connection.transaction():  # one statement sees one state of the ledger
        async for row in connection.cursor(query, establishment, after, most, prefetch=_AT_A_TIME):
            yield _record(row["facts"], row["log_index"])


async def records(url: str, establishment: str) -> list[UsageRecord]:
    """Every ledger row, in log order. Raises Conflict at the first that is none."""
    async with aside(url) as connection:
        return [found async for found in read(connection, establishment)]


def _record(facts: str, index: int) -> UsageRecord:
    try:
        found = orjson.loads(facts)
        return UsageRecord.from_mapping({**found, "log_index": index} if isinstance(found, dict) else {})
    except LedgerError as error:
        message = (
            f"The ledger's row of log entry {index} cannot be used: {error} Nothing is counted; tell hospital IT that the row was changed."
        )
        french = (
            f"La ligne du registre d'usage liée à l'entrée {index} du journal est inutilisable. Rien n'est compté ; "
            "prévenez l'informatique que cette ligne a été modifiée."
        )
        raise Conflict(message, code="ledger_damaged", fr=french) from error


def _time(moment: datetime | None) -> str | None:
    return None if moment is None else rfc3339(moment)
