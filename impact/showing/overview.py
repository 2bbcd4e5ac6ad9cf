"""The overview: rates, calls, professions, changes, scenarios, census, and what all of it rests on."""

from __future__ import annotations

from typing import TYPE_CHECKING, Final

from impact.charts import Bar, bars
from impact.counts import OUTCOMES
from impact.intervals import share_sequence
from impact.results.tables import first_picture
from impact.showing.blocks import rates_block
from impact.showing.speech import HATCHED, Block, Cell, View

if TYPE_CHECKING:
    from collections.abc import Sequence

    from impact.followup import Calls
    from impact.professions import ProfessionRate
    from impact.run import Result
    from impact.scenarios import Play, Scenario
    from impact.showing.figures import Figures
    from impact.showing.speech import Speech

CENTRAL: Final = "central"
"""The scenario that the others are put beside."""


def overview(figures: Figures, name: str, say: Speech) -> View | None:
    """The first page; None where a name was given."""
    if name:
        return None
    result = figures.result
    blocks = [
        rates_block(result.measured.tasks, say),
        calls_block(figures.calls, say),
        professions_block(result, say),
        *exposure_block(result, say),
        changes_block(figures, say),
        plays_block(result, say),
    ]
    blocks += [census_block(result, say), inputs_block(result, say)]
    return View(say["title"], say["lead"].format(rows=say.number(result.rows), last=result.last), "/impact", tuple(blocks))


def calls_block(found: Sequence[Calls], say: Speech) -> Block:
    """Calls by outcome."""
    total = sum(one.n for one in found)
    listed = []
    for one in found:
        shares = [Cell(f"{say.number(count)} ({say.share(count / one.n, 0)})" if count else "0") for count in one.outcomes]
        listed.append(
            (
                Cell(say.task(one.task), f"/impact/tasks/{one.task}", number=False),
                Cell(say.number(one.n)),
                *shares,
                Cell(say.number(one.shadow)),
                Cell(say.number(one.others)),
            )
        )
    columns = (say["task"], "n", *(say[name] for name in OUTCOMES), say["shadow"], say["other_arms"])
    return Block(
        say["calls"], say["calls_sentence"].format(n=say.number(total), tasks=len(found)), "", columns, tuple(listed), (say["calls_note"],)
    )


def shares_block(one: Calls, say: Speech) -> Block:
    """Shares of the outcomes of one task's calls, with intervals that hold at any look."""
    listed = tuple(
        (
            Cell(say[name], number=False),
            Cell(say.number(count)),
            Cell(say.share(count / one.n if one.n else None)),
            Cell(say.interval(share_sequence(count, one.n)) if one.n else ""),
        )
        for name, count in zip(OUTCOMES, one.outcomes, strict=True)
    )
    often = max(zip(one.outcomes, OUTCOMES, strict=True))[1]
    sentence = say["shares_sentence"].format(n=say.number(one.n), outcome=say[often]) if one.n else say["shares_none"]
    return Block(say["shares"], sentence, "", (say["outcome"], "n", say["share"], say["any_look"]), listed)


def professions_block(result: Result, say: Speech) -> Block:
    """The table of professions, with their bars."""
    shown = [(one, profession_name(result, one.profession, say), first_picture(result, one)) for one in result.professions]
    drawn = [_profession_bar(one, name, picture, say) for one, name, picture in shown]
    measured = [one for one in result.professions if one.is_enough]
    weight = sum(one.measured for one in result.professions) / max(len(result.professions), 1)
    sentence = say["professions_sentence"].format(known=len(measured), all=len(result.professions), share=say.share(weight, 0))
    listed = tuple(
        (
            Cell(name, f"/impact/professions/{one.profession}", number=False),
            Cell(say.number(one.fte, 1)),
            Cell(say.share(one.s) if one.is_enough else say["not_enough"]),
            Cell(say.share(one.measured, 0)),
            Cell(say.fte(one.released) if one.is_enough else ""),
            Cell("" if picture is None else f"// {say.share(picture, 0)}"),
        )
        for one, name, picture in shown
    )
    columns = ("profession", "fte", "s", "share_measured", "released", "first_picture")
    return Block(
        say["professions"],
        sentence,
        bars(say["professions"], drawn, "h-professions"),
        tuple(say[name] for name in columns),
        listed,
        (say["not_posts"], say["hatched"]),
    )


def _profession_bar(one: ProfessionRate, name: str, picture: float | None, say: Speech) -> Bar:
    if one.is_enough:
        return Bar(name, one.s, f"{say.share(one.s)} ({one.level})", hatched=one.level in HATCHED)
    if picture is None:
        return Bar(name, None, say["not_enough"])
    return Bar(name, picture, f"{say.share(picture, 0)} (E)", hatched=True)


def exposure_block(result: Result, say: Speech) -> tuple[Block, ...]:
    """Published exposure beside what was observed; nothing where the establishment loaded none."""
    found = [(one, told) for one in result.professions for told in result.inputs.catalogue.exposures_of(one.profession)]
    if not found:
        return ()
    drawn = [
        Bar(f"{profession_name(result, one.profession, say)} · {told.index}", told.score, f"{say.share(told.score, 0)} (E)", hatched=True)
        for one, told in found
    ]
    listed = tuple(
        (
            Cell(profession_name(result, one.profession, say), f"/impact/professions/{one.profession}", number=False),
            Cell(f"{told.index}, {told.code}", number=False),
            Cell(f"// {say.share(told.score, 0)}"),
            Cell(say.share(one.exposure) if one.exposure is not None else say["not_measured"]),
            Cell(say.share(one.measured, 0)),
            Cell(f"{told.source} {told.year or ''} {told.licence}", number=False),
        )
        for one, told in found
    )
    columns = (say["profession"], say["index"], say["exposure_published"], say["exposure"], say["share_measured"], say["source"])
    known = len({one.profession for one, told in found if one.exposure is not None})
    sentence = say["exposure_sentence"].format(n=len({one.profession for one, _ in found}), known=known)
    svg = bars(say["exposures"], drawn, "h-exposure")
    return (Block(say["exposures"], sentence, svg, columns, listed, (say["exposure_note"],)),)


def profession_name(result: Result, profession: str, say: Speech) -> str:
    """A profession as people call it."""
    found = result.inputs.catalogue.profession(profession)
    return profession if found is None else (found.name_fr if say.language == "fr" else found.name_en or found.name_fr)


def changes_block(figures: Figures, say: Speech) -> Block:
    """Rates that changed."""
    listed = tuple(
        (
            Cell(say.task(one.task), f"/impact/tasks/{one.task}", number=False),
            Cell(one.month),
            Cell(say.share(one.before)),
            Cell(say.share(one.after)),
            Cell(say.share(one.size)),
        )
        for one in figures.changes
    )
    sentence = say["changes_none"] if not listed else say["changes_sentence"].format(n=len(listed))
    columns = (say["task"], say["month"], say["before"], say["after"], say["size"])
    return Block(say["changes"], sentence, "", columns if listed else (), listed)


def plays_block(result: Result, say: Speech) -> Block:
    """The scenarios, side by side; and each beside the next, draw by draw."""
    able = [play for play in result.plays if play.total]
    drawn = [
        Bar(scenario_name(play.scenario, say), spread.p50, say.fte(spread.p50), spread.p10, spread.p90)
        for play in able
        for spread in [play.total["released"]]
    ]
    base = next((play.scenario for play in result.plays if play.scenario.id == CENTRAL), None)
    listed = tuple(_play_cells(play, base, say) for play in result.plays)
    sentence = say["plays_none"] if not able else say["plays_sentence"].format(n=len(able))
    svg = bars(say["plays"], drawn, "h-plays") if drawn else ""
    columns = (say["scenario"], say["years"], say["released"], say["beside"])
    return Block(say["plays"], sentence, svg, columns, listed, (say["plays_note"],))


def _play_cells(play: Play, base: Scenario | None, say: Speech) -> tuple[Cell, ...]:
    name, spread = scenario_name(play.scenario, say), play.total.get("released")
    told = say["not_enough"] if spread is None else say.spread(spread.p10, spread.p50, spread.p90)
    beside = base is not None and play.scenario.id != base.id
    link = f"/impact/scenarios/{base.id}/with/{play.scenario.id}" if base and beside else ""
    words = say["comparison"].format(first=scenario_name(base, say), second=name) if base and beside else ""
    cells = (Cell(name, f"/impact/scenarios/{play.scenario.id}", number=False), Cell(say.number(play.scenario.years)), Cell(told))
    return (*cells, Cell(words, link, number=False))


def scenario_name(scenario: Scenario, say: Speech) -> str:
    """A scenario as people call it."""
    return scenario.name_fr if say.language == "fr" else scenario.name_en


def census_block(result: Result, say: Speech) -> Block:
    """The census, line by line."""
    lines = result.inputs.workforce.lines
    listed = tuple(
        (
            Cell(line.name_fr if say.language == "fr" else line.name_en or line.name_fr or line.profession, number=False),
            Cell(say.number(line.headcount)),
            Cell(say.number(line.fte, 1)),
            Cell(f"{line.source} {line.year or ''} {line.licence}".strip(), number=False),
        )
        for line in lines
    )
    total = say.number(result.inputs.workforce.total(), 0)
    return Block(
        say["census"],
        say["census_sentence"].format(n=len(lines), fte=total),
        "",
        (say["line"], say["people"], say["fte"], say["source"]),
        listed,
    )


def inputs_block(result: Result, say: Speech) -> Block:
    """The files that the figures rest on."""
    listed = tuple((Cell(name, number=False), Cell(digest, number=False)) for name, digest in result.inputs.digests.items())
    return Block(say["inputs"], say["inputs_sentence"].format(last=result.last), "", (say["file"], "SHA-256"), listed, (say["method"],))
