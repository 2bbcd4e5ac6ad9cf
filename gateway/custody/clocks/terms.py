"""Until when something is kept (R24): pure functions over days, so that a test can travel through twenty years."""

from __future__ import annotations

from datetime import UTC, date, datetime
from typing import TYPE_CHECKING, Final

if TYPE_CHECKING:
    from gateway.settings import Retention

_MONTHS: Final = 12


def decision_until(last: datetime, birth: date | None, death: date | None, rule: Retention) -> datetime:
    """When a signed decision may go: years from the last passage, not before a minor has grown up; after a death near to it, years from that.

    Source: code de la santé publique, R.1112-7.
    """
    if death is not None and death <= years_after(last.date(), rule.after_death_years):
        return _midnight(years_after(death, rule.after_death_years))
    end = months_after(last, rule.decision_years * _MONTHS)
    return end if birth is None else max(end, _midnight(years_after(birth, rule.adult_at)))


def months_after(at: datetime, months: int) -> datetime:
    """So many months later at the same time; where that day does not exist, when it is over: never earlier."""
    found = _shifted(at.date(), months)
    return _midnight(found) if found.day != at.day else datetime.combine(found, at.timetz())


def months_before(at: datetime, months: int) -> datetime:
    """Everything before this instant is so many months old."""
    first = _shifted(at.date(), -months)
    if first.day == at.day:
        return datetime.combine(first, at.timetz())
    return _midnight(first)


def years_after(day: date, years: int) -> date:
    """So many years later; after a 29 February that is missing, 1 March."""
    return _shifted(day, years * _MONTHS)


def _shifted(day: date, months: int) -> date:
    year, month = divmod(day.year * _MONTHS + day.month - 1 + months, _MONTHS)
    try:
        return date(year, month + 1, day.day)
    except ValueError:
        return date(year, month + 2, 1)  # only months before the last are too short


def _midnight(day: date) -> datetime:
    return datetime(day.year, day.month, day.day, tzinfo=UTC)
