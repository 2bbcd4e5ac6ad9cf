"""The impact section in a real browser: every page, language and theme without a violation, whole without script, readable printed.

`GARANT_SCREENSHOTS=FOLDER` keeps a picture of each.
"""

from __future__ import annotations

import os
import re
from io import BytesIO
from pathlib import Path
from typing import TYPE_CHECKING, Final

import httpx
import pytest
from pypdf import PdfReader

from gateway.web.texts import LANGUAGES
from tests.stage import built
from tests.system import hospital
from tests.system.looking import BY_COLOUR, RAW, themes
from tests.system.visitor import Visit

if TYPE_CHECKING:
    from collections.abc import Iterator

    from playwright.sync_api import Browser, ViewportSize

    from tests.stage import Stage

PAGES = {
    "overview": "/impact",
    "task": "/impact/tasks/chest-reading",
    "task, suppressed": "/impact/tasks/emergency-radiograph",
    "task, without volume": "/impact/tasks/stay-coding",
    "profession": "/impact/professions/radiologist",
    "profession, not measured": "/impact/professions/logistics",
    "scenario": "/impact/scenarios/central",
    "comparison": "/impact/scenarios/fast/with/slow",
}


PAPER: Final[ViewportSize] = {"width": 1032, "height": 710}
"""A4 across without its margins, at 96 dots an inch."""


@pytest.fixture(scope="module")
def measured(postgres_server: str) -> Iterator[Stage]:
    for stage in built(postgres_server):
        hospital.settle(stage)
        first = httpx.get(f"{stage.base}/impact.json", cookies={"garant_session": stage.clinician("quality").token}, timeout=120)
        assert first.status_code == 200, first.text
        yield stage


@pytest.fixture(scope="module")
def windows(browser: Browser, measured: Stage) -> Iterator[dict[str, Visit]]:
    opened = {language: Visit.begin(browser, measured, language, "light", script=True) for language in LANGUAGES}
    yield opened
    for one in opened.values():
        one.end()


def pictured(seen: Visit, page: str, kind: str) -> None:
    if folder := os.environ.get("GARANT_SCREENSHOTS"):
        name = re.sub(r"[^a-z]+", "-", page)
        seen.page.screenshot(path=Path(folder) / f"impact-{name}.{seen.language}.{kind}.png", full_page=True)


@pytest.mark.parametrize("language", LANGUAGES)
@pytest.mark.parametrize("page", PAGES)
def test_no_impact_page_has_a_violation_or_a_code_word(windows: dict[str, Visit], page: str, language: str) -> None:
    seen = windows[language]
    seen.come("quality", PAGES[page])
    found = []
    for theme in themes(language):
        seen.themed(theme)
        pictured(seen, page, theme)
        found += [f"{theme}: {one}" for one in seen.violations(*(() if theme == "light" else BY_COLOUR))]
    said = seen.page.locator("main").inner_text()
    assert (found, sorted(set(RAW.findall(said)))) == ([], [])


@pytest.mark.parametrize("page", PAGES)
def test_an_impact_page_says_the_same_without_script(browser: Browser, measured: Stage, windows: dict[str, Visit], page: str) -> None:
    with_script = windows["en"]
    with_script.come("quality", PAGES[page])
    bare = Visit.begin(browser, measured, "en", "light", script=False)
    bare.come("quality", PAGES[page])
    assert bare.page.locator("main").inner_text() == with_script.page.locator("main").inner_text()
    bare.end()


@pytest.mark.parametrize("page", PAGES)
def test_a_printed_page_has_its_charts_and_tables_within_the_paper(windows: dict[str, Visit], page: str) -> None:
    seen = windows["fr"]
    seen.come("quality", PAGES[page])
    seen.page.emulate_media(media="print")
    seen.page.set_viewport_size(PAPER)
    wide = seen.page.evaluate(
        "[...document.querySelectorAll('main *')].filter(one => one.getBoundingClientRect().right > 1034).map(one => one.outerHTML.slice(0, 90))"
    )
    pictured(seen, page, "print")
    shown = seen.page.locator("main svg, main table").count()
    seen.page.emulate_media(media="screen")
    seen.page.set_viewport_size({"width": 1366, "height": 768})
    assert (wide, shown > 0) == ([], True)


@pytest.mark.parametrize("language", LANGUAGES)
def test_the_overview_on_paper_lies_across_the_sheet_with_its_ten_columns_in_words_that_are_not_broken(
    windows: dict[str, Visit], language: str
) -> None:
    seen = windows[language]
    seen.come("quality", PAGES["overview"])
    seen.page.emulate_media(media="print")
    sheets = PdfReader(BytesIO(seen.page.pdf(prefer_css_page_size=True))).pages
    seen.page.emulate_media(media="screen")
    told = "\n".join(sheet.extract_text() for sheet in sheets)
    heads = seen.page.locator("main table").first.locator("thead th").all_inner_texts()
    assert {tuple(round(float(side)) for side in sheet.mediabox[2:]) for sheet in sheets} == {(842, 595)}
    assert [word for head in heads for word in head.split() if word not in told] == []


@pytest.mark.parametrize("page", PAGES)
@pytest.mark.parametrize("form", ["json", "csv", "parquet"])
def test_every_page_has_siblings_that_its_links_lead_to(windows: dict[str, Visit], page: str, form: str) -> None:
    seen = windows["en"]
    seen.come("quality", PAGES[page])
    links = [one.get_attribute("href") for one in seen.page.locator("main a[href]").all()]
    assert f"{PAGES[page]}.{form}" in links
    assert seen.page.request.get(f"{seen.base}{PAGES[page]}.{form}").status == 200


def test_a_rate_opens_down_to_its_inputs(windows: dict[str, Visit]) -> None:
    seen = windows["en"]
    page = seen.come("quality", "/impact")
    page.locator("main a[href='/impact/professions/radiologist']").first.click()
    page.locator("main a[href='/impact/tasks/chest-reading']").first.click()
    told = page.locator("section", has_text="What stands behind this rate").inner_text()
    for word in ("period of the ledger", "2026-01 to 2026-08", "held-out instances", "over 7 months", "volumes.csv", "non-inferior"):
        assert word in told
