"""What a mark says can be read in both themes, and by those who see no colours."""

from __future__ import annotations

import re
from importlib.resources import files

import pytest

STATIC = files("gateway.web").joinpath("static")
PAGE, PARTS = (STATIC.joinpath(name).read_text(encoding="utf-8") for name in ("garant.css", "parts.css"))
BLOCKS = [
    {name: value if len(value) == 7 else "#" + "".join(2 * digit for digit in value[1:]) for name, value in found}
    for block in re.findall(r"\{([^{}]*--paper:[^{}]*)\}", PAGE)
    if (found := re.findall(r"--([\w-]+):\s*(#(?:[0-9a-fA-F]{6}|[0-9a-fA-F]{3}))\b", block))
]
THEMES = [BLOCKS[0] | block for block in BLOCKS]  # what a theme does not set, it takes from the first
PAIRS = [
    ("late", "late-soft"),
    ("paper", "late"),
    ("good", "good-soft"),
    ("mute", "paper"),
    ("ink", "paper"),
    ("act", "paper"),
    ("late", "paper"),
    ("ink", "soft"),
]


def luminance(colour: str) -> float:
    """Relative luminance of WCAG 2."""
    parts = [int(colour[place : place + 2], 16) / 255 for place in (1, 3, 5)]
    red, green, blue = (part / 12.92 if part <= 0.04045 else ((part + 0.055) / 1.055) ** 2.4 for part in parts)
    return 0.2126 * red + 0.7152 * green + 0.0722 * blue


def contrast(one: str, other: str) -> float:
    high, low = sorted((luminance(one), luminance(other)), reverse=True)
    return (high + 0.05) / (low + 0.05)


def test_there_is_a_light_and_a_dark_theme() -> None:
    assert len(THEMES) >= 2


@pytest.mark.parametrize("theme", THEMES, ids=[theme["paper"] for theme in THEMES])
@pytest.mark.parametrize(("text", "ground"), PAIRS)
def test_text_stands_out_from_its_ground(theme: dict[str, str], text: str, ground: str) -> None:
    assert contrast(theme[text], theme[ground]) >= 4.5


def test_the_ruler_knows_black_and_white() -> None:
    assert contrast("#000000", "#ffffff") == pytest.approx(21)
    assert contrast("#777777", "#ffffff") < 4.5


def test_every_colour_comes_from_the_theme() -> None:
    assert re.findall(r"#[0-9a-fA-F]{6}|\b(?:red|green|blue|yellow)\b", PARTS) == []
    assert set(re.findall(r"var\(--([\w-]+)\)", PARTS)) <= set(THEMES[0])


@pytest.mark.parametrize(
    "rule", [r"\.mark\.none[^{]*::after[^}]*content", r"\.mark\.converted[^{]*::after[^}]*content", r"del::before", r"ins::before"]
)
def test_nothing_is_told_by_colour_alone(rule: str) -> None:
    assert re.search(rule, PARTS)


def test_kinds_of_marks_differ_in_their_line() -> None:
    styles = [re.search(rf"\.mark\.{kind} {{ border-bottom(?:-style)?: (?:4px )?(\w+)", PARTS) for kind in ("drug", "negation", "side")]
    assert [style and style[1] for style in styles] == ["solid", "dashed", "double"]
