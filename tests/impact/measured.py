"""An establishment whose chest reading is measured at level A, with its tables; for whatever needs a rate that enters scenarios."""

from __future__ import annotations

from typing import TYPE_CHECKING

import numpy as np

from tests.impact.simulated import Plan, drawn
from tests.impact.test_run import TABLES

if TYPE_CHECKING:
    from pathlib import Path

    import pyarrow as pa

ROWS = 8000
PLAN = Plan(rows=ROWS, task="chest-reading")


def ledger() -> pa.Table:
    """A fifth of the cases un-routed and timed, a quarter of all held out."""
    chance = np.random.default_rng(3)
    arm = np.where(chance.random(ROWS) < 0.2, "not_routed", np.where(chance.random(ROWS) < 0.3, "holdout", "ai"))
    return drawn(PLAN, arm)


def tables(folder: Path, **more: str) -> Path:
    """The establishment's tables in a folder; `more` are further ones by name."""
    folder.mkdir(exist_ok=True)
    for name, text in (TABLES | {f"{name}.csv": text for name, text in more.items()}).items():
        (folder / name).write_text(text.replace("1400", "2200"), encoding="utf-8")
    return folder
