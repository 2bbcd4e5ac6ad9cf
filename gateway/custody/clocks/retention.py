"""The three clocks of R24: what is due is destroyed on its day by one replica, with entries that say so; a legal hold stops it.

Security journal: sign-ins and refusals can no longer be looked up by person. Use of AI: the content of calls that nobody
decided on. Signed decisions: the content and the signed record. A closed account's name goes when no record refers to it any more.
"""

from __future__ import annotations

import asyncio
import json
from contextlib import suppress
from dataclasses import dataclass, field
from datetime import date, timedelta
from typing import TYPE_CHECKING, Final

import structlog

from gateway.audit.batch import Statement, Write
from gateway.audit.leaf import Event, EventType
from gateway.audit.search.index import fill
from gateway.custody.clocks.terms import decision_until, months_before
from gateway.custody.erasing import retained
from gateway.database import BROKEN, connect
from gateway.errors import Conflict, GarantError
from gateway.identity.people import pseudonym
from gateway.ids import uuid7
from gateway.signals.bus import Topic, message
from gateway.suggestions.states import OPEN

if TYPE_CHECKING:
    from collections.abc import Sequence
    from datetime import datetime
    from uuid import UUID

    import asyncpg

    from gateway.audit.writer import Writer
    from gateway.clock import Clock
    from gateway.custody.reading import Stock
    from gateway.database import Connection
    from gateway.operations.keys import Keys
    from gateway.settings import Settings
    from gateway.suggestions.repository import Suggestions
    from gateway.suggestions.tables import Suggestion

SECURITY: Final = ("auth_ok", "auth_failed", "denied")
"""Types of entries that are the security journal."""
WAITING: Final = sorted(state.value for state in OPEN)
_LEAD: Final = "SELECT pg_try_advisory_lock(71486, hashtext($1))"
HELD: Final = "EXISTS (SELECT FROM legal_holds AS h WHERE h.case_id = s.case_id AND h.lifted_at IS NULL)"
SIGNED: Final = "EXISTS (SELECT FROM signatures AS g WHERE g.suggestion_id = s.id)"
_USE: Final = f"""
SELECT s.case_id, array_agg(s.id ORDER BY s.id) AS ids FROM suggestions AS s
WHERE s.establishment = $1 AND s.erased_at IS NULL AND s.received_at < $2 AND s.state <> ALL($3::text[]) AND NOT {SIGNED} AND NOT {HELD}
GROUP BY s.case_id ORDER BY s.case_id LIMIT $4
"""  # noqa: S608 - our own text
_DECISIONS: Final = f"""
SELECT c.case_id, c.last, CASE WHEN k.death_noted_at < $7 THEN k.died_on END AS died_on, c.ids FROM (
  SELECT s.case_id, max(greatest(s.received_at, s.decided_at, s.released_at)) AS last, bool_or(s.state = ANY($3::text[])) AS waits,
    array_agg(s.id ORDER BY s.id) FILTER (WHERE s.erased_at IS NULL) AS ids, bool_or({SIGNED}) AS signed, bool_or({HELD}) AS held
  FROM suggestions AS s
  WHERE s.case_id IN (SELECT o.case_id FROM suggestions AS o WHERE o.establishment = $1 AND o.erased_at IS NULL AND o.received_at < $2)
  GROUP BY s.case_id
) AS c LEFT JOIN cases AS k ON k.id = c.case_id
WHERE c.signed AND NOT c.waits AND NOT c.held AND c.case_id > $4 AND (c.last < $5 OR k.died_on IS NOT NULL) ORDER BY c.case_id LIMIT $6
"""  # noqa: S608 - our own text
_JOURNAL: Final = "SELECT count(*) FROM log_search WHERE establishment = $1 AND type = ANY($2::text[]) AND at < $3"
_FORGET_JOURNAL: Final = "SELECT forget_journal($1, $2, $3)"
_ERASE: Final = "SELECT erase_due($1, $2, $3, $4)"
_CLOSED: Final = """
SELECT p.id FROM people AS p WHERE NOT p.active AND p.created_at < $1 AND (p.last_sign_in_at IS NULL OR p.last_sign_in_at < $1)
AND NOT EXISTS (SELECT FROM signatures AS g WHERE g.person_id = p.id) AND NOT EXISTS (SELECT FROM judgements AS j WHERE j.person_id = p.id)
AND NOT EXISTS (SELECT FROM opinions AS o WHERE o.person_id = p.id) AND NOT EXISTS (SELECT FROM people AS o WHERE o.supervised_by = p.id)
"""
_REFERRED: Final = """
SELECT EXISTS (SELECT FROM log_search WHERE establishment = $1 AND actor = $2 AND type <> ALL($3::text[])
  AND at >= CASE WHEN case_id IS NULL THEN $4::timestamptz ELSE $5::timestamptz END)
"""
_FORGET_PERSON: Final = "SELECT forget_person($1)"
_DEATH_RESTS: Final = timedelta(days=30)
"""So long a noted death shortens nothing: whoever noted a wrong one is found out first."""
_SEEN: Final = "SELECT at, tried_at FROM publications WHERE establishment = $1 AND place = 'retention'"
_LOOKED: Final = """
INSERT INTO publications (establishment, place, at, tried_at) VALUES ($1, 'retention', $2, $3)
ON CONFLICT (establishment, place) DO UPDATE SET at = $2, tried_at = $3
"""
_GAP: Final = timedelta(days=2)
_STEADY: Final = timedelta(days=1)
_NONE: Final = "00000000-0000-0000-0000-000000000000"
_AT_A_TIME: Final = 200
log = structlog.get_logger()


@dataclass(slots=True)
class Erased:
    """What one look destroyed: cases of each class, searchable entries of the security journal, names."""

    use: int = 0
    decision: int = 0
    security: int = 0
    identity: int = 0

    @property
    def total(self) -> int:
        """Of everything."""
        return self.use + self.decision + self.security + self.identity


@dataclass(slots=True)
class Retaining:
    """One replica's part in it.

    Args:
        url, settings, writer, keys, stock, suggestions, clock: its collaborators.
    """

    url: str
    settings: Settings
    writer: Writer
    keys: Keys
    stock: Stock
    suggestions: Suggestions
    clock: Clock
    _task: asyncio.Task[None] | None = field(default=None)

    def start(self) -> None:
        """Begin to look, where the configuration leaves it to the replicas."""
        if self.settings.retention.automatic:
            self._task = asyncio.create_task(self._run(), name="retention")

    async def stop(self) -> None:
        """End."""
        if self._task is not None:
            self._task.cancel()
            with suppress(asyncio.CancelledError):
                await self._task

    async def once(self) -> Erased:
        """Look now and destroy what is due, whichever replica leads. Raises OSError, asyncpg.PostgresError, GarantError."""
        connection = await connect(self.url)
        try:
            return await self._look(connection)
        finally:
            await connection.close(timeout=2)

    async def _run(self) -> None:
        while True:
            try:
                await self._while_connected()
            except BROKEN as error:
                log.warning("retention.away", error=type(error).__name__)
            except GarantError as error:
                log.warning("retention.interrupted", code=error.code)
            await asyncio.sleep(self.settings.retention.interval_seconds)

    async def _while_connected(self) -> None:
        connection = await connect(self.url)
        try:
            leads = False
            while True:
                leads = leads or await connection.fetchval(_LEAD, self.settings.establishment.id)
                done = await self._look(connection) if leads and await self._steady(connection) else Erased()
                if done.total:
                    log.info("retention.erased", entries=done.total)
                await asyncio.sleep(self.settings.retention.interval_seconds)
        finally:
            connection.terminate()

    async def _steady(self, connection: Connection) -> bool:
        """Whether the clock has gone on as clocks do for a day: after a jump, or a long silence, nothing is destroyed at once."""
        now, name = self.clock.now(), self.settings.establishment.id
        seen = await connection.fetchrow(_SEEN, name)
        jumped = seen is None or not -_STEADY < now - seen["at"] < _GAP
        since = now if jumped else seen["tried_at"]
        if jumped:
            log.warning("retention.waits", seconds=_STEADY.total_seconds())
        await connection.execute(_LOOKED, name, now, since)
        return now - since >= _STEADY

    async def _look(self, connection: Connection) -> Erased:
        now, done = self.clock.now(), Erased()
        if self.writer.damaged is not None:
            return done
        await fill(connection, self.settings.establishment.id)
        done.use = await self._use(connection, now)
        done.decision = await self._decisions(connection, now)
        done.security = await self._journal(connection, now)
        done.identity = await self._names(connection, now)
        return done

    async def _use(self, connection: Connection, now: datetime) -> int:
        before, done = months_before(now, self.settings.retention.use_months), 0
        while rows := await connection.fetch(_USE, self.settings.establishment.id, before, WAITING, _AT_A_TIME):
            erased = sum([await self._erase(row["case_id"], row["ids"], "retention_use", now) for row in rows])
            done += erased
            if not erased:
                break
        return done

    async def _decisions(self, connection: Connection, now: datetime) -> int:
        rule, done, last = self.settings.retention, 0, _NONE
        soonest = months_before(now, 12 * min(rule.after_death_years, rule.decision_years))
        ordinary = months_before(now, 12 * rule.decision_years)
        while rows := await connection.fetch(
            _DECISIONS, self.settings.establishment.id, soonest, WAITING, last, ordinary, _AT_A_TIME, now - _DEATH_RESTS
        ):
            last = str(rows[-1]["case_id"])
            for row in rows:
                if await self._is_over(row, now):
                    done += await self._erase(row["case_id"], row["ids"], "retention_decision", now)
        return done

    async def _is_over(self, row: asyncpg.Record, now: datetime) -> bool:
        """Whether a decision's term has passed; one of which the patient's age cannot be read is kept, and told."""
        try:
            birth = await self._birth(row["case_id"])
        except Conflict as error:
            log.warning("retention.unreadable", code=error.code)
            return False
        return decision_until(row["last"], birth, row["died_on"], self.settings.retention) <= now

    async def _birth(self, case: UUID) -> date | None:
        """The date of birth that a call of this case carried, if the configuration says where. Raises Conflict where it cannot be opened."""
        name = self.settings.retention.birth_date
        rows = await self.stock.suggestions(case) if name else []
        for row in (one for one in rows if one.erased_at is None):
            text = await self._patient(row, name)
            with suppress(ValueError):
                return date.fromisoformat(text)
        return None

    async def _patient(self, row: Suggestion, name: str) -> str:
        kept = await self.suggestions.payload(row, "patient")
        strip = json.loads(kept or b"{}")
        return str(strip.get(name, "") if isinstance(strip, dict) else "")[:10]

    async def _erase(self, case: UUID, ids: Sequence[UUID], basis: str, now: datetime) -> int:
        payloads = await self.stock.payloads(ids)
        indices = await self.stock.committed(case, ids)
        events = retained(case, ids, basis, indices, len(payloads), now)
        guard = Statement(_ERASE, (case, list(ids), basis, now), key=case)
        return await self._append(Write(events, guards=(guard,), wake=(message(Topic.ERASED, case),)))

    async def _journal(self, connection: Connection, now: datetime) -> int:
        before = months_before(now, self.settings.retention.security_months)
        arguments = (self.settings.establishment.id, list(SECURITY), before)
        count = int(await connection.fetchval(_JOURNAL, *arguments))
        if count <= 1:  # the newest entry of the index stays, so that it is never filled from the beginning again
            return 0
        event = self._event("retention_security", now, {"entries": str(count)})
        return count * await self._append(Write((event,), effects=(Statement(_FORGET_JOURNAL, arguments),)))

    async def _names(self, connection: Connection, now: datetime) -> int:
        """Names of closed accounts to which nothing refers: no signed record, no entry about a case within the time of decisions, no other of use."""
        rule, done = self.settings.retention, 0
        limits = (months_before(now, rule.use_months), months_before(now, 12 * rule.decision_years))
        for row in await connection.fetch(_CLOSED, months_before(now, rule.security_months)):
            actor = pseudonym(self.keys, row["id"])
            if not await connection.fetchval(_REFERRED, self.settings.establishment.id, actor, list(SECURITY), *limits):
                event = self._event("retention_identity", now, {"subject": actor})
                done += await self._append(Write((event,), guards=(Statement(_FORGET_PERSON, (row["id"],), key=row["id"]),)))
        return done

    def _event(self, basis: str, now: datetime, detail: dict[str, str]) -> Event:
        return Event(uuid7(), EventType.ERASED, now, "system:retention", "system", detail={"basis": basis, **detail})

    async def _append(self, write: Write) -> int:
        """1 where it was written; 0 where the database refused, because something of it changed in this moment."""
        try:
            await self.writer.append(write)
        except Conflict:
            return 0
        return 1
