"""What may come of it: every assumption named and sourced, drawn with a seed, the same bytes each time, no number where too little is known."""

from __future__ import annotations

from pathlib import Path  # noqa: TC003 - the fixtures' type
from typing import TYPE_CHECKING, Any

import numpy as np
import pytest

from impact.intervals import Interval
from impact.measuring.quality import Gate
from impact.places import config
from impact.professions import DoubleCounting, ProfessionRate, TaskPart, check_shares, time_share
from impact.rates import Parts, Rate
from impact.scenarios import FACTORS, NO_FTE, NOT_ENOUGH, Outlook, Scenario, ScenarioError, Spread, adoption, play

if TYPE_CHECKING:
    from collections.abc import Mapping

PATHS = sorted((config() / "scenarios").glob("*.toml"))


def known(**changes: Any) -> Rate:  # noqa: ANN401 - fields of a rate
    parts = Parts(0.8, 0.28, 0.0, 0.0)
    values = {"time_coverage": 0.8, "parts": parts, "se": 0.02, "interval": Interval(0.48, 0.56), "level": "A", "value": 0.52}
    return Rate("reading", "diagnosis", "radiologist", **{**values, "status": "measured", "gate": Gate("passed"), **changes})


def profession(share: float = 0.4, fte: float | None = 1000.0) -> ProfessionRate:
    return ProfessionRate("radiologist", "medical", fte, None, (TaskPart("reading", share, "survey", 0.52, 0.8, "A"),))


def outlook(name: str = "central", one: ProfessionRate | None = None, rate: Rate | None = None) -> Outlook:
    scenario = Scenario.read(config() / f"scenarios/{name}.toml")
    return play(scenario, [one or profession()], [rate or known()]).outlooks[0]


def figures(found: Outlook) -> Mapping[str, Spread]:
    assert found.figures is not None
    return found.figures


def test_the_shipped_scenarios_are_these_and_every_assumption_has_a_source() -> None:
    assert [path.stem for path in PATHS] == ["back-to-care", "central", "fast", "shortage", "slow"]
    assert all(set(Scenario.read(path).assumptions) == set(FACTORS) for path in PATHS)
    assert all(one.source for path in PATHS for one in Scenario.read(path).assumptions.values())


def test_the_same_files_and_ledger_give_the_same_draws() -> None:
    assert outlook() == outlook()


def test_another_profession_changes_no_draw_of_this_one() -> None:
    scenario = Scenario.read(config() / "scenarios/central.toml")
    other = ProfessionRate("coder", "administrative", 50.0, None, (TaskPart("coding", 0.5, "survey"),))
    assert play(scenario, [other, profession()], [known()]).outlooks[1] == play(scenario, [profession()], [known()]).outlooks[0]


def test_slow_central_and_fast_are_in_this_order() -> None:
    released = [figures(outlook(name))["released"].p50 for name in ("slow", "central", "fast")]
    assert released == sorted(released)
    assert released[0] > 0


def test_released_time_lies_where_the_formula_puts_it() -> None:
    expected = 1000 * 0.4 * float(adoption(5, 0.6, 0.9, 4)) * 0.52 / 0.8
    spread = figures(outlook())["released"]
    assert spread.p10 < expected < spread.p90
    assert spread.p50 == pytest.approx(expected, rel=0.05)


def test_where_all_time_goes_back_to_care_the_need_does_not_fall() -> None:
    back, central = figures(outlook("back-to-care")), figures(outlook())
    assert back["released"].p50 == pytest.approx(central["released"].p50, rel=0.05)
    assert back["need"].p10 >= 1000
    assert back["need"].p50 > central["need"].p50


def test_in_a_shortage_area_time_fills_the_gap_and_no_post_is_removed() -> None:
    found = figures(outlook("shortage"))
    assert found["shortage_filled"].p50 > 0
    assert found["removed"].p90 == 0


def test_a_quarter_measured_is_the_least_for_a_number() -> None:
    assert outlook(one=profession(0.24)).status == NOT_ENOUGH
    assert outlook(one=profession(0.24)).figures is None
    assert outlook(one=profession(0.25)).status == ""


def test_without_fte_there_is_no_number() -> None:
    assert (outlook(one=profession(fte=None)).status, outlook(one=profession(fte=None)).figures) == (NO_FTE, None)


@pytest.mark.parametrize("level", ["D", "E"])
def test_weak_evidence_does_not_enter_the_central_scenario(level: str) -> None:
    assert outlook(rate=known(level=level)).status == NOT_ENOUGH


def test_a_rate_whose_quality_was_not_shown_saves_nothing() -> None:
    found = figures(outlook(rate=known(value=0.0, gate=Gate("failed"))))
    assert found["released"] == Spread(0.0, 0.0, 0.0)
    assert figures(outlook(rate=known(value=-0.1, gate=Gate("failed"))))["released"].p90 <= 0


def test_the_tornado_names_what_weighs_most_first() -> None:
    widths = [swing.width for swing in outlook().tornado]
    assert widths == sorted(widths, reverse=True)
    assert {"t_mid", "s reading", "w reading"} <= {swing.factor for swing in outlook().tornado}
    assert "created" not in {swing.factor for swing in outlook().tornado}


def test_transformed_begins_at_a_fifth_of_the_time() -> None:
    assert figures(outlook(one=profession(1.0)))["transformed"].p50 == 1000
    assert figures(outlook("slow", profession(0.3)))["transformed"].p90 == 0


BROKEN = [
    ("years = 5", "years = true", "years: 'True' must be a number"),
    ("years = 5", "years = 5\nfuture = 1", "unknown keys: future"),
    ("[assumptions.kappa]", "[assumptions.kapa]", "missing: kappa; unknown: kapa"),
    ("low = 0.7", "low = 1.7", "assumptions.kappa: low 1.7 ≤ value 0.9"),
    ("source = {", "from = {", "'source' is missing"),
    ("seed = 12", "", "the key 'seed' is missing"),
    ("name = {", "name = [", "no readable TOML"),
]


@pytest.mark.parametrize(("old", "new", "said"), BROKEN, ids=[said for *_, said in BROKEN])
def test_a_broken_scenario_is_told_by_file_and_key(tmp_path: Path, old: str, new: str, said: str) -> None:
    text = (config() / "scenarios/central.toml").read_text(encoding="utf-8")
    (tmp_path / "mine.toml").write_text(text.replace(old, new), encoding="utf-8")
    with pytest.raises(ScenarioError, match=r"mine\.toml: ") as caught:
        Scenario.read(tmp_path / "mine.toml")
    assert said in str(caught.value)


def test_adoption_rises_to_its_maximum() -> None:
    curve = adoption(np.array([0.0, 4.0, 100.0]), 0.8, 0.9, 4)
    assert curve.tolist() == [pytest.approx(0.8 / (1 + np.exp(3.6))), pytest.approx(0.4), pytest.approx(0.8)]


def test_shares_over_1_are_double_counting() -> None:
    check_shares("radiologist", [0.5, 0.5])
    with pytest.raises(DoubleCounting, match=r"take 110\.0% of its working time"):
        check_shares("radiologist", [0.6, 0.5])


def test_a_share_of_time_is_volume_times_minutes_by_working_time() -> None:
    assert time_share(16_070, 6.0, 2.0) == pytest.approx(0.5)
    with pytest.raises(ValueError, match="needs FTE"):
        time_share(1, 1, 0)
