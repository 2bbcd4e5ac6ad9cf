"""The first view of a ledger that nobody ever looked at: `python -m tests.benchmarks.impact_first --rows 200000`.

A generated ledger is put into a gateway's database as its own rows, then somebody opens the impact page. Measured over a real socket, signed in:
that first view, which counts every row, and the next one after the replica's section was ended, which finds the kept sums; and resident memory.
"""

from __future__ import annotations

import argparse
import asyncio
import tempfile
from pathlib import Path

import httpx
import psutil

from gateway.database import Embedded, connect
from impact.ledger import NAMES
from impact.measuring import sources
from tests.benchmarks.impact_page import MIB, timed
from tests.benchmarks.ledgers import generate
from tests.stage import Stage, built

_ROWS = """
COPY (SELECT record, '{establishment}' AS establishment, log_index, task, received_at, to_json({facts}) FROM read_parquet('{source}'))
TO '{target}' (FORMAT csv, HEADER false)
"""
_COLUMNS = ["record", "establishment", "log_index", "task", "at", "facts"]


async def filled(stage: Stage, folder: Path, rows: int) -> None:
    """Put the rows of a generated ledger where the gateway's own stand."""
    source, target = folder / "ledger.parquet", folder / "rows.csv"
    generate(source, rows, seed=1)
    facts = "{" + ", ".join(f"'{name}': {name}" for name in NAMES if name != "log_index") + "}"
    establishment = stage.settings.establishment.id
    sources.connect().execute(_ROWS.format(establishment=establishment, facts=facts, source=source, target=target))
    connection = await connect(stage.url, role=None, seconds=600)
    await connection.copy_to_table("usage_records", source=target, columns=_COLUMNS, format="csv")
    await connection.execute("ANALYZE usage_records")
    await connection.close()


def measured(stage: Stage, rows: int, folder: Path) -> list[str]:
    """The table's rows."""
    asyncio.run(filled(stage, folder, rows))
    with httpx.Client(base_url=stage.base, follow_redirects=True, timeout=3600) as browser:
        browser.post("/sign-in", data={"login": "quality", "password": stage.clinician("quality").password})
        before = psutil.Process().memory_info().rss / MIB
        first = timed(browser, "/impact") / 1000
        counted = browser.get("/impact.json").json()["ledger"]["rows"]
        grown = psutil.Process().memory_info().rss / MIB - before
        assert counted == rows, counted
        app = stage.replicas[0].app
        assert app is not None
        app.section.close()
        again = timed(browser, "/impact/tasks/chest-reading") / 1000
    return [
        f"| first view, every row counted | {first:.1f} | {rows / first:,.0f} |",
        f"| after a restart | {again:.1f} | |",
        "",
        f"the replica +{grown:.0f} MiB",
    ]


def main() -> None:
    """Print the table."""
    parser = argparse.ArgumentParser(description=__doc__)
    parser.add_argument("--rows", type=int, default=200_000)
    given = parser.parse_args()
    with tempfile.TemporaryDirectory(prefix="garant-") as name:
        server = Embedded(Path(name) / "pg")
        for stage in built(server.start()):
            lines = measured(stage, given.rows, Path(name))
            print(f"{given.rows:,} ledger rows\n\n| view | seconds | rows/s |\n|---|---|---|")
            print("\n".join(lines))
        server.stop()


if __name__ == "__main__":
    main()
