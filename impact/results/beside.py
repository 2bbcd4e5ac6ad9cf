"""Two scenarios side by side: the differences of each profession as a table and as print."""

from __future__ import annotations

from dataclasses import dataclass
from typing import TYPE_CHECKING, Any, Final

import pyarrow as pa

from impact.results.tables import made
from impact.scenarios import Difference, beside

if TYPE_CHECKING:
    from collections.abc import Iterable

    from impact.run import Result
    from impact.scenarios import Scenario, Spread

WITH: Final = "/with/"
_PERCENTILES: Final = ("p10", "p50", "p90")
COLUMNS: Final = {
    **dict.fromkeys(("first", "second", "profession", "category", "figure"), pa.string()),
    **dict.fromkeys((f"{which}_{share}" for which in ("first", "second", "difference") for share in _PERCENTILES), pa.float64()),
    "first_higher": pa.float64(),
    "seed": pa.int64(),
    "status": pa.string(),
}


@dataclass(frozen=True, slots=True)
class Comparison:
    """Two scenarios and what differs between them, profession by profession, from the same random numbers."""

    first: Scenario
    second: Scenario
    found: tuple[Difference, ...]

    def of(self, figure: str) -> tuple[Difference, ...]:
        """The differences of one figure, professions in the catalogue's order."""
        return tuple(one for one in self.found if one.figure == figure)

    def table(self) -> pa.Table:
        """One row per profession and figure."""
        return made(COLUMNS, _rows(self))


def compare(result: Result, first: Scenario, second: Scenario) -> Comparison:
    """Two scenarios on what a run measured."""
    return Comparison(first, second, beside(first, second, result.professions, result.measured.tasks))


def named(result: Result, pair: str) -> Comparison | None:
    """Two scenarios of a run by their names, `A/with/B`; None where one is not known or both are one."""
    first, _, second = pair.partition(WITH)
    one, other = result.inputs.scenario(first), result.inputs.scenario(second)
    return None if one is None or other is None or first == second else compare(result, one, other)


def _rows(comparison: Comparison) -> Iterable[dict[str, Any]]:
    head = {"first": comparison.first.id, "second": comparison.second.id, "seed": comparison.first.seed}
    for one in comparison.found:
        row: dict[str, Any] = {
            "profession": one.profession,
            "category": one.category,
            "figure": one.figure,
            "status": one.status or "played",
        }
        spreads = {"first": one.first, "second": one.second, "difference": one.apart}
        yield (
            head
            | row
            | {"first_higher": one.higher}
            | {key: value for name, spread in spreads.items() for key, value in _spread(name, spread)}
        )


def _spread(name: str, spread: Spread | None) -> Iterable[tuple[str, float | None]]:
    return ((f"{name}_{share}", None if spread is None else getattr(spread, share)) for share in _PERCENTILES)
