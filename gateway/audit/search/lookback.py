"""Looking back (R20): every case that an AI system touched in a period: what left of it, who signed, who got it, who was contacted again.

The log itself holds both ends: an `incident` entry says what is looked back at, a `patient_informed` entry ticks one case off.
"""

from __future__ import annotations

import json
from dataclasses import dataclass
from datetime import date
from itertools import groupby
from typing import TYPE_CHECKING, Any, Final
from uuid import UUID

from sqlmodel import text

from gateway.audit.leaf import Event, EventType
from gateway.errors import Conflict, Unknown
from gateway.ids import uuid7

if TYPE_CHECKING:
    from collections.abc import Mapping, Sequence
    from datetime import datetime

    from sqlalchemy import Row
    from sqlalchemy.ext.asyncio import AsyncConnection

    from gateway.identity.roles import Author

_OPENED: Final = text("SELECT index AS place, leaf FROM entries WHERE establishment = :name AND id = :id AND type = 'incident'")
_ALL: Final = text("""
SELECT e.id, e.index AS place, e.leaf FROM log_search AS s JOIN entries AS e USING (establishment, index)
WHERE s.establishment = :name AND s.type = 'incident' ORDER BY s.index DESC LIMIT 100
""")
_FOUND: Final = """
SELECT case_id, suggestion_id::text AS suggestion, min(at) FILTER (WHERE type = 'received') AS at,
  max(at) FILTER (WHERE type = 'released') AS released_at,
  CASE WHEN suggestion_id IN (SELECT id FROM suggestions WHERE first_signer IS NOT NULL
    AND state IN ('held', 'notified', 'first_signed', 'disputed', 'drafted', 'emergency')) THEN '{{}}'
    ELSE coalesce(array_agg(actor) FILTER (WHERE type = 'signed_off'), '{{}}') END AS signers,
  coalesce(array_agg(actor) FILTER (WHERE type = 'received' AND role = 'machine'), '{{}}') AS recipients
FROM log_search
WHERE establishment = :name AND system = :system AND type IN ('received', 'signed_off', 'released') AND case_id IS NOT NULL {only}
GROUP BY case_id, suggestion_id
HAVING bool_or(type = 'received' AND (:version = '' OR version = :version)
  AND at >= (CAST(:since AS date) AT TIME ZONE 'UTC') AND at < ((CAST(:until AS date) + 1) AT TIME ZONE 'UTC'))
  AND (NOT :released OR bool_or(type = 'released'))
"""
_CASES: Final = text(_FOUND.format(only=""))
_CASE: Final = text(_FOUND.format(only="AND case_id = :case"))
_DONE: Final = text("""
SELECT e.case_id, e.at, s.actor FROM log_search AS s JOIN entries AS e USING (establishment, index)
WHERE s.establishment = :name AND s.type = 'patient_informed' AND s.index > :after
  AND convert_from(e.leaf, 'UTF8')::jsonb -> 'detail' ->> 'lookback' = :id
""")

_COUNTED: Final = text("""
WITH asked AS MATERIALIZED (
  SELECT * FROM jsonb_to_recordset(CAST(:backs AS jsonb))
    AS b (id text, place bigint, system text, version text, since date, until date, released boolean)
), gone AS MATERIALIZED (
  SELECT DISTINCT system, case_id, suggestion_id FROM log_search
  WHERE establishment = :name AND type = 'released' AND system IN (SELECT system FROM asked WHERE released)
), there AS (
  SELECT DISTINCT b.id, s.case_id FROM asked AS b JOIN log_search AS s ON s.system = b.system
  WHERE s.establishment = :name AND s.type = 'received' AND s.case_id IS NOT NULL AND (b.version = '' OR b.version = s.version)
    AND s.at >= (b.since AT TIME ZONE 'UTC') AND s.at < ((b.until + 1) AT TIME ZONE 'UTC')
    AND (NOT b.released OR (s.system, s.case_id, s.suggestion_id) IN (SELECT system, case_id, suggestion_id FROM gone))
), ticked AS (
  SELECT DISTINCT b.id, e.case_id
  FROM log_search AS s JOIN entries AS e USING (establishment, index)
  JOIN asked AS b ON b.id = convert_from(e.leaf, 'UTF8')::jsonb -> 'detail' ->> 'lookback' AND s.index > b.place
  WHERE s.establishment = :name AND s.type = 'patient_informed'
)
SELECT id, count(*) AS total, count(*) FILTER (WHERE ticked.id IS NULL) AS waiting
FROM there LEFT JOIN ticked USING (id, case_id) GROUP BY id
""")


@dataclass(frozen=True, slots=True)
class Lookback:
    """What is looked back at: an AI system, one of its versions (all where empty), days in UTC, both included.

    Args:
        released: only cases of which an answer left.
        index: of the entry that began it.
    """

    id: UUID
    system: str
    version: str
    since: date
    until: date
    released: bool = False
    index: int = -1


@dataclass(frozen=True, slots=True)
class Touched:
    """One case; `done_at`, `done_by`: when it was contacted again, and who said so.

    Args:
        suggestion: the latest one.
        released_at: when an answer left last, None where none did.
        signers: actors of the log who signed; nobody while the second of two has still to decide.
        recipients: the machines that asked.
    """

    case: UUID
    at: datetime
    suggestion: UUID
    released_at: datetime | None
    signers: tuple[str, ...]
    recipients: tuple[str, ...]
    done_at: datetime | None
    done_by: str


@dataclass(frozen=True, slots=True)
class Counted:
    """How many cases a look-back has, and how many are still to be contacted."""

    total: int
    left: int


def opened(back: Lookback, by: Author, at: datetime) -> Event:
    """The entry that begins one; its id is the look-back's."""
    detail = {
        "kind": "lookback",
        "system": back.system,
        "version": back.version,
        "since": back.since.isoformat(),
        "until": back.until.isoformat(),
        "released": "yes" if back.released else "no",
    }
    return Event(back.id, EventType.INCIDENT, at, by.actor, by.role, auth=by.auth or None, detail=detail)


def contacted(lookback: UUID, case: UUID, by: Author, at: datetime) -> Event:
    """The entry that ticks a case off."""
    return Event(
        uuid7(), EventType.PATIENT_INFORMED, at, by.actor, by.role, case=case, auth=by.auth or None, detail={"lookback": str(lookback)}
    )


async def found(connection: AsyncConnection, establishment: str, identity: UUID) -> Lookback:
    """The look-back of this id. Raises Unknown."""
    row = (await connection.execute(_OPENED, {"name": establishment, "id": identity})).first()
    back = None if row is None else _told(identity, row.place, row.leaf)
    if back is None:
        raise Unknown(
            "There is no look-back with this id. Begin one from a search of the log.",
            fr="Il n'y a pas de recherche rétrospective de cet identifiant. Commencez-en une depuis une recherche dans le journal.",
        )
    return back


async def all_of(connection: AsyncConnection, establishment: str) -> list[tuple[Lookback, Counted]]:
    """The look-backs that were begun, the newest first, at most 100, each with its counts: two statements however many there are."""
    rows = (await connection.execute(_ALL, {"name": establishment})).all()
    backs = [back for row in rows if (back := _told(row.id, row.place, row.leaf)) is not None]
    asked = json.dumps([_asked(back) for back in backs])
    found_now = (await connection.execute(_COUNTED, {"name": establishment, "backs": asked})).all()
    counts = {row.id: Counted(row.total, row.waiting) for row in found_now}
    return [(back, counts.get(str(back.id), Counted(0, 0))) for back in backs]


async def touched(connection: AsyncConnection, establishment: str, back: Lookback, case: UUID | None = None) -> list[Touched]:
    """Its cases (or one of them), those that are still to be contacted first, then the oldest."""
    asked = {"name": establishment, "system": back.system, "version": back.version, "since": back.since, "until": back.until}
    ticked = {"name": establishment, "id": str(back.id), "after": back.index}
    done = {row.case_id: (row.at, row.actor) for row in await connection.execute(_DONE, ticked)}
    only = (_CASES, {}) if case is None else (_CASE, {"case": case})
    rows = (await connection.execute(only[0], {**asked, **only[1], "released": back.released})).all()
    cases = [_merged(case, list(group), done) for case, group in groupby(sorted(rows, key=_by_case), key=_by_case)]
    return sorted(cases, key=lambda one: (one.done_at is not None, one.at, one.case.int))


def _by_case(row: Row[Any]) -> UUID:
    found: UUID = row.case_id
    return found


def _merged(case: UUID, rows: Sequence[Row[Any]], done: Mapping[UUID, tuple[datetime, str]]) -> Touched:
    """One case of its suggestions, the latest of which is named."""
    left = [row.released_at for row in rows if row.released_at is not None]
    signers, recipients = (tuple(sorted({who for row in rows for who in getattr(row, name)})) for name in ("signers", "recipients"))
    latest = UUID(max(row.suggestion for row in rows))
    at, by = done.get(case, (None, ""))
    return Touched(case, min(row.at for row in rows), latest, max(left, default=None), signers, recipients, at, by)


async def check_left(connection: AsyncConnection, establishment: str, back: Lookback, case: UUID) -> None:
    """That a case belongs to it and was not ticked off before. Raises Conflict."""
    found_here = await touched(connection, establishment, back, case)
    if not found_here or found_here[0].done_at is not None:
        raise Conflict(
            "This case is not part of the look-back, or was ticked off already. Reload to see what is left.",
            fr="Ce dossier n'en fait pas partie, ou est déjà coché. Rechargez la page pour voir ce qui reste.",
        )


def _asked(back: Lookback) -> dict[str, object]:
    days = {"since": back.since.isoformat(), "until": back.until.isoformat()}
    return {"id": str(back.id), "place": back.index, "system": back.system, "version": back.version, "released": back.released, **days}


def _told(identity: UUID, index: int, leaf: bytes) -> Lookback | None:
    detail = json.loads(leaf).get("detail", {})
    if detail.get("kind") != "lookback":
        return None
    since, until = (date.fromisoformat(detail[name]) for name in ("since", "until"))
    return Lookback(identity, detail["system"], detail["version"], since, until, released=detail.get("released") == "yes", index=index)
