"""What the pages show: running sums of the live ledger, and each page's words, charts and tables; `gateway.app` hands it to the web room.

A page is blocks: a heading, one sentence that says what the chart shows, the chart, the table, and where the same rows are as data.
Nothing here knows the web; nothing here tells a figure of one person.
"""

from __future__ import annotations

import threading
from typing import TYPE_CHECKING, Any

from impact.counting.lines import table
from impact.followup import Store, StoreError, changes
from impact.ledger import LedgerError
from impact.results.documents import MEDIA, document, dumped, encoded
from impact.results.inputs import Inputs
from impact.showing.figures import Figures
from impact.showing.page import page, rows
from impact.showing.speech import Speech

if TYPE_CHECKING:
    from collections.abc import Mapping, Sequence
    from pathlib import Path

    from impact.ledger import UsageRecord
    from impact.showing.speech import View


class Section:
    """The impact section of one running gateway: new rows are counted, figures made when somebody looks and something is new."""

    def __init__(self, tables: Path | None = None) -> None:
        self._tables = tables
        self._store = Store.open()
        self._lock = threading.Lock()
        self._known: tuple[object, Figures] | None = None
        self._told: tuple[dict[str, Any], ...] = ()

    @property
    def last(self) -> int:
        """The last log index that was counted; -1 at first."""
        return self._store.last

    def add(self, records: Sequence[UsageRecord]) -> None:
        """Count rows that were validated when they were read."""
        with self._lock:
            new = [record for record in records if record.log_index > self._store.last]
            if new:
                self._store.add(new, check=False)

    @property
    def form(self) -> str:
        """What kept sums must have in common with these."""
        return self._store.form

    def part(self, records: Sequence[UsageRecord], after: int) -> bytes:
        """The sums of some validated rows alone, those that follow a log index, to be kept."""
        with Store.open(after=after) as store:
            store.add(records, check=False)
            return store.packed()

    def part_of(self, rows: bytes, after: int) -> bytes | None:
        """The same of rows as JSON lines that nobody validated; None where one of them is not plainly right, and has to be looked at alone."""
        found = table(rows)
        with Store.open(after=after) as store:
            try:
                return None if found is None or not store.add(found) else store.packed()
            except LedgerError:
                return None

    def restore(self, part: bytes) -> bool:
        """Take in kept sums; False where they do not begin where these end, are damaged, or of another version."""
        with self._lock:
            try:
                self._store.merge(part)
            except StoreError:
                return False
            return True

    def packed(self) -> bytes:
        """All sums, to be kept."""
        with self._lock:
            return self._store.packed()

    def tell(self, volumes: Sequence[dict[str, Any]]) -> None:
        """Total volumes that were given to the gateway; they go before those of the folder."""
        self._told = tuple(volumes)

    def figures(self) -> Figures:
        """All figures; the same object until a row or a table is new. Raises what `Inputs.load` raises."""
        with self._lock:
            told = self._told
            state = (self._store.last, self._stamps(), told)
            if self._known is None or self._known[0] != state:
                result = self._store.result(Inputs.load(self._tables, told))
                self._known = (state, Figures(result, self._store.calls(), changes(result.measured.months)))
            return self._known[1]

    def page(self, kind: str, name: str, words: Mapping[str, str], names: Mapping[str, str]) -> View | None:
        """A page by its kind ("", "tasks", "professions", "scenarios") and what it is about; None where there is none."""
        return page(self.figures(), kind, name, Speech(words, names))

    def data(self, kind: str, name: str, form: str) -> tuple[bytes, str] | None:
        """The rows of a page as `json`, `csv` or `parquet` with their media type; None where there is none."""
        found = self.figures().result
        if form not in MEDIA:
            return None
        if not kind and form == "json":
            return dumped(document(found)).encode(), MEDIA[form]
        listed = rows(found, kind, name)
        return None if listed is None else (encoded(listed, form), MEDIA[form])

    def _stamps(self) -> tuple[tuple[str, int], ...]:
        if self._tables is None or not self._tables.is_dir():
            return ()
        return tuple((str(path), path.stat().st_mtime_ns) for path in sorted(self._tables.rglob("*")) if path.is_file())
