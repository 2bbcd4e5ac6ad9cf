"""Active time of everybody who touched a case: as the page measured it, never more than really passed under the lease.

It is summed per case into the ledger; no interface tells it per person.
"""

from __future__ import annotations

from typing import TYPE_CHECKING, Final

from gateway.ids import uuid7
from gateway.signoff.models import Phases
from gateway.suggestions.work.repository import Active, added
from gateway.suggestions.work.tables import ActiveTimes

if TYPE_CHECKING:
    from datetime import datetime
    from uuid import UUID

    from gateway.audit.batch import Statement
    from gateway.identity.people import Person
    from gateway.signoff.models import ActiveTime
    from gateway.suggestions.tables import Suggestion
    from gateway.suggestions.work.repository import Work

IDLE_CAP_SECONDS: Final = 60.0


async def measured(work: Work, row: Suggestion, person: Person, reported: ActiveTime | None, act: str, at: datetime) -> ActiveTimes:
    """What one act cost, without what pages that were left in between have reported already."""
    told = 0.0 if row.leased_at is None else await work.claimed(row.id, person.id, row.leased_at)
    return active_time(row, person, reported, act, at, told)


def active_time(row: Suggestion, person: Person, reported: ActiveTime | None, act: str, at: datetime, told: float = 0.0) -> ActiveTimes:
    """What one act cost; without a page's measurement, the time since the lease began with at most a minute of it counted.

    `told`: seconds of this lease that were claimed before.
    """
    passed = 0.0 if row.leased_at is None else max(0.0, (at - row.leased_at).total_seconds() - told)
    raw = passed if reported is None else min(reported.raw, passed)
    capped = min(raw, IDLE_CAP_SECONDS) if reported is None else min(reported.capped, raw)
    parts = _within(reported.phases if reported else Phases(), capped)
    entry = uuid7()
    return ActiveTimes(
        id=entry, suggestion_id=row.id, person_id=person.id, act=act, raw=raw, capped=capped, read=parts.read, judge=parts.judge,
        edit=parts.edit, source="lease" if reported is None else "reported", at=at, entry_id=entry,
    )  # fmt: skip


def _within(phases: Phases, capped: float) -> Phases:
    """The phases, together at most the capped seconds."""
    told = phases.read + phases.judge + phases.edit
    share = min(1.0, capped / told) if told else 0.0
    return Phases(read=phases.read * share, judge=phases.judge * share, edit=phases.edit * share)


def spent(times: ActiveTimes, entry: UUID) -> Statement:
    """The statement that keeps it, beside the entry of the act."""
    times.entry_id = entry
    return added(times)


def together(before: Active, times: ActiveTimes) -> Active:
    """Everybody's time so far with this act's."""
    return Active(before.raw + times.raw, before.capped + times.capped, before.reported and times.source == "reported", before.unaided)
