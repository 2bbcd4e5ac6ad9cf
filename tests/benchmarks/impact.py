"""The six steps over large ledgers, against a plain GROUP BY of the same file in the same run: `python -m tests.benchmarks.impact --rows N`."""

from __future__ import annotations

import argparse
import json
import os
import shutil
import statistics
import subprocess
import sys
import time
from pathlib import Path
from tempfile import TemporaryDirectory
from typing import TYPE_CHECKING, Any, Final

from pyarrow import parquet

from impact.followup import Store
from impact.measuring import sources
from impact.results.inputs import Inputs
from impact.run import run
from tests.benchmarks.ledgers import generate, inputs

if TYPE_CHECKING:
    from collections.abc import Callable

PLAIN: Final = """SELECT site, task, left(received_at, 7) AS month, outcome, count(*), sum(human_seconds)
    FROM read_parquet('{path}') GROUP BY ALL"""
NEW: Final = 10_000
MIB: Final = 1024


def plain(path: Path) -> int:
    """The yardstick: one GROUP BY in DuckDB."""
    database = sources.connect()
    return len(database.execute(PLAIN.format(path=path)).fetchall())


def six(path: Path) -> int:
    """All six steps over a ledger that was checked when it came in."""
    return len(run(path, inputs(path.parent), check=False).measured.tasks)


def checking(path: Path) -> int:
    """Every field of every row, and no record twice."""
    database = sources.connect()
    sources.view(database, path)
    return sources.check(database, path)


def take(path: Path) -> int:
    """A whole ledger taken into a store, once."""
    with Store.open(path.parent / "follow.duckdb") as store:
        return store.add(path)


def restart(path: Path) -> int:
    """The first figures from kept sums, after a start."""
    with Store.open(path.parent / "follow.duckdb") as store:
        return len(store.result(Inputs.load(inputs(path.parent))).measured.tasks)


def follow(path: Path) -> Callable[[], int]:
    """10,000 new rows taken in, and all figures again, where figures were shown before."""
    own = shutil.copyfile(path.parent / "follow.duckdb", path.parent / "grown.duckdb")  # so that it can be measured again
    store, known = Store.open(own), Inputs.load(inputs(path.parent))
    store.result(known)

    def work() -> int:
        added = store.add(path.parent / "new.parquet")
        store.result(known)
        return added

    return work


WORK: Final[dict[str, Callable[[Path], int | Callable[[], int]]]] = {
    "plain": plain,
    "six": six,
    "check": checking,
    "take": take,
    "restart": restart,
    "follow": follow,
}


def child(name: str, path: Path) -> None:
    """One measurement in a process of its own: seconds, and the largest resident memory."""
    began = time.perf_counter()
    found = WORK[name](path)
    if callable(found):  # what came before was preparation
        began = time.perf_counter()
        found = found()
    seconds = time.perf_counter() - began
    print(json.dumps({"seconds": seconds, "mib": largest(), "found": found}))


def largest() -> float:
    """This process' largest resident memory so far, in MiB; what it was started from does not count."""
    line = next(line for line in Path("/proc/self/status").read_text(encoding="ascii").splitlines() if line.startswith("VmHWM"))
    return int(line.split()[1]) / MIB


def measured(name: str, path: Path, rounds: int) -> dict[str, Any]:
    """The median of some rounds, each in its own process."""
    command = [sys.executable, "-m", "tests.benchmarks.impact", "--child", name, "--path", str(path)]
    found = [json.loads(subprocess.run(command, capture_output=True, text=True, check=True).stdout) for _ in range(rounds)]
    return {
        "seconds": statistics.median(one["seconds"] for one in found),
        "worst": max(one["seconds"] for one in found),
        "mib": max(one["mib"] for one in found),
        "found": found[0]["found"],
    }


def main(rows: int, rounds: int, folder: Path, only: tuple[str, ...]) -> dict[str, Any]:
    """Generate, measure, print the table."""
    path = folder / "ledger.parquet"
    began = time.perf_counter()
    if not (path.exists() and parquet.read_metadata(path).num_rows == rows):
        generate(path, rows, seed=1)
        generate(folder / "new.parquet", NEW, seed=2, first=rows)
    if "take" in only:
        (folder / "follow.duckdb").unlink(missing_ok=True)
    print(f"{os.cpu_count()} cores; {rows:,} rows, {path.stat().st_size / 2**20:,.0f} MiB, made in {time.perf_counter() - began:.0f} s")
    print(f"{'':<44} {'seconds':>8} {'worst':>8} {'× plain':>8} {'MiB':>7}")
    table: dict[str, Any] = {}
    for name in only:
        one = table[name] = measured(name, path, 1 if name in {"check", "take", "restart"} else rounds)
        times = one["seconds"] / table["plain"]["seconds"]
        print(
            f"{(WORK[name].__doc__ or '')[:43]:<44} {one['seconds']:>8.2f} {one['worst']:>8.2f} {times:>8.2f} {one['mib']:>7,.0f}",
            flush=True,
        )
    return {"rows": rows, **table}


if __name__ == "__main__":
    parser = argparse.ArgumentParser(description=__doc__)
    parser.add_argument("--rows", type=int, default=1_000_000)
    parser.add_argument("--rounds", type=int, default=3)
    parser.add_argument("--folder", type=Path, help="keep the ledger here, and use it again, instead of a temporary folder")
    parser.add_argument("--only", default=",".join(WORK), help="of plain, six, check, take, restart, follow")
    parser.add_argument("--child")
    parser.add_argument("--path", type=Path)
    given = parser.parse_args()
    if given.child:
        child(given.child, given.path)
    elif given.folder:
        given.folder.mkdir(parents=True, exist_ok=True)
        main(given.rows, given.rounds, given.folder, tuple(given.only.split(",")))
    else:
        with TemporaryDirectory() as name:
            main(given.rows, given.rounds, Path(name), tuple(given.only.split(",")))
