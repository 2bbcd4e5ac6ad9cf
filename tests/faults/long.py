"""A long run by hand: `python -m tests.faults.long --kills 100` kills replicas and database that often, each."""

from __future__ import annotations

import argparse
import shutil
import sys
import tempfile
from pathlib import Path

from tests.faults.harness import Harness


def main() -> int:
    """Run, print the counts, and fail where the promise broke."""
    parser = argparse.ArgumentParser(description=__doc__)
    parser.add_argument("--kills", type=int, default=50)
    parser.add_argument("--replicas", type=int, default=2)
    parser.add_argument("--unsafe", action="store_true", help="the control, which must lose entries")
    asked = parser.parse_args()
    folder = Path(tempfile.mkdtemp(prefix="garant-"))
    try:
        outcome = Harness(folder, unsafe=asked.unsafe, replicas=asked.replicas).run(asked.kills, asked.kills)
    finally:
        shutil.rmtree(folder, ignore_errors=True)
    print(outcome)  # noqa: T201 - what it is run for
    return 0 if outcome.kept != asked.unsafe else 1


if __name__ == "__main__":
    sys.exit(main())
