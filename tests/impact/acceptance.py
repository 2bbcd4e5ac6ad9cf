"""Every figure of the method's acceptance table: case, expected, got. `python -m tests.impact.acceptance` prints it.

Each `got` is computed by the product's own functions from the published numbers of the study.
"""

from __future__ import annotations

from dataclasses import dataclass
from typing import TYPE_CHECKING

import numpy as np

from impact.catalogue import ASSUMED
from impact.census import Workforce
from impact.intake.checking import checked
from impact.intake.columns import CENSUS
from impact.intake.reading import read
from impact.intervals import Effect, Interval, Mean, share_sequence, time_ratio
from impact.measuring.designs import before_after, before_after_with_control, from_productivity
from impact.measuring.quality import Gate, Guarded, gate, non_inferior, scenario_value
from impact.places import config
from impact.professions import ProfessionRate, TaskPart, eight_hour_days, reading_of_the_seed, working_years
from impact.scenarios import adoption
from tests.impact.measuring import one
from tests.impact.test_intervals import ever_missed
from tests.impact.test_method import all_months
from tests.impact.test_rates import EFFECT, SECONDS, changed, full, selected, truth
from tests.impact.test_series import TRUE, covers, holds, interrupted, weeks

if TYPE_CHECKING:
    from collections.abc import Iterator

POINT = 0.0005


@dataclass(frozen=True, slots=True)
class Line:
    """One figure of one case; text is compared as it is."""

    case: str
    figure: str
    expected: float | str
    got: float | str
    tolerance: float = POINT

    @property
    def holds(self) -> bool:
        """Whether it is what is expected."""
        if isinstance(self.expected, str) or isinstance(self.got, str):
            return self.expected == self.got
        return abs(self.got - self.expected) <= self.tolerance


def ends(found: Interval | tuple[float, float] | None) -> tuple[float, float]:
    assert found is not None
    return found[0], found[1]


def readings(total: int, n: int) -> Mean:
    """Mean readings of exams that have one of two neighbouring numbers of readings."""
    mean = total / n
    return Mean(mean, (mean % 1) * (1 - mean % 1) / n, n)


def masai() -> Iterator[Line]:
    ai, control = readings(46_345, 39_996), readings(83_231, 40_024)
    effect, detection = time_ratio(ai, control), Guarded("detection", 39_996, 244, 40_024, 203, margin=0.8, better="higher")
    yield Line("MASAI (Lång 2023)", "s", 0.4428, effect.s)
    yield Line("MASAI (Lång 2023)", "readings per exam, AI", 1.1587, ai.value, 5e-5)
    yield Line("MASAI (Lång 2023)", "readings per exam, control", 2.0795, control.value, 5e-5)
    yield from (
        Line("MASAI (Lång 2023)", f"interval, {end}", told, got)
        for end, told, got in zip(("low", "high"), (0.441, 0.445), ends(effect.interval()), strict=True)
    )
    yield Line("MASAI (Lång 2023)", "detection ratio", 1.203, (244 / 39_996) / (203 / 40_024))
    yield from (
        Line("MASAI (Lång 2023)", f"its interval, {end}", told, got, 0.0011)
        for end, told, got in zip(("low", "high"), (0.998, 1.449), detection.interval(), strict=True)
    )
    yield Line("MASAI (Lång 2023)", "gate at margin 0.8", "passed", gate([detection]).state)


def raya() -> Iterator[Line]:
    for before, expected in ((568, 0.725), (222, 0.297)):
        yield Line("Raya-Povedano 2021", f"s, {before} to 156 h", expected, before_after(Mean(156, 0, 1), Mean(before, 0, 1)).s)
    for hours, expected in ((568, 2.132), (156, 0.585)):
        yield Line("Raya-Povedano 2021", f"minutes per exam of {hours} h", expected, hours * 60 / 15_987)


def ucla() -> Iterator[Line]:
    found = before_after_with_control(Mean(229, 0, 1), Mean(270, 0, 1), Mean(244, 0, 1), Mean(262, 0, 1))
    yield Line("UCLA scribe RCT 2025", "s, difference in differences", 0.0893, found.s)
    yield Line("UCLA scribe RCT 2025", "inside the published 1.8 to 17.2 %", "yes", "yes" if 0.018 <= found.s <= 0.172 else "no")
    yield Line("UCLA scribe RCT 2025", "own arm alone (level D)", 0.152, before_after(Mean(229, 0, 1), Mean(270, 0, 1)).s)
    yield Line("UCLA scribe RCT 2025", "seconds per note", -23, (229 - 270) - (244 - 262))


def others() -> Iterator[Line]:
    yield Line("Abràmoff 2023", "productivity", 0.395, 1.59 / 1.14 - 1)
    yield Line("Abràmoff 2023", "s", 0.283, from_productivity(1.59 / 1.14 - 1))
    drafts = time_ratio(Mean.of(19.8, 12.5, 758), Mean.of(34.2, 20.4, 758))
    yield Line("radiograph drafts", "s", 0.421, drafts.s)
    yield from (
        Line("radiograph drafts", f"interval, {end}", told, got)
        for end, told, got in zip(("low", "high"), (0.384, 0.456), ends(drafts.interval()), strict=True)
    )
    yield Line("TPMG scribes", "seconds per encounter", 22.1, 15_791 * 3600 / 2_576_627, 0.05)
    yield Line("TPMG scribes", "FTE at 1,607 h", 9.83, working_years(15_791), 0.005)
    yield Line("TPMG scribes", "share of 7,260 physicians", 0.00135, working_years(15_791) / 7_260, 0.000005)
    yield Line(
        "TPMG scribes",
        "“1,794 eight-hour days”",
        "15,791 hours are 1,973.9 days of eight hours, not 1,794.",
        eight_hour_days(15_791, told=1_794),
    )
    failed = Gate("passed" if non_inferior(Interval(9.0, 20.6), 5, "lower") else "failed")
    yield Line("AITIC 2026", "s", 0.636, before_after(Mean(1 - 0.636, 0, 1), Mean(1, 0, 1)).s)
    yield Line("AITIC 2026", "gate", "failed", failed.state)
    yield Line("AITIC 2026", "scenario value", 0, scenario_value(0.636, Interval(0.62, 0.65), failed))


def figures() -> Iterator[Line]:
    note = reading_of_the_seed(134_312, {"low": ASSUMED["medium"], "high": ASSUMED["strong"]})
    yield Line("seed note", "30 % of 134,312 FTE (a hypothesis)", 40_294, note["low"], 0.5)
    yield Line("seed note", "60 % of 134,312 FTE (a hypothesis)", 80_587, note["high"], 0.5)
    found = Workforce.of(checked(CENSUS, read(config() / "census/france.csv"))).by_category()
    yield Line("DREES 2016 sums", "carers", 694_091, found["carers"], 0)
    yield Line("DREES 2016 sums", "all, printed 1,008,014", 1_008_014, found["carers"] + found["non-carers"], 2)
    null = Effect(0.0, 0.05)
    yield from (
        Line("null", f"interval, {end}", told, got)
        for end, told, got in zip(("low", "high"), (-0.103, 0.093), ends(null.interval()), strict=True)
    )
    yield Line("null", "scenario value", 0, scenario_value(0.0, null.interval(), Gate("passed")), 0)


def sequences() -> Iterator[Line]:
    for x, n, low, high in ((95, 100, 0.8442, 0.9929), (500, 1000, 0.4424, 0.5576), (0, 30, 0.0, 0.1612)):
        yield from (
            Line("sequence", f"{x}/{n}, {end}", told, got, 5e-5)
            for end, told, got in zip(("low", "high"), (low, high), share_sequence(x, n), strict=True)
        )
    for p in (0.5, 0.9, 0.98):
        yield Line("sequence", f"ever-miss at p = {p:g}, at most 5 %", "yes", "yes" if ever_missed(p) <= 0.05 else "no")


def chain() -> Iterator[Line]:
    given = ((0.40, 0.8, 0.35, 0.52), (0.25, 0.5, 0.6, 0.20), (0.20, 0.0, 1.0, 0.0), (0.15, 0.3, 0.5, 0.15))
    rates = [c * time_ratio(Mean(ratio, 0, 1), Mean(1, 0, 1)).s for _, c, ratio, _ in given]
    yield from (
        Line("chain", f"s of task {place}", expected, s) for place, ((*_, expected), s) in enumerate(zip(given, rates, strict=True), 1)
    )
    parts = tuple(TaskPart(f"t{place}", share, "survey", s) for place, ((share, *_), s) in enumerate(zip(given, rates, strict=True)))
    found = ProfessionRate("p", "c", 1000.0, None, parts)
    yield Line("chain", "S", 0.2805, found.s)
    yield Line("chain", "FTE released of 1,000", 280.5, found.released or 0, 0.05)
    yield Line("adoption", "A(5)", 0.5688, float(adoption(5, 0.8, 0.9, 4)), 5e-5)


def selection() -> Iterator[Line]:
    """Routing of easier cases with a known effect."""
    hard = np.asarray(selected(stratified=True)["stratum"]) == "hard"
    for name, stratified in (("time-weighted over strata", True), ("holdout, un-routed cases timed", False)):
        table = selected(stratified=stratified)
        found = one(table, full(table))
        low, high = ends(found.interval)
        yield Line(
            "selection",
            f"{name}: truth {truth(table, hard):.1%} in its interval",
            "yes",
            "yes" if low <= truth(table, hard) <= high else "no",
        )
    bare = selected(stratified=False)
    naive = one(changed(bare, arm=np.where(np.asarray(bare["arm"]) == "holdout", "ai", np.asarray(bare["arm"]))), [])
    yield Line("selection", "naive comparison", "refused", naive.status)
    assert (EFFECT, SECONDS["easy"] < SECONDS["hard"]) == (0.15, True)


def series() -> Iterator[Line]:
    """A site beside one without AI, both with a trend, and a known effect of 20 %."""
    found, case = weeks(TRUE), "interrupted series with a control"
    yield Line(case, "truth in its interval", "yes", "yes" if holds(found, TRUE) else "no")
    yield Line(case, "before and after alone: truth in its interval", "no", "yes" if covers(found, control=False) else "no")
    ledger = interrupted()
    yield Line(case, "level, from a ledger", "C", one(ledger, all_months(ledger)).level)


def lines() -> list[Line]:
    """The whole table."""
    parts = (masai, raya, ucla, others, figures, sequences, chain, selection, series)
    return [line for part in parts for line in part()]


def table(found: list[Line]) -> str:
    """As Markdown."""
    told = [(line.case, line.figure, _said(line.expected), _said(line.got), "yes" if line.holds else "NO") for line in found]
    return "\n".join(["| case | figure | expected | got | holds |", "|---|---|---|---|---|", *(f"| {' | '.join(row)} |" for row in told)])


def _said(value: float | str) -> str:
    return value if isinstance(value, str) else f"{value:,.5f}".rstrip("0").rstrip(".") or "0"


if __name__ == "__main__":
    print(table(lines()))  # noqa: T201 - the table
