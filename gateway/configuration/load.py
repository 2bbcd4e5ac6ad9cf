"""Reading the configuration: TOML files and the environment become `Settings`, or one error that lists every problem."""

from __future__ import annotations

from importlib.resources import files
from pathlib import Path
from typing import TYPE_CHECKING

from gateway.configuration.check import examine, render
from gateway.errors import Misconfigured

if TYPE_CHECKING:
    from collections.abc import Mapping

    from gateway.settings import Settings


def load(path: Path, environ: Mapping[str, str]) -> Settings:
    """The settings of a file.

    Raises:
        Misconfigured: lists every problem with file, line, cause and fix.
    """
    settings, problems = examine(path, environ)
    errors = tuple(problem for problem in problems if problem.severity == "error")
    if settings is None or errors:
        message = f"Garant does not start with this configuration:\n{render(errors)}"
        raise Misconfigured(message)
    return settings


def packaged(name: str) -> Path:
    """A configuration file that ships with the product, installed or in a checkout."""
    installed = Path(str(files("gateway"))) / "_config" / name
    return installed if installed.exists() else Path(str(files("gateway"))).parent / "config" / name
