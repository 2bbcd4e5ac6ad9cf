"""`garant witness` as a process: what it has cosigned survives a kill, and its answer is what its disk says."""

from __future__ import annotations

import signal
import subprocess
import sys
from typing import TYPE_CHECKING

import httpx

from gateway.audit.outside.cosignatures import CosignerKey, cosigned_by
from gateway.witness.state import name_of
from tests.audit.story import KEY, ORIGIN
from tests.witness.stand import NAME, body, leaves

if TYPE_CHECKING:
    from pathlib import Path


class Running:
    """One witness process."""

    def __init__(self, folder: Path) -> None:
        (folder / "log.vkey").write_text(KEY.verifier().encode() + "\n", encoding="utf-8")
        options = ["--log", str(folder / "log.vkey"), "--name", NAME, "--port", "0"]
        command = [sys.executable, "-m", "gateway.cli", "witness", str(folder / "witness"), *options]
        self.process = subprocess.Popen(command, stdout=subprocess.PIPE, stderr=subprocess.PIPE, text=True)
        assert self.process.stdout is not None
        self.address = f"http://127.0.0.1:{self.process.stdout.readline().split('port ')[1].split('.')[0]}"
        self.key = CosignerKey.decode(self.process.stdout.readline())

    def add(self, request: bytes) -> httpx.Response:
        return httpx.post(f"{self.address}/add-checkpoint", content=request, timeout=10)

    def end(self, how: int) -> str:
        """End it; what it said on standard error."""
        self.process.send_signal(how)
        return self.process.communicate(timeout=10)[1]


def test_what_was_answered_is_remembered_after_a_kill(tmp_path: Path) -> None:
    first = Running(tmp_path)
    request = body(0, leaves(5))
    answer = first.add(request)
    first.end(signal.SIGKILL)
    note = request.decode().partition("\n\n")[2]
    assert cosigned_by(note + answer.text, [first.key]) == {first.key}
    second = Running(tmp_path)
    seen = httpx.get(f"{second.address}/{name_of(ORIGIN)}/checkpoint")
    forked = second.add(body(5, leaves(5, fork=1)))
    printed = second.end(signal.SIGTERM)
    assert (second.key, seen.text, forked.status_code) == (first.key, note + answer.text, 422)
    assert (printed.count(f"— {ORIGIN} "), "refused:" in printed) == (2, True)


def test_a_large_or_strange_request_is_refused(tmp_path: Path) -> None:
    running = Running(tmp_path)
    try:
        statuses = [running.add(b"old 0\n\n" + b"x" * 100_000).status_code, httpx.get(f"{running.address}/add-checkpoint").status_code]
        statuses += [httpx.get(f"{running.address}/{'0' * 64}/checkpoint").status_code, httpx.get(running.address).status_code]
    finally:
        running.end(signal.SIGTERM)
    assert statuses == [413, 405, 404, 404]
