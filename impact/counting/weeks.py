"""Which week a row belongs to, without parsing its time where the ledger file's own statistics tell it.

To take a date out of a hundred million texts costs more than everything else that is done with these rows. A Parquet file tells of
each group of its rows the first and the last log index and time. Where the groups follow each other, as in a ledger that was written in log
order, the rows of a group can only be of a few weeks: one or two comparisons of texts then find the week, or none at all. Where a file
tells nothing, or the groups overlap, or the ledger is no file, the date is parsed. The week of a row is the same either way.
"""

from __future__ import annotations

from dataclasses import dataclass, replace
from datetime import date
from itertools import pairwise
from typing import TYPE_CHECKING, Final

from pyarrow import parquet

if TYPE_CHECKING:
    from collections.abc import Iterator, Sequence
    from pathlib import Path

_DAY: Final = "CAST(left(received_at, 10) AS DATE)"
PARSED: Final = f"(5 * (12 * year({_DAY}) + month({_DAY}) - 1) + (day({_DAY}) - 1) // 7)::INTEGER"
"""The week of a row, by its date: 5·(12·year + month - 1) + number, weeks being counted from the first of a month."""
MOST: Final = 8
"""Comparing with so many weeks is still cheaper than parsing."""
_DATE: Final = 10


@dataclass(frozen=True, slots=True)
class Slice:
    """Rows of a ledger whose week one expression tells: those between two log indexes, or all of them; `earliest`: none is of a week before."""

    week: str
    earliest: int | None = None
    first: int | None = None
    last: int | None = None

    @property
    def where(self) -> str:
        """The condition that picks its rows."""
        return "true" if self.first is None else f"log_index BETWEEN {self.first} AND {self.last}"


WHOLE: Final = (Slice(PARSED),)


def slices(files: Sequence[Path]) -> tuple[Slice, ...]:
    """The ledger in slices by log index; one slice with parsed dates where the files do not tell enough.

    Args:
        files: Parquet files of one ledger.
    """
    groups = sorted(_groups(files))
    if not groups or any(None in group for group in groups) or any(left[1] >= right[0] for left, right in pairwise(groups)):
        return WHOLE
    found: list[Slice] = []
    for first, last, earliest, latest in groups:
        mine = Slice(*_week(earliest, latest), first, last)
        if found and (found[-1].week, found[-1].earliest) == (mine.week, mine.earliest):
            mine = replace(mine, first=found.pop().first)
        found.append(mine)
    return tuple(found)


def joined(parts: Sequence[Slice]) -> str:
    """The condition that picks the rows of slices that stand side by side."""
    return parts[0].where if len(parts) == 1 else f"log_index BETWEEN {parts[0].first} AND {parts[-1].last}"


def number(time: str) -> int:
    """The week of a time, or of a date `YYYY-MM-DD`. Raises TypeError, ValueError."""
    day = date.fromisoformat(time[:_DATE])
    return 5 * (12 * day.year + day.month - 1) + (day.day - 1) // 7


def begins(week: int) -> str:
    """The first day of a week, as text; day 29 of a February that has none sorts between it and March, and no row is there."""
    return f"{week // 60:04}-{week // 5 % 12 + 1:02}-{1 + 7 * (week % 5):02}"


def _groups(files: Sequence[Path]) -> Iterator[tuple[int, int, str, str]]:
    """First and last log index, earliest and latest time of each group of rows."""
    for file in files:
        told = parquet.read_metadata(file)
        places = {told.schema.column(place).name: place for place in range(told.num_columns)}
        for group in map(told.row_group, range(told.num_row_groups)):
            if group.num_rows:
                index, time = (group.column(places[name]).statistics for name in ("log_index", "received_at"))
                known = all(one is not None and one.has_min_max and one.null_count == 0 for one in (index, time))
                yield (index.min, index.max, time.min, time.max) if known else (None, None, None, None)  # type: ignore[misc]


def _week(earliest: str, latest: str) -> tuple[str, int | None]:
    """The expression for rows between two times, and the first week they can be of."""
    try:
        weeks = range(number(earliest), number(latest) + 1)
    except (TypeError, ValueError):  # statistics may be cut short, or of times that are none
        return PARSED, None
    if not 0 < len(weeks) <= MOST:
        return PARSED, weeks.start
    later = "".join(f"WHEN received_at >= '{begins(week)}' THEN {week} " for week in weeks[:0:-1])
    return f"CASE {later}ELSE {weeks.start} END::INTEGER" if later else f"{weeks.start}::INTEGER", weeks.start
