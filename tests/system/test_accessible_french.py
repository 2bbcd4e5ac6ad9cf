"""WCAG 2.2 AA by axe-core: no page and no state of a page, in any theme, has a violation in French."""

from __future__ import annotations

from typing import TYPE_CHECKING

import pytest

from tests.system import tour
from tests.system.looking import looked, table, window

if TYPE_CHECKING:
    from tests.system.looking import Table
    from tests.system.visitor import Visit

__all__ = ["table", "window"]
LANGUAGE = "fr"


@pytest.mark.parametrize("page", tour.PAGES)
@pytest.mark.usefixtures("stage")
def test_no_page_has_a_violation_in_french(window: Visit, table: Table, page: str) -> None:
    assert looked(window, table, page) == ([], [])
