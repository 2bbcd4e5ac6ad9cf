"""Where the shipped tables lie: `config/` of the source tree, or what was installed of it."""

from __future__ import annotations

from pathlib import Path
from typing import Final

_BESIDE: Final = Path(__file__).resolve().parents[1]


def config() -> Path:
    """The folder of the shipped professions, tasks, census and scenarios. Raises FileNotFoundError."""
    for folder in (_BESIDE / "config", _BESIDE / "gateway/_config"):
        if (folder / "professions.toml").is_file():
            return folder
    raise FileNotFoundError(f"No folder config with professions.toml beside {_BESIDE}. Install Garant again.")


def words_file() -> Path:
    """The words of the impact section in French and English, which the pages share."""
    return _BESIDE / "gateway/web/words/impact.toml"
