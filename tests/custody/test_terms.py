"""Until when something is kept (R24), day by day: never a moment earlier than the term, whatever the calendar does."""

from __future__ import annotations

from datetime import UTC, date, datetime, timedelta

import pytest
from hypothesis import given
from hypothesis import strategies as st

from gateway.custody.clocks.terms import decision_until, months_after, months_before, years_after
from gateway.settings import Retention

RULE = Retention()
LAST = datetime(2026, 3, 14, 9, 30, tzinfo=UTC)


@pytest.mark.parametrize(
    ("birth", "death", "expected"),
    [
        (None, None, datetime(2046, 3, 14, 9, 30, tzinfo=UTC)),
        (date(1950, 1, 1), None, datetime(2046, 3, 14, 9, 30, tzinfo=UTC)),
        (date(2024, 5, 6), None, datetime(2052, 5, 6, tzinfo=UTC)),  # two years old: until the 28th birthday
        (None, date(2030, 6, 1), datetime(2040, 6, 1, tzinfo=UTC)),  # dies within ten years: ten years from then
        (None, date(2026, 3, 14), datetime(2036, 3, 14, tzinfo=UTC)),
        (None, date(2036, 3, 15), datetime(2046, 3, 14, 9, 30, tzinfo=UTC)),  # later than that: the ordinary term
        (date(2024, 5, 6), date(2027, 1, 1), datetime(2037, 1, 1, tzinfo=UTC)),
    ],
)
def test_a_decision_is_kept_as_the_code_of_public_health_says(birth: date | None, death: date | None, expected: datetime) -> None:
    assert decision_until(LAST, birth, death, RULE) == expected


def test_a_day_that_is_missing_is_waited_for() -> None:
    assert months_after(datetime(2026, 8, 31, 10, tzinfo=UTC), 6) == datetime(2027, 3, 1, tzinfo=UTC)
    assert years_after(date(2024, 2, 29), 1) == date(2025, 3, 1)


@given(
    st.datetimes(min_value=datetime(2020, 1, 1), max_value=datetime(2060, 1, 1), timezones=st.just(UTC)),  # noqa: DTZ001 - bounds are naive by contract
    st.integers(1, 360),
    st.integers(-3, 3),
    st.integers(-2, 2),
)
def test_what_is_before_the_limit_is_due_and_nothing_else(now: datetime, months: int, days: int, hours: int) -> None:
    """Both directions of the same rule: the query's limit and the term of one row agree around every limit."""
    received = months_before(now, months) + timedelta(days=days, hours=hours, microseconds=1)
    assert (received < months_before(now, months)) <= (months_after(received, months) <= now)
    if months_after(received, months) < now:
        assert received < months_before(now, months) + timedelta(days=1)


@pytest.mark.parametrize("given", [{"use_months": 5}, {"security_months": 13}, {"decision_years": 19}, {"adult_at": 18}])
def test_no_configuration_keeps_less_or_more_than_the_law_allows(given: dict[str, int]) -> None:
    with pytest.raises(ValueError, match=next(iter(given))):
        Retention(**given)
