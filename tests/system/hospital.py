"""A hospital whose impact is measured: a ledger of some months in the gateway's own database, its tables, an index made up for the tests."""

from __future__ import annotations

import asyncio
import json
from datetime import UTC, datetime
from typing import TYPE_CHECKING, Any
from uuid import UUID

import asyncpg
import numpy as np

from tests.conftest import apart
from tests.impact.simulated import Plan, drawn

if TYPE_CHECKING:
    import pyarrow as pa

    from tests.stage import Stage

MONTHS = tuple(f"2026-{month:02}" for month in range(1, 9))
PLANS = {
    # task: (kind, profession, seconds, effect, workers, outcomes, minutes of work a month beside the routed ones)
    "chest-reading": ("diagnosis", "radiologist", 110.0, 0.34, 24, (0.0, 0.80, 0.12, 0.06, 0.02)),
    "imaging-report": ("documentation", "radiologist", 240.0, 0.22, 24, (0.0, 0.55, 0.42, 0.03, 0.0)),
    "letter-typing": ("documentation", "medical-secretary", 300.0, 0.45, 18, (0.25, 0.45, 0.28, 0.02, 0.0)),
    "stay-coding": ("administrative", "coder", 420.0, -0.08, 14, (0.0, 0.60, 0.30, 0.10, 0.0)),
    "emergency-radiograph": ("diagnosis", "emergency-physician", 130.0, 0.20, 4, (0.0, 0.85, 0.10, 0.05, 0.0)),
}
ROWS = 6_000
CENSUS = (
    "profession;category;name_fr;name_en;fte;headcount;source;year\n"
    "radiologists;medical;Radiologues;Radiologists;1.5;2;bilan social;2025\n"
    "secretaries;administrative;Secrétaires médicales;Medical secretaries;1.0;2;bilan social;2025\n"
    "coders;administrative;Codeurs;Coders;1.0;1;bilan social;2025\n"
    "emergency;medical;Urgentistes;Emergency physicians;2.0;3;bilan social;2025\n"
)
QUALITY = (
    "task;outcome;n;events;control_n;control_events;margin;source\n"
    "chest-reading;miss;4000;40;4000;44;1.5;relecture par le collège\n"
    "imaging-report;error;900;30;900;12;1.5;relecture par le collège\n"
    "letter-typing;error;2000;22;2000;25;1.8;relecture par le collège\n"
)
EXPOSURE = (
    "index;code;score;source;year;licence\n"
    "exemple;2212;0,34;inventé pour les tests;2026;CC0\nexemple;3344;0,61;inventé pour les tests;2026;CC0\n"
    "exemple;3252;0,55;inventé pour les tests;2026;CC0\n"
)
LINES = {"medical-secretary": "secretaries", "coder": "coders", "emergency-physician": "emergency"}


def rows(task: str, first: int) -> pa.Table:
    """One task's ledger: a fifth of the cases un-routed and timed, a fifth held out."""
    kind, profession, seconds, effect, workers, shares = PLANS[task]
    plan = Plan(
        ROWS, first + 7, task, kind, profession, ("main", "north"), ("",), workers, MONTHS, seconds, effect, shares=shares, first=first
    )
    chance = np.random.default_rng(first)
    arm = np.where(chance.random(ROWS) < 0.2, "not_routed", np.where(chance.random(ROWS) < 0.25, "holdout", "ai"))
    return drawn(plan, arm)


def ledger() -> list[dict[str, Any]]:
    """Every row, in log order."""
    return [row for place, task in enumerate(PLANS) for row in rows(task, place * ROWS).to_pylist()]


def settle(stage: Stage) -> None:
    """Put ledger and tables into a stage that has no usage yet."""
    folder = stage.settings.impact_directory
    folder.mkdir(parents=True, exist_ok=True)
    for name, text in {"census": CENSUS, "quality": QUALITY, "exposure": EXPOSURE}.items():
        (folder / f"{name}.csv").write_text(text, encoding="utf-8")
    (folder / "professions.toml").write_text(professions(), encoding="utf-8")
    found = ledger()
    (folder / "volumes.csv").write_text(volumes(found), encoding="utf-8")
    apart(asyncio.run, insert(stage.url, found))


def professions() -> str:
    """The shipped professions with this hospital's lines of the census."""
    from impact.places import config  # noqa: PLC0415

    text = (config() / "professions.toml").read_text(encoding="utf-8")
    for profession, line in LINES.items():
        head, _, rest = text.partition(f'id = "{profession}"')
        text = head + f'id = "{profession}"' + rest.replace('census = ""', f'census = "{line}"', 1)
    return text


def volumes(found: list[dict[str, Any]]) -> str:
    """All cases of each task and month, those of the ledger and a few more."""
    counted: dict[tuple[str, str], int] = {}
    for row in found:
        counted[row["task"], row["received_at"][:7]] = counted.get((row["task"], row["received_at"][:7]), 0) + 1
    told = (f"{task};{month};{n + 12};SIR\n" for (task, month), n in sorted(counted.items()) if task != "stay-coding")
    return "task;month;n;source\n" + "".join(told)


async def insert(url: str, found: list[dict[str, Any]]) -> None:
    """Write ledger rows as the gateway would have."""
    connection = await asyncpg.connect(url)
    records = [
        (
            UUID(row["record"]),
            "test",
            row["log_index"],
            row["task"],
            datetime.fromisoformat(row["received_at"]).astimezone(UTC),
            json.dumps(row | {"establishment": "test"}),
        )
        for row in found
    ]
    columns = ["record", "establishment", "log_index", "task", "at", "facts"]
    await connection.copy_records_to_table("usage_records", records=records, columns=columns)
    await connection.close()
