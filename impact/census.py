"""Step 1: the workforce by professional category, each row with its source, year and licence."""

from __future__ import annotations

from dataclasses import dataclass
from typing import TYPE_CHECKING

from impact.intake.columns import LEGAL_HOURS

if TYPE_CHECKING:
    import pyarrow as pa


@dataclass(frozen=True, slots=True)
class Line:
    """One line of the census. FTE and headcount are None where they were not counted; `hours` is the working year of an FTE."""

    profession: str
    category: str
    name_fr: str
    name_en: str
    establishment: str
    headcount: int | None
    fte: float | None
    source: str
    year: int | None
    licence: str
    basis: str
    note: str
    hours: float = LEGAL_HOURS


@dataclass(frozen=True, slots=True)
class Workforce:
    """All lines; a line may be given per establishment, then they add up."""

    lines: tuple[Line, ...]

    @classmethod
    def of(cls, table: pa.Table) -> Workforce:
        """From a checked table of the kind `census`."""
        return cls(tuple(Line(**row) for row in table.to_pylist()))

    def of_profession(self, profession: str) -> tuple[Line, ...]:
        """The lines of a profession."""
        return tuple(line for line in self.lines if profession and line.profession == profession)

    def fte(self, profession: str) -> float | None:
        """FTE of a profession; None where no line, or not every line, counts it."""
        given = [line.fte for line in self.of_profession(profession)]
        known = [value for value in given if value is not None]
        return sum(known) if known and len(known) == len(given) else None

    def hours(self, profession: str) -> float:
        """The working year of an FTE of a profession, in hours, over its lines by FTE; the legal one where none is given."""
        lines = [(line.fte or 0, line.hours) for line in self.of_profession(profession)]
        weight = sum(fte for fte, _ in lines)
        return sum(fte * hours for fte, hours in lines) / weight if weight else LEGAL_HOURS

    def people_per_fte(self, profession: str) -> float | None:
        """Headcount divided by FTE; None where one of them is not known."""
        fte, heads = self.fte(profession), [line.headcount for line in self.of_profession(profession)]
        counted = [value for value in heads if value is not None]
        return sum(counted) / fte if fte and counted and len(counted) == len(heads) else None

    def by_category(self) -> dict[str, float]:
        """FTE of each category, of the lines that count them."""
        found: dict[str, float] = {}
        for line in self.lines:
            if line.fte is not None:
                found[line.category] = found.get(line.category, 0.0) + line.fte
        return dict(sorted(found.items()))

    def total(self) -> float:
        """FTE of all lines that count them."""
        return sum(self.by_category().values())
