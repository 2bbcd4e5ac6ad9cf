"""A provider of identities written by others: the npm package `oidc-provider`, installed into a folder of this run's own."""

from __future__ import annotations

import shutil
import socket
import subprocess
import tempfile
from contextlib import contextmanager
from pathlib import Path
from typing import TYPE_CHECKING

from tests.conftest import OUTSIDE

if TYPE_CHECKING:
    from collections.abc import Iterator

PACKAGE = "oidc-provider@9.13.3"
INSTALL = ("npm", "install", "--no-audit", "--no-fund", "--ignore-scripts", "--silent", PACKAGE)
MISSING = (
    "Node.js with npm is missing: the sign-in is tested with a provider that runs on it. On Debian and Ubuntu: apt-get install nodejs npm"
)
SCRIPT = Path(__file__).with_name("openid_provider.mjs")


def free_port() -> int:
    """A port that nobody listens on."""
    with socket.socket() as free:
        free.bind(("127.0.0.1", 0))
        return int(free.getsockname()[1])


@contextmanager
def provider(port: int, redirect: str) -> Iterator[None]:
    """The provider, running. Raises AssertionError with what to install."""
    assert shutil.which("node"), MISSING
    assert shutil.which("npm"), MISSING
    with tempfile.TemporaryDirectory(prefix="garant-npm-") as folder:
        done = subprocess.run(INSTALL, cwd=folder, capture_output=True, text=True, timeout=120, check=False, env=OUTSIDE)
        assert done.returncode == 0, f"npm could not install {PACKAGE}: {done.stdout}{done.stderr}"
        with subprocess.Popen(["node", SCRIPT, str(port), folder, redirect], stdout=subprocess.PIPE, stderr=subprocess.DEVNULL) as running:
            try:
                assert running.stdout is not None
                assert b"ready" in running.stdout.readline(), "the provider did not start"
                yield
            finally:
                running.terminate()
