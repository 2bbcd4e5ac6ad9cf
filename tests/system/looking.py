"""A look at a page in every theme by axe-core, and at its words; a module a language, so that two processes share the work.

`GARANT_AXE_TABLE=FILE` writes FILE.fr and FILE.en, page × theme → violations; `GARANT_SCREENSHOTS=FOLDER` a picture of each.
"""

from __future__ import annotations

import os
import re
from pathlib import Path
from typing import TYPE_CHECKING

import pytest

from tests.system import tour
from tests.system.visitor import Visit

if TYPE_CHECKING:
    from collections.abc import Iterator

    from playwright.sync_api import Browser

    from tests.stage import Stage

    Table = dict[tuple[str, str], int]

RAW = re.compile(r"<built-in|object at 0x|\bNone\b|\bundefined\b|\b[a-z]+_[a-z_]+\b")
"""What no page says to a person: the insides of a program, and code words in the place of sentences."""
CODES = frozenset({"heart_rate"})
SPOKEN_TO_IT = frozenset({"administration", "administration, a new key", "administration, an account", "log", "log, verified"})
THEMES = ("light", "dark", "room")
BY_COLOUR = ("color-contrast", "link-in-text-block")
"""The rules that can differ from theme to theme; the others see the same page."""


@pytest.fixture(scope="module")
def table(request: pytest.FixtureRequest) -> Iterator[Table]:
    """Violations by page and theme; written at the end where a file is named for it."""
    counts: Table = {}
    yield counts
    if os.environ.get("GARANT_AXE_TABLE"):
        Path(f"{os.environ['GARANT_AXE_TABLE']}.{request.module.LANGUAGE}").write_text(written(counts), encoding="utf-8")


@pytest.fixture(scope="module")
def window(browser: Browser, shared: Stage, request: pytest.FixtureRequest) -> Iterator[Visit]:
    """One window, so that a browser's memory is used as in daily work."""
    opened = Visit.begin(browser, shared, request.module.LANGUAGE, "light", script=True)
    yield opened
    opened.end()


def written(counts: Table) -> str:
    """The table as Markdown."""
    head = "| page | " + " | ".join(THEMES) + " |\n|---" + "|---" * len(THEMES) + "|\n"
    pages = dict.fromkeys(page for page, _ in counts)
    rows = ("| " + " | ".join([page, *(str(counts.get((page, theme), "–")) for theme in THEMES)]) + " |\n" for page in pages)
    return head + "".join(rows) + f"\n{len(counts)} looks, {sum(counts.values())} violations\n"


def pictured(seen: Visit, page: str, theme: str) -> None:
    """Keep a picture of the page where a folder is named for it."""
    if folder := os.environ.get("GARANT_SCREENSHOTS"):
        name = re.sub(r"[^a-z]+", "-", page.lower())
        seen.page.screenshot(path=Path(folder) / f"{name}.{seen.language}.{theme}.png")


def themes(language: str) -> tuple[str, ...]:
    """Colours do not depend on the language: the other themes are looked at in one of them, and in both where the whole table is asked for."""
    return THEMES if language == "fr" or {"GARANT_AXE_TABLE", "GARANT_SCREENSHOTS"} & os.environ.keys() else THEMES[:1]


def looked(seen: Visit, table: Table, page: str) -> tuple[list[str], list[str]]:
    """Go to a page and look at it in every theme: its violations, and what on it no person would say."""
    seen.page.goto("about:blank")
    seen.context.clear_cookies()
    tour.PAGES[page](seen)
    found = []
    for theme in themes(seen.language):
        seen.themed(theme)
        pictured(seen, page, theme)
        violations = seen.violations(*(() if theme == "light" else BY_COLOUR))
        table[page, theme] = len(violations)
        found += [f"{theme}: {one}" for one in violations]
    said = seen.page.locator("body").inner_text() if page not in SPOKEN_TO_IT else ""
    if page in tour.LEAVING:
        tour.LEAVING[page](seen)
    return found, sorted({*RAW.findall(said)} - CODES)
