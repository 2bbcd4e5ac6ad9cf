"""A ledger measured in one call, for the tests."""

from __future__ import annotations

from typing import TYPE_CHECKING, Any

from impact.measuring import cells, sources
from impact.measuring.measure import Given, Measured, measure
from impact.measuring.quality import Gate

if TYPE_CHECKING:
    from impact.rates import Rate

PASSED = {"reading": Gate("passed")}
Row = dict[str, Any]


def measured(source: object, volumes: list[Row] | None = None, *, pilot: bool = True, **given: Any) -> Measured:  # noqa: ANN401 - what Given takes
    """The rates of a ledger; everything is shown unless `pilot` is false."""
    database = sources.connect()
    sources.view(database, source)
    cells.add_up(database)
    cells.settle(database)
    cells.count_times(database, "usage")
    known = Given(tuple(volumes or ()), tuple(given.get("baselines", ())), given.get("gates", PASSED))
    return measure(database, known, pilot=pilot)


def one(source: object, volumes: list[Row] | None = None, **given: Any) -> Rate:  # noqa: ANN401 - what Given takes
    """The establishment's rate of the only task."""
    (found,) = measured(source, volumes, **given).tasks
    return found


def volume(month: str, n: int, stratum: str = "", **more: Any) -> Row:  # noqa: ANN401 - cells of the table
    """A row of the table of volumes."""
    return {"task": "reading", "site": "", "profession": "", "stratum": stratum, "month": month, "n": n, **more}
