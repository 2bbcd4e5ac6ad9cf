"""A volume that is really full, by hand: `python -m tests.faults.full_volume` (as root: it mounts a small file system in memory).

The database lives on it, write-ahead log included, and the rest is filled to the last byte while calls come in. Asked for: every caller has a
refusal within five seconds and nothing unsigned, nothing that was acknowledged is lost, and once there is room again so are answers. The tests
themselves do the same with a server that says it is full (`test_disk_and_clock.py`), because not everybody may mount.
"""

from __future__ import annotations

import argparse
import subprocess
import sys
import tempfile
import time
from concurrent.futures import ThreadPoolExecutor
from contextlib import contextmanager, suppress
from dataclasses import dataclass, field
from pathlib import Path
from secrets import token_hex
from typing import TYPE_CHECKING

import httpx

from gateway.database import Embedded
from tests.fakes.model_server import CANARY, Script
from tests.stage import Stage, built, eventually

if TYPE_CHECKING:
    from collections.abc import Iterator

WITHIN, CALLERS, BEFORE, MOST_CALLS = 5.0, 4, 20, 20_000
TASKS = ("letter", "diagnosis", "letter", "refusing")


@dataclass
class Told:
    """What callers were told: seconds, status, whether the AI system's words were in it."""

    answers: list[tuple[float, int, bool]] = field(default_factory=list)

    def call(self, stage: Stage, task: str) -> int:
        """One call with a long question, timed."""
        body = {"model": "reader", "messages": [{"role": "user", "content": token_hex(20_000)}]}
        began = time.monotonic()
        answer = stage.post(task, "/v1/chat/completions", body)
        self.answers.append((time.monotonic() - began, answer.status_code, CANARY in answer.text))
        return answer.status_code

    @property
    def slowest(self) -> float:
        """Seconds of the slowest refusal."""
        return max((seconds for seconds, status, _ in self.answers if status != httpx.codes.OK), default=0.0)

    @property
    def leaked(self) -> int:
        """Refusals with the AI system's words in them."""
        return sum(leaked for _, status, leaked in self.answers if status != httpx.codes.OK)

    @property
    def acknowledged(self) -> int:
        """Answers that were let through."""
        return sum(status == httpx.codes.OK for _, status, _ in self.answers)


@contextmanager
def volume(mebibytes: int) -> Iterator[Path]:
    """A file system of this size in memory."""
    with tempfile.TemporaryDirectory(prefix="garant-", ignore_cleanup_errors=True) as folder:
        subprocess.run(["mount", "-t", "tmpfs", "-o", f"size={mebibytes}m,mode=0755", "tmpfs", folder], check=True)
        try:
            yield Path(folder)
        finally:
            subprocess.run(["umount", "--lazy", folder], check=True)


def filled(folder: Path) -> Path:
    """Fill the volume to the last byte."""
    path = folder / "filler"
    with suppress(OSError), path.open("wb", buffering=0) as file:
        while True:
            file.write(bytes(4096))
    return path


def measure(stage: Stage, server: Embedded, folder: Path, seconds: float) -> bool:
    """Fill, call until refused and on, make room, count."""
    stage.pager.scripts["/hook"] = Script(status=204)
    before, during, after = Told(), Told(), Told()
    for _ in range(BEFORE):
        before.call(stage, "letter")
    filler = filled(folder)
    while before.call(stage, "letter") == httpx.codes.OK and len(before.answers) < MOST_CALLS:
        pass
    until = time.monotonic() + seconds
    with ThreadPoolExecutor(CALLERS) as pool:
        while time.monotonic() < until:
            list(pool.map(lambda task: during.call(stage, task), TASKS))
    filler.unlink()
    healed = time.monotonic()
    server.again()
    eventually(lambda: after.call(stage, "letter") == httpx.codes.OK, 60)
    back = time.monotonic() - healed
    return counted(stage, (before, during, after), back)


def counted(stage: Stage, told: tuple[Told, Told, Told], back: float) -> bool:
    """Print what was found; whether the promise held."""
    acknowledged, slowest = sum(one.acknowledged for one in told), max(one.slowest for one in told[:2])
    released = [entry["suggestion"] for entry in stage.entries("released")]
    unsent, leaked, report = len(released) - acknowledged, sum(one.leaked for one in told), stage.verified()
    lines = (
        f"{told[0].acknowledged} answers before nothing could be extended any more, {BEFORE} of them before it was full",
        f"then {len(told[1].answers)} calls: {told[1].acknowledged} answered, slowest refusal {slowest:.2f} s, {leaked} with words of the AI system",
        f"back {back:.1f} s after there was room; {acknowledged} acknowledged, {max(0, -unsent)} lost, {max(0, unsent)} released but not sent",
        f"the log is {'verified' if report.ok else f'NOT verified: {report.first}'}: {report.size} entries",
    )
    print("\n".join(lines))  # noqa: T201 - the figures
    return report.ok and unsent >= 0 and leaked == 0 and slowest < WITHIN and len(released) == len(set(released))


def main() -> int:
    """Run once; fails where the promise broke."""
    parser = argparse.ArgumentParser(description=__doc__)
    parser.add_argument("--mebibytes", type=int, default=256)
    parser.add_argument("--seconds", type=float, default=15.0, help="how long calls go on while it is full")
    asked = parser.parse_args()
    with volume(asked.mebibytes) as folder:
        server, kept = Embedded(folder / "postgres"), False
        for stage in built(server.start()):
            kept = measure(stage, server, folder, asked.seconds)
        server.stop()
    return 0 if kept else 1


if __name__ == "__main__":
    sys.exit(main())
