"""What the pages show of the ledger; `gateway.app` hands it to the web room."""

from __future__ import annotations

from typing import TYPE_CHECKING

from impact.counts import counts

if TYPE_CHECKING:
    from collections.abc import Iterable

    from impact.counts import TaskCounts
    from impact.ledger import UsageRecord


def usage_by_task(records: Iterable[UsageRecord]) -> tuple[TaskCounts, ...]:
    """Counts per task; minutes below the publication threshold are suppressed."""
    return counts(records)
