"""Signing in and stepping up with a provider written by others: `python -m tests.system.openid FOLDER_WITH_NODE_MODULES`.

The folder is where `npm install oidc-provider` was run. It prints what it saw and ends with an error where anything is otherwise.
"""

from __future__ import annotations

import os
import re
import socket
import subprocess
import sys
import tempfile
import time
from html import unescape
from pathlib import Path
from typing import TYPE_CHECKING
from urllib.parse import urlsplit

import httpx

from gateway.database import Embedded
from tests.fakes.identity_provider import SECRET
from tests.stage import Stage, built

if TYPE_CHECKING:
    from collections.abc import Iterator

CONFIGURATION = """
[identity]
methods = ["password", "oidc"]
[identity.oidc]
issuer = "http://127.0.0.1:{port}"
client_id = "garant"
secret_env = "TEST_OIDC"
"""


class Walk:
    """One person's browser, which answers the provider's forms."""

    def __init__(self, stage: Stage, login: str) -> None:
        self.login = login
        self.gateway = httpx.Client(base_url=stage.base, timeout=20)
        self.outside = httpx.Client(timeout=20)

    def there_and_back(self, path: str) -> httpx.Response:
        """Follow everything until we are back at the gateway."""
        place = self.gateway.get(path).headers["location"]
        while not place.startswith("http://garant.test"):
            answer = self.outside.get(place)
            if answer.status_code not in {302, 303}:
                address, form = self._filled(place, answer.text)
                answer = self.outside.post(address, data=form)
            place = str(httpx.URL(place).join(answer.headers["location"]))
        back = urlsplit(place)
        return self.gateway.get(f"{back.path}?{back.query}")

    def proven_at(self) -> str:
        """When the session's person last proved who they are."""
        return str(self.gateway.get("/api/session").json()["authenticated_at"])

    def _filled(self, place: str, page: str) -> tuple[str, dict[str, str]]:
        action = re.search(r'action="([^"]+)"', page)
        prompt = re.search(r'name="prompt" value="([^"]+)"', page)
        assert action, page
        assert prompt, page
        return str(httpx.URL(place).join(unescape(action[1]))), {"prompt": prompt[1], "login": self.login, "password": "x"}


def stages(port: int) -> Iterator[Stage]:
    """A gateway on a database of its own."""
    with tempfile.TemporaryDirectory(prefix="garant-") as folder:
        server = Embedded(Path(folder) / "postgres")
        os.environ["TEST_OIDC"] = SECRET
        yield from built(server.start(), extra=CONFIGURATION.format(port=port), environ={"TEST_OIDC": SECRET})
        server.stop()


def main(folder: Path) -> None:
    """Start the provider, walk, end it."""
    with socket.socket() as free:
        free.bind(("127.0.0.1", 0))
        port = free.getsockname()[1]
    script = Path(__file__).with_name("openid_provider.mjs")
    with subprocess.Popen(["node", script, str(port), folder], stdout=subprocess.PIPE, text=True) as provider:
        assert provider.stdout is not None
        assert any("ready" in line for line in iter(provider.stdout.readline, ""))
        try:
            for stage in stages(port):
                walked(stage)
        finally:
            provider.terminate()


def walked(stage: Stage) -> None:
    """Sign in, step up, and come as somebody without an account."""
    known = Walk(stage, "dr.a")
    assert 'url=/queue"' in known.there_and_back("/sign-in/oidc?next=/queue").text
    before = known.proven_at()
    time.sleep(1.5)
    assert known.there_and_back("/sign-in/oidc/step-up?next=/queue").status_code == 200
    assert known.proven_at() > before
    assert Walk(stage, "stranger").there_and_back("/sign-in/oidc").status_code == 401
    assert stage.verified().ok
    print("signed in, stepped up, a stranger refused; the log verifies")  # noqa: T201 - what was seen


if __name__ == "__main__":
    main(Path(sys.argv[1]).resolve())
