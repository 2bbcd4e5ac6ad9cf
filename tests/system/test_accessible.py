"""WCAG 2.2 AA by axe-core: no page and no state of a page, in any language or theme, has a violation.

`GARANT_AXE_TABLE=FILE` writes the table page × language × theme → violations, `GARANT_SCREENSHOTS=FOLDER` a picture of each.
"""

from __future__ import annotations

import os
import re
from pathlib import Path
from typing import TYPE_CHECKING

import pytest

from gateway.web.texts import LANGUAGES
from tests.system import tour
from tests.system.visitor import Visit

if TYPE_CHECKING:
    from collections.abc import Callable, Iterator

    from playwright.sync_api import Browser

    from tests.stage import Stage

    Table = dict[tuple[str, str, str], int]

RAW = re.compile(r"<built-in|object at 0x|\bNone\b|\bundefined\b|\b[a-z]+_[a-z_]+\b")
"""What no page says to a person: the insides of a program, and code words in the place of sentences."""
CODES = frozenset({"heart_rate"})
SPOKEN_TO_IT = frozenset({"administration", "administration, a new key", "administration, an account", "log", "log, verified"})
THEMES = ("light", "dark", "room")
BY_COLOUR = ("color-contrast", "link-in-text-block")
"""The rules that can differ from theme to theme; the others see the same page."""


@pytest.fixture(scope="module")
def table() -> Iterator[Table]:
    """Violations by page, language and theme; written at the end where a file is named for it."""
    counts: Table = {}
    yield counts
    if os.environ.get("GARANT_AXE_TABLE"):
        Path(os.environ["GARANT_AXE_TABLE"]).write_text(written(counts), encoding="utf-8")


@pytest.fixture(scope="module")
def windows(browser: Browser, shared: Stage) -> Iterator[dict[str, Visit]]:
    """One window a language, so that a browser's memory is used as in daily work."""
    opened = {language: Visit.begin(browser, shared, language, "light", script=True) for language in LANGUAGES}
    yield opened
    for one in opened.values():
        one.end()


def written(counts: Table) -> str:
    """The table as Markdown."""
    columns = [(language, theme) for language in LANGUAGES for theme in THEMES]
    head = "| page | " + " | ".join(f"{language}, {theme}" for language, theme in columns) + " |\n|---" + "|---" * len(columns) + "|\n"
    pages = dict.fromkeys(page for page, _, _ in counts)
    rows = ("| " + " | ".join([page, *(str(counts.get((page, *column), "–")) for column in columns)]) + " |\n" for page in pages)
    return head + "".join(rows) + f"\n{len(counts)} looks, {sum(counts.values())} violations\n"


def pictured(seen: Visit, page: str, theme: str) -> None:
    """Keep a picture of the page where a folder is named for it."""
    if folder := os.environ.get("GARANT_SCREENSHOTS"):
        name = re.sub(r"[^a-z]+", "-", page.lower())
        seen.page.screenshot(path=Path(folder) / f"{name}.{seen.language}.{theme}.png")


@pytest.mark.parametrize("language", LANGUAGES)
@pytest.mark.parametrize("page", tour.PAGES)
def test_no_page_has_a_violation(stage: Stage, windows: dict[str, Visit], table: Table, page: str, language: str) -> None:
    seen = windows[language]
    seen.page.goto("about:blank")
    seen.context.clear_cookies()
    tour.PAGES[page](seen)
    found = []
    for theme in THEMES:
        seen.themed(theme)
        pictured(seen, page, theme)
        violations = seen.violations(*(() if theme == "light" else BY_COLOUR))
        table[page, language, theme] = len(violations)
        found += [f"{theme}: {one}" for one in violations]
    said = seen.page.locator("body").inner_text() if page not in SPOKEN_TO_IT else ""
    if page in tour.LEAVING:
        tour.LEAVING[page](seen)
    assert (found, sorted({*RAW.findall(said)} - CODES)) == ([], [])


def test_a_planted_violation_is_found(visit: Callable[..., Visit]) -> None:
    seen = visit()
    seen.page.goto("/")
    seen.page.evaluate("document.querySelector('main').append(document.createElement('img'))")
    assert any(one.startswith("image-alt") for one in seen.violations())
