"""The pages in a real browser: from the press that signs to the bytes at the waiting caller, and to the next case on the screen.

Run as `python -m tests.benchmarks.pages [--times 100] [--cases 5000]`; prints one table. Browser, gateway, database, model server and caller share
one machine. "On the screen" is the browser's own first contentful paint; a press is measured where the page hears it.
"""

from __future__ import annotations

import argparse
import tempfile
import threading
import time
from dataclasses import dataclass, field
from pathlib import Path
from typing import TYPE_CHECKING

from playwright.sync_api import sync_playwright

from gateway.database import Embedded
from gateway.operations.serving import settled
from tests.benchmarks.queue_page import fill
from tests.fakes.model_server import DEFAULTS
from tests.stage import Stage, built, eventually
from tests.system import ward
from tests.system.conftest import SWITCHES, chromium
from tests.system.visitor import Visit

if TYPE_CHECKING:
    from playwright.sync_api import Page

TASK = "brisk"
OK = 200
PRESSED = "document.addEventListener('submit', () => sessionStorage.setItem('pressed', performance.timeOrigin + performance.now()), true)"
PAINTED = """
() => new Promise((done) => {
  const now = () => performance.getEntriesByName("first-contentful-paint")[0];
  const tell = () => (now() ? done(performance.timeOrigin + now().startTime) : requestAnimationFrame(tell));
  tell();
})
"""
ANSWERED = "() => { const one = performance.getEntriesByType('navigation')[0]; return one.responseEnd - one.requestStart; }"
HELD = "SELECT count(*) AS n FROM suggestions WHERE task = $1 AND state = 'held'"


@dataclass
class Found:
    """Milliseconds, one of each kind a time.

    Args:
        released: from the press to the last byte at the waiting caller.
        next_case: from the press to the next case's first contentful paint.
        answered: the queue page, from its request to its last byte.
        queue: the queue page, from its request to its first contentful paint.
    """

    released: list[float] = field(default_factory=list)
    next_case: list[float] = field(default_factory=list)
    answered: list[float] = field(default_factory=list)
    queue: list[float] = field(default_factory=list)


def caller(stage: Stage) -> tuple[threading.Thread, list[float]]:
    """A call on a thread of its own, and where it notes when its answer was whole, in milliseconds since 1970."""
    path, body = ward.asked(TASK)
    arrived: list[float] = []

    def call() -> None:
        answer = stage.post(TASK, path, body)
        if answer.status_code == OK:  # the last one is never signed
            arrived.append(time.time() * 1000)

    thread = threading.Thread(target=call, daemon=True)
    thread.start()
    return thread, arrived


def decisions(stage: Stage, seen: Visit, times: int, found: Found) -> None:
    """Approve one case after the other by two keys; there is always a next one."""
    seen.context.add_init_script(PRESSED)
    calls = [caller(stage)]
    _held(stage, 1)
    page = seen.come(path=f"/queue?task={TASK}")
    page.locator("form[action='/next'] button").click()
    page.wait_for_url("**/review/**")
    for _ in range(times):
        calls.append(caller(stage))
        _held(stage, 2)
        seen.armed()
        _approve(page)
        painted, pressed = float(page.evaluate(PAINTED)), float(page.evaluate("Number(sessionStorage.getItem('pressed'))"))
        thread, arrived = calls.pop(0)
        thread.join(15)
        found.next_case.append(painted - pressed)
        found.released.append(arrived[0] - pressed)


def queues(seen: Visit, times: int, found: Found) -> None:
    """Look at the queue."""
    page = seen.come()
    for _ in range(times):
        page.goto("/queue")
        began = float(page.evaluate("performance.timeOrigin + performance.getEntriesByType('navigation')[0].requestStart"))
        found.queue.append(float(page.evaluate(PAINTED)) - began)
        found.answered.append(float(page.evaluate(ANSWERED)))


def _approve(page: Page) -> None:
    before = page.url
    page.keyboard.press("a")
    page.keyboard.press("s")
    page.wait_for_url(lambda url: url != before and "/review/" in url)


def _held(stage: Stage, count: int) -> None:
    eventually(lambda: stage.rows(HELD, TASK)[0]["n"] >= count)


def quantile(found: list[float], share: float) -> float:
    """The value below which this share of the values lies."""
    ordered = sorted(found)
    return ordered[min(len(ordered) - 1, int(len(ordered) * share))]


def row(name: str, asked: str, found: list[float]) -> str:
    """One line of the table."""
    return (
        f"| {name} | {asked} | {quantile(found, 0.5):.0f} | {quantile(found, 0.95):.0f} | {quantile(found, 0.99):.0f} | {max(found):.0f} |"
    )


def main() -> None:
    """Print the table."""
    arguments = argparse.ArgumentParser(description=__doc__)
    arguments.add_argument("--times", type=int, default=100)
    arguments.add_argument("--cases", type=int, default=5000)
    asked = arguments.parse_args()
    with tempfile.TemporaryDirectory(prefix="garant-", ignore_cleanup_errors=True) as folder, sync_playwright() as playwright:
        server, browser = Embedded(Path(folder) / "postgres"), playwright.chromium.launch(executable_path=chromium(), args=SWITCHES)
        for stage in built(server.start(), extra=ward.configuration()):
            stage.model.scripts = DEFAULTS | ward.scripts()
            found, seen = Found(), Visit.begin(browser, stage, "en", "light", script=True)
            settled()  # as a replica that serves does when it is built
            decisions(stage, seen, asked.times, found)
            fill(stage, asked.cases)
            queues(seen, asked.times, found)
            seen.end()
        browser.close()
        server.stop()
    print(f"{asked.times} times each\n\n| from … to | asked | p50 ms | p95 ms | p99 ms | max ms |\n|---|---|---|---|---|---|")
    print(row("press that signs → last byte at the waiting caller", "p99 ≤ 150", found.released))
    print(row("press that signs → next case on the screen", "≤ 300", found.next_case))
    print(row(f"queue page with {asked.cases} waiting → its last byte", "≤ 200", found.answered))
    print(row(f"queue page with {asked.cases} waiting → on the screen", "", found.queue))


if __name__ == "__main__":
    main()
