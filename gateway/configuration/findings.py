"""A problem of a well-shaped configuration, at its path; the file and the line are found later."""

from __future__ import annotations

from dataclasses import dataclass
from typing import Literal


@dataclass(frozen=True, slots=True)
class Finding:
    """A problem at a path of the configuration."""

    path: tuple[str | int, ...]
    cause: str
    fix: str
    severity: Literal["error", "warning"] = "error"
