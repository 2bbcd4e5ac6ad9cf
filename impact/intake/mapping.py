"""Which heading is which column: by name, by the names French hospitals use, or as the person says."""

from __future__ import annotations

import unicodedata
from dataclasses import dataclass
from difflib import get_close_matches
from typing import TYPE_CHECKING, Final

from impact.intake.columns import TABLES

if TYPE_CHECKING:
    from collections.abc import Iterable, Mapping, Sequence

    from impact.intake.columns import Table

_ALIKE: Final = 0.75


@dataclass(frozen=True, slots=True)
class Headings:
    """Column → heading; headings that are nobody's; needed columns that are missing, each with headings that look like it."""

    columns: Mapping[str, str]
    unknown: tuple[str, ...]
    missing: tuple[tuple[str, tuple[str, ...]], ...]
    twice: tuple[tuple[str, tuple[str, ...]], ...]


def plain(heading: str) -> str:
    """A heading in lower case, without accents, signs and doubled spaces."""
    bare = "".join(letter for letter in unicodedata.normalize("NFKD", heading) if not unicodedata.combining(letter))
    return " ".join(bare.lower().replace("_", " ").replace("’", "'").split())


def mapped(table: Table, headings: Sequence[str], said: Mapping[str, str] | None = None) -> Headings:
    """Find the heading of every column.

    Args:
        table: what is to be filled.
        headings: of the file.
        said: heading → column, as the person decided; it goes before what is found by name.
    """
    found: dict[str, list[str]] = {}
    decided = {heading: column for heading, column in (said or {}).items() if heading in headings}
    for heading in headings:
        column = decided.get(heading) or _column(table, heading)
        if column and (heading in decided or column not in decided.values()):
            found.setdefault(column, []).append(heading)
    taken = {heading for listed in found.values() for heading in listed}
    unknown = tuple(heading for heading in headings if heading not in taken)
    missing = tuple((c.name, _alike(c.name, (*c.also, *c.near), unknown)) for c in table.columns if c.needed and c.name not in found)
    twice = tuple((name, tuple(listed)) for name, listed in found.items() if len(listed) > 1)
    return Headings({name: listed[0] for name, listed in found.items()}, unknown, missing, twice)


def guessed(headings: Sequence[str]) -> tuple[str, ...]:
    """Tables that these headings could be, the likeliest first: those that miss the fewest needed columns and take the most headings."""
    ranked = sorted(
        (len(found.missing), -len(found.columns), name) for name, found in ((n, mapped(t, headings)) for n, t in TABLES.items())
    )
    return tuple(name for _, _, name in ranked)


def _column(table: Table, heading: str) -> str | None:
    told = plain(heading)
    return next((column.name for column in table.columns if told in {plain(column.name), *column.also}), None)


def _alike(name: str, also: Iterable[str], unknown: Sequence[str]) -> tuple[str, ...]:
    by_plain = {plain(heading): heading for heading in unknown}
    found = [match for word in (plain(name), *also) for match in get_close_matches(word, by_plain, n=2, cutoff=_ALIKE)]
    return tuple(dict.fromkeys(by_plain[match] for match in found))
