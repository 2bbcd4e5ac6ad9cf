"""What a page is made of, and how numbers are said in the reader's language."""

from __future__ import annotations

from dataclasses import dataclass
from typing import TYPE_CHECKING, Final

from impact.measuring.designs import CENTRAL, LEVELS
from impact.rates import NOVEL
from impact.scenarios import DOUBLE, NO_FTE

if TYPE_CHECKING:
    from collections.abc import Mapping

    from impact.rates import Rate
    from impact.scenarios import Assumption

HATCHED: Final = frozenset(LEVELS) - CENTRAL
"""Levels of evidence that are drawn hatched."""
_SMALL: Final = 10


@dataclass(frozen=True, slots=True)
class Cell:
    """A cell of a table; `link` leads on, `number` is set to the right."""

    text: str
    link: str = ""
    number: bool = True


@dataclass(frozen=True, slots=True)
class Block:
    """A part of a page."""

    heading: str
    sentence: str
    svg: str = ""
    columns: tuple[str, ...] = ()
    rows: tuple[tuple[Cell, ...], ...] = ()
    notes: tuple[str, ...] = ()


@dataclass(frozen=True, slots=True)
class View:
    """A page; `data` is its address without the ending of json, csv, parquet."""

    title: str
    lead: str
    data: str
    blocks: tuple[Block, ...]


@dataclass(frozen=True, slots=True)
class Speech:
    """The words of the reader's language, and the names of tasks."""

    words: Mapping[str, str]
    names: Mapping[str, str]

    def __getitem__(self, word: str) -> str:
        return self.words[f"impact_{word}"]

    @property
    def language(self) -> str:
        """`fr` or `en`."""
        return self["language"]

    def share(self, value: float | None, digits: int = 1) -> str:
        """A share in per cent; "unknown" where it is not known."""
        return self["unknown"] if value is None else self.number(100 * value, digits) + ("\u202f%" if self.language == "fr" else "%")

    def number(self, value: float | None, digits: int = 0) -> str:
        """A number as this language writes it."""
        if value is None:
            return self["unknown"]
        text = f"{value + 0.0:,.{digits}f}".replace("-", "\u2212")
        return text.replace(",", "\u202f").replace(".", ",") if self.language == "fr" else text

    def fte(self, value: float | None) -> str:
        """An amount of FTE: to a tenth, a small one to a hundredth."""
        return self.number(value, 2 if value is not None and abs(value) < _SMALL else 1)

    def signed(self, value: float) -> str:
        """A difference of FTE, with its sign."""
        text = self.fte(value)
        return f"+{text}" if value > 0 and text.strip("0,. \u202f") else text

    def factor(self, name: str) -> str:
        """What a scenario's factor is called: an assumption, or the time or rate of a task."""
        kind, _, task = name.partition(" ")
        return self[f"factor_{kind}"].format(task=self.task(task))

    def source(self, one: Assumption) -> str:
        """Where an assumption comes from."""
        return one.source_fr or one.source if self.language == "fr" else one.source

    def reason(self, status: str) -> str:
        """Why a profession has no number in a scenario."""
        return self[{NO_FTE: "fte_unknown", DOUBLE: "counted_twice"}.get(status, "not_enough")]

    def interval(self, found: tuple[float, float] | None) -> str:
        """Both ends; nothing where there are none."""
        return "" if found is None else f"{self.share(found[0])} {self['to']} {self.share(found[1])}"

    def spread(self, p10: float, p50: float, p90: float) -> str:
        """A median with its 10th and 90th percentile."""
        return f"{self.fte(p50)} ({self.fte(p10)} {self['to']} {self.fte(p90)})"

    def task(self, name: str) -> str:
        """A task as people call it."""
        return self.names.get(name, name)

    def status(self, one: Rate) -> str:
        """What a rate's status is called, with the reason where it is unknown."""
        if one.why.startswith(NOVEL):
            return self["novel_status"]
        told = {
            "suppressed": "suppressed",
            "unknown": "unknown",
            "refused": "refused",
            "measured": "measured",
            "no measurable effect": "no_effect",
        }
        return self[told.get(one.status, "quality_not_shown")]
