"""A gateway that takes passkeys, with people who have one."""

from __future__ import annotations

import threading
from dataclasses import dataclass, field
from typing import TYPE_CHECKING, Any

from tests.fakes.authenticator import Authenticator
from tests.stage import Stage, built, eventually

if TYPE_CHECKING:
    from collections.abc import Iterator

    import httpx

ORIGIN = "http://localhost:8080"
CONFIGURATION = """
[identity]
methods = ["password", "passkey"]
[[policies]]
id = "keyed"
reauthenticate_with = ["passkey"]
guard_seconds = 0
[[tasks]]
id = "keyed"
kind = "diagnosis"
policy = "keyed"
profession = "doctor"
[[routes]]
system = "reader"
task = "keyed"
wait_seconds = 2
"""


@dataclass
class Desk:
    """Somebody with a passkey, at a gateway that asks for one."""

    stage: Stage
    login: str = "dr.a"
    key: Authenticator = field(default_factory=lambda: Authenticator(ORIGIN))

    def api(self, method: str, path: str, body: object = None) -> httpx.Response:
        """One call in this person's name."""
        return self.stage.api(self.stage.clinician(self.login), method, path, body)

    def register(self, name: str = "blue key") -> httpx.Response:
        """Add the passkey."""
        options = self.api("POST", "/passkeys/options").json()
        return self.api("POST", "/passkeys", {"name": name, "credential": self.key.create(options)})

    def opened(self, task: str = "diagnosis") -> tuple[str, dict[str, Any]]:
        """A held case of a task, opened: its id and the decision to approve it."""
        threading.Thread(target=self.stage.chat, args=(task,), daemon=True).start()
        suggestion = str(eventually(lambda: next((case["id"] for case in self.waiting(task) if not case["leased"]), None)))
        shown = self.api("POST", f"/suggestions/{suggestion}/open", {}).json()
        return suggestion, {"lease": shown["lease"], "shown_sha256": shown["shown_sha256"], "decision": "approve"}

    def waiting(self, task: str) -> list[dict[str, Any]]:
        """What waits of a task."""
        return [case for case in self.api("GET", "/queue").json()["cases"] if case["task"] == task]

    def options(self, suggestion: str, decision: dict[str, Any]) -> Any:  # noqa: ANN401 - JSON
        """What the authenticator is asked."""
        return self.api("POST", f"/suggestions/{suggestion}/passkey-options", decision).json()

    def sign(self, suggestion: str, decision: dict[str, Any], assertion: object = None) -> httpx.Response:
        """Decide with the passkey's signature."""
        signed = assertion or self.key.get(self.options(suggestion, decision))
        return self.api("POST", f"/suggestions/{suggestion}/decision", {**decision, "assertion": signed})


def opened_stage(server: str) -> Iterator[Stage]:
    """The gateway."""
    yield from built(server, extra=CONFIGURATION, environ={"GARANT_PUBLIC_URL": ORIGIN})
