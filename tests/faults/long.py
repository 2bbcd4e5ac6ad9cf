"""A long run by hand: `python -m tests.faults.long --kills 200 --record kills.jsonl` kills replicas and database that often in all.

It is made of runs of some kills each, every one on a new database and counted to its end; each adds a line to the record as soon as it is
counted, so that a run that is ended loses its own counts alone and a later one goes on from there. `--kills 0` only sums the record up.
"""

from __future__ import annotations

import argparse
import json
import shutil
import sys
import tempfile
import time
from dataclasses import asdict, fields
from pathlib import Path

from tests.faults.harness import Harness, Outcome

KILLS_A_RUN = 20
COUNTED = tuple(field.name for field in fields(Outcome) if field.name != "verified")


def summed(outcomes: list[Outcome]) -> str:
    """All of them in words."""
    totals = {name: sum(getattr(one, name) for one in outcomes) for name in COUNTED}
    kept = "every log verified" if all(one.verified for one in outcomes) else "NOT every log verified"
    return f"{len(outcomes)} runs: " + ", ".join(f"{name.replace('_', ' ')} {count:,}" for name, count in totals.items()) + f"; {kept}"


def recorded(path: Path | None) -> list[Outcome]:
    """What the record has so far."""
    if path is None or not path.exists():
        return []
    return [Outcome(**json.loads(line)) for line in path.read_text(encoding="utf-8").splitlines()]


def one(kills: int, replicas: int, seconds: float, *, unsafe: bool) -> Outcome:
    """One run: `kills` of the database and of replicas together."""
    folder = Path(tempfile.mkdtemp(prefix="garant-"))
    try:
        return Harness(folder, unsafe=unsafe, replicas=replicas).run(kills // 2, kills - kills // 2, seconds)
    finally:
        shutil.rmtree(folder, ignore_errors=True)


def main() -> int:
    """Run, print the counts, and fail where the promise broke."""
    parser = argparse.ArgumentParser(description=__doc__)
    parser.add_argument("--kills", type=int, default=100, help="of replicas and of the database, together")
    parser.add_argument("--replicas", type=int, default=2)
    parser.add_argument("--traffic", type=float, default=1.0, help="seconds of traffic before each kill")
    parser.add_argument("--minutes", type=float, default=1e9, help="no run is begun later than this")
    parser.add_argument("--record", type=Path, help="a line of JSON for each run is added to this file")
    parser.add_argument("--unsafe", action="store_true", help="the control, which must lose entries")
    asked = parser.parse_args()
    until, left, done = time.monotonic() + 60 * asked.minutes, asked.kills, list[Outcome]()
    while left > 0 and time.monotonic() < until:
        done.append(one(min(left, KILLS_A_RUN), asked.replicas, asked.traffic, unsafe=asked.unsafe))
        left -= KILLS_A_RUN
        print(done[-1], flush=True)  # noqa: T201 - what it is run for
        if asked.record is not None:
            with asked.record.open("a", encoding="utf-8") as record:
                record.write(json.dumps(asdict(done[-1])) + "\n")
    everything = recorded(asked.record) or done
    print(summed(everything))  # noqa: T201
    return 0 if all(outcome.kept != asked.unsafe for outcome in everything) else 1


if __name__ == "__main__":
    sys.exit(main())
