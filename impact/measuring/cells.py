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

from impact.counting import modes
from impact.counting.weeks import WHOLE, joined

if TYPE_CHECKING:
    from collections.abc import Sequence

    from impact.counting.weeks import Slice
    from impact.measuring.sources import Connection

WORDS: Final = ("establishment", "site", "task", "kind", "profession", "stratum", "arm")
SUMS: Final = ("n", "cs", "cs2", "rework", "induced_cs", "ignored")
NOVELTY_DAYS: Final = 30

_H: Final = f"hash({', '.join(WORDS)})"
_ROWS: Final = f"""
SELECT {_H} AS h, CASE WHEN worker = '' THEN 0 ELSE hash(worker) END AS w, outcome, {{week}} AS week,
    round(100 * {{seconds}}) AS cs, {{induced}} AS ic
FROM {{source}} WHERE release_mode <> 'shadow' AND {{where}}
"""  # noqa: S608 - our names
_CELLS: Final = """
SELECT h, week, w, count(*) AS n, sum(cs)::BIGINT AS cs, sum(cs * cs) AS cs2,
    sum(CASE WHEN outcome = 'rejected' THEN cs - ic ELSE 0 END)::BIGINT AS rework, sum(ic)::BIGINT AS induced_cs,
    count_if(outcome = 'ignored')::BIGINT AS ignored
FROM ({rows}) GROUP BY h, week, w
"""
_SERIES: Final = f"""
INSERT INTO series BY NAME SELECT * FROM (
    SELECT {_H} AS h, {", ".join(f"any_value({word}) AS {word}" for word in WORDS)} FROM {{source}} WHERE {{where}} GROUP BY 1)
WHERE h NOT IN (SELECT h FROM series)
"""  # noqa: S608 - our names
_NAMELESS: Final = "SELECT count(*) FROM (SELECT DISTINCT h FROM cells) ANTI JOIN series USING (h)"


def add_up(database: Connection, source: str = "usage", parts: Sequence[Slice] = WHOLE) -> None:
    """Make `series` and `cells` of a view of ledger rows, in the slices that `weeks.slices` tells."""
    for table in ("series", "cells", "times", "reach"):
        database.execute(f"DROP TABLE IF EXISTS {table}")
    empty(database)
    database.execute(f"INSERT INTO cells BY NAME {_CELLS.format(rows=_rows(database, source, parts))}")
    _name(database, source, parts)


def add_to(database: Connection, source: str, parts: Sequence[Slice] = WHOLE) -> None:
    """Add a view of further rows; the caller's transaction decides whether it counts. Rows of one key may stand beside each other."""
    database.execute(f"CREATE OR REPLACE TEMP TABLE added AS {_CELLS.format(rows=_rows(database, source, parts))}")
    database.execute("INSERT INTO cells BY NAME FROM added")
    _name(database, source, parts)


def _name(database: Connection, source: str, parts: Sequence[Slice]) -> None:
    """The words of every series in `cells`; nearly all are met early in a ledger, so twice as much of it is read each time."""
    database.execute(f"INSERT INTO reach SELECT max(log_index) FROM {source}")  # noqa: S608 - our names
    begin, size = 0, 1
    while begin < len(parts) and database.execute(_NAMELESS).fetchall()[0][0]:
        taken = parts[begin : begin + size]
        database.execute(_SERIES.format(source=source, where=joined(taken)))
        begin, size = begin + size, 2 * size


def empty(database: Connection) -> None:
    """Make the tables without a row, where they are not there yet."""
    words = ", ".join(f"{word} VARCHAR" for word in WORDS)
    sums = ", ".join(f"{name} {'DOUBLE' if name == 'cs2' else 'BIGINT'}" for name in SUMS)
    database.execute(f"CREATE TABLE IF NOT EXISTS series (h UBIGINT, {words})")
    database.execute(f"CREATE TABLE IF NOT EXISTS cells (h UBIGINT, week INTEGER, w UBIGINT, {sums})")
    database.execute("CREATE TABLE IF NOT EXISTS times (h UBIGINT, week INTEGER, outcome VARCHAR, tenths BIGINT, n BIGINT)")
    database.execute("CREATE TABLE IF NOT EXISTS reach (last BIGINT)")


def settle(database: Connection) -> None:
    """What the figures read, made of the sums: `names`, `starts`, `weeks`, `people`, and `dated`, which is `weeks` with words and dates.

    A team is a task at a site. It settles 30 days after its first week began; a week that began before is novel, a week before the
    first is early (un-routed cases that were timed before there was any AI). `weeks` holds what the variance over clinician-weeks needs;
    a worker at two sites counts as two. `people` is who worked outside the novelty window, by quarter.
    """
    database.execute(_NAMES)
    for made in (
        _STARTS,
        _MADE.format(table="weeks", query=_WEEKS.format(cells="cells")),
        _MADE.format(table="people", query=_PEOPLE.format(cells="cells")),
        _DATED,
    ):
        database.execute(made)


def settle_again(database: Connection) -> None:
    """The same after `add_to`, where `settle` was done before it: only weeks and months that got rows are made anew, unless a team's window moved."""
    database.execute(f"CREATE OR REPLACE TEMP TABLE windows AS {_WINDOWS}")
    database.execute(_NAMES)
    database.execute(_STARTS)
    if database.execute(_MOVED).fetchall()[0][0]:
        settle(database)
        return
    for table, query, key, of_cell in (("weeks", _WEEKS, "week", "week"), ("people", _PEOPLE, "m", "week // 5")):
        database.execute(f"CREATE OR REPLACE TEMP TABLE touched AS SELECT DISTINCT h, {of_cell} AS {key} FROM added")  # noqa: S608 - our names
        database.execute(f"DELETE FROM {table} WHERE (h, {key}) IN (FROM touched)")  # noqa: S608 - our names
        cells = f"(FROM cells WHERE (h, {of_cell}) IN (FROM touched))"
        database.execute(f"INSERT INTO {table} BY NAME {query.format(cells=cells)}")
    database.execute(_DATED)


_WINDOWS: Final = "SELECT h, began, settled FROM names LEFT JOIN starts USING (h)"
_MOVED: Final = f"""
SELECT count(*) FROM windows JOIN ({_WINDOWS}) AS new USING (h) WHERE (windows.began, windows.settled) IS DISTINCT FROM (new.began, new.settled)
"""  # noqa: S608 - our names
_MADE: Final = "CREATE OR REPLACE TEMP TABLE {table} AS {query}"
_WORDS: Final = ", ".join(f"any_value({word}) AS {word}" for word in WORDS)
_NAMES: Final = _MADE.format(table="names", query=f"SELECT h, {_WORDS} FROM series GROUP BY h")  # noqa: S608 - our names
_ADDED: Final = ", ".join(f"sum({name}{'::HUGEINT' if name == 'cs2' else ''}) AS {name}" for name in SUMS)
_WEEKS: Final = f"""
WITH merged AS (SELECT h, week, w, {_ADDED} FROM {{cells}} GROUP BY h, week, w)
SELECT h, week, {_ADDED}, count(*) FILTER (w > 0) AS clusters,
    coalesce(sum(cs::HUGEINT * cs) FILTER (w > 0), 0) AS tt, coalesce(sum(n::HUGEINT * cs) FILTER (w > 0), 0) AS nt,
    coalesce(sum(n::HUGEINT * n) FILTER (w > 0), 0) AS nn, coalesce(sum(n) FILTER (w = 0), 0) AS alone_n,
    coalesce(sum(cs) FILTER (w = 0), 0) AS alone_cs, coalesce(sum(cs2) FILTER (w = 0), 0) AS alone_cs2
FROM merged GROUP BY h, week
"""  # noqa: S608 - our names
_PEOPLE: Final = """
SELECT h, week // 5 AS m, w, sum(n) AS n, sum(cs) AS cs
FROM {cells} LEFT JOIN starts USING (h) WHERE NOT coalesce(week >= began AND week < settled, false) GROUP BY ALL
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
SELECT h, began, settled FROM names JOIN weeks USING (establishment, site, task)
"""


def add_times(database: Connection, source: str) -> None:
    """Add how long routed instances of further rows took to `times`, by tenths of a second and outcome; after `settle`."""
    modes.keep(database, source, _H)


def count_times(database: Connection, source: str, parts: Sequence[Slice] = WHOLE) -> None:
    """Let `modes.count` read the rows of a view; after `settle`."""
    modes.of_rows(database, source, _H, parts)


def extent(database: Connection) -> tuple[int, int]:
    """How many rows were added up, and the last log index among them (-1: none)."""
    rows = database.execute("SELECT coalesce(sum(n), 0) FROM cells").fetchall()[0][0]
    return int(rows), int(database.execute("SELECT coalesce(max(last), -1) FROM reach").fetchall()[0][0])


def _rows(database: Connection, source: str, parts: Sequence[Slice]) -> str:
    """The rows' query; columns that hold nothing in this ledger are not read twice."""
    induced, unaided = database.execute(f"SELECT max(induced_seconds), count(unaided_seconds) FROM {source}").fetchall()[0]  # noqa: S608
    held = "CASE WHEN arm = 'holdout' THEN coalesce(unaided_seconds, human_seconds) ELSE human_seconds END"
    facts = {
        "source": source,
        "seconds": held if unaided else "human_seconds",
        "induced": "round(100 * induced_seconds)" if induced else "0",
    }
    return " UNION ALL ".join(_ROWS.format(week=part.week, where=part.where, **facts) for part in parts)
