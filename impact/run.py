"""The six steps in one run, over any ledger.

    from impact.run import run
    result = run("ledger.parquet", inputs="our-tables")
    result.table("tasks")

Tables are Arrow and go as they are to pandas, Polars and DuckDB.
"""

from __future__ import annotations

from dataclasses import dataclass
from pathlib import Path
from typing import TYPE_CHECKING

from impact.counting.weeks import slices
from impact.measuring import cells, sources
from impact.measuring.measure import Measured, measure
from impact.professions import CategoryRate, ProfessionRate, categories, establishment, professions
from impact.results.inputs import Inputs
from impact.results.tables import tables
from impact.scenarios import Play, play

if TYPE_CHECKING:
    import pyarrow as pa

    from impact.measuring.sources import Connection


@dataclass(frozen=True, slots=True)
class Result:
    """What was found: step 4 in `measured`, step 5 in `professions`, `categories` and `whole`, step 6 in `plays`.

    Args:
        rows, last: how many ledger rows it rests on, and the last log index among them (-1: none).
        pilot: figures below the publication threshold are shown too; it is not for publication.
    """

    inputs: Inputs
    measured: Measured
    professions: tuple[ProfessionRate, ...]
    categories: tuple[CategoryRate, ...]
    whole: CategoryRate | None
    plays: tuple[Play, ...]
    rows: int
    last: int
    pilot: bool = False

    def tables(self) -> dict[str, pa.Table]:
        """Every table by its name."""
        return tables(self)

    def table(self, name: str) -> pa.Table:
        """One table: census, parts, tasks, sites, months, professions, exposure, categories, scenarios or tornado. Raises KeyError."""
        return tables(self)[name]


def run(ledger: object, inputs: str | Path | Inputs | None = None, *, pilot: bool = False, check: bool = True) -> Result:
    """All six steps.

    Args:
        ledger: a path, records, or anything that offers an Arrow stream.
        inputs: the folder of the establishment's tables, or what was loaded from it; None is what is shipped.
        pilot: show figures below the publication threshold.
        check: look at every field of every row first; leave it out for a ledger that was checked when it came in.

    Raises:
        LedgerError, InputError, Refused, Unreadable, ScenarioError: what is wrong and where.
        OSError: a file cannot be read.
    """
    known = Inputs.known(inputs)
    source = Path(ledger) if isinstance(ledger, str) else ledger
    database = sources.connect()
    try:
        sources.view(database, source)
        if check:
            sources.check(database, source)
        parts = slices(sources.files(source))
        cells.add_up(database, "usage", parts)
        cells.settle(database)
        cells.count_times(database, "usage", parts)
        return from_cells(database, known, pilot=pilot)
    finally:
        database.close()


def from_cells(database: Connection, inputs: Inputs, *, pilot: bool = False) -> Result:
    """All six steps over a ledger that was added up and settled before."""
    measured = measure(database, inputs.given, pilot=pilot)
    found = professions(inputs.catalogue, inputs.workforce, measured.tasks)
    plays = tuple(play(scenario, found, measured.tasks) for scenario in inputs.scenarios)
    rows, last = cells.extent(database)
    return Result(inputs, measured, found, categories(found), establishment(found), plays, rows, last, pilot)
