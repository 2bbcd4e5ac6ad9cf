"""A look-back over a large log (R20): every case of one AI system and version. Run: `python -m tests.benchmarks.lookback [--entries 1000000]`.

The index is filled with made-up cases of five entries each (received, viewed, signed off, released, delivered), half of them of the AI system that
is looked back at, and every tenth of those ticked off. What is listed is compared with what was made. Whole requests over a real socket.
"""

from __future__ import annotations

import argparse
import tempfile
import time
from functools import partial
from pathlib import Path
from typing import TYPE_CHECKING, Any

import httpx

from gateway.database import Embedded
from tests.stage import Stage, built

if TYPE_CHECKING:
    from collections.abc import Callable

ROWS = """
INSERT INTO log_search
SELECT 'test', $1 + n, now() - make_interval(secs => ($2 - n) * 30),
  (ARRAY['received','viewed','signed_off','released','delivered'])[1 + n % 5], md5((n / 5)::text)::uuid, md5('s' || (n / 5)::text)::uuid,
  'task' || (n / 5) % 12, CASE n % 5 WHEN 0 THEN 'machine:m' || (n / 5) % 9 WHEN 3 THEN 'system:release' WHEN 4 THEN 'system:release'
    ELSE md5(((n / 5) % 400)::text) END,
  (ARRAY['machine','clinician','clinician','system','system'])[1 + n % 5], 'system' || (n / 5) % 2, 'v' || (n / 10) % 2,
  CASE n % 5 WHEN 2 THEN 'approve' WHEN 3 THEN 'approve' ELSE '' END, ''
FROM generate_series(0, $2 - 1) AS n
"""
MOST_SECONDS = 60.0


def main(entries: int) -> None:
    """Print one line a step; fails where a list is not complete or takes longer than a minute."""
    with tempfile.TemporaryDirectory(prefix="garant-") as folder:
        server = Embedded(Path(folder) / "postgres")
        for stage in built(server.start()):
            measure(stage, entries)
        server.stop()


def measure(stage: Stage, entries: int) -> None:
    """Fill the index, begin, list, tick off."""
    stage.chat("letter")
    quality = stage.clinician("quality")
    stage.api(quality, "GET", "/lookbacks")
    first = -entries - 1  # before the log's own entries, so that what is ticked off is indexed as always
    stage.rows(ROWS, first, entries)
    stage.rows("ANALYZE log_search")
    for asked in ({"system": "system1"}, {"system": "system1", "version": "v1", "released": True}):
        expected = sum(1 for n in range(entries // 5) if n % 2 == 1 and (len(asked) == 1 or (n // 2) % 2 == 1))
        back = timed(f"begun and listed {asked}", partial(call, stage, "POST", "/lookbacks", asked))
        assert (back["total"], back["left"]) == (expected, expected), (back["total"], expected)
        case = back["cases"][0]["case"]
        timed("one case ticked off", partial(call, stage, "POST", f"/lookbacks/{back['id']}/cases/{case}"))
        again = timed("listed again", partial(call, stage, "GET", f"/lookbacks/{back['id']}"))
        assert again["left"] == expected - 1
        print(f"  {expected:,} cases of {entries:,} entries, complete")


def timed(name: str, work: Callable[[], Any]) -> Any:  # noqa: ANN401 - whatever the call gives
    """The answer of a call, its seconds printed."""
    start = time.perf_counter()
    answer = work()
    took = time.perf_counter() - start
    print(f"{name:<70} {took:>7.2f} s", flush=True)
    assert took <= MOST_SECONDS
    return answer


def call(stage: Stage, method: str, path: str, body: object = None) -> Any:  # noqa: ANN401 - JSON
    """One call of the API, with more patience than tests have."""
    with httpx.Client(timeout=120) as client:
        headers = {"authorization": f"Bearer {stage.clinician('quality').token}"}
        answer = client.request(method, f"{stage.base}/api{path}", json=body, headers=headers)
    assert answer.status_code < 300, answer.text
    return answer.json() if answer.content else None


if __name__ == "__main__":
    parser = argparse.ArgumentParser(description=__doc__)
    parser.add_argument("--entries", type=int, default=1_000_000)
    main(parser.parse_args().entries)
