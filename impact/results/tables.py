"""What a run found, as Arrow tables: one row per figure, with n, interval, level, period and status beside it."""

from __future__ import annotations

from typing import TYPE_CHECKING, Any, Final

import pyarrow as pa

from impact.scenarios import NOT_ENOUGH

if TYPE_CHECKING:
    from collections.abc import Iterable

    from impact.professions import CategoryRate, ProfessionRate
    from impact.rates import Rate
    from impact.run import Result

DIGITS: Final = 6
Row = dict[str, Any]
_RATE: Final = {
    **dict.fromkeys(("task", "kind", "profession", "site", "month", "from", "to"), pa.string()),
    **dict.fromkeys(("n", "held_out", "novel", "volume"), pa.int64()),
    **dict.fromkeys(("coverage", "time_coverage", "minutes_without", "minutes_with", "saving", "s", "low", "high"), pa.float64()),
    **dict.fromkeys(("any_look_low", "any_look_high", "displaced", "oversight", "rework", "induced_work", "productivity"), pa.float64()),
    **dict.fromkeys(("substituted", "augmented", "induced", "observed_exposure", "scenario_value", "drawn_together"), pa.float64()),
    "months": pa.int64(),
    **dict.fromkeys(("level", "status", "why", "quality", "notes"), pa.string()),
}
_PROFESSION: Final = {
    **dict.fromkeys(("profession", "category"), pa.string()),
    **dict.fromkeys(("fte", "s", "measured", "released_fte", "released_people", "touched", "first_picture"), pa.float64()),
    **dict.fromkeys(("level", "status"), pa.string()),
}
_PART: Final = {
    **dict.fromkeys(("profession", "task"), pa.string()),
    "share": pa.float64(),
    "basis": pa.string(),
    **dict.fromkeys(("s", "assumed"), pa.float64()),
    "level": pa.string(),
}
_EXPOSURE: Final = {
    **dict.fromkeys(("profession", "index", "code"), pa.string()),
    **dict.fromkeys(("published", "observed", "measured"), pa.float64()),
    "source": pa.string(),
    "year": pa.int64(),
    **dict.fromkeys(("licence", "level"), pa.string()),
}
_CATEGORY: Final = {"category": pa.string(), **dict.fromkeys(("fte", "s", "measured", "released_fte"), pa.float64())}
_SCENARIO: Final = {
    **dict.fromkeys(("scenario", "profession", "category"), pa.string()),
    **dict.fromkeys(("fte", "measured"), pa.float64()),
    "figure": pa.string(),
    **dict.fromkeys(("p10", "p50", "p90"), pa.float64()),
    "status": pa.string(),
}
_TORNADO: Final = {**dict.fromkeys(("scenario", "profession", "factor"), pa.string()), "low": pa.float64(), "high": pa.float64()}
_CENSUS: Final = {
    **dict.fromkeys(("profession", "category", "name_fr", "name_en", "establishment"), pa.string()),
    "headcount": pa.int64(),
    "fte": pa.float64(),
    "source": pa.string(),
    "year": pa.int64(),
    **dict.fromkeys(("licence", "basis", "note"), pa.string()),
    "hours": pa.float64(),
}


def tables(result: Result) -> dict[str, pa.Table]:
    """Every table by its name, in the order of the six steps."""
    return {
        "census": made(_CENSUS, ({name: getattr(line, name) for name in _CENSUS} for line in result.inputs.workforce.lines)),
        "parts": made(_PART, _parts(result)),
        "tasks": made(_RATE, map(rate_row, result.measured.tasks)),
        "sites": made(_RATE, map(rate_row, result.measured.sites)),
        "months": made(_RATE, map(rate_row, result.measured.months)),
        "professions": made(_PROFESSION, (_profession(result, one) for one in result.professions)),
        "exposure": made(_EXPOSURE, _exposures(result)),
        "categories": made(_CATEGORY, map(_category, [*result.categories, *([result.whole] if result.whole else [])])),
        "scenarios": made(_SCENARIO, _scenarios(result)),
        "tornado": made(_TORNADO, _tornado(result)),
    }


def made(columns: dict[str, pa.DataType], rows: Iterable[Row]) -> pa.Table:
    """Rows as a table of these columns; figures are rounded to `DIGITS`."""
    schema = pa.schema(list(columns.items()))
    return pa.Table.from_pylist([{name: _rounded(value) for name, value in row.items()} for row in rows], schema=schema)


def _rounded(value: object) -> object:
    return round(value, DIGITS) + 0.0 if isinstance(value, float) else value


def rate_row(one: Rate) -> Row:
    """A rate as one flat row; what is not known is missing."""
    row: Row = {name: getattr(one, name) for name in ("task", "kind", "profession", "site", "month", "n", "held_out", "novel", "volume")}
    row |= {"from": one.period[0], "to": one.period[1], "coverage": one.coverage, "time_coverage": one.time_coverage}
    row |= {"minutes_without": one.h0, "minutes_with": one.h1, "saving": one.saving, "s": one.s, "productivity": _finite(one.gain)}
    row |= dict(zip(("low", "high"), one.interval or (None, None), strict=True))
    row |= dict(zip(("any_look_low", "any_look_high"), one.sequence or (None, None), strict=True))
    if one.parts:
        row |= {name: getattr(one.parts, name) for name in ("displaced", "oversight", "rework")} | {"induced_work": one.parts.induced}
    if one.modes:
        row |= {name: getattr(one.modes, name) for name in ("substituted", "augmented", "induced")}
    row |= {
        "observed_exposure": one.exposure,
        "drawn_together": one.pooled,
        "months": one.months,
        "scenario_value": _finite(one.value),
        "level": one.level,
        "status": one.status,
        "why": one.why,
    }
    return row | {"quality": "; ".join((one.gate.state, *one.gate.why)), "notes": "; ".join(one.notes)}


def _finite(value: float | None) -> float | None:
    return None if value is None or value in {float("inf"), float("-inf")} else value


def first_picture(result: Result, one: ProfessionRate) -> float | None:
    """The seed method's picture of a profession: measured rates where there are, ratings elsewhere; level E, drawn hatched.

    None where no task is measured or rated.
    """
    told = [(part.share, part.s if part.s is not None else assumed(result, one.profession, part.task)) for part in one.parts]
    known = [share * s for share, s in told if s is not None]
    return sum(known) if known else None


def assumed(result: Result, profession: str, task: str) -> float | None:
    """What the rating of a task is drawn as."""
    found = result.inputs.catalogue.task(profession, task)
    return None if found is None else found.assumed


def _profession(result: Result, one: ProfessionRate) -> Row:
    known = one.is_enough
    return {
        "profession": one.profession,
        "category": one.category,
        "fte": one.fte,
        "s": one.s if known else None,
        "measured": one.measured,
        "released_fte": one.released if known else None,
        "released_people": one.released_people if known else None,
        "touched": one.touched if known else None,
        "first_picture": first_picture(result, one),
        "level": one.level,
        "status": "measured" if known else one.double or NOT_ENOUGH,
    }


def _parts(result: Result) -> Iterable[Row]:
    for one in result.professions:
        for part in one.parts:
            row: Row = {"profession": one.profession, "task": part.task, "share": part.share, "basis": part.basis, "s": part.s}
            yield row | {"assumed": assumed(result, one.profession, part.task), "level": part.level or "E"}


def _exposures(result: Result) -> Iterable[Row]:
    for one in result.professions:
        for told in result.inputs.catalogue.exposures_of(one.profession):
            row: Row = {"profession": one.profession, "index": told.index, "code": told.code, "published": told.score}
            row |= {"observed": one.exposure, "measured": one.measured, "source": told.source, "year": told.year}
            yield row | {"licence": told.licence, "level": "E"}


def _category(one: CategoryRate) -> Row:
    return {"category": one.category or "*", "fte": one.fte, "s": one.s, "measured": one.measured, "released_fte": one.released}


def _scenarios(result: Result) -> Iterable[Row]:
    for play in result.plays:
        for one in play.outlooks:
            head: Row = {"scenario": play.scenario.id, "profession": one.profession, "category": one.category, "fte": one.fte}
            head |= {"measured": one.measured, "status": one.status or "played"}
            if one.figures is None:
                yield head | {"figure": ""}
            for name, spread in (one.figures or {}).items():
                yield head | {"figure": name, "p10": spread.p10, "p50": spread.p50, "p90": spread.p90}
        head = {"scenario": play.scenario.id, "profession": "*", "category": "*", "status": "played"}
        for name, spread in play.total.items():
            yield head | {"figure": name, "p10": spread.p10, "p50": spread.p50, "p90": spread.p90}


def _tornado(result: Result) -> Iterable[Row]:
    for play in result.plays:
        for one in play.outlooks:
            for swing in one.tornado:
                yield {
                    "scenario": play.scenario.id,
                    "profession": one.profession,
                    "factor": swing.factor,
                    "low": swing.low,
                    "high": swing.high,
                }
