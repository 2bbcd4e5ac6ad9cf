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
    """A scenario played on the measured professions."""

    scenario: Scenario
    outlooks: tuple[Outlook, ...]


def adoption(years: NDArray[np.float64] | float, a_max: NDArray[np.float64] | float, kappa: object, t_mid: object) -> NDArray[np.float64]:
    """A(t), the time-weighted coverage reached after t years."""
    return np.asarray(a_max / (1 + np.exp(-np.asarray(kappa) * (np.asarray(years) - np.asarray(t_mid)))))


def play(scenario: Scenario, professions: Sequence[ProfessionRate], rates: Sequence[Rate], draws: int = DRAWS) -> Play:
    """Play a scenario on every profession; each has its own stream of draws, so that another one changes nothing of it."""
    known = {(one.profession, one.task): one for one in rates if one.level in scenario.levels and one.value is not None}
    return Play(scenario, tuple(_outlook(scenario, one, known, draws) for one in professions))


def _outlook(scenario: Scenario, one: ProfessionRate, known: Mapping[tuple[str, str], Rate], draws: int) -> Outlook:
    entering = {part.task: known[one.profession, part.task] for part in one.parts if (one.profession, part.task) in known}
    measured = sum(part.share for part in one.parts if part.task in entering)
    fte = None if one.fte is None else one.fte * scenario.area_share
    if measured < LEAST_MEASURED - 1e-9 or fte is None:
        return Outlook(one.profession, one.category, fte, measured, NOT_ENOUGH if measured < LEAST_MEASURED - 1e-9 else NO_FTE)
    inputs = _inputs(scenario, one, entering, draws)
    figures = {name: Spread.of(values) for name, values in _figures(scenario, fte, one, inputs).items()}
    return Outlook(one.profession, one.category, fte, measured, "", figures, _tornado(scenario, fte, one, inputs))


def _inputs(scenario: Scenario, one: ProfessionRate, entering: Mapping[str, Rate], draws: int) -> dict[str, NDArray[np.float64]]:
    """Draws of every factor: assumptions, shares of time "w TASK", rates of a fully covered task "s TASK"."""
    digest = hashlib.sha256(f"{scenario.id}\0{one.profession}".encode()).digest()
    chance = np.random.default_rng([scenario.seed, int.from_bytes(digest[:8], "big")])
    found = {name: scenario.assumptions[name].draw(chance, draws) for name in FACTORS}
    shares = np.array([part.share for part in one.parts] + [max(0.0, 1 - sum(part.share for part in one.parts))])
    drawn = chance.dirichlet(np.maximum(shares * scenario.concentration, 1e-6), draws)
    for place, part in enumerate(one.parts):
        if part.task in entering:
            found[f"w {part.task}"] = drawn[:, place]
            found[f"s {part.task}"] = _posterior(entering[part.task], chance, draws)
    return found


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
    source = str(told.get("source", "")).strip()
    if not source:
        raise ValueError(f"assumptions.{name}: 'source' is missing; say where the number comes from, or that it is an assumption.")
    return Assumption(low, value, high, source)


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
