"""The run on one page: the machine, the versions, the medians, and what could not be measured."""

from __future__ import annotations

import json
import os
import platform
from dataclasses import asdict, dataclass
from datetime import UTC, datetime
from pathlib import Path
from typing import TYPE_CHECKING

from rich.console import Console
from rich.table import Table

if TYPE_CHECKING:
    from collections.abc import Sequence

    from tests.benchmarks.scenarios import Measure

WIDTH = 170
COLUMNS = {
    "per_second": "requests/s",
    "p50_ms": "p50 ms",
    "p99_ms": "p99 ms",
    "max_ms": "max ms",
    "added_p50_ms": "added p50",
    "added_p99_ms": "added p99",
    "resident_mib": "MiB",
    "slope_percent": "slope %",
    "leaks": "leaks",
}
DIGITS = {"per_second": 0, "resident_mib": 0, "slope_percent": 1, "leaks": 0, "p50_ms": 3, "added_p50_ms": 3}
REFERENCE = "LiteLLM proxy"


@dataclass(frozen=True)
class Machine:
    """Where it was measured."""

    processor: str
    cores: int
    system: str
    python: str
    measured_at: str

    def __str__(self) -> str:
        return f"{self.cores} cores, {self.processor}, {self.system}, Python {self.python}, {self.measured_at}"


def machine() -> Machine:
    """The machine this runs on; `cores` are those this process may use."""
    return Machine(
        processor=processor(),
        cores=len(os.sched_getaffinity(0)),
        system=f"{platform.system()} {platform.release()}",
        python=platform.python_version(),
        measured_at=datetime.now(UTC).isoformat(timespec="seconds"),
    )


def processor() -> str:
    """The processor's model name."""
    for line in Path("/proc/cpuinfo").read_text().splitlines():
        if line.startswith("model name"):
            return line.split(":", 1)[1].strip()
    return platform.machine()


def cell(measure: Measure, name: str) -> str:
    """A median, or nothing."""
    value = measure.median(name)
    return "" if value is None else f"{value:,.{DIGITS.get(name, 2)}f}"


def ratio(measure: Measure, measures: Sequence[Measure]) -> str:
    """Requests per second against LiteLLM's in the same scenario."""
    reference = next((other for other in measures if (other.scenario, other.server) == (measure.scenario, REFERENCE)), None)
    ours, theirs = measure.median("per_second"), reference.median("per_second") if reference else None
    return "" if ours is None or theirs is None else f"{ours / theirs:,.1f}"


def spread(measure: Measure) -> str:
    """Slowest and fastest round."""
    values = [figures["per_second"] for figures in measure.rounds]
    return f"{min(values):,.0f} to {max(values):,.0f}" if values else ""


def table(measures: Sequence[Measure]) -> Table:
    """Medians of the rounds, one row for each server and scenario."""
    shown = {name: title for name, title in COLUMNS.items() if any(measure.median(name) is not None for measure in measures)}
    built = Table(
        "scenario", "server", "version", title="medians of the rounds; latencies in milliseconds, added to the direct call beside it"
    )
    for title in (*shown.values(), "rounds' requests/s", "x LiteLLM"):
        built.add_column(title, justify="right")
    last = ""
    for measure in measures:
        if last and last != measure.scenario:
            built.add_section()
        last = measure.scenario
        cells = (cell(measure, name) for name in shown)
        built.add_row(measure.scenario, measure.server, measure.version, *cells, spread(measure), ratio(measure, measures))
    return built


def show(where: Machine, measures: Sequence[Measure]) -> None:
    """Print the table, and below it each failure in words."""
    console = Console(width=WIDTH, highlight=False)
    console.print(f"\nMachine: {where}", markup=False)
    console.print(table([measure for measure in measures if measure.rounds]))
    for measure in measures:
        if measure.failure:
            console.print(f"Not measured: {measure.server}, {measure.scenario}: {measure.failure}", markup=False)


def write(path: Path, where: Machine, measures: Sequence[Measure]) -> None:
    """Every round's figures as JSON."""
    path.write_text(json.dumps({"machine": asdict(where), "measures": [asdict(measure) for measure in measures]}, indent=1) + "\n")
