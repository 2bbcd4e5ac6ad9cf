"""Follow-up: sums that grow with the ledger, each row counted exactly once, also after a crash in the middle.

The store is a DuckDB file. Its mark is the last log index it has counted; new rows, and the mark, become part of it in one
transaction. So a crash leaves it as it was before or after, and the same rows offered again are left out.

A store can also count a stretch of a ledger alone, from one log index on, and be packed as bytes that carry both ends of the stretch. Whoever
keeps such parts keeps sums and mark in one piece; a store takes in only the part that begins where it ends, so no row is counted twice or left out.
"""

from __future__ import annotations

import math
from dataclasses import dataclass
from statistics import NormalDist
from typing import TYPE_CHECKING, Final, Self

import duckdb

from impact.counting import kept, modes
from impact.counting.weeks import slices
from impact.counts import OUTCOMES
from impact.intervals import ALPHA
from impact.ledger import LedgerError
from impact.measuring import cells, sources
from impact.run import Result, from_cells

if TYPE_CHECKING:
    from collections.abc import Sequence
    from pathlib import Path
    from types import TracebackType

    from impact.measuring.sources import Connection
    from impact.rates import Rate
    from impact.results.inputs import Inputs

FORM: Final = 2
_CALLS: Final = """
INSERT INTO calls SELECT task, kind, profession,
    CASE WHEN release_mode = 'shadow' THEN 'shadow' WHEN arm = 'ai' THEN outcome ELSE 'other' END AS what, count(*) FROM fresh GROUP BY ALL
"""


class StoreError(ValueError):
    """A store that cannot be used; the message says what to do."""


@dataclass(frozen=True, slots=True)
class Change:
    """A rate that is another one than before.

    Args:
        month: when it changed.
        before, after: the rate up to then and in that month.
        size: after - before, in points of s.
    """

    task: str
    profession: str
    month: str
    before: float
    after: float

    @property
    def size(self) -> float:
        """How much."""
        return self.after - self.before


@dataclass(frozen=True, slots=True)
class Calls:
    """Calls of one task by outcome, exact: they count a machine. `shadow` and `others` (held out, not routed) are not among them."""

    task: str
    kind: str
    profession: str
    outcomes: tuple[int, ...]
    shadow: int
    others: int

    @property
    def n(self) -> int:
        """Routed instances."""
        return sum(self.outcomes)


class Store:
    """Running sums of one ledger."""

    def __init__(self, database: Connection, after: int = -1) -> None:
        self._database = database
        self._after = after
        self._settled = False

    @classmethod
    def open(cls, path: Path | None = None, *, after: int = -1) -> Self:
        """Open or make a store; in memory where there is no path.

        Args:
            path: of its file.
            after: count only what comes after this log index; for a store that is made here, to be packed.

        Raises:
            StoreError: another program has it open, it is damaged, or made by another version of Garant or DuckDB.
        """
        try:
            database = sources.connect(path)
            database.execute("CREATE TABLE IF NOT EXISTS mark (form VARCHAR, last BIGINT, rows BIGINT)")
            cells.empty(database)
            database.execute("CREATE TABLE IF NOT EXISTS calls (task VARCHAR, kind VARCHAR, profession VARCHAR, what VARCHAR, n BIGINT)")
            found = database.execute("SELECT form::VARCHAR FROM mark").fetchall()
            form = form_of(database)
        except duckdb.Error as error:
            raise StoreError(f"{path}: the running sums cannot be opened ({_first(error)}). Delete the file; it is made again.") from error
        if not found:
            database.execute("INSERT INTO mark VALUES (?, ?, 0)", [form, after])
        elif found[0][0] != form:
            database.close()
            raise StoreError(f"{path}: the running sums are of another version of Garant or DuckDB. Delete the file; it is made again.")
        return cls(database, after)

    def __enter__(self) -> Self:
        return self

    def __exit__(self, kind: type[BaseException] | None, error: BaseException | None, trace: TracebackType | None) -> None:
        self.close()

    def close(self) -> None:
        """Close the file."""
        self._database.close()

    @property
    def form(self) -> str:
        """What sums must have in common to be added."""
        return form_of(self._database)

    @property
    def last(self) -> int:
        """The last log index counted; -1 at first."""
        return int(self._mark()[0])

    @property
    def rows(self) -> int:
        """How many rows are counted."""
        return int(self._mark()[1])

    def packed(self) -> bytes:
        """Everything that was counted, as a part for `merge`."""
        last, rows = self._mark()
        return kept.pack(self._database, kept.Mark(form_of(self._database), self._after, last, rows))

    def merge(self, part: bytes) -> None:
        """Take in a part that begins where this store ends.

        Raises:
            StoreError: it begins elsewhere, is damaged, or made by another version; nothing was taken in.
        """
        self._settled = False
        self._database.execute("BEGIN")
        try:
            told = kept.unpack(self._database, part, form_of(self._database), self.last)
            self._database.execute("UPDATE mark SET last = ?, rows = rows + ?", [told.last, told.rows])
            self._database.execute("COMMIT")
        except kept.Unusable as error:
            self._database.execute("ROLLBACK")
            raise StoreError(f"A part of the running sums cannot be used: {error} Count from the ledger.") from error
        except BaseException:  # also an interruption: half a part must not stand
            self._database.execute("ROLLBACK")
            raise

    def add(self, ledger: object, *, check: bool = True) -> int:
        """Count the rows of a ledger that are not counted yet; returns how many.

        Args:
            ledger: the whole ledger, or any part of it from the mark on, in any form that `run` takes.
            check: look at every field of every new row first.

        Raises:
            LedgerError: a row that cannot be, a log index twice, or a row below the mark that was never counted. Nothing is counted.
        """
        sources.view(self._database, ledger, "offered")
        last, rows = self._mark()
        self._database.execute(f"CREATE OR REPLACE TEMP VIEW fresh AS SELECT * FROM offered WHERE log_index > {last}")  # noqa: S608 - a number
        fresh, different = self._one("SELECT count(*), count(DISTINCT log_index) FROM fresh")
        self._refuse_disorder(rows, self._one(f"SELECT count(*) FROM offered WHERE log_index <= {last}")[0], fresh, different)  # noqa: S608
        if fresh and check:
            sources.check(self._database, ledger, "fresh")
        if fresh:
            self._count(fresh, ledger)
        return fresh

    def result(self, inputs: Inputs, *, pilot: bool = False) -> Result:
        """All figures of what is counted."""
        if not self._settled:
            cells.settle(self._database)
            self._settled = True
        modes.of_sums(self._database)
        return from_cells(self._database, inputs, pilot=pilot)

    def calls(self) -> tuple[Calls, ...]:
        """Calls of every task by outcome, exact, the novelty window included."""
        query = "SELECT task, kind, profession, what, sum(n)::BIGINT FROM calls GROUP BY ALL ORDER BY ALL"
        found: dict[tuple[str, str, str], dict[str, int]] = {}
        for task, kind, profession, what, n in self._database.execute(query).fetchall():
            found.setdefault((task, kind, profession), {})[what] = n
        return tuple(
            Calls(*key, tuple(counted.get(name, 0) for name in OUTCOMES), counted.get("shadow", 0), counted.get("other", 0))
            for key, counted in found.items()
        )

    def _count(self, fresh: int, ledger: object) -> None:
        settled, self._settled = self._settled, False
        self._database.execute("BEGIN")
        try:
            cells.add_to(self._database, "fresh", slices(sources.files(ledger)))
            (cells.settle_again if settled else cells.settle)(self._database)
            cells.add_times(self._database, "fresh")
            self._database.execute(_CALLS)
            self._database.execute("UPDATE mark SET last = (SELECT max(log_index) FROM fresh), rows = rows + ?", [fresh])
            self._database.execute("COMMIT")
        except BaseException:  # also an interruption: half a count must not stand
            self._database.execute("ROLLBACK")
            raise
        self._settled = True

    def _refuse_disorder(self, rows: int, below: int, fresh: int, different: int) -> None:
        if below > rows:
            raise LedgerError(
                f"{below - rows} rows of the ledger have a log index that was passed already and were never counted: it is out of order. "
                "Nothing was counted; delete the running sums and count the whole ledger."
            )
        if different < fresh:
            raise LedgerError(
                f"{fresh - different} rows have a log index twice; a log entry finishes one instance. Export the ledger again."
            )

    def _mark(self) -> tuple[int, int]:
        return self._one("SELECT last, rows FROM mark")  # type: ignore[return-value]

    def _one(self, query: str) -> tuple[int, ...]:
        return tuple(int(value) for value in self._database.execute(query).fetchall()[0])


def form_of(database: Connection) -> str:
    """What sums must have in common to be added: this program's form, and the hash that numbers series and people, which is DuckDB's."""
    (number,) = database.execute("SELECT hash('Garant', 1)").fetchall()[0]
    return f"{FORM}/{number}"


def changes(months: Sequence[Rate], alpha: float = ALPHA) -> tuple[Change, ...]:
    """Months whose rate differs from the months before, at an error that holds however long and however often one looks.

    The k-th look of a task is tested at alpha/(k·(k + 1)), which adds up to alpha over all looks; after a change the comparison
    begins anew. Rates are compared as ln(1 - s), with their standard errors. A month is tested once it is over, that is when the ledger has
    rows of a later one: a month that is looked at every day while it fills would be tested thirty times.
    """
    by_task: dict[tuple[str, str], list[Rate]] = {}
    running = max((one.month for one in months), default="")
    for one in sorted(months, key=lambda rate: rate.month):
        if one.month < running and one.s is not None and one.se is not None:
            by_task.setdefault((one.task, one.profession), []).append(one)
    return tuple(change for found in by_task.values() for change in _changes(found, alpha))


def _changes(found: Sequence[Rate], alpha: float) -> list[Change]:
    listed: list[Change] = []
    since: list[Rate] = []
    look = 0
    for one in found:
        if since:
            look += 1
            before, error = _pooled(since)
            apart = math.log(1 - (one.s or 0)) - before
            if abs(apart) > _quantile(alpha / (look * (look + 1))) * math.hypot(error, one.se or 0):
                listed.append(Change(one.task, one.profession, one.month, 1 - math.exp(before), one.s or 0))
                since = []
        since.append(one)
    return listed


def _pooled(found: Sequence[Rate]) -> tuple[float, float]:
    """The mean of ln(1 - s), weighted by precision, and its standard error."""
    weights = [1 / max(one.se or 0, 1e-12) ** 2 for one in found]
    mean = sum(weight * math.log(1 - (one.s or 0)) for weight, one in zip(weights, found, strict=True)) / sum(weights)
    return mean, 1 / math.sqrt(sum(weights))


def _quantile(alpha: float) -> float:
    """The two-sided normal quantile."""
    return NormalDist().inv_cdf(1 - alpha / 2)


def _first(error: Exception) -> str:
    return (str(error).splitlines() or [""])[0][:200]
