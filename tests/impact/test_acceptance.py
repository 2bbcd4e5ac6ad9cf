"""The acceptance cases of the method, each named after its study; tolerance ±0.05 point unless said."""

from __future__ import annotations

import math

import pytest

from impact.catalogue import ASSUMED
from impact.census import Workforce
from impact.intake.checking import checked
from impact.intake.columns import CENSUS
from impact.intake.reading import read
from impact.intervals import Effect, Interval, Mean, share_sequence, time_ratio
from impact.measuring.designs import LEVELS, before_after, before_after_with_control, from_productivity, productivity
from impact.measuring.quality import Gate, Guarded, gate, non_inferior, scenario_value
from impact.places import config
from impact.professions import ProfessionRate, TaskPart, eight_hour_days, reading_of_the_seed, working_years
from impact.scenarios import adoption

POINT = 0.0005
EXAMS = 15_987


def readings(mean: float, n: int) -> Mean:
    """Mean readings of exams that have one of two neighbouring numbers of readings."""
    part = mean - math.floor(mean)
    return Mean(mean, part * (1 - part) / n, n)


def same(found: Interval | tuple[float, float] | None, low: float, high: float, tolerance: float = POINT) -> bool:
    assert found is not None
    return abs(found[0] - low) <= tolerance and abs(found[1] - high) <= tolerance


def test_masai_2023() -> None:
    ai, control = readings(46_345 / 39_996, 39_996), readings(83_231 / 40_024, 40_024)
    effect = time_ratio(ai, control)
    assert (round(ai.value, 4), round(control.value, 4)) == (1.1587, 2.0795)
    assert effect.s == pytest.approx(0.4428, abs=POINT)
    assert same(effect.interval(), 0.441, 0.445)


def test_masai_2023_detection_passes_the_gate() -> None:
    detection = Guarded("detection", 39_996, 244, 40_024, 203, margin=0.8, better="higher")
    assert pytest.approx(1.203, abs=0.0005) == (244 / 39_996) / (203 / 40_024)
    assert same(detection.interval(), 0.998, 1.449, 0.0011)
    assert gate([detection]).state == "passed"


def test_raya_povedano_2021() -> None:
    assert before_after(Mean(156, 0, 1), Mean(568, 0, 1)).s == pytest.approx(0.725, abs=POINT)
    assert before_after(Mean(156, 0, 1), Mean(222, 0, 1)).s == pytest.approx(0.297, abs=POINT)
    assert pytest.approx(2.132, abs=5e-4) == 568 * 60 / EXAMS
    assert pytest.approx(0.585, abs=5e-4) == 156 * 60 / EXAMS


def test_ucla_scribe_rct_2025() -> None:
    found = before_after_with_control(Mean(229, 0, 1), Mean(270, 0, 1), Mean(244, 0, 1), Mean(262, 0, 1))
    assert found.s == pytest.approx(0.0893, abs=POINT)
    assert 0.018 <= found.s <= 0.172
    assert (229 - 270) - (244 - 262) == -23


def test_ucla_scribe_rct_2025_own_arm_alone_is_level_d() -> None:
    assert before_after(Mean(229, 0, 1), Mean(270, 0, 1)).s == pytest.approx(0.152, abs=POINT)
    assert (before_after.__doc__ or "").startswith("Level D")
    assert "before and after" in LEVELS["D"]


def test_abramoff_2023() -> None:
    assert pytest.approx(0.395, abs=POINT) == 1.59 / 1.14 - 1
    assert from_productivity(1.59 / 1.14 - 1) == pytest.approx(0.283, abs=POINT)
    assert productivity(from_productivity(0.4)) == pytest.approx(0.4)


def test_radiograph_drafts() -> None:
    effect = time_ratio(Mean.of(19.8, 12.5, 758), Mean.of(34.2, 20.4, 758))
    assert effect.s == pytest.approx(0.421, abs=POINT)
    assert same(effect.interval(), 0.384, 0.456)


def test_tpmg_scribes() -> None:
    assert pytest.approx(22.1, abs=0.05) == 15_791 * 3600 / 2_576_627
    assert working_years(15_791) == pytest.approx(9.83, abs=0.005)
    assert working_years(15_791) / 7_260 == pytest.approx(0.00135, abs=0.000005)


def test_tpmg_scribes_eight_hour_days_are_flagged() -> None:
    assert eight_hour_days(15_791, told=1_794) == "15,791 hours are 1,973.9 days of eight hours, not 1,794."
    assert eight_hour_days(15_791, told=1_974) == ""


def test_aitic_2026() -> None:
    failed = Gate("passed" if non_inferior(Interval(9.0, 20.6), 5, "lower") else "failed")
    assert failed.state == "failed"
    assert scenario_value(0.636, Interval(0.62, 0.65), failed) <= 0
    assert scenario_value(0.636, Interval(0.62, 0.65), Gate("passed")) == pytest.approx(0.636)


def test_the_seed_note() -> None:
    found = reading_of_the_seed(134_312, {"low": ASSUMED["medium"], "high": ASSUMED["strong"]})
    assert {name: round(value) for name, value in found.items()} == {"low": 40_294, "high": 80_587}
    assert "hypothesis" in (reading_of_the_seed.__doc__ or "")


def test_drees_2016_sums() -> None:
    found = Workforce.of(checked(CENSUS, read(config() / "census/france.csv"))).by_category()
    assert found["carers"] == 694_091
    assert found["non-carers"] == 313_924
    assert abs(found["carers"] + found["non-carers"] - 1_008_014) <= 2


def test_null() -> None:
    effect = Effect(0.0, 0.05)
    assert same(effect.interval(), -0.103, 0.093)
    assert scenario_value(0.0, effect.interval(), Gate("passed")) == 0


@pytest.mark.parametrize(("count", "n", "low", "high"), [(95, 100, 0.8442, 0.9929), (500, 1000, 0.4424, 0.5576), (0, 30, 0.0, 0.1612)])
def test_sequence(count: int, n: int, low: float, high: float) -> None:
    assert same(share_sequence(count, n), low, high, 5e-5)


def test_chain() -> None:
    rates = [c * (1 - ratio) for c, ratio in ((0.8, 0.35), (0.5, 0.6), (0.0, 1.0), (0.3, 0.5))]
    assert rates == [pytest.approx(value) for value in (0.52, 0.20, 0.0, 0.15)]
    parts = tuple(
        TaskPart(f"t{place}", share, "survey", s) for place, (share, s) in enumerate(zip((0.40, 0.25, 0.20, 0.15), rates, strict=True))
    )
    found = ProfessionRate("p", "c", 1000.0, None, parts)
    assert [found.s, found.released] == pytest.approx([0.2805, 280.5])


def test_adoption() -> None:
    assert float(adoption(5, 0.8, 0.9, 4)) == pytest.approx(0.5688, abs=5e-5)
