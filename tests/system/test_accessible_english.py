"""WCAG 2.2 AA by axe-core: no page and no state of a page has a violation in English."""

from __future__ import annotations

from typing import TYPE_CHECKING

import pytest

from tests.system import tour
from tests.system.looking import looked, table, window

if TYPE_CHECKING:
    from collections.abc import Callable

    from tests.system.looking import Table
    from tests.system.visitor import Visit

__all__ = ["table", "window"]
LANGUAGE = "en"


@pytest.mark.parametrize("page", tour.PAGES)
@pytest.mark.usefixtures("stage")
def test_no_page_has_a_violation_in_english(window: Visit, table: Table, page: str) -> None:
    assert looked(window, table, page) == ([], [])


def test_a_planted_violation_is_found(visit: Callable[..., Visit]) -> None:
    seen = visit()
    seen.page.goto("/")
    seen.page.evaluate("document.querySelector('main').append(document.createElement('img'))")
    assert any(one.startswith("image-alt") for one in seen.violations())
