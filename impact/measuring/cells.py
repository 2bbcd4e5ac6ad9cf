"""The ledger added up once: sums by team, stratum, arm, week and worker.

Two tables. `series`: the words, one row per establishment, site, task, kind, profession, stratum and arm, with its number `h`.
`cells`: one row per series, week and worker, with counts and sums. Times are whole hundredths of a second, so that sums are exact,
two ledgers add up to one, and the order of rows changes nothing. Workers are numbers here, only to be clustered by and counted.

A week is counted from the first of its month (1-7, 8-14, …), so that months are whole weeks: `week` = 5·(12·year + month - 1) + number.
What ran in shadow was no part of anybody's work and is left out.

The numbers `h` and `w` are 64-bit hashes: ten million series or workers would share one with a probability of 0.000003.
"""

from __future__ import annotations

from typing import TYPE_CHECKING, Final

if TYPE_CHECKING:
    from impact.measuring.sources import Connection

WORDS: Final = ("establishment", "site", "task", "kind", "profession", "stratum", "arm")
SUMS: Final = ("n", "cs", "cs2", "rework", "induced_cs", "ignored")
NOVELTY_DAYS: Final = 30

_H: Final = f"hash({', '.join(WORDS)})"
_DAY: Final = "CAST(left(received_at, 10) AS DATE)"
_ROWS: Final = f"""
SELECT {_H} AS h, CASE WHEN worker = '' THEN 0 ELSE hash(worker) END AS w, outcome, arm,
    (5 * (12 * year({_DAY}) + month({_DAY}) - 1) + (day({_DAY}) - 1) // 7)::INTEGER AS week,
    CAST(round(100 * {{seconds}}) AS BIGINT) AS cs, CAST(round(100 * {{induced}}) AS BIGINT) AS ic
FROM {{source}} WHERE release_mode <> 'shadow'
"""  # noqa: S608 - our names
_CELLS: Final = """
SELECT h, week, w, count(*) AS n, sum(cs)::BIGINT AS cs, sum(cs::DOUBLE * cs) AS cs2,
    sum(CASE WHEN outcome = 'rejected' THEN cs - ic ELSE 0 END)::BIGINT AS rework, sum(ic)::BIGINT AS induced_cs,
    count_if(outcome = 'ignored')::BIGINT AS ignored
FROM ({rows}) GROUP BY h, week, w
"""
_SERIES: Final = f"SELECT {_H} AS h, {', '.join(f'any_value({word}) AS {word}' for word in WORDS)}, (SELECT max(log_index) FROM {{source}}) AS last FROM {{source}} GROUP BY 1"  # noqa: S608
_GROUP: Final = "hash(establishment, task, kind, profession, stratum)"
_TIMES: Final = """
SELECT g, outcome, tenths, count(*) AS n FROM (
    SELECT {group} AS g, CAST(round(10 * human_seconds) AS BIGINT) AS tenths,
        outcome
    FROM {source} JOIN starts ON starts.h = {h} WHERE arm = 'ai' AND release_mode <> 'shadow' AND received_at >= starts.settled_on)
GROUP BY ALL
"""


def add_up(database: Connection, source: str = "usage") -> None:
    """Make `series` and `cells` of a view of ledger rows."""
    database.execute(f"CREATE OR REPLACE TABLE series AS {_SERIES.format(source=source)}")
    database.execute(f"CREATE OR REPLACE TABLE cells AS {_CELLS.format(rows=_rows(database, source))}")


def add_to(database: Connection, source: str) -> None:
    """Add a view of further rows; the caller's transaction decides whether it counts. Rows of one key may stand beside each other."""
    database.execute(f"INSERT INTO series BY NAME {_SERIES.format(source=source)}")
    database.execute(f"INSERT INTO cells BY NAME {_CELLS.format(rows=_rows(database, source))}")


def empty(database: Connection) -> None:
    """Make the tables without a row, where they are not there yet."""
    words = ", ".join(f"{word} VARCHAR" for word in WORDS)
    sums = ", ".join(f"{name} {'DOUBLE' if name == 'cs2' else 'BIGINT'}" for name in SUMS)
    database.execute(f"CREATE TABLE IF NOT EXISTS series (h UBIGINT, {words}, last BIGINT)")
    database.execute(f"CREATE TABLE IF NOT EXISTS cells (h UBIGINT, week INTEGER, w UBIGINT, {sums})")
    database.execute("CREATE TABLE IF NOT EXISTS times (g UBIGINT, outcome VARCHAR, tenths BIGINT, n BIGINT)")


def settle(database: Connection) -> None:
    """What the figures read, made of the sums: `names`, `starts`, `weeks`, `people`, and `dated`, which is `weeks` with words and dates.

    A team is a task at a site. It settles 30 days after its first week began; a week that began before is novel, a week before the
    first is early (un-routed cases that were timed before there was any AI). `weeks` holds what the variance over clinician-weeks needs;
    a worker at two sites counts as two. `people` is who worked outside the novelty window, by quarter.
    """
    words = ", ".join(f"any_value({word}) AS {word}" for word in WORDS)
    database.execute(f"CREATE OR REPLACE TEMP TABLE names AS SELECT h, {words} FROM series GROUP BY h")  # noqa: S608 - our names
    for made in (_STARTS, _WEEKS, _PEOPLE, _DATED):
        database.execute(made)


_WEEKS: Final = f"""
CREATE OR REPLACE TEMP TABLE weeks AS
WITH merged AS (SELECT h, week, w, {", ".join(f"sum({name}) AS {name}" for name in SUMS)} FROM cells GROUP BY h, week, w)
SELECT h, week, {", ".join(f"sum({name}) AS {name}" for name in SUMS)}, count(*) FILTER (w > 0) AS clusters,
    coalesce(sum(cs::HUGEINT * cs) FILTER (w > 0), 0) AS tt, coalesce(sum(n::HUGEINT * cs) FILTER (w > 0), 0) AS nt,
    coalesce(sum(n::HUGEINT * n) FILTER (w > 0), 0) AS nn, coalesce(sum(n) FILTER (w = 0), 0) AS alone_n,
    coalesce(sum(cs) FILTER (w = 0), 0) AS alone_cs, coalesce(sum(cs2) FILTER (w = 0), 0) AS alone_cs2
FROM merged GROUP BY h, week
"""  # noqa: S608 - our names
_PEOPLE: Final = """
CREATE OR REPLACE TEMP TABLE people AS SELECT h, week // 5 AS m, w, sum(n) AS n, sum(cs) AS cs
FROM cells LEFT JOIN starts USING (h) WHERE NOT coalesce(week >= began AND week < settled, false) GROUP BY ALL
"""
_DATED: Final = """
CREATE OR REPLACE TEMP TABLE dated AS SELECT weeks.*, names.* EXCLUDE (h), week // 5 AS m,
    printf('%04d-%02d', week // 60, week // 5 % 12 + 1) AS month, settled,
    coalesce(week >= began AND week < settled, false) AS novel, coalesce(week < began, false) AS early
FROM weeks JOIN names USING (h) LEFT JOIN starts USING (h)
"""
_STARTS: Final = """
CREATE OR REPLACE TEMP TABLE starts AS
WITH firsts AS (SELECT h, min(week) AS week FROM cells GROUP BY h),
teams AS (SELECT establishment, site, task, min(week) AS began, min(make_date(week // 60, week // 5 % 12 + 1, 1 + 7 * (week % 5))) AS began_on
    FROM firsts JOIN names USING (h) WHERE arm <> 'not_routed' GROUP BY ALL),
dates AS (SELECT *, began_on + 30 AS due FROM teams),
weeks AS (SELECT *, 5 * (12 * year(due) + month(due) - 1) + (day(due) - 1) // 7 + CASE WHEN (day(due) - 1) % 7 > 0 THEN 1 ELSE 0 END AS settled
    FROM dates)
SELECT h, began, settled, strftime(make_date(settled // 60, settled // 5 % 12 + 1, 1), '%Y-%m-')
    || lpad(CAST(1 + 7 * (settled % 5) AS VARCHAR), 2, '0') AS settled_on
FROM names JOIN weeks USING (establishment, site, task)
"""


def add_times(database: Connection, source: str) -> None:
    """Add how long settled routed instances took to `times`: by tenths of a second and outcome; after `settle`."""
    database.execute(f"INSERT INTO times BY NAME {_TIMES.format(source=source, group=_GROUP, h=_H)}")


def count_times(database: Connection, source: str) -> None:
    """Make `times` of a view; after `settle`."""
    database.execute(f"CREATE OR REPLACE TABLE times AS {_TIMES.format(source=source, group=_GROUP, h=_H)}")


def extent(database: Connection) -> tuple[int, int]:
    """How many rows were added up, and the last log index among them (-1: none)."""
    rows = database.execute("SELECT coalesce(sum(n), 0) FROM cells").fetchall()[0][0]
    return int(rows), int(database.execute("SELECT coalesce(max(last), -1) FROM series").fetchall()[0][0])


def _rows(database: Connection, source: str) -> str:
    """The rows' query; columns that hold nothing in this ledger are not read twice."""
    induced, unaided = database.execute(f"SELECT max(induced_seconds), count(unaided_seconds) FROM {source}").fetchall()[0]  # noqa: S608
    held = "CASE WHEN arm = 'holdout' THEN coalesce(unaided_seconds, human_seconds) ELSE human_seconds END"
    return _ROWS.format(source=source, seconds=held if unaided else "human_seconds", induced="induced_seconds" if induced else "0")
