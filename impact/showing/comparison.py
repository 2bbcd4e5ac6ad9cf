"""The page of two scenarios side by side: what differs, profession by profession, and which assumptions it comes from."""

from __future__ import annotations

from typing import TYPE_CHECKING, Final

from impact.charts import Bar, bars
from impact.results.beside import named
from impact.showing.overview import profession_name, scenario_name
from impact.showing.speech import Block, Cell, View

if TYPE_CHECKING:
    from impact.results.beside import Comparison
    from impact.run import Result
    from impact.scenarios import Assumption, Difference, Spread
    from impact.showing.figures import Figures
    from impact.showing.speech import Speech

_FIGURES: Final = ("released", "created", "transformed", "removed", "shortage_filled")


def comparison_page(figures: Figures, name: str, say: Speech) -> View | None:
    """Two scenarios, named `A/with/B`; None where one is not known or both are one."""
    found = named(figures.result, name)
    if found is None:
        return None
    first, second = (scenario_name(one, say) for one in (found.first, found.second))
    title = say["comparison"].format(first=first, second=second)
    blocks = [_figure(figures.result, found, figure, say) for figure in _FIGURES if found.of(figure)]
    lead = say["comparison_lead"].format(
        first=first, second=second, years=say.number(found.first.years), other=say.number(found.second.years)
    )
    return View(title, lead, f"/impact/scenarios/{name}", (*blocks, *_without(figures.result, found, say), _assumptions(found, say)))


def _figure(result: Result, found: Comparison, figure: str, say: Speech) -> Block:
    differences = found.of(figure)
    named_ = {one.profession: _profession(result, one, say) for one in differences}
    drawn = [
        Bar(named_[one.profession], one.apart.p50, say.signed(one.apart.p50), one.apart.p10, one.apart.p90)
        for one in differences
        if one.apart
    ]
    listed = tuple((_linked(one, named_, say), *_cells(one, say)) for one in differences)
    first, second = (scenario_name(one, say) for one in (found.first, found.second))
    columns = (say["profession"], first, second, say["difference"], say["first_higher"].format(first=first))
    notes = (say["same_draws"].format(seed=found.first.seed), say["not_posts"]) if figure == _FIGURES[0] else ()
    svg = bars(say[figure], drawn, f"h-beside-{figure}")
    return Block(say["difference_in"].format(figure=say[figure]), _sentence(differences, figure, found, say), svg, columns, listed, notes)


def _sentence(differences: tuple[Difference, ...], figure: str, found: Comparison, say: Speech) -> str:
    """What the chart shows, of all professions together."""
    total = differences[-1]
    assert total.apart is not None  # noqa: S101 - differences of a figure have one
    names = {"first": scenario_name(found.first, say), "second": scenario_name(found.second, say), "figure": say[figure]}
    between = f"{say.signed(total.apart.p10)} {say['to']} {say.signed(total.apart.p90)}"
    word = "difference_none" if total.apart.p10 <= 0 <= total.apart.p90 else "difference_more" if total.apart.p50 > 0 else "difference_less"
    return say[word].format(size=say.fte(abs(total.apart.p50)), between=between, n=len(differences) - 1, **names)


def _profession(result: Result, one: Difference, say: Speech) -> str:
    return profession_name(result, one.profession, say) if one.profession else say["all_together"]


def _linked(one: Difference, names: dict[str, str], say: Speech) -> Cell:
    link = f"/impact/professions/{one.profession}" if one.profession else ""
    return Cell(names[one.profession] or say["all_together"], link, number=False)


def _cells(one: Difference, say: Speech) -> tuple[Cell, ...]:
    higher = Cell(say.share(one.higher, 0))
    return (_spread(one.first, say), _spread(one.second, say), _spread(one.apart, say, signed=True), higher)


def _spread(spread: Spread | None, say: Speech, *, signed: bool = False) -> Cell:
    if spread is None:
        return Cell("")
    if not signed:
        return Cell(say.spread(spread.p10, spread.p50, spread.p90))
    return Cell(f"{say.signed(spread.p50)} ({say.signed(spread.p10)} {say['to']} {say.signed(spread.p90)})")


def _without(result: Result, found: Comparison, say: Speech) -> tuple[Block, ...]:
    """Professions without a number, with the reason; nothing where all have one."""
    bare = found.of("")
    listed = tuple(
        (_linked(one, {one.profession: _profession(result, one, say)}, say), Cell(say.reason(one.status), number=False)) for one in bare
    )
    sentence = say["comparison_none"] if not found.of(_FIGURES[0]) else say["without_number_sentence"].format(n=len(bare))
    return (Block(say["without_number"], sentence, "", (say["profession"], say["status"]), listed),) if bare else ()


def _assumptions(found: Comparison, say: Speech) -> Block:
    pairs = [(name, one, found.second.assumptions[name]) for name, one in found.first.assumptions.items()]
    apart = [name for name, one, other in pairs if _numbers(one) != _numbers(other)]
    listed = tuple(
        (
            Cell(say.factor(name), number=False),
            _assumption(one, say),
            _assumption(other, say),
            Cell(say["differs" if name in apart else "same"], number=False),
            Cell(" · ".join(dict.fromkeys((say.source(one), say.source(other)))), number=False),
        )
        for name, one, other in pairs
    )
    first, second = (scenario_name(one, say) for one in (found.first, found.second))
    columns = (say["factor"], first, second, say["comparison_word"], say["source"])
    sentence = say["assumptions_apart"].format(n=len(apart), all=len(pairs), names=", ".join(say.factor(name) for name in apart) or "–")
    digests = tuple(f"{one.id}.toml: SHA-256 {one.digest}" for one in (found.first, found.second))
    area = (say["area_differs"],) if found.first.area_share != found.second.area_share else ()
    return Block(say["assumptions"], sentence, "", columns, listed, (*area, *digests))


def _numbers(one: Assumption) -> tuple[float, float, float]:
    return one.low, one.value, one.high


def _assumption(one: Assumption, say: Speech) -> Cell:
    return Cell(f"{say.number(one.value, 3)} ({say.number(one.low, 3)} {say['to']} {say.number(one.high, 3)})")
