"""The pages of one task, one profession, one scenario."""

from __future__ import annotations

from typing import TYPE_CHECKING, Final

from impact.charts import Bar, bars
from impact.results.inputs import GIVEN_VOLUMES
from impact.results.tables import assumed
from impact.showing.blocks import behind_block, months_block, rates_block, sites_block, split_block
from impact.showing.overview import calls_block, profession_name, scenario_name, shares_block
from impact.showing.speech import HATCHED, Block, Cell, View

if TYPE_CHECKING:
    from impact.professions import TaskPart
    from impact.run import Result
    from impact.scenarios import Outlook, Play, Spread
    from impact.showing.figures import Figures
    from impact.showing.speech import Speech

_FIGURES: Final = ("released", "created", "transformed", "removed", "shortage_filled")


def task_page(figures: Figures, name: str, say: Speech) -> View | None:
    """One task; None where nothing is known of it."""
    mine = [one for one in figures.result.measured.tasks if one.task == name]
    calls = [one for one in figures.calls if one.task == name]
    if not mine and not calls:
        return None
    blocks = [rates_block(mine, say)] if mine else []
    blocks += [split_block(one, say) for one in mine if one.parts is not None]
    given = [name for name in figures.result.inputs.digests if name.split(".")[0] in {"volumes", "baselines", "quality", GIVEN_VOLUMES}]
    blocks += [behind_block(one, given, say) for one in mine if one.status != "suppressed"]
    months = [one for one in figures.result.measured.months if one.task == name]
    blocks += [months_block(months, say)] if months else []
    sites = [one for one in figures.result.measured.sites if one.task == name]
    blocks += [sites_block(sites, say)] if len(sites) > 1 else []
    blocks += [calls_block(calls, say), *(shares_block(one, say) for one in calls)]
    return View(say.task(name), say["task_lead"], f"/impact/tasks/{name}", tuple(blocks))


def profession_page(figures: Figures, name: str, say: Speech) -> View | None:
    """One profession; None where the catalogue has none."""
    result = figures.result
    found = next((one for one in result.professions if one.profession == name), None)
    known = result.inputs.catalogue.profession(name)
    if found is None or known is None:
        return None
    drawn, listed = [], []
    for part in found.parts:
        task = result.inputs.catalogue.task(name, part.task)
        label = part.task if task is None else (task.name_fr if say.language == "fr" else task.name_en or task.name_fr)
        rated = assumed(result, name, part.task)
        value = part.s if part.s is not None else rated
        text = say["unknown"] if value is None else f"{say.share(value)} ({part.level or 'E'})"
        drawn.append(Bar(label, value, text, hatched=(part.level or "E") in HATCHED))
        told = say.share(part.s) if part.s is not None else f"// {say.share(rated, 0)}" if rated is not None else say["unknown"]
        listed.append(
            (
                Cell(label, f"/impact/tasks/{part.task}", number=False),
                Cell(say.share(part.share, 0)),
                Cell(say.words.get(f"impact_basis_{part.basis}", part.basis), number=False),
                Cell(told),
                Cell(part.level or "E", number=False),
                Cell(_counted(result, name, part, say), number=False),
            )
        )
    sentence = say["profession_sentence"].format(
        s=say.share(found.s) if found.is_enough else say["not_enough"], measured=say.share(found.measured, 0), fte=say.number(found.fte, 1)
    )
    block = Block(
        say["tasks"],
        sentence,
        bars(say["tasks"], drawn, "h-parts"),
        (say["task"], say["share_of_time"], say["basis"], say["counted"], say["level"], say["status"]),
        tuple(listed),
        (*([found.double] if found.double else []), say["not_posts"], say["hatched"]),
    )
    codes = ", ".join(f"{system} {code}" for system, code in (("ISCO-08", known.isco), ("ROME", known.rome), ("O*NET", known.onet)) if code)
    return View(profession_name(result, name, say), codes, f"/impact/professions/{name}", (block,))


def _counted(result: Result, profession: str, part: TaskPart, say: Speech) -> str:
    """What is known of a task, where that is not simply its rate."""
    one = next((rate for rate in result.measured.tasks if (rate.profession, rate.task) == (profession, part.task)), None)
    if one is None:
        return say["rated_only"]
    if part.s is None or one.s is None or round(part.s, 3) == round(one.s, 3):
        return say.status(one)
    return say["counts_as"].format(status=say.status(one), s=say.share(one.s))


def scenario_page(figures: Figures, name: str, say: Speech) -> View | None:
    """One scenario; None where there is none."""
    found = next((play for play in figures.result.plays if play.scenario.id == name), None)
    if found is None:
        return None
    known = [one for one in found.outlooks if one.figures]
    listed = tuple(_outlook_cells(figures.result, one, say) for one in found.outlooks)
    drawn = [
        Bar(profession_name(figures.result, one.profession, say), f.p50, say.fte(f.p50), f.p10, f.p90)
        for one in known
        if one.figures
        for f in [one.figures["released"]]
    ]
    total = found.total.get("released")
    told = say["not_enough"] if total is None else say.spread(total.p10, total.p50, total.p90)
    sentence = say["scenario_sentence"].format(
        years=say.number(found.scenario.years), known=len(known), all=len(found.outlooks), total=told
    )
    columns = (say["profession"], say["share_measured"], *(say[figure] for figure in _FIGURES))
    blocks = [
        Block(
            say["plays"],
            sentence,
            bars(say["released"], drawn, "h-scenario") if drawn else "",
            columns,
            listed,
            (say["plays_note"], say["not_posts"]),
        )
    ]
    blocks += [_tornado(figures.result, one.profession, found, say) for one in known]
    return View(scenario_name(found.scenario, say), say["scenario_lead"], f"/impact/scenarios/{name}", (*blocks, _assumptions(found, say)))


def _outlook_cells(result: Result, one: Outlook, say: Speech) -> tuple[Cell, ...]:
    """A profession under a scenario as a row of cells."""
    name = Cell(profession_name(result, one.profession, say), f"/impact/professions/{one.profession}", number=False)
    told = [_spread(one.figures[figure], say) if one.figures else Cell(say.reason(one.status)) for figure in _FIGURES]
    return (name, Cell(say.share(one.measured, 0)), *told)


def _spread(spread: Spread, say: Speech) -> Cell:
    return Cell(say.spread(spread.p10, spread.p50, spread.p90))


def _tornado(result: Result, profession: str, found: Play, say: Speech) -> Block:
    swings = next(one for one in found.outlooks if one.profession == profession).tornado
    listed = tuple(
        (
            Cell(say.factor(swing.factor), number=False),
            Cell(say.fte(swing.low)),
            Cell(say.fte(swing.high)),
            Cell(say.fte(swing.width)),
        )
        for swing in swings
    )
    drawn = [Bar(say.factor(swing.factor), swing.width, f"{say.fte(swing.low)} {say['to']} {say.fte(swing.high)}") for swing in swings[:8]]
    sentence = say["tornado_sentence"].format(factor=say.factor(swings[0].factor) if swings else "–")
    title = f"{say['tornado']}: {profession_name(result, profession, say)}"
    return Block(title, sentence, bars(title, drawn, f"h-tornado-{profession}"), (say["factor"], "P10", "P90", say["size"]), listed)


def _assumptions(found: Play, say: Speech) -> Block:
    listed = tuple(
        (
            Cell(say.factor(name), number=False),
            Cell(say.number(one.low, 3)),
            Cell(say.number(one.value, 3)),
            Cell(say.number(one.high, 3)),
            Cell(say.source(one), number=False),
        )
        for name, one in found.scenario.assumptions.items()
    )
    return Block(
        say["assumptions"],
        say["assumptions_sentence"].format(digest=found.scenario.digest),
        "",
        (say["factor"], say["low"], say["likely"], say["high"], say["source"]),
        listed,
    )
