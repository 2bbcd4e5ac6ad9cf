"""The clinician's pages with 5,000 waiting cases: how long the queue page and the next case take.

Run as `python -m tests.benchmarks.queue_page [--cases 5000] [--times 40]`; prints one table. The gateway, its database
and this client share one machine; times are whole requests over a real socket, in milliseconds.
"""

from __future__ import annotations

import argparse
import re
import statistics
import tempfile
import threading
import time
from html import unescape
from pathlib import Path
from typing import TYPE_CHECKING
from unittest.mock import patch
from uuid import uuid4

import httpx

from gateway.database import Embedded
from tests import stage as stages
from tests.stage import Stage, eventually

if TYPE_CHECKING:
    from collections.abc import Callable

PROVEN, FRESH = "diagnosis", "fresh"
MORE = {FRESH: ("diagnosis", 'release_mode = "hold"\nreauthenticate_seconds = 900')}
COPY = """
INSERT INTO suggestions ({names})
SELECT {values} FROM suggestions, generate_series(1, $2) AS n WHERE id = $1
"""
OWN = {
    "id": "gen_random_uuid()",
    "attach_key": "NULL",
    "received_at": "received_at - make_interval(secs => n % 5000)",
    "urgency": "1 + n % 5",
    "due_at": "due_at + make_interval(secs => 3600 + n % 7200)",
    "next_clock_at": "NULL",
    "case_id": "gen_random_uuid()",
}


def fill(stage: Stage, cases: int) -> None:
    """Many waiting cases, copied from a real one."""
    threading.Thread(target=stage.chat, args=("refusing",), daemon=True).start()
    first = stage.clinician().waiting("refusing")
    found = stage.rows("SELECT column_name FROM information_schema.columns WHERE table_name = 'suggestions' AND is_generated = 'NEVER'")
    names = [row["column_name"] for row in found]
    values = ", ".join(OWN.get(name, name) for name in names)
    stage.rows(COPY.format(names=", ".join(names), values=values), first, cases)
    stage.rows("ANALYZE suggestions")


def call(stage: Stage, task: str, cases: int) -> None:
    """Cases with content, of another task, to be decided on."""
    for _ in range(cases):
        threading.Thread(target=stage.chat, args=(task,), daemon=True).start()
    eventually(lambda: stage.rows("SELECT count(*) AS n FROM suggestions WHERE task = $1 AND state = 'held'", task)[0]["n"] == cases, 60)


def field(text: str, name: str) -> str:
    """The value of a hidden field."""
    found = re.search(rf'name="{name}" value="([^"]*)"', text)
    assert found, text[:500]
    return unescape(found[1])


def timed(times: int, work: Callable[[], httpx.Response]) -> tuple[list[float], int]:
    """Milliseconds of each of `times` requests, and the size of the last page in bytes."""
    found, size = [], 0
    for _ in range(times):
        began = time.perf_counter()
        answer = work()
        found.append((time.perf_counter() - began) * 1000)
        assert answer.status_code == 200, answer.text[:500]
        size = len(answer.content)
    return found, size


def decided(browser: httpx.Client, task: str, password: str) -> Callable[[], httpx.Response]:
    """A reject from an open case to the next case on screen: two requests, the decision and the page it leads to."""
    page = browser.post("/next", data={"csrf": field(browser.get("/queue").text, "csrf"), "task": task})

    def work() -> httpx.Response:
        nonlocal page
        names = ("csrf", "lease", "shown_sha256", "within")
        form = {name: field(page.text, name) for name in names} | {"decision": "reject", "reason": "other", "proof": password}
        page = browser.post(f"/review/{page.url.path.split('/')[2]}/decision", data=form)
        assert page.url.path.startswith("/review/"), page.url
        return page

    return work


def row(name: str, found: list[float], size: int) -> str:
    """One line of the table."""
    ordered = sorted(found)
    p95 = ordered[int(len(ordered) * 0.95)]
    return f"| {name} | {statistics.median(found):.0f} | {p95:.0f} | {ordered[-1]:.0f} | {size / 1000:.0f} |"


def main() -> None:
    """Print the table."""
    arguments = argparse.ArgumentParser(description=__doc__)
    arguments.add_argument("--cases", type=int, default=5000)
    arguments.add_argument("--times", type=int, default=40)
    asked = arguments.parse_args()
    with tempfile.TemporaryDirectory(prefix="garant-", ignore_cleanup_errors=True) as folder:
        server = Embedded(Path(folder) / "postgres")
        with patch.dict(stages.MODES, MORE):
            for stage in stages.built(server.start()):
                measure(stage, asked.cases, asked.times)
        server.stop()


def measure(stage: Stage, cases: int, times: int) -> None:
    """Fill, sign in, look."""
    fill(stage, cases)
    doctor = stage.clinician("dr.b")
    with httpx.Client(base_url=stage.base, follow_redirects=True, timeout=60) as browser:
        browser.post("/sign-in", data={"login": "dr.b", "password": doctor.password})
        rows = [
            row("queue", *timed(times, lambda: browser.get("/queue"))),
            row("queue, filtered", *timed(times, lambda: browser.get("/queue?urgency=3&state=held"))),
            row("queue, page 60", *timed(times, lambda: browser.get("/queue?offset=2950"))),
            row("the list alone", *timed(times, lambda: browser.get("/queue/list"))),
        ]
        for task, password, name in ((PROVEN, doctor.password, "password checked at the decision"), (FRESH, "", "proof still fresh")):
            call(stage, task, times + 2)
            rows.append(row(f"decision to the next case on screen, {name}", *timed(times, decided(browser, task, password))))
    print(f"{cases} waiting cases, {times} requests each, run {uuid4().hex[:6]}\n")
    print("| page | median ms | p95 ms | max ms | kB |\n|---|---|---|---|---|")
    print("\n".join(rows))


if __name__ == "__main__":
    main()
