"""Fills the search index from the log: one row an entry without its bytes, and counts by day.

The index is derived: whatever it says, the log is what counts. It is filled beside the append path, in order, under a lock
of its own, so that several replicas may do it at once and nothing is counted twice.
"""

from __future__ import annotations

from typing import TYPE_CHECKING, Final

if TYPE_CHECKING:
    from gateway.database import Connection

AT_A_TIME: Final = 10_000
_ALONE: Final = "SELECT pg_advisory_xact_lock(71485, hashtext($1))"
_HAVE: Final = "SELECT coalesce(max(index) + 1, 0) FROM log_search WHERE establishment = $1"
_SIZE: Final = "SELECT size FROM log_head WHERE establishment = $1"
_FILL: Final = """
WITH read AS (
  SELECT index, at, type, case_id, suggestion_id, coalesce(task, '') AS task, convert_from(leaf, 'UTF8')::jsonb AS leaf
  FROM entries WHERE establishment = $1 AND index >= $2 AND index < $3
), added AS (
  INSERT INTO log_search
  SELECT $1, index, at, type, case_id, suggestion_id, task, leaf ->> 'actor', leaf ->> 'role',
    coalesce(leaf -> 'detail' ->> 'system', ''), coalesce(leaf -> 'model' ->> 'version', ''), coalesce(leaf ->> 'decision', ''),
    coalesce(leaf -> 'detail' ->> 'reason', leaf -> 'detail' ->> 'code', '')
  FROM read
  RETURNING (at AT TIME ZONE 'UTC')::date AS day, type, task, role, system, version, decision, reason
)
INSERT INTO log_counts SELECT $1, a.*, count(*) FROM added AS a GROUP BY 2, 3, 4, 5, 6, 7, 8, 9
ON CONFLICT (establishment, day, type, task, role, system, version, decision, reason) DO UPDATE SET n = log_counts.n + excluded.n
"""


async def fill(connection: Connection, establishment: str, most: int = 2**62) -> int:
    """Add what is missing, at most so many entries; returns how many were added."""
    added = 0
    while added < most:
        async with connection.transaction():
            await connection.execute(_ALONE, establishment)
            have = await connection.fetchval(_HAVE, establishment)
            size = await connection.fetchval(_SIZE, establishment) or 0
            end = min(size, have + AT_A_TIME, have + most - added)
            await connection.execute(_FILL, establishment, have, end)
        added += end - have
        if end == size:
            break
    return added
