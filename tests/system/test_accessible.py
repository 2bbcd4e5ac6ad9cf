"""WCAG 2.2 AA by axe-core: no page, in any language or theme, has a violation."""

from __future__ import annotations

from typing import TYPE_CHECKING

import pytest

if TYPE_CHECKING:
    from collections.abc import Callable

    from tests.system.visitor import Visit

LOOKS = [(language, theme) for language in ("fr", "en") for theme in ("light", "dark")]


@pytest.mark.parametrize(("language", "theme"), LOOKS)
def test_the_sign_in_page_has_no_violation(visit: Callable[..., Visit], language: str, theme: str) -> None:
    seen = visit(language, theme)
    seen.page.goto("/")
    assert seen.violations() == []


@pytest.mark.parametrize(("language", "theme"), LOOKS)
def test_the_empty_queue_has_no_violation(visit: Callable[..., Visit], language: str, theme: str) -> None:
    seen = visit(language, theme)
    seen.sign_in()
    assert seen.violations() == []


def test_a_planted_violation_is_found(visit: Callable[..., Visit]) -> None:
    seen = visit()
    seen.page.goto("/")
    seen.page.evaluate("document.querySelector('main').append(document.createElement('img'))")
    assert any(one.startswith("image-alt") for one in seen.violations())
