"""The card of an AI system stands beside what it suggests (R11), in both languages."""

from __future__ import annotations

from typing import TYPE_CHECKING

import pytest

from tests.system import ward

if TYPE_CHECKING:
    from collections.abc import Callable

    from tests.stage import Stage
    from tests.system.visitor import Visit


@pytest.mark.parametrize("language", ["en", "fr"])
def test_who_the_ai_is_for_what_and_with_which_limits_stands_beside_its_suggestion(
    visit: Callable[..., Visit], stage: Stage, language: str
) -> None:
    """R11."""
    page = visit(language).open_case(ward.call(stage))
    said = page.locator("main").text_content() or ""
    card = (
        "Thorax Reader",
        "2.3",
        "Example Imaging",
        "Assistance in reading X-rays",
        "Not validated under 18",
        "sensitivity 0.91",
        "support@",
    )
    assert [part for part in card if part not in said] == []


def test_what_a_provider_does_not_declare_is_not_made_up(visit: Callable[..., Visit], stage: Stage) -> None:
    """The control: another AI system, with another card."""
    said = visit().open_case(ward.call(stage, "sepsis-score")).locator("main").text_content() or ""
    assert ("AUROC 0.83" in said, "sensitivity 0.91" in said, "Example Imaging" in said) == (True, False, False)
