"""Is every change of a log, its notes, proofs and policy file found? Run: `python -m tests.benchmarks.mutations [--count 10000] [--seed 1]`."""

from __future__ import annotations

import sys
import time
from argparse import ArgumentParser
from pathlib import Path
from tempfile import TemporaryDirectory

from tests.audit.mutations.running import Ground, Outcome, run
from tests.audit.outsider.running import Outsider


def main(count: int, seed: int) -> int:
    """Print the table; 1 where anything was missed."""
    with TemporaryDirectory() as name:
        go = Outsider()
        start = time.perf_counter()
        outcome = run(Ground(Path(name) / "site"), go, count, seed)
        go.end()
    show(outcome)
    print(f"{outcome.made.total():,} mutations in {len(outcome.made)} classes, {time.perf_counter() - start:.0f} s, seed {seed}")
    for what, told in (("missed", outcome.missed), ("missed by Go", outcome.missed_by_go), ("crashed", outcome.crashed)):
        print(f"{what}: {len(told)}", *told[:20], sep="\n  ")
    return int(bool(outcome.missed or outcome.missed_by_go or outcome.crashed))


def show(outcome: Outcome) -> None:
    """One line a kind."""
    print(f"{'class':<36} {'made':>7} {'Go covers':>10}")
    for kind, made in outcome.made.items():
        print(f"{kind:<36} {made:>7,} {outcome.go[kind]:>10,}")


if __name__ == "__main__":
    parser = ArgumentParser(description=__doc__)
    parser.add_argument("--count", type=int, default=10_000)
    parser.add_argument("--seed", type=int, default=1)
    given = parser.parse_args()
    sys.exit(main(given.count, given.seed))
