"""The ledger added up once: sums by team, stratum, arm, week and worker, and how long routed cases took.

Two tables. `cells`: one row per establishment, site, task, kind, profession, stratum, arm, month, week and worker, with
counts and sums of whole milliseconds. `times`: routed instances by time in tenths of a second, for the mode shares. Both
are sums, so two ledgers add up to one and new rows are added to what is there. Workers are only clustered by and counted.

What ran in shadow was no part of anybody's work and is left out. A week is counted from the first of its month (1-7, 8-14, …), so that months are whole weeks.
"""

from __future__ import annotations

from typing import TYPE_CHECKING, Final

if TYPE_CHECKING:
    from impact.measuring.sources import Connection

KEYS: Final = ("establishment", "site", "task", "kind", "profession", "stratum", "arm", "month", "week", "worker")
SUMS: Final = ("n", "ms", "ms2", "raw_ms", "rework_ms", "induced_ms", "auto", "accepted", "amended", "rejected", "ignored", "bounded")
TIME_KEYS: Final = ("establishment", "site", "task", "profession", "stratum", "month", "week", "quick", "redone", "tenths")
NOVELTY_DAYS: Final = 30

_ROWS: Final = """
SELECT establishment, site, task, kind, profession, stratum, arm, worker, outcome, time_source, log_index,
    received_at[1:7] AS month, CAST((CAST(received_at[9:10] AS TINYINT) - 1) // 7 AS TINYINT) AS week,
    CAST(round(1000 * CASE WHEN arm = 'holdout' THEN coalesce(unaided_seconds, human_seconds) ELSE human_seconds END) AS BIGINT) AS ms,
    CAST(round(1000 * human_seconds_raw) AS BIGINT) AS raw_ms, CAST(round(1000 * induced_seconds) AS BIGINT) AS induced_ms
FROM {source} WHERE release_mode <> 'shadow'
"""
_CELLS: Final = """
SELECT establishment, site, task, kind, profession, stratum, arm, month, week, worker, count(*) AS n, sum(ms)::HUGEINT AS ms,
    sum(ms * ms)::HUGEINT AS ms2, sum(raw_ms)::HUGEINT AS raw_ms,
    sum(CASE WHEN outcome = 'rejected' THEN ms - induced_ms ELSE 0 END)::HUGEINT AS rework_ms, sum(induced_ms)::HUGEINT AS induced_ms,
    count_if(outcome = 'auto')::BIGINT AS auto, count_if(outcome = 'accepted')::BIGINT AS accepted,
    count_if(outcome = 'amended')::BIGINT AS amended, count_if(outcome = 'rejected')::BIGINT AS rejected,
    count_if(outcome = 'ignored')::BIGINT AS ignored, count_if(time_source = 'lease')::BIGINT AS bounded,
    max(log_index) AS last
FROM ({rows}) GROUP BY ALL
"""
_TIMES: Final = """
SELECT establishment, site, task, profession, stratum, month, week, outcome IN ('auto', 'accepted') AS quick,
    outcome IN ('rejected', 'ignored') AS redone, CAST(round(ms / 100.0) AS INTEGER) AS tenths, count(*) AS n
FROM ({rows}) WHERE arm = 'ai' GROUP BY ALL
"""


def add_up(database: Connection, source: str = "usage") -> None:
    """Make `cells` and `times` of a view of ledger rows."""
    rows = _ROWS.format(source=source)
    database.execute(f"CREATE OR REPLACE TABLE cells AS {_CELLS.format(rows=rows)}")
    database.execute(f"CREATE OR REPLACE TABLE times AS {_TIMES.format(rows=rows)}")


def add_to(database: Connection, source: str) -> None:
    """Add a view of further rows to `cells` and `times`; the caller's transaction decides whether it counts.

    Rows of one key may stand beside each other; `merge` makes one of them, and every reader sums.
    """
    rows = _ROWS.format(source=source)
    database.execute(f"INSERT INTO cells {_CELLS.format(rows=rows)}")
    database.execute(f"INSERT INTO times {_TIMES.format(rows=rows)}")


def merge(database: Connection) -> None:
    """One row per key again."""
    sums = ", ".join(f"sum({name})::{'HUGEINT' if 'ms' in name else 'BIGINT'} AS {name}" for name in SUMS)
    sums += ", max(last) AS last"
    keys, time_keys = ", ".join(KEYS), ", ".join(TIME_KEYS)
    database.execute(f"CREATE OR REPLACE TABLE cells AS SELECT {keys}, {sums} FROM cells GROUP BY ALL")  # noqa: S608 - our names
    database.execute(f"CREATE OR REPLACE TABLE times AS SELECT {time_keys}, sum(n)::BIGINT AS n FROM times GROUP BY ALL")  # noqa: S608


def settle(database: Connection) -> None:
    """Views for the figures: `teams` with the end of their novelty window, `dated` (cells, novel or not), `dated_times`.

    A team is a task at a site. Its window ends 30 days after its first week began; a week that began inside is novel.
    """
    database.execute(f"""
        CREATE OR REPLACE TEMP TABLE teams AS SELECT establishment, site, task, min({_DAY}) AS began,
            min({_DAY}) + INTERVAL {NOVELTY_DAYS} DAY AS settled
        FROM cells WHERE arm <> 'not_routed' GROUP BY ALL""")  # noqa: S608 - our names
    for name, source in (("dated", "cells"), ("dated_times", "times")):
        database.execute(f"""
            CREATE OR REPLACE TEMP VIEW {name} AS SELECT c.*, settled, coalesce({_DAY} >= began AND {_DAY} < settled, false) AS novel,
                coalesce({_DAY} < began, false) AS early
            FROM {source} c LEFT JOIN teams USING (establishment, site, task)""")  # noqa: S608 - our names


_DAY: Final = "CAST(month || '-01' AS DATE) + CAST(week AS INTEGER) * 7"


def extent(database: Connection) -> tuple[int, int]:
    """How many rows were added up, and the last log index among them (-1: none)."""
    rows, last = database.execute("SELECT coalesce(sum(n), 0), coalesce(max(last), -1) FROM cells").fetchall()[0]
    return int(rows), int(last)
