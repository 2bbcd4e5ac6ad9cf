"""A suggestion that changed after it was opened, in a real browser (R3): refused in words, the difference shown, then signed as it is now."""

from __future__ import annotations

from typing import TYPE_CHECKING

import pytest

from tests.signoff.test_edges import swapped
from tests.system import ward

if TYPE_CHECKING:
    from collections.abc import Callable

    from tests.stage import Stage
    from tests.system.visitor import Visit

THOUGHTS = "Half a page of thoughts about this lung."
NOW = ward.REPORT.replace("left lower lobe", "right lower lobe")
WORDS = {"en": "is not what is stored now", "fr": "n'est plus ce qui est conservé"}


@pytest.mark.parametrize("language", WORDS)
def test_what_changed_since_it_was_opened_is_not_signed_and_the_difference_is_shown(
    visit: Callable[..., Visit], stage: Stage, language: str
) -> None:
    """R3."""
    seen, waiting = visit(language), ward.call(stage, "brisk")
    page = seen.open_case(waiting)
    page.locator("#comment").fill(THOUGHTS)
    page.locator("[value=approve]").check()
    swapped(stage, waiting.id, NOW)
    page.locator(".sign").click()
    page.locator("#errors").wait_for()
    assert WORDS[language] in page.locator("#errors").inner_text()
    assert ("left" in page.locator("#h-changed ~ * del, section del").first.inner_text(), page.locator("ins").first.is_visible()) == (
        True,
        True,
    )
    assert (page.locator("[value=approve]").is_checked(), page.locator("#comment").input_value()) == (False, THOUGHTS)
    assert waiting.answers == []


def test_what_is_signed_then_is_what_was_shown_last(visit: Callable[..., Visit], stage: Stage) -> None:
    seen, waiting = visit(), ward.call(stage, "brisk")
    page = seen.open_case(waiting)
    swapped(stage, waiting.id, NOW)
    for _ in range(2):  # refused once, as it was opened before the change
        page.locator("[value=approve]").check()
        page.locator(".sign").click()
        page.locator("#errors").or_(page.locator(".undo").first).wait_for()
        seen.page.wait_for_load_state()
        if page.locator("#errors").count():
            seen.armed()
    assert waiting.answer().json()["choices"][0]["message"]["content"] == NOW
