"""Charts as SVG made on the server: numbers are text, colour is never alone, weak evidence is hatched; no script, no inline style.

Everything is drawn in the page's own ink, so that themes and print work.
"""

from __future__ import annotations

from dataclasses import dataclass
from html import escape
from typing import TYPE_CHECKING, Final

if TYPE_CHECKING:
    from collections.abc import Sequence

WIDTH: Final = 820
_LEFT: Final = 300
_RIGHT: Final = 130
_LONGEST: Final = 38
"""Letters of a label that fit beside a bar; the table has the whole of it."""
_ROW: Final = 26
_BAR: Final = 14
_INK: Final = 'fill="currentColor"'


@dataclass(frozen=True, slots=True)
class Bar:
    """One line of a chart.

    Args:
        label: what it is.
        value: where the bar ends; None draws the text alone ("suppressed", "unknown").
        text: the number as people read it.
        low, high: ends of the interval, where there is one.
        hatched: weak evidence.
    """

    label: str
    value: float | None
    text: str
    low: float | None = None
    high: float | None = None
    hatched: bool = False


@dataclass(frozen=True, slots=True)
class _Scale:
    """Values to pixels; zero is always on it."""

    least: float
    most: float

    @classmethod
    def of(cls, bars: Sequence[Bar]) -> _Scale:
        values = [value for bar in bars for value in (bar.value, bar.low, bar.high) if value is not None]
        least, most = min([0.0, *values]), max([0.0, *values])
        return cls(least, most if most > least else least + 1)

    def x(self, value: float) -> float:
        return round(_LEFT + (value - self.least) / (self.most - self.least) * (WIDTH - _LEFT - _RIGHT), 1)


def bars(title: str, found: Sequence[Bar], name: str) -> str:
    """Horizontal bars from zero, with whiskers; `name` makes the hatching's id its own on a page."""
    scale, height = _Scale.of(found), _ROW * len(found) + 8
    drawn = "".join(_bar(scale, place, bar, name) for place, bar in enumerate(found))
    zero = f'<line x1="{scale.x(0)}" y1="0" x2="{scale.x(0)}" y2="{height}" stroke="currentColor" stroke-width="1"/>'
    return _svg(title, height, f"{_hatching(name)}{zero}{drawn}")


def _bar(scale: _Scale, place: int, bar: Bar, name: str) -> str:
    middle = place * _ROW + _ROW // 2 + 4
    label = _text(_LEFT - 8, middle + 4, bar.label if len(bar.label) <= _LONGEST else f"{bar.label[: _LONGEST - 1]}…", "end")
    if bar.value is None:
        return label + _text(scale.x(0) + 6, middle + 4, bar.text, "start", italic=True)
    start, end = sorted((scale.x(0), scale.x(bar.value)))
    fill = f'fill="url(#{escape(name)})" stroke="currentColor"' if bar.hatched else f'{_INK} fill-opacity="0.35"'
    box = f'<rect x="{start}" y="{middle - _BAR // 2}" width="{round(max(end - start, 0.5), 1)}" height="{_BAR}" {fill}/>'
    whisker, right = "", end
    if bar.low is not None and bar.high is not None:
        left, right = scale.x(bar.low), max(end, scale.x(bar.high))
        whisker = f'<path d="M{left} {middle - 5}v10M{left} {middle}H{scale.x(bar.high)}M{scale.x(bar.high)} {middle - 5}v10" stroke="currentColor" fill="none"/>'
    return label + box + whisker + _text(right + 6, middle + 4, bar.text, "start")


def series(title: str, found: Sequence[Bar], name: str) -> str:
    """A figure over time as points with their intervals, months from left to right, each with its number."""
    height, top, bottom = 190, 24, 150
    values = [value for bar in found for value in (bar.value, bar.low, bar.high) if value is not None]
    least, most = min([0.0, *values]), max([0.01, *values])
    step = (WIDTH - 60) / max(len(found), 1)

    def y(value: float) -> float:
        return round(bottom - (value - least) / (most - least) * (bottom - top), 1)

    drawn = [f'<line x1="40" y1="{y(0)}" x2="{WIDTH - 10}" y2="{y(0)}" stroke="currentColor" stroke-width="1"/>']
    for place, bar in enumerate(found):
        x = round(50 + step * (place + 0.5), 1)
        drawn.append(_text(x, height - 18, bar.label, "middle"))
        if bar.value is None:
            drawn.append(_text(x, y(0) - 8, bar.text, "middle", italic=True))
            continue
        fill = f'fill="url(#{escape(name)})" stroke="currentColor"' if bar.hatched else _INK
        if bar.low is not None and bar.high is not None:
            drawn.append(f'<line x1="{x}" y1="{y(bar.low)}" x2="{x}" y2="{y(bar.high)}" stroke="currentColor"/>')
        drawn.append(
            f'<circle cx="{x}" cy="{y(bar.value)}" r="5" {fill}/>'
            + _text(x, y(bar.high if bar.high is not None else bar.value) - 8, bar.text, "middle")
        )
    return _svg(title, height, _hatching(name) + "".join(drawn))


def _hatching(name: str) -> str:
    return (
        f'<defs><pattern id="{escape(name)}" width="6" height="6" patternUnits="userSpaceOnUse" patternTransform="rotate(45)">'
        '<line x1="0" y1="0" x2="0" y2="6" stroke="currentColor" stroke-width="2"/></pattern></defs>'
    )


def _text(x: float, y: float, text: str, anchor: str, *, italic: bool = False) -> str:
    slant = ' font-style="italic"' if italic else ""
    return f'<text x="{x}" y="{y}" text-anchor="{anchor}" font-size="13"{slant} {_INK}>{escape(text)}</text>'


def _svg(title: str, height: int, inner: str) -> str:
    return (
        f'<svg xmlns="http://www.w3.org/2000/svg" viewBox="0 0 {WIDTH} {height}" width="100%" role="img" aria-label="{escape(title)}" '
        f'font-family="inherit"><title>{escape(title)}</title>{inner}</svg>'
    )
