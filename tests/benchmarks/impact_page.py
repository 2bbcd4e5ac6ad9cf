"""The impact page over the sums of a large ledger, through a whole gateway: `python -m tests.benchmarks.impact_page --rows 10000000`.

The sums of a generated ledger are put where the gateway keeps them, as they are after it has counted that ledger. Measured over a real
socket, signed in: the first view of a replica that just started, views with nothing new, and a view after one more call; and resident memory.
"""

from __future__ import annotations

import argparse
import asyncio
import statistics
import tempfile
import time
from pathlib import Path

import httpx
import psutil

from gateway.database import Embedded, connect
from impact.followup import Store
from tests.benchmarks.ledgers import generate
from tests.stage import Stage, built

TIMES = 20
MIB = 2**20


def packed(folder: Path, rows: int) -> tuple[str, int, bytes]:
    """The sums of a generated ledger as they are kept: their form, the last log index, the bytes."""
    path = folder / "ledger.parquet"
    if not path.exists():
        generate(path, rows, seed=1)
    with Store.open() as store:
        store.add(path, check=False)
        return store.form, store.last, store.packed()


async def kept(stage: Stage, form: str, last: int, sums: bytes) -> None:
    """Put the sums where the gateway keeps them, as if the ledger's rows lay before the log's own."""
    connection = await connect(stage.url, role=None)
    await connection.execute("UPDATE usage_records SET log_index = log_index + $1", last + 1)
    query = "INSERT INTO usage_sums (establishment, form, after, last, sums) VALUES ($1, $2, -1, $3, $4)"
    await connection.execute(query, stage.settings.establishment.id, form, last, sums)
    await connection.close()


def timed(browser: httpx.Client, address: str) -> float:
    """Milliseconds of one whole request."""
    began = time.perf_counter()
    answer = browser.get(address)
    assert answer.status_code == 200, answer.text
    return 1000 * (time.perf_counter() - began)


def told(name: str, found: list[float]) -> str:
    """A row of the table."""
    return f"| {name} | {statistics.median(found):,.0f} | {max(found):,.0f} |"


def measured(stage: Stage, rows: int, folder: Path) -> list[str]:
    """The table's rows."""
    form, last, sums = packed(folder, rows)
    asyncio.run(kept(stage, form, last, sums))
    with httpx.Client(base_url=stage.base, follow_redirects=True, timeout=600) as browser:
        browser.post("/sign-in", data={"login": "quality", "password": stage.clinician("quality").password})
        before = psutil.Process().memory_info().rss / MIB
        found = [told("first view after a start", [timed(browser, "/impact")])]
        found.append(told("overview again", [timed(browser, "/impact") for _ in range(TIMES)]))
        found.append(told("a task", [timed(browser, "/impact/tasks/chest-reading") for _ in range(TIMES)]))
        found.append(told("a scenario", [timed(browser, "/impact/scenarios/central") for _ in range(TIMES)]))
        found.append(told("overview as JSON", [timed(browser, "/impact.json") for _ in range(TIMES)]))
        stage.chat("letter")
        asyncio.run(kept_on(stage, last))
        found.append(told("overview after a new call", [timed(browser, "/impact")]))
    after = psutil.Process().memory_info().rss / MIB
    children = [child for child in psutil.Process().children() if "impact.showing.apart" in " ".join(child.cmdline())]
    apart = sum(child.memory_info().rss for child in children) / MIB
    return [
        *found,
        "",
        f"kept sums {len(sums) / MIB:.1f} MiB; this process +{after - before:.0f} MiB, the section's process {apart:.0f} MiB",
    ]


async def kept_on(stage: Stage, last: int) -> None:
    """Move a new row behind the sums."""
    connection = await connect(stage.url, role=None)
    await connection.execute("UPDATE usage_records SET log_index = log_index + $1 WHERE log_index <= $2", last + 1, last)
    await connection.close()


def main() -> None:
    """Print the table."""
    parser = argparse.ArgumentParser(description=__doc__)
    parser.add_argument("--rows", type=int, default=1_000_000)
    parser.add_argument("--folder", type=Path, help="keep the ledger here, and use it again")
    given = parser.parse_args()
    with tempfile.TemporaryDirectory(prefix="garant-") as name:
        server = Embedded(Path(name) / "pg")
        for stage in built(server.start()):
            lines = measured(stage, given.rows, given.folder or Path(name))
            print(f"{given.rows:,} ledger rows, {TIMES} requests each\n\n| page | median ms | max ms |\n|---|---|---|")
            print("\n".join(lines))
        server.stop()


if __name__ == "__main__":
    main()
