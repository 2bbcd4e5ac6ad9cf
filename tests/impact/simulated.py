"""Ledgers drawn at random, seeded, as Arrow tables: clinicians differ, times are skewed, the true effect is known."""

from __future__ import annotations

from dataclasses import dataclass
from typing import TYPE_CHECKING, Any, Final

import numpy as np
import pyarrow as pa

from impact.ledger import VERSION

if TYPE_CHECKING:
    from numpy.typing import NDArray

Words = tuple[str, ...]
OUTCOMES: Final = ("auto", "accepted", "amended", "rejected", "ignored")


@dataclass(frozen=True, slots=True)
class Plan:
    """How a ledger is drawn. Seconds are means; `effect` is 1 - H1/H0 of a routed case."""

    rows: int = 4000
    seed: int = 1
    task: str = "reading"
    kind: str = "diagnosis"
    profession: str = "radiologist"
    sites: Words = ("north", "south")
    strata: Words = ("",)
    workers: int = 20
    months: Words = ("2026-01", "2026-02", "2026-03", "2026-04")
    seconds: float = 120.0
    effect: float = 0.3
    spread: float = 0.2
    skew: float = 0.5
    holdout: float = 0.2
    shares: tuple[float, ...] = (0.0, 0.8, 0.12, 0.08, 0.0)
    first: int = 0


def arms(plan: Plan, chance: np.random.Generator) -> NDArray[Any]:
    """The arm of each row: held out at random, routed otherwise."""
    return np.where(chance.random(plan.rows) < plan.holdout, "holdout", "ai")


def drawn(plan: Plan, given_arms: NDArray[Any] | None = None, baseline: NDArray[Any] | None = None) -> pa.Table:
    """A ledger.

    Args:
        plan: how.
        given_arms: the arm of each row, where it is not drawn at random.
        baseline: seconds each case would take without AI on average, where cases differ.
    """
    chance = np.random.default_rng(plan.seed)
    arm = arms(plan, chance) if given_arms is None else given_arms
    worker = chance.integers(0, plan.workers, plan.rows)
    speed = np.exp(plan.spread * chance.standard_normal(plan.workers))[worker]
    noise = np.exp(plan.skew * chance.standard_normal(plan.rows) - plan.skew**2 / 2)
    seconds = np.round((plan.seconds if baseline is None else baseline) * speed * noise, 1)
    seconds = np.where(arm == "ai", np.round(seconds * (1 - plan.effect), 1), seconds)
    month = np.asarray(plan.months)[chance.integers(0, len(plan.months), plan.rows)]
    day = chance.integers(1, 29, plan.rows)
    return table(plan, chance, {"arm": arm, "worker": worker, "seconds": seconds, "month": month, "day": day})


def table(plan: Plan, chance: np.random.Generator, made: dict[str, NDArray[Any]]) -> pa.Table:
    """The drawn columns as a ledger of the contract."""
    count = plan.rows
    numbers = np.arange(plan.first, plan.first + count)
    quarter = np.char.add(np.char.add("q", ((np.char.partition(made["month"], "-")[:, 2].astype(int) - 1) // 3).astype(str)), "-w")
    time = np.char.add(np.char.add(made["month"], "-"), np.char.zfill(made["day"].astype(str), 2))
    stamp = np.char.add(time, "T10:00:00Z")
    outcome = np.asarray(OUTCOMES)[chance.choice(len(OUTCOMES), count, p=plan.shares)]
    text = dict.fromkeys(("system", "model", "model_version", "policy", "reason"), "")
    columns: dict[str, Any] = {name: np.full(count, value) for name, value in text.items()}
    columns |= {
        "version": np.full(count, VERSION, np.int32),
        "record": [f"00000000-0000-7000-8000-{number:012x}" for number in numbers],
        "log_index": numbers,
        "establishment": np.full(count, "hospital"),
        "site": made.get("site", np.asarray(plan.sites)[chance.integers(0, len(plan.sites), count)]),
        "task": np.full(count, plan.task),
        "kind": np.full(count, plan.kind),
        "profession": np.full(count, plan.profession),
        "worker": np.char.add(quarter, made["worker"].astype(str)),
        "release_mode": np.full(count, "hold"),
        "arm": made["arm"],
        "outcome": outcome,
        "received_at": stamp,
        "answered_at": stamp,
        "human_seconds_raw": made["seconds"],
        "human_seconds": made["seconds"],
        "time_source": np.full(count, "reported"),
        "stratum": made.get("stratum", np.asarray(plan.strata)[chance.integers(0, len(plan.strata), count)]),
        "induced_seconds": np.zeros(count),
    }
    columns |= {name: np.full(count, fill_value=False) for name in ("substituted_decision", "two_person", "break_glass")}
    columns |= {name: pa.nulls(count, pa.string()) for name in ("opened_at", "decided_at", "released_at")}
    columns |= {name: pa.nulls(count, pa.float64()) for name in ("edit_distance", "unaided_seconds")}
    return pa.table(columns)
