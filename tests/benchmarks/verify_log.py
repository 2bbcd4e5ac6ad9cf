"""How long the verification of a whole log takes. Run: `python -m tests.benchmarks.verify_log [entries …]`."""

from __future__ import annotations

import os
import sys
import time
from pathlib import Path
from tempfile import TemporaryDirectory

from gateway.audit.export import write_export
from gateway.audit.verifier import Report, verify, verify_export
from tests.audit.story import KEY, POLICIES, VKEYS, mixed, signed

DEFAULT = (10_000, 100_000)


def main(sizes: tuple[int, ...]) -> None:
    """Print one line per size."""
    print(f"{os.cpu_count()} cores, Python {sys.version.split()[0]}")
    print(f"{'entries':>10} {'bytes each':>11} {'verify s':>9} {'export s':>9} {'verify_export s':>16} {'µs/entry':>9}")
    for size in sizes:
        measure(size)


def measure(size: int) -> None:
    """Generate, verify in memory, export, verify the export."""
    leaves = mixed(range(size // 4 + 2)).leaves()[:size]
    checkpoint = signed(leaves)
    verifying = timed(verify, leaves, checkpoint, VKEYS, POLICIES)
    with TemporaryDirectory() as name:
        folder = Path(name)
        start = time.perf_counter()
        write_export(folder, leaves, checkpoint, KEY.verifier().encode(), POLICIES)
        exporting = time.perf_counter() - start
        reading = timed(verify_export, folder, KEY.verifier().encode())
    width = sum(map(len, leaves)) // size
    print(f"{size:>10,} {width:>11} {verifying:>9.2f} {exporting:>9.2f} {reading:>16.2f} {verifying / size * 1e6:>9.1f}")


def timed(check: object, *arguments: object) -> float:
    """Seconds of one run, which must find the log sound."""
    start = time.perf_counter()
    report = check(*arguments)  # type: ignore[operator]
    elapsed = time.perf_counter() - start
    if not (isinstance(report, Report) and report.ok):
        sys.exit(f"the log was not found sound: {report}")
    return elapsed


if __name__ == "__main__":
    main(tuple(int(value.replace("_", "")) for value in sys.argv[1:]) or DEFAULT)
