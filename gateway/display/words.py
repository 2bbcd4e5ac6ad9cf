"""The sentences of labels and notes, from the pages' own file of words, so that all words of Garant stand in one place."""

from __future__ import annotations

import tomllib
from functools import lru_cache
from importlib.resources import files

from gateway.errors import LANGUAGES


@lru_cache(maxsize=1)
def _table() -> dict[str, dict[str, str]]:
    text = files("gateway").joinpath("web/words/display.toml").read_text(encoding="utf-8")
    return tomllib.loads(text)


def said(language: str, word: str, **values: object) -> str:
    """A word or sentence in a language (`fr` where it is none of ours), with its `{values}` filled in."""
    text = _table()[f"display_{word}"][language if language in LANGUAGES else LANGUAGES[0]]
    return text.format(**values) if values else text
