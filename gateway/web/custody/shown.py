"""Codes of custody in the visitor's words."""

from __future__ import annotations

from typing import TYPE_CHECKING

if TYPE_CHECKING:
    from collections.abc import Sequence

    from gateway.settings import Coded
    from gateway.web.rendering import Visitor


def reasons_of(seen: Visitor) -> list[tuple[str, str]]:
    """Why somebody may read, code and words."""
    return chosen(seen, seen.parts.settings.retention.reading_reasons)


def chosen(seen: Visitor, codes: Sequence[Coded]) -> list[tuple[str, str]]:
    """Codes with their words, for a list to choose from."""
    return [(one.code, one.words.get(seen.language, one.code)) for one in codes]
