"""Blocks about rates: the table of tasks, what a rate is made of, months, sites."""

from __future__ import annotations

from typing import TYPE_CHECKING, Final

from impact.charts import Bar, bars, series
from impact.measuring.designs import ROLLOUT, SERIES
from impact.showing.speech import HATCHED, Block, Cell

if TYPE_CHECKING:
    from collections.abc import Sequence

    from impact.rates import Rate
    from impact.showing.speech import Speech


_HOW: Final = {ROLLOUT: "how_rollout", SERIES: "how_series"}


def rates_block(rates: Sequence[Rate], say: Speech) -> Block:
    """The table of rates, with their bars."""
    sentence = _sentence(rates, say)
    columns = ("task", "instances", "volume", "without", "with", "s", "interval", "any_look", "level", "status")
    return Block(
        say["rates"],
        sentence,
        bars(say["rates"], [rate_bar(one, say) for one in rates], "h-rates") if rates else "",
        tuple(say[column] for column in columns),
        tuple(rate_cells(one, say) for one in rates),
        (*_reasons(rates, say), *([say["novel_note"]] if any(one.novel for one in rates) else []), *([say["levels"]] if rates else [])),
    )


def _sentence(rates: Sequence[Rate], say: Speech) -> str:
    known = [one for one in rates if one.s is not None]
    best = max(known, key=lambda one: one.s or 0, default=None)
    if best is None:
        return say["rates_none"]
    told = {"task": say.task(best.task), "s": say.share(best.s), "interval": say.interval(best.interval), "level": best.level}
    return say["rates_sentence" if len(rates) > 1 else "rate_sentence"].format(known=len(known), all=len(rates), **told)


def _reasons(rates: Sequence[Rate], say: Speech) -> tuple[str, ...]:
    return tuple(dict.fromkeys(why(one, say) for one in rates if one.why))


def rate_bar(one: Rate, say: Speech) -> Bar:
    """A rate as a bar."""
    low, high = one.interval or (None, None)
    text = say.share(one.s) + (f" ({one.level})" if one.level else "") if one.s is not None else say.status(one)
    return Bar(say.task(one.task), one.s, text, low, high, one.level in HATCHED)


def rate_cells(one: Rate, say: Speech) -> tuple[Cell, ...]:
    """A rate as a row of cells."""
    name = Cell(say.task(one.task), f"/impact/tasks/{one.task}", number=False)
    if one.status == "suppressed":
        return (name, *[Cell(say["suppressed"])] * 7, Cell("", number=False), Cell(say["suppressed"], number=False))
    counts = [
        Cell(say.number(one.n) + (f" (+{say.number(one.novel)} {say['novel']})" if one.novel else "")),
        Cell(say.number(one.volume)),
        Cell(say.number(one.h0, 2)),
        Cell(say.number(one.h1, 2)),
        Cell(say.share(one.s)),
    ]
    return (
        name,
        *counts,
        Cell(say.interval(one.interval)),
        Cell(say.interval(one.sequence)),
        Cell(one.level, number=False),
        Cell(say.status(one), number=False),
    )


def why(one: Rate, say: Speech) -> str:
    """The reason why a rate is unknown, in words."""
    reasons = {
        "no total volume": "why_volume",
        "the total volume is below": "why_small",
        "no time without AI": "why_baseline",
        "novelty window": "why_novelty",
        "suppressed": "why_suppressed",
    }
    reasons |= {"fewer than": "why_few", "the volumes have no strata": "why_strata", "'AI cases versus": "why_naive"}
    return say[next((word for start, word in reasons.items() if one.why.startswith(start)), "why_few")]


def split_block(one: Rate, say: Speech) -> Block:
    """What a rate is made of, and how routed instances went."""
    parts = one.parts
    if parts is None:
        return Block(say["split"], "")
    signed = [
        ("displaced", parts.displaced),
        ("oversight", -parts.oversight),
        ("rework", -parts.rework),
        ("induced", -parts.induced),
        ("s", parts.s),
    ]
    drawn = [Bar(say[name], value, say.share(value)) for name, value in signed]
    sentence = say["split_sentence"].format(
        displaced=say.share(parts.displaced),
        back=say.share(parts.oversight + parts.rework + parts.induced),
        s=say.share(parts.s),
        gain=say.share(one.gain),
    )
    modes = one.modes
    listed = (
        ()
        if modes is None
        else (
            (
                Cell(say.share(modes.substituted)),
                Cell(say.share(modes.augmented)),
                Cell(say.share(modes.induced)),
                Cell(say.share(one.exposure)),
            ),
        )
    )
    columns = (say["substituted"], say["augmented"], say["induced"], say["exposure"]) if listed else ()
    return Block(say["split"], sentence, bars(say["split"], drawn, f"h-split-{one.profession}"), columns, listed, (say["modes_note"],))


def behind_block(one: Rate, files: Sequence[str], say: Speech) -> Block:
    """What a rate rests on: period, instances, volume, comparison, quality, files."""
    given = say["unknown"] if one.volume is None else say["months_of"].format(n=say.number(one.volume), months=one.months)
    told = {
        "period": f"{one.period[0]} {say['to']} {one.period[1]}",
        "routed": say.number(one.n),
        "held": say.number(one.held_out),
        "novel": say.number(one.novel),
        "volume": given,
        "coverage": say["then"].format(first=say.share(one.coverage), second=say.share(one.time_coverage)),
        "minutes": say["then"].format(first=say.number(one.h0, 2), second=say.number(one.h1, 2)),
        "saving": say.share(one.saving),
        "gate": say[f"gate_{one.gate.state.replace(' ', '_')}"],
        "value": say.share(one.value),
        "files": ", ".join(files) or "–",
    }
    listed = tuple((Cell(say[f"item_{name}"], number=False), Cell(value, number=False)) for name, value in told.items())
    sentence = say["behind_sentence"].format(s=say.share(one.s), level=one.level or "–", meaning=say[f"meaning_{one.level}"])
    effect = (say["no_effect_meaning"],) if one.status == "no measurable effect" else ()
    how = tuple(say[word] for note, word in _HOW.items() if note in one.notes)
    return Block(say["behind"], sentence, "", (say["item"], say["figure"]), listed, (*how, *effect, *one.gate.why))


def months_block(found: Sequence[Rate], say: Speech) -> Block:
    """A rate month by month."""
    drawn = [
        Bar(
            one.month,
            one.s,
            say.share(one.s) if one.s is not None else say.status(one),
            one.interval and one.interval.low,
            one.interval and one.interval.high,
            one.level in HATCHED,
        )
        for one in found
    ]
    known = sum(one.s is not None for one in found)
    listed = tuple((Cell(one.month, number=False), *rate_cells(one, say)[1:]) for one in found)
    columns = ("month", "instances", "volume", "without", "with", "s", "interval", "any_look", "level", "status")
    return Block(
        say["months"],
        say["months_sentence"].format(known=known, all=len(found)),
        series(say["months"], drawn, "h-months"),
        tuple(say[name] for name in columns),
        listed,
        _reasons(found, say),
    )


def sites_block(found: Sequence[Rate], say: Speech) -> Block:
    """A rate at each site."""
    hidden = sum(one.status == "suppressed" for one in found)
    listed = tuple(
        (Cell(one.site, number=False), *rate_cells(one, say)[1:], Cell("" if one.pooled is None else say.share(one.pooled)))
        for one in found
    )
    columns = ("site", "instances", "volume", "without", "with", "s", "interval", "any_look", "level", "status", "drawn_together")
    return Block(
        say["sites"],
        say["sites_sentence"].format(n=len(found), hidden=hidden),
        "",
        tuple(say[name] for name in columns),
        listed,
        (*_reasons(found, say), *([say["drawn_together_note"]] if any(one.pooled is not None for one in found) else [])),
    )
