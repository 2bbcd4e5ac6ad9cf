"""Steps 2 and 3: professions with their codes, and the tasks of each with the share of working time it takes.

Where nothing is measured yet, a task carries the seed method's expert rating: strong, medium or weak by market maturity,
social acceptability and return on investment. The weakest of the three decides. It is evidence level E: a first picture, drawn
hatched, never a rate of the central scenario.
"""

from __future__ import annotations

from dataclasses import dataclass
from typing import TYPE_CHECKING, Final

from impact.intake.columns import RATINGS

if TYPE_CHECKING:
    from collections.abc import Mapping

    import pyarrow as pa

ASSUMED: Final[Mapping[str, float]] = {"strong": 0.6, "medium": 0.3, "weak": 0.0}
"""What a rating is drawn as: 60 % and 30 % are our reading of the range the seed note published (40,000 to 80,000 of 134,312 posts);
a hypothesis, not a measurement."""


@dataclass(frozen=True, slots=True)
class Profession:
    """One profession; `census` names its line there ("" where it has none)."""

    id: str
    name_fr: str
    name_en: str
    category: str
    census: str
    isco: str
    rome: str
    onet: str


@dataclass(frozen=True, slots=True)
class Task:
    """One task of a profession; `share` of its working time with where it comes from; ratings are "" where there are none."""

    id: str
    profession: str
    name_fr: str
    name_en: str
    kind: str
    share: float
    basis: str
    source: str
    year: int | None
    licence: str
    market: str | None
    acceptability: str | None
    return_: str | None

    @property
    def rating(self) -> str | None:
        """The weakest of the three ratings; None where one is missing."""
        given = (self.market, self.acceptability, self.return_)
        return None if None in given else max((word for word in given if word), key=RATINGS.index)

    @property
    def assumed(self) -> float | None:
        """The rating as a hypothetical rate, level E."""
        return None if self.rating is None else ASSUMED[self.rating]


@dataclass(frozen=True, slots=True)
class Exposure:
    """One line of a published exposure index, from 0 to 1, of an ISCO-08 or O*NET-SOC code: level E, compared and never turned into FTE."""

    index: str
    code: str
    score: float
    source: str
    year: int | None
    licence: str

    def is_of(self, profession: Profession) -> bool:
        """Whether the code is one of the profession's; an O*NET code without its two last digits is the same occupation."""
        return bool(self.code) and (self.code == profession.isco or (bool(profession.onet) and profession.onet[:7] == self.code[:7]))


@dataclass(frozen=True, slots=True)
class Catalogue:
    """Professions, tasks, and published exposure scores where the establishment loaded some."""

    professions: tuple[Profession, ...]
    tasks: tuple[Task, ...]
    exposures: tuple[Exposure, ...] = ()

    @classmethod
    def of(cls, professions: pa.Table, tasks: pa.Table, exposures: pa.Table | None = None) -> Catalogue:
        """From checked tables of the kinds `professions`, `tasks` and `exposure`. Raises ValueError for a task of no profession."""
        known = tuple(Profession(**row) for row in professions.to_pylist())
        found = tuple(
            Task(**{("return_" if name == "return" else name): value for name, value in row.items()}) for row in tasks.to_pylist()
        )
        ids = {profession.id for profession in known}
        lost = sorted({task.profession for task in found} - ids)
        if lost:
            raise ValueError(f"tasks: no such profession: {', '.join(lost)}. Professions: {', '.join(sorted(ids))}.")
        scores = () if exposures is None else tuple(Exposure(**row) for row in exposures.to_pylist())
        return cls(known, found, scores)

    def tasks_of(self, profession: str) -> tuple[Task, ...]:
        """The tasks of a profession, in the file's order."""
        return tuple(task for task in self.tasks if task.profession == profession)

    def profession(self, name: str) -> Profession | None:
        """A profession by its id."""
        return next((one for one in self.professions if one.id == name), None)

    def exposures_of(self, profession: str) -> tuple[Exposure, ...]:
        """The published scores of a profession, index by index."""
        found = self.profession(profession)
        return tuple(sorted((one for one in self.exposures if found and one.is_of(found)), key=lambda one: (one.index, one.code)))

    def task(self, profession: str, name: str) -> Task | None:
        """A task of a profession by its id."""
        return next((one for one in self.tasks if (one.profession, one.id) == (profession, name)), None)
