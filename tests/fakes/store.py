"""An S3-compatible store written by others (moto), as a process of its own on this machine."""

from __future__ import annotations

import os
import signal
import subprocess
import sys
import time
from dataclasses import dataclass, field
from typing import TYPE_CHECKING

import httpx

from gateway.operations import serving

if TYPE_CHECKING:
    from pathlib import Path

SIGNED = {"authorization": "AWS4-HMAC-SHA256 Credential=test/20260101/us-east-1/s3/aws4_request, SignedHeaders=host, Signature=0"}
"""The owner's view of the bucket: this store looks at who signs, not at the signature."""
ENVIRONMENT = {"TEST_KEY_ID": "key-id-0001", "TEST_STORE": "store-secret-0001"}


@dataclass
class Store:
    """The store and the bucket in it that is used."""

    bucket: str = ""
    port: int = 0
    _process: subprocess.Popen[bytes] | None = field(default=None, init=False)

    @property
    def endpoint(self) -> str:
        """Its address."""
        return f"http://127.0.0.1:{self.port}"

    def start(self) -> None:
        """Start it, without a bucket."""
        listener = serving.bound("127.0.0.1", 0)
        self.port = listener.getsockname()[1]
        listener.close()
        command = [sys.executable, "-W", "ignore", "-m", "moto.server", "-H", "127.0.0.1", "-p", str(self.port)]
        self._process = subprocess.Popen(command, stdout=subprocess.DEVNULL, stderr=subprocess.DEVNULL)
        until = time.monotonic() + 60
        while time.monotonic() < until:
            try:
                httpx.get(self.endpoint, timeout=5).raise_for_status()
            except httpx.TransportError:
                time.sleep(0.1)
            else:
                return
        message = "the store did not start"
        raise AssertionError(message)

    def begin(self, bucket: str) -> None:
        """Use an empty bucket of this name."""
        self.bucket = bucket
        httpx.put(f"{self.endpoint}/{bucket}", timeout=5).raise_for_status()

    def pause(self) -> None:
        """Take no answer out: connections hang."""
        self._signal(signal.SIGSTOP)

    def resume(self) -> None:
        """Go on, with all that it had."""
        self._signal(signal.SIGCONT)

    def stop(self) -> None:
        """End it."""
        if self._process is not None:
            self._process.kill()
            self._process.wait(10)

    def names(self) -> list[str]:
        """The names of all objects."""
        found, more = list[str](), ""
        while True:
            text = httpx.get(f"{self.endpoint}/{self.bucket}?list-type=2{more}", headers=SIGNED).text
            found += [part.partition("</Key>")[0] for part in text.split("<Key>")[1:]]
            if "<NextContinuationToken>" not in text:
                return found
            more = "&continuation-token=" + text.split("<NextContinuationToken>")[1].partition("<")[0]

    def read(self, name: str) -> bytes:
        """One object."""
        return httpx.get(f"{self.endpoint}/{self.bucket}/{name}", headers=SIGNED).raise_for_status().content

    def write(self, name: str, content: bytes) -> None:
        """Put one object, as somebody else might."""
        httpx.put(f"{self.endpoint}/{self.bucket}/{name}", content=content, headers=SIGNED).raise_for_status()

    def copied(self, prefix: str, folder: Path) -> Path:
        """Everything below a prefix as files, the way an outsider fetches it."""
        for name in self.names():
            path = folder / name.removeprefix(prefix)
            path.parent.mkdir(parents=True, exist_ok=True)
            path.write_bytes(self.read(name))
        return folder

    def _signal(self, which: int) -> None:
        assert self._process is not None
        os.kill(self._process.pid, which)
