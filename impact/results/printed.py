"""The six steps as they are printed in a terminal: tables, and sentences for what is not known."""

from __future__ import annotations

import io
from collections import Counter
from typing import TYPE_CHECKING, Final

from rich.console import Console
from rich.table import Table
from rich.text import Text

from impact.measuring.designs import CENTRAL, LEVELS
from impact.results.tables import first_picture

if TYPE_CHECKING:
    from collections.abc import Iterable, Sequence

    from impact.professions import ProfessionRate
    from impact.rates import Rate
    from impact.results.beside import Comparison
    from impact.run import Result
    from impact.scenarios import Outlook, Play, Spread

WIDTH: Final = 140
_HATCHED: Final = frozenset(LEVELS) - CENTRAL
_PILOT: Final = "PILOT: figures below the publication threshold are shown. Not for publication."


def printed(result: Result) -> str:
    """All six steps."""
    parts = [_header(result), _census(result), _catalogue(result), _rates(result.measured.tasks), _sites(result), _professions(result)]
    parts += [_play(play) for play in result.plays]
    return "\n\n".join(part for part in parts if part) + "\n"


def _header(result: Result) -> str:
    lines = [f"Ledger: {result.rows:,} instances, last log index {result.last}.", *([_PILOT] if result.pilot else [])]
    return "\n".join(lines)


def _census(result: Result) -> str:
    lines = result.inputs.workforce.lines
    sources = ", ".join(sorted({f"{line.source}{f' ({line.licence})' if line.licence else ''}" for line in lines}))
    rows = [(line.name_en or line.name_fr or line.profession, line.category, _count(line.headcount), _count(line.fte)) for line in lines]
    return _table("Step 1. Census", ("line", "category", "people", "FTE"), rows, left=2) + f"Sources: {sources}."


def _catalogue(result: Result) -> str:
    found = result.inputs.catalogue
    basis = Counter(task.basis for task in found.tasks)
    told = ", ".join(f"{count} {word}" for word, count in sorted(basis.items()))
    return f"Steps 2 and 3. {len(found.professions)} professions, {len(found.tasks)} tasks; where their shares of time come from: {told}."


def _rates(rates: Sequence[Rate]) -> str:
    titles = ("task, profession", "n, held out", "volume", "min without", "min with", "s", "95 % interval", "any day", "level", "status")
    table = _table("Step 4. Substitution rate per task", titles, (_rate(one) for one in rates))
    reasons = {one.why: ", ".join(dict.fromkeys(other.task for other in rates if other.why == one.why)) for one in rates if one.why}
    notes = sorted(
        {note for one in rates for note in (*one.notes, *one.gate.why) if note} | {f"{tasks}: {why}" for why, tasks in reasons.items()}
    )
    levels = [f"{level} {LEVELS[level]}" for level in sorted({one.level for one in rates if one.level})]
    shown = ([f"Evidence: {'; '.join(levels)}. D and E are never in a central scenario."] if levels else []) + notes
    parts = _parts(rates)
    return table + "\n".join(shown) + ("\n\n" + parts if parts else "")


def _rate(one: Rate) -> tuple[str, ...]:
    if one.status == "suppressed":
        return (f"{one.task}\n{one.profession}", *["suppressed"] * 6, "", "", one.status)
    volume = "unknown" if one.volume is None else f"{one.volume:,}"
    mark = " //" if one.level in _HATCHED else ""
    s = "unknown" if one.s is None else f"{one.s:.1%}{mark}"
    counts = f"{one.n:,}{f' (+{one.novel:,} in 30 days)' if one.novel else ''}\n{one.held_out:,}"
    return (
        f"{one.task}\n{one.profession}",
        counts,
        volume,
        _minutes(one.h0),
        _minutes(one.h1),
        s,
        _interval(one.interval),
        _interval(one.sequence),
        one.level,
        one.status,
    )


def _parts(rates: Sequence[Rate]) -> str:
    rows = []
    for one in rates:
        if one.parts and one.modes:
            shares = (one.parts.displaced, -one.parts.oversight, -one.parts.rework, -one.parts.induced, one.parts.s)
            modes = (one.modes.substituted, one.modes.augmented, one.modes.induced)
            rows.append((one.task, *(f"{share:+.1%}" for share in shares), *(f"{share:.0%}" for share in modes), f"{one.gain or 0:+.1%}"))
    titles = ("task", "displaced", "oversight", "rework", "induced", "= s", "substituted", "augmented", "induced", "productivity")
    return _table("What s is made of; how routed instances went", titles, rows) if rows else ""


def _sites(result: Result) -> str:
    several = [one for one in result.measured.sites if one.site]
    if len({one.site for one in several}) < 2:  # noqa: PLR2004 - one site is the establishment
        return ""
    rows = [(one.site, one.task, *_rate(one)[1:]) for one in several]
    titles = ("site", "task", "n, held out", "volume", "min without", "min with", "s", "95 % interval", "any day", "level", "status")
    return _table("Sites", titles, rows, left=2)


def _professions(result: Result) -> str:
    rows = [(*_profession(one), _picture(result, one)) for one in result.professions]
    rows += [
        (f"category {one.category}", "", _count(one.fte), f"{one.s:.1%}", f"{one.measured:.0%}", f"{one.released:,.1f}", "")
        for one in result.categories
    ]
    if result.whole:
        one = result.whole
        rows.append(("establishment", "", _count(one.fte), f"{one.s:.1%}", f"{one.measured:.0%}", f"{one.released:,.1f}", ""))
    titles = ("profession", "category", "FTE", "S", "measured", "FTE of time", "// E: rated")
    table = _table("Step 5. Substitution rate per profession", titles, rows, left=2)
    return (
        table
        + "S: of working time; unmeasured tasks count 0. FTE of time are minutes, not posts. // E: the seed method's ratings, a first picture."
    )


def _profession(one: ProfessionRate) -> tuple[str, ...]:
    known = one.is_enough
    s = f"{one.s:.1%}" if known else "time over 100 %" if one.double else "not enough"
    return (one.profession, one.category, _count(one.fte), s, f"{one.measured:.0%}", _count(one.released) if known else "")


def _picture(result: Result, one: ProfessionRate) -> str:
    told = first_picture(result, one)
    return "" if told is None else f"// {told:.0%}"


def compared(comparison: Comparison) -> str:
    """Two scenarios side by side, profession by profession."""
    first, second = comparison.first, comparison.second
    rows = [
        (
            one.profession or "all of these",
            one.figure,
            _spread(one.first),
            _spread(one.second),
            _spread(one.apart, "+"),
            f"{one.higher:.0%}",
        )
        for one in comparison.found
        if one.first and one.second and one.apart and one.higher is not None
    ]
    without = sorted(f"{one.profession} ({one.status})" for one in comparison.found if not one.figure)
    told = f"No number for {', '.join(without)}." if without else ""
    title = f"Scenarios {first.id} and {second.id}, FTE: P50 (P10 to P90), and their difference draw by draw"
    if not rows:
        return f"{title}: {told}"
    titles = ("profession", "figure", first.id, second.id, "difference", f"draws in which {first.id} is higher")
    return _table(title, titles, rows, left=2) + _SAME_DRAWS.format(seed=first.seed) + (f"\n{told}" if told else "")


_SAME_DRAWS: Final = (
    "Both scenarios were drawn from the same random numbers (seed {seed}): the difference shows the assumptions, not chance. "
    "The median of the differences need not be the difference of the medians."
)


def _spread(spread: Spread, sign: str = "") -> str:
    return f"{spread.p50:{sign},.1f} ({spread.p10:{sign},.1f} to {spread.p90:{sign},.1f})"


def _play(play: Play) -> str:
    known = [one for one in play.outlooks if one.figures]
    names = sorted(one.profession for one in play.outlooks if not one.figures)
    title = f"Step 6. Scenario {play.scenario.id}, in {play.scenario.years:g} years, FTE: P50 (P10 to P90)"
    if not known:
        return f"{title}: no number; not enough measured of {', '.join(names)}."
    titles = ("profession", "released", "created", "transformed", "removed", "shortage filled", "weighs most")
    table = _table(title, titles, (_outlook(one) for one in known))
    return table + (f"Not enough measured, or FTE unknown: {', '.join(names)}." if names else "")


def _outlook(one: Outlook) -> tuple[str, ...]:
    cells = [_spread((one.figures or {})[name]) for name in ("released", "created", "transformed", "removed", "shortage_filled")]
    weighs = one.tornado[0] if one.tornado else None
    return (one.profession, *cells, f"{weighs.factor} ({weighs.low:,.1f} to {weighs.high:,.1f})" if weighs else "")


def _table(title: str, titles: Sequence[str], rows: Iterable[Sequence[str]], left: int = 1) -> str:
    table = Table(title=title, title_justify="left", show_edge=False, pad_edge=False)
    for place, name in enumerate(titles):
        table.add_column(name, justify="left" if place < left else "right")
    for row in rows:
        table.add_row(*(Text(_plain(cell)) for cell in row))
    out = io.StringIO()
    Console(file=out, width=WIDTH, color_system=None).print(table)
    return "\n".join(line.rstrip() for line in out.getvalue().splitlines()) + "\n"


def _plain(cell: str) -> str:
    """What a foreign ledger says is printed as text: no control characters."""
    return "".join(letter if letter.isprintable() or letter == "\n" else "?" for letter in cell)


def _count(value: float | None) -> str:
    return "unknown" if value is None else f"{value:,.1f}".removesuffix(".0")


def _minutes(value: float | None) -> str:
    return "unknown" if value is None else f"{value:.2f}"


def _interval(found: tuple[float, float] | None) -> str:
    return "" if found is None else f"{found[0] * 100:.1f} to {found[1]:.1%}"
