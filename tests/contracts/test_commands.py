"""Every command stands in the room's table of commands, and says of itself what it does."""

from __future__ import annotations

import re
from pathlib import Path
from typing import TYPE_CHECKING, Any

import typer

from gateway.cli import app
from impact.cli import app as other

if TYPE_CHECKING:
    from collections.abc import Iterator

README = Path(__file__).parents[2] / "gateway/README.md"


def commands(group: Any, name: str) -> Iterator[tuple[str, Any]]:  # noqa: ANN401 - typer's own classes
    for word, command in group.commands.items():
        if hasattr(command, "commands"):
            yield from commands(command, f"{name} {word}")
        elif not command.hidden:
            yield f"{name} {word}", command


def documented(text: str) -> set[str]:
    return set(re.findall(r"^\| `(garant [a-z -]+)` \|", text, re.MULTILINE))


KNOWN = dict(commands(typer.main.get_command(app), "garant"))


def test_every_command_stands_in_the_table_and_nothing_else() -> None:
    assert documented(README.read_text(encoding="utf-8")) == set(KNOWN)


def test_a_command_that_is_missing_is_found() -> None:
    assert documented("| `garant check` | lists |\n") ^ set(KNOWN) == set(KNOWN) - {"garant check"}
    assert set(dict(commands(typer.main.get_command(other), "garant"))) - documented(README.read_text(encoding="utf-8"))


def test_every_command_and_option_says_what_it_does() -> None:
    silent = [name for name, command in KNOWN.items() if not (command.help or "").strip().endswith((".", "…"))]
    silent += [
        f"{name} {parameter.name}"
        for name, command in KNOWN.items()
        for parameter in command.params
        if parameter.name != "help" and not getattr(parameter, "help", None)
    ]
    assert silent == []
