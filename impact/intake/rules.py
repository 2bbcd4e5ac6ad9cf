"""What a table must be as a whole: shares of time up to 1, something counted, no total beside its parts."""

from __future__ import annotations

import re
from collections import defaultdict
from typing import TYPE_CHECKING, Final

if TYPE_CHECKING:
    from collections.abc import Callable, Iterator, Mapping, Sequence

    Row = Mapping[str, str | float | int | None]
    Found = tuple[int, str, str]

_ROUNDING: Final = 1e-9
_HOURS: Final = (400, 3000)


def broken(table: str, rows: Sequence[Row]) -> Iterator[Found]:
    """Place of the row (from 0), column and sentence of each broken rule."""
    yield from _RULES.get(table, _none)(rows)


def _none(_: Sequence[Row]) -> Iterator[Found]:
    yield from ()


def _census(rows: Sequence[Row]) -> Iterator[Found]:
    for place, row in enumerate(rows):
        if row["fte"] is None and row["headcount"] is None:
            yield place, "fte", "neither FTE nor headcount is given; give one of them."
        if not _HOURS[0] <= float(row["hours"] or 0) <= _HOURS[1]:
            yield place, "hours", f"a working year of an FTE has {_HOURS[0]} to {_HOURS[1]} hours; the legal one has 1607."


def _tasks(rows: Sequence[Row]) -> Iterator[Found]:
    total: dict[object, float] = defaultdict(float)
    for place, row in enumerate(rows):
        before = total[row["profession"]]
        total[row["profession"]] += float(row["share"] or 0)
        if before <= 1 + _ROUNDING < total[row["profession"]]:
            sentence = f"the tasks of '{row['profession']}' take {total[row['profession']]:.0%} of its time here: over 100 % counts twice."
            yield place, "share", sentence


def _volumes(rows: Sequence[Row]) -> Iterator[Found]:
    whole = {(row["task"], row["stratum"], row["month"], row["profession"]) for row in rows if not row["site"]}
    for place, row in enumerate(rows):
        if row["site"] and (row["task"], row["stratum"], row["month"], row["profession"]) in whole:
            yield place, "site", "the same task and month is given without a site too: it would count twice."


def _quality(rows: Sequence[Row]) -> Iterator[Found]:
    for place, row in enumerate(rows):
        for events, n in (("events", "n"), ("control_events", "control_n")):
            if not row[n]:
                yield place, n, "must be above 0; without instances nothing is known."
            elif float(row[events] or 0) > float(row[n] or 0):
                yield place, events, f"{row[events]} of {row[n]} cannot be; give the events among all instances."


def _exposure(rows: Sequence[Row]) -> Iterator[Found]:
    for place, row in enumerate(rows):
        if _CODE.fullmatch(str(row["code"])) is None:
            sentence = f"{str(row['code'])[:20]!r} is no code: write four digits of ISCO-08 (2212) or O*NET-SOC (29-1224.00)."
            yield place, "code", sentence
        if not row["licence"]:
            yield place, "licence", "say under which licence you may use this index; the figures are shown with it."


_CODE: Final = re.compile(r"\d{4}|\d{2}-\d{4}(\.\d{2})?")
_RULES: Final[dict[str, Callable[[Sequence[Row]], Iterator[Found]]]] = {
    "census": _census, "tasks": _tasks, "volumes": _volumes, "quality": _quality, "exposure": _exposure,
}  # fmt: skip
