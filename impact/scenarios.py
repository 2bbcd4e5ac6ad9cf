"""Step 6: what may come of it, under assumptions that are named, sourced and drawn at random (`method.md`, "Scenarios").

    A(t) = A_max/(1 + exp(-κ(t - t_mid)))      s_ij(t) = A(t)·(s_ij/c_T,ij)
    Need = FTE·(1 + g)^t·(1 - S(t)·(1 - back)) + K(t)      Supply = FTE·(1 - u)^t + inflow·FTE·t      K(t) = created·FTE·A(t)

`back` is the share of the time that goes back to care instead of fewer posts. Same ledger, same files, same seed: same bytes.
"""

from __future__ import annotations

import hashlib
import tomllib
from dataclasses import dataclass
from typing import TYPE_CHECKING, Final

import numpy as np

from impact.professions import LEAST_MEASURED

if TYPE_CHECKING:
    from collections.abc import Mapping, Sequence
    from pathlib import Path

    from numpy.typing import NDArray

    from impact.professions import ProfessionRate
    from impact.rates import Rate

DRAWS: Final = 10_000
SHARES: Final = (10, 50, 90)
TRANSFORMED_FROM: Final = 0.2
FACTORS: Final = ("a_max", "kappa", "t_mid", "growth", "leaving", "inflow", "created", "back_to_care")
OUTCOMES: Final = ("released", "created", "transformed", "removed", "shortage_filled", "need", "supply")
NOT_ENOUGH: Final = "not enough measured"
NO_FTE: Final = "FTE unknown"
DOUBLE: Final = "time counted twice"
Draw = "NDArray[np.float64]"


class ScenarioError(ValueError):
    """A scenario file that cannot be used; the message names the file and the key."""


@dataclass(frozen=True, slots=True)
class Assumption:
    """One number that nobody knows: its likeliest value between two bounds (a triangle), and where it comes from."""

    low: float
    value: float
    high: float
    source: str
    source_fr: str = ""

    def draw(self, chance: np.random.Generator, count: int) -> NDArray[np.float64]:
        """Draws of it; a number without bounds stays as it is."""
        if self.low == self.high:
            return np.full(count, self.value)
        return chance.triangular(self.low, self.value, self.high, count)


@dataclass(frozen=True, slots=True)
class Scenario:
    """A scenario file, read.

    Args:
        years: t, from now.
        levels: of evidence that may enter.
        concentration: of the Dirichlet around the declared shares of time: as if so many hours had been observed.
        area: share of each profession's FTE that this scenario is about, with its name ("" is all of it).
        shortage: professions whose gap without AI is filled first.
    """

    id: str
    name_fr: str
    name_en: str
    years: float
    seed: int
    levels: frozenset[str]
    concentration: float
    area_fr: str
    area_en: str
    area_share: float
    shortage: frozenset[str]
    assumptions: Mapping[str, Assumption]
    digest: str

    @classmethod
    def read(cls, path: Path) -> Scenario:
        """A scenario from its TOML file. Raises ScenarioError, OSError."""
        content = path.read_bytes()
        try:
            return _scenario(path.stem, tomllib.loads(content.decode("utf-8")), hashlib.sha256(content).hexdigest())
        except (tomllib.TOMLDecodeError, UnicodeDecodeError) as error:
            raise ScenarioError(f"{path.name}: no readable TOML ({error}).") from error
        except (KeyError, TypeError, ValueError) as error:
            raise ScenarioError(f"{path.name}: {_said(error)}") from error


@dataclass(frozen=True, slots=True)
class Spread:
    """P10, P50 and P90 of the draws."""

    p10: float
    p50: float
    p90: float

    @classmethod
    def of(cls, draws: NDArray[np.float64]) -> Spread:
        """Of draws, rounded to a hundredth of an FTE."""
        return cls(*(round(float(value), 2) + 0.0 for value in np.percentile(draws, SHARES)))


@dataclass(frozen=True, slots=True)
class Swing:
    """What one factor alone does to the released FTE: at its P10 and at its P90, all others at their median."""

    factor: str
    low: float
    high: float

    @property
    def width(self) -> float:
        """How far apart."""
        return abs(self.high - self.low)


@dataclass(frozen=True, slots=True)
class Outlook:
    """One profession under one scenario, in FTE; `status` says why there is no number."""

    profession: str
    category: str
    fte: float | None
    measured: float
    status: str = ""
    figures: Mapping[str, Spread] | None = None
    tornado: tuple[Swing, ...] = ()


@dataclass(frozen=True, slots=True)
class Play:
    """A scenario played on the measured professions; `total` is of all that have a number, added up draw by draw, empty where none has."""

    scenario: Scenario
    outlooks: tuple[Outlook, ...]
    total: Mapping[str, Spread]


@dataclass(frozen=True, slots=True)
class Difference:
    """One figure of a profession under two scenarios, in FTE, from the same random numbers.

    Args:
        figure: its name; "" where there is no number, and `status` says why.
        first, second: what each scenario gives.
        apart: first - second, draw by draw.
        higher: the share of draws in which the first is higher.
    """

    profession: str
    category: str
    figure: str
    status: str = ""
    first: Spread | None = None
    second: Spread | None = None
    apart: Spread | None = None
    higher: float | None = None

    @classmethod
    def of(cls, profession: str, category: str, figure: str, first: NDArray[np.float64], second: NDArray[np.float64]) -> Difference:
        """Of paired draws."""
        spreads = (Spread.of(first), Spread.of(second), Spread.of(first - second))
        return cls(profession, category, figure, "", *spreads, float(np.mean(first > second)))


def adoption(years: NDArray[np.float64] | float, a_max: NDArray[np.float64] | float, kappa: object, t_mid: object) -> NDArray[np.float64]:
    """A(t), the time-weighted coverage reached after t years."""
    return np.asarray(a_max / (1 + np.exp(-np.asarray(kappa) * (np.asarray(years) - np.asarray(t_mid)))))


def play(scenario: Scenario, professions: Sequence[ProfessionRate], rates: Sequence[Rate], draws: int = DRAWS) -> Play:
    """Play a scenario on every profession; each has its own stream of draws, so that another one changes nothing of it."""
    known, outlooks, drawn = _known(scenario, rates), [], []
    for one in professions:
        outlook, figures = _outlook(scenario, one, known, draws)
        outlooks.append(outlook)
        drawn += [figures] if figures else []
    return Play(scenario, tuple(outlooks), {name: Spread.of(values) for name, values in _summed(drawn).items()})


def beside(
    scenario: Scenario, other: Scenario, professions: Sequence[ProfessionRate], rates: Sequence[Rate], draws: int = DRAWS
) -> tuple[Difference, ...]:
    """Two scenarios on the same professions, draw by draw: what differs between them is their assumptions and not chance.

    Both take the first one's seed, so each figure of theirs is drawn from the same random numbers, turned into its own assumption.

    Returns:
        One difference per profession and figure, and of all these professions together (profession ""); one without a figure where a
        scenario has no number for a profession.
    """
    found, pairs = [], []
    for one in professions:
        pair = [_drawn(each, one, rates, draws, scenario.seed) for each in (scenario, other)]
        figures = [drawn for drawn in pair if not isinstance(drawn, str)]
        if len(figures) < len(pair):
            found.append(Difference(one.profession, one.category, "", next(status for status in pair if isinstance(status, str))))
            continue
        pairs.append(figures)
        found += [Difference.of(one.profession, one.category, name, figures[0][name], figures[1][name]) for name in OUTCOMES]
    first, second = (_summed([pair[place] for pair in pairs]) for place in (0, 1))
    return (*found, *(Difference.of("", "", name, first[name], second[name]) for name in first))


def _summed(drawn: Sequence[Mapping[str, NDArray[np.float64]]]) -> dict[str, NDArray[np.float64]]:
    """Figures added up over professions, draw by draw; nothing where there is none."""
    return {name: np.sum([figures[name] for figures in drawn], axis=0) for name in OUTCOMES} if drawn else {}


def _drawn(
    scenario: Scenario, one: ProfessionRate, rates: Sequence[Rate], draws: int, seed: int
) -> Mapping[str, NDArray[np.float64]] | str:
    """The draws of every figure, or why there are none."""
    entering, _, fte, status = _entering(scenario, one, _known(scenario, rates))
    return status if fte is None or status else _figures(scenario, fte, one, _inputs(scenario, one, entering, draws, seed))


def _known(scenario: Scenario, rates: Sequence[Rate]) -> dict[tuple[str, str], Rate]:
    return {(one.profession, one.task): one for one in rates if one.level in scenario.levels and one.value is not None}


def _entering(
    scenario: Scenario, one: ProfessionRate, known: Mapping[tuple[str, str], Rate]
) -> tuple[dict[str, Rate], float, float | None, str]:
    """Rates that enter, the measured share of time, FTE of the area, and why there is no number ("" where there is one)."""
    entering = {part.task: known[one.profession, part.task] for part in one.parts if (one.profession, part.task) in known}
    measured = sum(part.share for part in one.parts if part.task in entering)
    fte = None if one.fte is None else one.fte * scenario.area_share
    return entering, measured, fte, _status(one, measured, fte)


def _status(one: ProfessionRate, measured: float, fte: float | None) -> str:
    if one.double:
        return DOUBLE
    return NOT_ENOUGH if measured < LEAST_MEASURED - 1e-9 else "" if fte is not None else NO_FTE


def _outlook(
    scenario: Scenario, one: ProfessionRate, known: Mapping[tuple[str, str], Rate], draws: int
) -> tuple[Outlook, Mapping[str, NDArray[np.float64]]]:
    entering, measured, fte, status = _entering(scenario, one, known)
    if fte is None or status:
        return Outlook(one.profession, one.category, fte, measured, status), {}
    inputs = _inputs(scenario, one, entering, draws, scenario.seed)
    drawn = _figures(scenario, fte, one, inputs)
    figures = {name: Spread.of(values) for name, values in drawn.items()}
    return Outlook(one.profession, one.category, fte, measured, "", figures, _tornado(scenario, fte, one, inputs)), drawn


def _inputs(scenario: Scenario, one: ProfessionRate, entering: Mapping[str, Rate], draws: int, seed: int) -> dict[str, NDArray[np.float64]]:
    """Draws of every factor: assumptions, shares of time "w TASK", rates of a fully covered task "s TASK".

    Each factor of a profession has its own stream, whatever the scenario, so that two scenarios of one seed can be compared draw by draw.
    """
    found = {name: scenario.assumptions[name].draw(_stream(seed, one.profession, name), draws) for name in FACTORS}
    shares = np.array([part.share for part in one.parts] + [max(0.0, 1 - sum(part.share for part in one.parts))])
    drawn = _stream(seed, one.profession, "w").dirichlet(np.maximum(shares * scenario.concentration, 1e-6), draws)
    for place, part in enumerate(one.parts):
        if part.task in entering:
            found[f"w {part.task}"] = drawn[:, place]
            found[f"s {part.task}"] = _posterior(entering[part.task], _stream(seed, one.profession, f"s {part.task}"), draws)
    return found


def _stream(seed: int, profession: str, factor: str) -> np.random.Generator:
    digest = hashlib.sha256(f"{profession}\0{factor}".encode()).digest()
    return np.random.default_rng([seed, int.from_bytes(digest[:8], "big")])


def _posterior(one: Rate, chance: np.random.Generator, draws: int) -> NDArray[np.float64]:
    """s/c_T of a task: ln(1 - s) is normal around what was measured; a rate that counts 0 stays 0, one that failed never saves."""
    value, coverage = one.value or 0.0, one.time_coverage or 1.0
    noise = chance.standard_normal(draws)
    if not value or one.se is None or value >= 1:
        return np.full(draws, value / coverage)
    drawn = 1 - (1 - value) * np.exp(noise * one.se)
    return (drawn if one.gate.state == "passed" else np.minimum(drawn, 0.0)) / coverage


def _figures(
    scenario: Scenario, fte: float, one: ProfessionRate, drawn: Mapping[str, NDArray[np.float64]]
) -> dict[str, NDArray[np.float64]]:
    t = scenario.years
    a = adoption(t, drawn["a_max"], drawn["kappa"], drawn["t_mid"])
    s = sum((a * drawn[f"w {task}"] * drawn[f"s {task}"] for task in _tasks(drawn)), np.zeros_like(a))
    touched = sum((a * drawn[f"w {task}"] for task in _tasks(drawn)), np.zeros_like(a))
    created = drawn["created"] * fte * a
    work = fte * (1 + drawn["growth"]) ** t
    need = work * (1 - s * (1 - drawn["back_to_care"])) + created
    supply = fte * (1 - drawn["leaving"]) ** t + drawn["inflow"] * fte * t
    gap = np.maximum(0.0, work - supply) if one.profession in scenario.shortage or not scenario.shortage else np.zeros_like(a)
    return {
        "released": fte * s,
        "created": created,
        "transformed": np.where(touched >= TRANSFORMED_FROM, fte, 0.0),
        "removed": np.maximum(0.0, supply - need),
        "shortage_filled": np.minimum(np.maximum(fte * s, 0.0), gap),
        "need": need,
        "supply": supply,
    }


def _tasks(drawn: Mapping[str, object]) -> list[str]:
    return [name[2:] for name in drawn if name.startswith("w ")]


def _tornado(scenario: Scenario, fte: float, one: ProfessionRate, drawn: Mapping[str, NDArray[np.float64]]) -> tuple[Swing, ...]:
    middle = {name: np.percentile(values, [50]) for name, values in drawn.items()}
    swings = []
    for name, values in drawn.items():
        low, high = (_released(scenario, fte, one, {**middle, name: np.percentile(values, [share])}) for share in (10, 90))
        swings.append(Swing(name, round(low, 2) + 0.0, round(high, 2) + 0.0))
    return tuple(sorted((swing for swing in swings if swing.width), key=lambda swing: (-swing.width, swing.factor)))


def _released(scenario: Scenario, fte: float, one: ProfessionRate, drawn: Mapping[str, NDArray[np.float64]]) -> float:
    return float(_figures(scenario, fte, one, drawn)["released"][0])


def _scenario(name: str, given: Mapping[str, object], digest: str) -> Scenario:
    unknown = sorted(set(given) - {"name", "years", "seed", "levels", "concentration", "area", "shortage", "assumptions"})
    if unknown:
        raise ValueError(f"unknown keys: {', '.join(unknown)}.")
    names, area = _table(given["name"]), _table(given.get("area", {"share": 1.0}))
    told = _table(given["assumptions"])
    missing, strange = [key for key in FACTORS if key not in told], sorted(set(told) - set(FACTORS))
    if missing or strange:
        raise ValueError(f"assumptions: missing: {', '.join(missing) or 'none'}; unknown: {', '.join(strange) or 'none'}.")
    return Scenario(
        id=name,
        name_fr=str(names["fr"]),
        name_en=str(names["en"]),
        years=_number(given["years"], "years"),
        seed=int(_number(given["seed"], "seed")),
        levels=frozenset(str(level) for level in given.get("levels", ["A", "B", "C"])),  # type: ignore[attr-defined]
        concentration=_number(given.get("concentration", 100), "concentration"),
        area_fr=str(area.get("fr", "")),
        area_en=str(area.get("en", "")),
        area_share=_number(area.get("share", 1.0), "area.share"),
        shortage=frozenset(str(one) for one in given.get("shortage", [])),  # type: ignore[attr-defined]
        assumptions={key: _assumption(key, _table(told[key])) for key in FACTORS},
        digest=digest,
    )


def _assumption(name: str, told: Mapping[str, object]) -> Assumption:
    value = _number(told["value"], f"{name}.value")
    low, high = _number(told.get("low", value), f"{name}.low"), _number(told.get("high", value), f"{name}.high")
    if not low <= value <= high:
        raise ValueError(f"assumptions.{name}: low {low} ≤ value {value} ≤ high {high} does not hold.")
    given = told.get("source", "")
    french, english = (str(given.get(code, "")).strip() if isinstance(given, dict) else str(given).strip() for code in ("fr", "en"))
    if not french and not english:
        raise ValueError(f"assumptions.{name}: 'source' is missing; say where the number comes from, or that it is an assumption.")
    return Assumption(low, value, high, english or french, french or english)


def _table(value: object) -> Mapping[str, object]:
    if not isinstance(value, dict):
        raise ValueError(f"{str(value)[:40]!r} must be a table.")  # noqa: TRY004 - told like every other fault of the file
    return value


def _number(value: object, name: str) -> float:
    if isinstance(value, bool) or not isinstance(value, int | float) or not np.isfinite(value):
        raise ValueError(f"{name}: {str(value)[:40]!r} must be a number.")
    return float(value)


def _said(error: Exception) -> str:
    return f"the key {error} is missing." if isinstance(error, KeyError) else str(error)
