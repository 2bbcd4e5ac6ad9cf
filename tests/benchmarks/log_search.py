"""The quality team's search over a large log: how long pages, JSON and a case take. Run: `python -m tests.benchmarks.log_search [--entries 1000000]`.

The index is filled with made-up rows, the log itself is not: what is measured is what a search reads. Gateway, database and client share one
machine; times are whole requests over a real socket, in milliseconds.
"""

from __future__ import annotations

import argparse
import statistics
import tempfile
import time
from pathlib import Path

import httpx

from gateway.database import Embedded
from tests.stage import Stage, built
from tests.web.browsing import field, signed_in

ROWS = """
INSERT INTO log_search
SELECT 'test', $1 + n, now() - make_interval(secs => ($2 - n) * 30), (ARRAY['received','viewed','signed_off','released','delivered','rejected'])[1 + n % 6],
  md5((n / 5)::text)::uuid, md5((n / 5)::text)::uuid, 'task' || n % 12, md5((n % 400)::text), 'clinician', 'system' || n % 7, 'v' || n % 3,
  CASE WHEN n % 6 = 2 THEN 'approve' ELSE '' END, CASE WHEN n % 50 = 5 THEN 'wrong_patient' ELSE '' END
FROM generate_series(0, $2 - 1) AS n
"""
COUNTS = """
INSERT INTO log_counts SELECT establishment, (at AT TIME ZONE 'UTC')::date, type, task, role, system, version, decision, reason, count(*)
FROM log_search WHERE index >= $1 GROUP BY 1, 2, 3, 4, 5, 6, 7, 8, 9
"""
ASKED = {
    "no filter": "/log",
    "task and decision": "/log?task=task2&decision=approve",
    "rare reason in a period": "/log?reason=wrong_patient&since=2026-01-01&until=2026-06-30",
    "AI system and version": "/log?system=system3&version=v1",
    "person (one of 400)": "/log?person=cfcd208495d565ef66e7dff9f98764da",
    "case": "/log?case=cfcd2084-95d5-65ef-66e7-dff9f98764da",
    "nothing fits": "/log?type=incident&task=task2",
    "JSON": "/log.json?task=task2",
    "CSV (50,000 rows)": "/log.csv?role=clinician&why=external_audit",
}


def main(entries: int, times: int) -> None:
    """Print one line a search."""
    with tempfile.TemporaryDirectory(prefix="garant-") as folder:
        server = Embedded(Path(folder) / "postgres")
        for stage in built(server.start()):
            measure(stage, entries, times)
        server.stop()


def measure(stage: Stage, entries: int, times: int) -> None:
    """Fill the index, then ask."""
    stage.chat("letter")
    with httpx.Client(base_url=stage.base, follow_redirects=True, timeout=60) as browser:
        signed_in(stage, browser, "quality")
        first = int(stage.rows("SELECT max(index) + 1000 AS n FROM log_search")[0]["n"])
        stage.rows(ROWS, first, entries)
        stage.rows(COUNTS, first)
        for table in ("log_search", "log_counts"):
            stage.rows(f"ANALYZE {table}")
        counted = stage.rows("SELECT count(*) AS n FROM log_counts")[0]["n"]
        print(f"{entries:,} entries, {counted:,} counts; milliseconds: median, worst")
        for name, path in ASKED.items():
            took = [_timed(browser, path) for _ in range(times)]
            print(f"{name:<26} {statistics.median(took):>8.0f} {max(took):>8.0f}", flush=True)
        back = {"csrf": field(browser.get("/log?system=system3"), "csrf"), "system": "system3", "version": "v1"}
        start = time.perf_counter()
        assert browser.post("/log/lookback", data=back).status_code == 200
        print(f"{'look-back, begun and listed':<26} {(time.perf_counter() - start) * 1000:>7.0f}")


def _timed(browser: httpx.Client, path: str) -> float:
    start = time.perf_counter()
    assert browser.get(path).status_code == 200, path
    return (time.perf_counter() - start) * 1000


if __name__ == "__main__":
    parser = argparse.ArgumentParser(description=__doc__)
    parser.add_argument("--entries", type=int, default=1_000_000)
    parser.add_argument("--times", type=int, default=5)
    given = parser.parse_args()
    main(given.entries, given.times)
