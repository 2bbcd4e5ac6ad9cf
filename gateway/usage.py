"""Finished facts become ledger rows, and total volumes come in beside them; the only door to the contracts of `impact`.

A row is written in the transaction of the log entry that finishes the task instance, so a figure of the impact
section always rests on an entry of the log. So do total volumes: whoever gives them has an entry.
"""

from __future__ import annotations

from dataclasses import dataclass
from datetime import datetime  # noqa: TC003 - dataclass fields
from typing import TYPE_CHECKING, Any, Final, Literal, TypeAlias

import orjson

from gateway.audit.batch import Statement, Usage, Write
from gateway.audit.leaf import Event, EventType
from gateway.clock import rfc3339
from gateway.database import aside
from gateway.errors import BadInput, Conflict
from gateway.ids import uuid7
from impact.intake import volumes as intake
from impact.intake.checking import Problem, Refused
from impact.intake.reading import Unreadable
from impact.ledger import VERSION, LedgerError, UsageRecord

if TYPE_CHECKING:
    from collections.abc import AsyncIterator, Mapping, Sequence

    from gateway.audit.writer import Writer
    from gateway.database import Connection
    from gateway.identity.roles import Author
    from gateway.settings import Settings
    from gateway.suggestions.models import AnySuggestion
    from gateway.suggestions.repository import Suggestions
    from gateway.suggestions.work.repository import Active
    from impact.intake.reading import Sheet

LedgerRow: TypeAlias = UsageRecord
_AT_A_TIME: Final = 500
_LINES: Final = """
SELECT facts || jsonb_build_object('log_index', log_index) FROM usage_records
WHERE establishment = $1 AND log_index > $2 AND log_index <= $3 ORDER BY log_index
"""


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


async def lines(connection: Connection, establishment: str, after: int, upto: int) -> bytes:
    """The ledger rows after a log index up to another as JSON lines, as they are stored: nobody has validated them."""
    found = bytearray()

    async def take(content: bytes) -> None:
        found.extend(content)

    # JSON holds no control character, so nothing is quoted: each row of this CSV of one column is the JSON itself.
    await connection.copy_from_query(_LINES, establishment, after, upto, output=take, format="csv", delimiter="\x02", quote="\x01")
    return bytes(found)


async def records(url: str, establishment: str) -> list[UsageRecord]:
    """Every ledger row, in log order. Raises Conflict at the first that is none."""
    async with aside(url) as connection:
        return [found async for found in read(connection, establishment)]


VolumeRow: TypeAlias = dict[str, Any]
Content: TypeAlias = "bytes | Sequence[Mapping[str, object]] | tuple[Sheet, Mapping[str, str]]"
_VOLUMES: Final = (
    "SELECT task, site, profession, stratum, month, n, added_minutes, source FROM impact_volumes "
    "ORDER BY task, site, profession, stratum, month"
)
_KEY: Final = "task, month, site, profession, stratum"
_GIVE: Final = f"""
WITH given AS (
  SELECT * FROM jsonb_to_recordset($2::text::jsonb)
    AS g(task text, month text, site text, profession text, stratum text, n bigint, added_minutes double precision, source text)
), gone AS (
  DELETE FROM impact_volumes v WHERE (task, month, site) IN (SELECT task, month, site FROM given)
    AND ({_KEY}) NOT IN (SELECT {_KEY} FROM given) RETURNING 1
), kept AS (
  INSERT INTO impact_volumes AS v ({_KEY}, n, added_minutes, source, entry)
  SELECT {_KEY}, n, added_minutes, source, $1::uuid FROM given
  ON CONFLICT ({_KEY}) DO UPDATE SET n = excluded.n, added_minutes = excluded.added_minutes, source = excluded.source, entry = excluded.entry
  WHERE (v.n, v.added_minutes, v.source) IS DISTINCT FROM (excluded.n, excluded.added_minutes, excluded.source) RETURNING 1
) SELECT $1::uuid WHERE EXISTS (SELECT 1 FROM gone UNION ALL SELECT 1 FROM kept)
"""  # noqa: S608 - our names

_KEEP: Final = "INSERT INTO volumes_given (entry, rows) VALUES ($1::uuid, $2::text::jsonb)"


class VolumesRefused(BadInput):
    """Total volumes that are not taken; `problems` are told by row and column.

    Args:
        problems: of the rows; empty where the whole cannot be read.
    """

    status = 422
    code = "volumes_refused"
    title = "These volumes are not as they should be"

    def __init__(self, message: str, problems: Sequence[Problem] = ()) -> None:
        french = f"Rien n'a été repris de ces volumes. {message}"
        super().__init__(message, fr=french)
        self.problems = tuple(problems)


@dataclass(frozen=True, slots=True)
class Given:
    """What came of giving volumes: rows in what was sent, rows that are other ones than before, the digest of what is known now."""

    rows: int
    changed: int
    digest: str


async def volumes(url: str) -> list[VolumeRow]:
    """All total volumes that were given."""
    async with aside(url) as connection:
        return await volumes_of(connection)


async def volumes_of(connection: Connection) -> list[VolumeRow]:
    """All total volumes that were given, by an open connection."""
    return [dict(row) for row in await connection.fetch(_VOLUMES)]


@dataclass(frozen=True, slots=True)
class Giver:
    """Who answers for total volumes, and which tasks and sites they may tell of; the site "" is the whole establishment."""

    by: Author
    tasks: frozenset[str]
    sites: frozenset[str]

    @classmethod
    def of(cls, settings: Settings, by: Author) -> Giver:
        """Somebody who may tell of the whole establishment."""
        return cls(by, frozenset(task.id for task in settings.tasks), frozenset({"", *settings.establishment.sites}))


async def give(writer: Writer, url: str, content: Content, giver: Giver, at: datetime) -> Given:
    """Take total volumes in, whole or not at all; the same ones again change nothing and leave no entry.

    Args:
        writer: of the log.
        url: the database.
        content: a CSV's bytes, rows by column name, or a sheet that was read with what a person said of its headings.
        giver: who answers for them.
        at: now.

    Raises:
        VolumesRefused: every problem by row and column; nothing was taken.
        AuditUnavailable: the log cannot be written; nothing was taken.
    """
    known = await volumes(url)
    try:
        sheet, said = content if isinstance(content, tuple) else (intake.sheet_of(content), None)
        rows = intake.given(sheet, known, {"task": giver.tasks, "site": giver.sites}, said)
    except Refused as error:
        raise VolumesRefused(str(error), error.problems) from error
    except Unreadable as error:
        raise VolumesRefused(f"{error} Nothing was imported.") from error
    changed, digest = intake.changed(known, rows), intake.digest(intake.merged(known, rows))
    if changed:
        changed = await _give(writer, rows, giver.by, at, changed)
    return Given(len(rows), changed, digest)


async def _give(writer: Writer, rows: list[VolumeRow], by: Author, at: datetime, changed: int) -> int:
    """Write them with their entry; 0 where somebody has given the same in the meantime."""
    detail = {"change": "volumes_given", "subject": "impact:volumes", "rows": str(len(rows)), "digest": intake.digest(rows)}
    event = Event(uuid7(), EventType.CONFIG_CHANGED, at, by.actor, by.role, auth=by.auth or None, detail=detail)
    document = orjson.dumps(rows).decode()
    guard, kept = Statement(_GIVE, (event.id, document), key=event.id), Statement(_KEEP, (event.id, document))
    try:
        await writer.append(Write((event,), guards=(guard,), effects=(kept,)))
    except Conflict:
        return 0
    return changed


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
