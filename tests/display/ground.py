"""Short ways to the views that the tests look at."""

from __future__ import annotations

import json
from typing import TYPE_CHECKING

from gateway.display.parts import sent, suggestion

if TYPE_CHECKING:
    from gateway.display.models import Cell, Part, Run, Sent
    from gateway.messages import JsonValue


def asked(text: str, language: str = "fr") -> Sent:
    """The view of a chat request with one message."""
    return sent("openai", json.dumps({"messages": [{"role": "user", "content": text}]}).encode(), language)


def field(value: JsonValue, kind: str = "text", label: str = "content") -> dict[str, JsonValue]:
    """A shown document with one field."""
    return {"fields": [{"kind": kind, "label": label, "pointer": "/choices/0/message/content", "value": value}]}


def marked(request: str, said: str, language: str = "fr") -> Cell:
    """The runs of a generated text."""
    (part,) = suggestion(field(said), asked(request, language), language)
    return part.runs


def joined(runs: Cell) -> str:
    """The text that runs were made from."""
    return "".join(run.text for run in runs)


def found(runs: Cell, text: str) -> Run:
    """The one run with this text."""
    (run,) = [run for run in runs if run.text == text]
    return run


def linked(runs: Cell) -> list[str]:
    """The texts of the marks with a source."""
    return [run.text for run in runs if run.mark and run.mark.source]


def unsourced(runs: Cell) -> list[str]:
    """The texts of the marks without one."""
    return [run.text for run in runs if run.mark and run.mark.kind != "hidden" and not run.mark.source]


def all_runs(parts: tuple[Part, ...]) -> list[Run]:
    """Every run of some parts, tables included."""
    return [run for part in parts for cell in (part.runs, *(cell for row in part.rows for cell in row)) for run in cell]


def anchors(view: Sent) -> dict[str, str]:
    """What stands at each id of a request's view."""
    return {run.anchor: run.text for run in all_runs(view.parts) if run.anchor}
