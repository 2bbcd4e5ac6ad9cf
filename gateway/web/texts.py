"""Every word on the pages, in French and English, from the files of `words/`; a test keeps the two complete."""

from __future__ import annotations

import tomllib
from functools import lru_cache
from importlib.resources import files

from gateway.errors import LANGUAGES, preferred

__all__ = ["LANGUAGES", "language_of", "texts", "words"]


@lru_cache(maxsize=1)
def texts() -> dict[str, dict[str, str]]:
    """Every word by name and language. Raises ValueError where two files name the same word."""
    found: dict[str, dict[str, str]] = {}
    for source in sorted(files("gateway.web").joinpath("words").iterdir(), key=lambda path: path.name):
        table = tomllib.loads(source.read_text(encoding="utf-8"))
        twice = sorted(found.keys() & table.keys())
        if twice:
            message = f"{source.name} names words that another file has: {', '.join(twice)}"
            raise ValueError(message)
        found |= table
    return found


@lru_cache(maxsize=len(LANGUAGES))
def words(language: str) -> dict[str, str]:
    """All words in one language."""
    return {name: entry[language] for name, entry in texts().items()}


def language_of(cookie: str | None, accept: str) -> str:
    """The visitor's language: chosen before, else the first that the browser names and we speak, else French."""
    if cookie in LANGUAGES:
        return str(cookie)
    return preferred(accept, "fr")
