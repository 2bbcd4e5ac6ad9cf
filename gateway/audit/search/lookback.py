"""Looking back (R20): every case that an AI system touched in a period, and which of them have been contacted again.

The log itself holds both: an `incident` entry says what is looked back at, a `patient_informed` entry ticks one case off.
"""

from __future__ import annotations

import json
from dataclasses import dataclass
from datetime import date
from typing import TYPE_CHECKING, Final
from uuid import UUID

from sqlmodel import text

from gateway.audit.leaf import Event, EventType
from gateway.errors import Unknown
from gateway.ids import uuid7

if TYPE_CHECKING:
    from datetime import datetime

    from sqlalchemy.ext.asyncio import AsyncConnection

    from gateway.identity.roles import Author

_OPENED: Final = text("SELECT leaf FROM entries WHERE establishment = :name AND id = :id AND type = 'incident'")
_CASES: Final = text("""
SELECT case_id, min(at) AS at, max(suggestion_id::text) AS suggestion FROM log_search
WHERE establishment = :name AND system = :system AND (:version = '' OR version = :version) AND type = 'received' AND case_id IS NOT NULL
  AND at >= (CAST(:since AS date) AT TIME ZONE 'UTC') AND at < ((CAST(:until AS date) + 1) AT TIME ZONE 'UTC')
GROUP BY case_id ORDER BY min(at), case_id
""")
_DONE: Final = text("""
SELECT e.case_id, e.at FROM log_search s JOIN entries e USING (establishment, index)
WHERE s.establishment = :name AND s.type = 'patient_informed' AND convert_from(e.leaf, 'UTF8')::jsonb -> 'detail' ->> 'lookback' = :id
""")


@dataclass(frozen=True, slots=True)
class Lookback:
    """What is looked back at: an AI system, one of its versions (all where empty), days in UTC, both included."""

    id: UUID
    system: str
    version: str
    since: date
    until: date


@dataclass(frozen=True, slots=True)
class Touched:
    """One case; `done_at`: when it was contacted again."""

    case: UUID
    at: datetime
    suggestion: UUID
    done_at: datetime | None


def opened(system: str, version: str, since: date, until: date, by: Author, at: datetime) -> Event:
    """The entry that begins one; its id is the look-back's."""
    detail = {"kind": "lookback", "system": system, "version": version, "since": since.isoformat(), "until": until.isoformat()}
    return Event(uuid7(), EventType.INCIDENT, at, by.actor, by.role, auth=by.auth or None, detail=detail)


def contacted(lookback: UUID, case: UUID, by: Author, at: datetime) -> Event:
    """The entry that ticks a case off."""
    return Event(
        uuid7(), EventType.PATIENT_INFORMED, at, by.actor, by.role, case=case, auth=by.auth or None, detail={"lookback": str(lookback)}
    )


async def found(connection: AsyncConnection, establishment: str, identity: UUID) -> Lookback:
    """The look-back of this id. Raises Unknown."""
    leaf = await connection.scalar(_OPENED, {"name": establishment, "id": identity})
    detail = {} if leaf is None else json.loads(leaf).get("detail", {})
    if detail.get("kind") != "lookback":
        raise Unknown(
            "There is no look-back with this id. Begin one from a search of the log.",
            fr="Il n'y a pas de recherche rétrospective de cet identifiant. Commencez-en une depuis une recherche dans le journal.",
        )
    days = (date.fromisoformat(detail[name]) for name in ("since", "until"))
    return Lookback(identity, detail["system"], detail["version"], *days)


async def touched(connection: AsyncConnection, establishment: str, back: Lookback) -> list[Touched]:
    """Its cases, those that are still to be contacted first."""
    asked = {"name": establishment, "system": back.system, "version": back.version, "since": back.since, "until": back.until}
    done = {row.case_id: row.at for row in await connection.execute(_DONE, {"name": establishment, "id": str(back.id)})}
    rows = (await connection.execute(_CASES, asked)).all()
    cases = [Touched(row.case_id, row.at, UUID(row.suggestion), done.get(row.case_id)) for row in rows]
    return sorted(cases, key=lambda one: one.done_at is not None)
