"""Which page is which, and which rows stand behind it."""

from __future__ import annotations

from typing import TYPE_CHECKING

import pyarrow.compute as pc

from impact.results.beside import WITH, named
from impact.showing.comparison import comparison_page
from impact.showing.details import profession_page, scenario_page, task_page
from impact.showing.overview import overview
from impact.showing.speech import Speech

if TYPE_CHECKING:
    import pyarrow as pa

    from impact.run import Result
    from impact.showing.figures import Figures
    from impact.showing.speech import View


def page(figures: Figures, kind: str, name: str, say: Speech) -> View | None:
    """A page, or None where there is nothing of that name."""
    if kind == "scenarios" and WITH in name:
        return comparison_page(figures, name, _named(figures, say))
    makers = {"": overview, "tasks": task_page, "professions": profession_page, "scenarios": scenario_page}
    return makers[kind](figures, name, _named(figures, say)) if kind in makers else None


def rows(result: Result, kind: str, name: str) -> pa.Table | None:
    """The rows behind a page; None where there are none of that name."""
    sources = {
        "": ("tasks", ""),
        "tasks": ("months", "task"),
        "professions": ("parts", "profession"),
        "scenarios": ("scenarios", "scenario"),
    }
    if kind == "scenarios" and WITH in name:
        comparison = named(result, name)
        return None if comparison is None else comparison.table()
    if kind not in sources:
        return None
    table, column = sources[kind]
    found = result.table(table)
    chosen = found if not column else found.filter(pc.equal(found[column], name))
    return chosen if chosen.num_rows or not column else None


def _named(figures: Figures, say: Speech) -> Speech:
    """With the catalogue's names for tasks that have no other."""
    tasks = figures.result.inputs.catalogue.tasks
    known = {task.id: task.name_fr if say.language == "fr" else task.name_en or task.name_fr for task in tasks}
    return Speech(say.words, known | dict(say.names))
