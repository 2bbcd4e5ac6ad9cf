"""Outcomes and mode shares of routed instances after their team's novelty window.

Whether an instance was substituted, augmented or induced work depends on the time without AI, which is known at the end. So a run reads the rows
once more, and running sums keep how long instances took, by tenths of a second. Both are a view `answered`: series `h`, outcome, tenths, count.

A novelty window can only move to an earlier start, when a row of an earlier day comes in late. What was settled stays settled; what was inside
the window is kept by week, so that it counts from the day it is settled. Sums of two parts of a ledger therefore add up to those of the whole.
"""

from __future__ import annotations

from itertools import groupby
from typing import TYPE_CHECKING, Final

import pyarrow as pa

from impact.counting.weeks import PARSED, WHOLE, begins, joined

if TYPE_CHECKING:
    from collections.abc import Sequence

    from impact.counting.weeks import Slice
    from impact.measuring.sources import Connection

_BY_AI: Final = frozenset({"auto", "accepted"})
_AGAIN: Final = frozenset({"rejected", "ignored"})
Scope = tuple[str, str, str]
Bar = tuple[str, str, str, str, float]
"""Task, kind, profession, stratum, and tenths of a second an instance takes without AI."""

_DONE: Final = """
SELECT {h} AS h, outcome, round(10 * human_seconds) AS tenths, 1 AS n{week} FROM {source} WHERE arm = 'ai' AND release_mode <> 'shadow' AND {where}
"""
_SETTLED: Final = """
SELECT h, outcome, tenths, n FROM ({rows}) JOIN (
    SELECT h, printf('%04d-%02d-%02d', settled // 60, settled // 5 % 12 + 1, 1 + 7 * (settled % 5)) AS settled_on FROM starts) USING (h)
WHERE received_at >= settled_on
"""
_KEPT: Final = """
INSERT INTO times BY NAME
WITH teams AS (SELECT h, settled, min(h) OVER (PARTITION BY establishment, task, kind, profession, stratum) AS one FROM starts JOIN names USING (h))
SELECT CASE WHEN week >= settled THEN one ELSE h END AS h, CASE WHEN week >= settled THEN 0 ELSE week END AS week, outcome,
    tenths::BIGINT AS tenths, sum(n)::BIGINT AS n
FROM ({rows}) JOIN teams USING (h) GROUP BY ALL
"""
_FROM_SUMS: Final = """
CREATE OR REPLACE TEMP VIEW answered AS SELECT h, outcome, tenths, n FROM times WHERE week = 0
UNION ALL SELECT h, outcome, tenths, n FROM times JOIN starts USING (h) WHERE week > 0 AND week >= settled
"""
_BARS: Final = """
CREATE OR REPLACE TEMP TABLE bars AS SELECT h, h0 FROM names LEFT JOIN bars_given USING (task, kind, profession, stratum)
"""
_COUNTED: Final = """
WITH counted AS (SELECT h, outcome, sum(n) AS n, sum(n) FILTER (tenths * 10 <= h0 AND tenths < h0) AS low, sum(n) FILTER (tenths >= h0) AS high
    FROM answered JOIN bars USING (h) GROUP BY h, outcome)
SELECT task, kind, profession, outcome, sum(n)::BIGINT, coalesce(sum(n) FILTER (h0 IS NOT NULL), 0)::BIGINT, coalesce(sum(low), 0)::BIGINT,
    coalesce(sum(high), 0)::BIGINT
FROM counted JOIN bars USING (h) JOIN names USING (h) GROUP BY ALL
"""


def of_rows(database: Connection, source: str, h: str, parts: Sequence[Slice] = WHOLE) -> None:
    """Make `answered` of a view of rows; after `cells.settle`. Slices that lie wholly behind every novelty window need no look at a time."""
    last = database.execute("SELECT coalesce(max(settled), 0) FROM starts").fetchall()[0][0]
    runs = [(settled, list(run)) for settled, run in groupby(parts, lambda part: part.earliest is not None and part.earliest >= last)]
    early = [joined(run) for settled, run in runs if not settled]
    done = [_DONE.format(h=h, source=source, where=joined(run), week="") for settled, run in runs if settled]
    if early:
        mine = f"({' OR '.join(early)}) AND received_at"
        done.append(_DONE.format(h=h, source=source, where=f"{mine} >= '{begins(last)}'", week=""))
        done.append(_SETTLED.format(rows=_DONE.format(h=h, source=source, where=f"{mine} < '{begins(last)}'", week=", received_at")))
    database.execute(f"CREATE OR REPLACE TEMP VIEW answered AS {' UNION ALL '.join(done)}")


def keep(database: Connection, source: str, h: str) -> None:
    """Add a view of further rows to `times`; after `cells.settle`."""
    database.execute(_KEPT.format(rows=_DONE.format(h=h, source=source, where="true", week=f", {PARSED} AS week")))


def of_sums(database: Connection) -> None:
    """Make `answered` of `times`; after `cells.settle`."""
    database.execute(_FROM_SUMS)


def count(
    database: Connection, bars: Sequence[Bar], outcomes: Sequence[str]
) -> tuple[dict[Scope, tuple[int, ...]], dict[Scope, tuple[int, int, int]]]:
    """Instances of each task by outcome, and of those whose time without AI is known: all, substituted, induced.

    Args:
        database: with `answered`.
        bars: where the time without AI is known.
        outcomes: in the order that is wanted.
    """
    _raise_bars(database, bars)
    counts: dict[Scope, dict[str, int]] = {}
    modes: dict[Scope, tuple[int, int, int]] = {}
    for task, kind, profession, outcome, n, known, low, high in database.execute(_COUNTED).fetchall():
        scope = (task, kind, profession)
        counts.setdefault(scope, {})[outcome] = n
        of_scope, substituted, induced = modes.get(scope, (0, 0, 0))
        modes[scope] = (of_scope + known, substituted + low * (outcome in _BY_AI), induced + (known if outcome in _AGAIN else high))
    told = {scope: tuple(found.get(name, 0) for name in outcomes) for scope, found in counts.items()}
    return told, {scope: found for scope, found in modes.items() if found[0]}


def _raise_bars(database: Connection, bars: Sequence[Bar]) -> None:
    types = {"task": pa.string(), "kind": pa.string(), "profession": pa.string(), "stratum": pa.string(), "h0": pa.float64()}
    columns = {name: pa.array([bar[place] for bar in bars], kind) for place, (name, kind) in enumerate(types.items())}
    database.register("bars_given", pa.table(columns))
    database.execute(_BARS)
    database.unregister("bars_given")
