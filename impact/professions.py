"""Step 5: the substitution rate of a profession, a category and the establishment (`method.md`, "Professions, categories").

S_i = Σ_j w_ij·s_ij      M_i = Σ_{j measured} w_ij, printed beside it; tasks that were not measured count 0
released FTE_i = FTE_i·S_i      S_category = Σ FTE_i·S_i / Σ FTE_i
"""

from __future__ import annotations

from collections import defaultdict
from dataclasses import dataclass, replace
from typing import TYPE_CHECKING, Final

from impact.intake.columns import LEGAL_HOURS

if TYPE_CHECKING:
    from collections.abc import Iterable, Mapping, Sequence

    from impact.catalogue import Catalogue, Task
    from impact.census import Workforce
    from impact.rates import Rate

LEAST_MEASURED: Final = 0.25
"""Below this measured share of working time there is no number, only "not enough measured"."""
_ROUNDING: Final = 1e-9
MEASURED: Final = "measured"
"""Where a share of time comes from that was computed from volume and time without AI."""


class DoubleCounting(ValueError):
    """The tasks of a profession take more than its whole working time."""


@dataclass(frozen=True, slots=True)
class TaskPart:
    """One task in a profession's working time.

    Args:
        share: w, the share of working time.
        basis: where w comes from: "measured", or the catalogue's own word for its source.
        s: what counts for the task; None where it was not measured (it then counts 0).
        time_coverage: c_T.
        level: evidence of s.
        exposure: observed exposure, to compare with published indices.
    """

    task: str
    share: float
    basis: str
    s: float | None = None
    time_coverage: float | None = None
    level: str = ""
    exposure: float | None = None


@dataclass(frozen=True, slots=True)
class ProfessionRate:
    """S, M and released FTE of a profession; FTE is None where the census does not know it.

    Args:
        double: why its measured and declared shares of time cannot be, "" where they can; there is then no number.
    """

    profession: str
    category: str
    fte: float | None
    people_per_fte: float | None
    parts: tuple[TaskPart, ...]
    double: str = ""

    @property
    def s(self) -> float:
        """S_i."""
        return sum(part.share * part.s for part in self.parts if part.s is not None)

    @property
    def measured(self) -> float:
        """M_i."""
        return sum(part.share for part in self.parts if part.s is not None)

    @property
    def level(self) -> str:
        """The weakest evidence among what was measured; "" where nothing was."""
        return max((part.level for part in self.parts if part.s is not None), default="")

    @property
    def is_enough(self) -> bool:
        """Whether enough is measured for a number, and nothing counted twice."""
        return self.measured >= LEAST_MEASURED - _ROUNDING and not self.double

    @property
    def released(self) -> float | None:
        """Released FTE: working time, not posts."""
        return None if self.fte is None else self.fte * self.s

    @property
    def released_people(self) -> float | None:
        """The same as headcount, where people per FTE is known."""
        return None if self.released is None or self.people_per_fte is None else self.released * self.people_per_fte

    @property
    def exposure(self) -> float | None:
        """Σ w·c·(substituted + ½·augmented) over what was measured; None where nothing was. Never turned into FTE."""
        known = [part.share * part.exposure for part in self.parts if part.exposure is not None]
        return sum(known) if known else None

    @property
    def touched(self) -> float:
        """Σ w·c_T: the share of working time that AI takes part in."""
        return sum(part.share * (part.time_coverage or 0) for part in self.parts)


@dataclass(frozen=True, slots=True)
class CategoryRate:
    """S of a category: weighted by FTE over the professions whose FTE is known; `measured` is M weighted alike."""

    category: str
    fte: float
    s: float
    measured: float
    released: float


def time_share(volume: float, minutes: float, fte: float, hours: float = LEGAL_HOURS) -> float:
    """w_ij = N_ij·H0_ij / (60·hours·FTE_i), N being of one year. Raises ValueError without FTE or hours."""
    if fte <= 0 or hours <= 0:
        raise ValueError("A share of working time needs FTE and hours above 0.")
    return volume * minutes / (60 * hours * fte)


def check_shares(profession: str, shares: Iterable[float]) -> None:
    """Refuse tasks that take more than all the time. Raises DoubleCounting."""
    total = sum(shares)
    if total > 1 + _ROUNDING:
        raise DoubleCounting(
            f"The tasks of '{profession}' take {total:.1%} of its working time: something is counted twice. Lower the shares to 100 % at most."
        )


def professions(catalogue: Catalogue, workforce: Workforce, rates: Sequence[Rate]) -> tuple[ProfessionRate, ...]:
    """S of every profession of the catalogue.

    Args:
        catalogue: professions, their tasks and declared shares of time.
        workforce: FTE.
        rates: of step 4; a suppressed, unknown or refused one counts as not measured, and so does level E.

    Raises:
        DoubleCounting: declared shares over 1. Measured ones over 1 are told on the profession, which then has no number.
    """
    known = {(one.profession, one.task): one for one in rates}
    found = []
    for profession in catalogue.professions:
        fte = workforce.fte(profession.census)
        tasks, hours = catalogue.tasks_of(profession.id), workforce.hours(profession.census)
        check_shares(profession.id, (task.share for task in tasks))
        parts = tuple(_part(task, known.get((profession.id, task.id)), fte, hours) for task in tasks)
        people = workforce.people_per_fte(profession.census)
        found.append(ProfessionRate(profession.id, profession.category, fte, people, parts, _counted_twice(profession.id, parts)))
    return tuple(found)


def _counted_twice(profession: str, parts: Sequence[TaskPart]) -> str:
    """A sentence where measured and declared shares together are over 1; "" where they are not."""
    try:
        check_shares(profession, (part.share for part in parts))
    except DoubleCounting as error:
        return str(error)
    return ""


def measured_share(one: Rate, fte: float | None, hours: float) -> float | None:
    """W = N·H0/(60·hours·FTE) of a task whose volume and time without AI are measured, N brought from its months to a year.

    None where volume, FTE or months are not known, where H0 was only declared (level E), or the rate is suppressed.
    """
    if not fte or not one.months or one.volume is None or one.baseline is None or one.level == "E":
        return None
    return time_share(one.volume * 12 / one.months, one.baseline, fte, hours)


def _part(task: Task, one: Rate | None, fte: float | None, hours: float) -> TaskPart:
    measured = None if one is None else measured_share(one, fte, hours)
    part = TaskPart(task.id, task.share, task.basis) if measured is None else TaskPart(task.id, measured, MEASURED)
    if one is None or one.s is None or one.level == "E":
        return part
    return replace(
        part, s=one.value if one.value is not None else one.s, time_coverage=one.time_coverage, level=one.level, exposure=one.exposure
    )


def categories(found: Iterable[ProfessionRate]) -> tuple[CategoryRate, ...]:
    """S of each category, by its name."""
    by_category: dict[str, list[ProfessionRate]] = defaultdict(list)
    for one in found:
        if one.fte and not one.double:
            by_category[one.category].append(one)
    return tuple(_category(name, members) for name, members in sorted(by_category.items()))


def establishment(found: Iterable[ProfessionRate]) -> CategoryRate | None:
    """S over all professions whose FTE is known; None where none is."""
    members = [one for one in found if one.fte and not one.double]
    return _category("", members) if members else None


def _category(name: str, members: Sequence[ProfessionRate]) -> CategoryRate:
    fte = sum(one.fte or 0 for one in members)
    released = sum(one.released or 0 for one in members)
    return CategoryRate(name, fte, released / fte, sum((one.fte or 0) * one.measured for one in members) / fte, released)


def reading_of_the_seed(fte: float, shares: Mapping[str, float]) -> dict[str, float]:
    """FTE times a hypothetical share, as the seed note did for administrative staff: our reading of it, level E, a hypothesis."""
    return {name: fte * share for name, share in shares.items()}


def working_years(hours: float, legal: float = LEGAL_HOURS) -> float:
    """Hours as FTE."""
    return hours / legal


def eight_hour_days(hours: float, *, told: float) -> str:
    """A sentence where a published number of eight-hour days does not belong to the hours beside it; "" where it does."""
    days = hours / 8
    return "" if abs(days - told) <= max(0.5, 0.001 * days) else f"{hours:,.0f} hours are {days:,.1f} days of eight hours, not {told:,.0f}."
