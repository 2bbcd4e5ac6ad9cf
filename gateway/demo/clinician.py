"""A scripted clinician of the demo: an account of its own, the same API that a person uses, no shortcut."""

from __future__ import annotations

import json
import secrets
import time
from dataclasses import dataclass, field
from typing import TYPE_CHECKING

from gateway.demo.clients import fetch

if TYPE_CHECKING:
    from collections.abc import Mapping


class DemoFailedError(RuntimeError):
    """The story did not go as told; the message says where."""


@dataclass(slots=True)
class Clinician:
    """Somebody who signs.

    Args:
        base: the gateway's address.
        login, one_time: as the demo printed them.
    """

    base: str
    login: str
    one_time: str
    password: str = field(default_factory=lambda: f"demo-{secrets.token_urlsafe(12)}")
    token: str = ""
    signed_at: dict[str, float] = field(default_factory=dict)

    def sign_in(self) -> None:
        """Sign in with the one-time password, choose an own one, as everybody has to."""
        self.token = str(self._ask("POST", "/api/session", {"login": self.login, "password": self.one_time, "bearer": True})["token"])
        changed = self._ask("POST", "/api/password", {"current": self.one_time, "new": self.password})
        self.token = str(changed["token"])

    def queue(self, task: str = "") -> list[Mapping[str, object]]:
        """What waits, of one task or of all."""
        cases = self._ask("GET", f"/api/queue?limit=1000{f'&task={task}' if task else ''}")["cases"]
        return [case for case in cases if isinstance(case, dict)] if isinstance(cases, list) else []

    def waiting(self, task: str, *, seconds: float = 20.0) -> str:
        """The id of the longest waiting case of a task that nobody has open."""
        until = time.monotonic() + seconds
        while time.monotonic() < until:
            found = [case for case in self.queue(task) if not case["leased"]]
            if found:
                return str(found[0]["id"])
            time.sleep(0.05)
        message = f"No case of the task '{task}' came into the queue within {seconds:g} seconds."
        raise DemoFailedError(message)

    def decide(self, suggestion: str, decision: str, **more: object) -> Mapping[str, object]:
        """Open, read, decide on exactly what was shown, proving again who one is."""
        began = time.monotonic()
        shown = self._ask("POST", f"/api/suggestions/{suggestion}/open", {})
        changes = more.pop("amend", None)
        body: dict[str, object] = {
            "lease": shown["lease"],
            "shown_sha256": shown["shown_sha256"],
            "decision": decision,
            "proof": self.password,
            **more,
        }
        if callable(changes):
            body["amendment"] = changes(shown["content"])
        seconds = time.monotonic() - began
        body["active_seconds"] = {"raw": seconds, "capped": seconds}
        self.signed_at[suggestion] = time.monotonic()
        return self._ask("POST", f"/api/suggestions/{suggestion}/decision", body)

    def _ask(self, method: str, path: str, body: object = None) -> dict[str, object]:
        status, data = fetch(self.base, path, method=method, body=body, bearer=self.token)
        document = json.loads(data) if data else {}
        if status >= 400 or not isinstance(document, dict):  # noqa: PLR2004 - the class of refusals
            message = f"{method} {path} was refused ({status}): {document.get('detail', '') if isinstance(document, dict) else ''}"
            raise DemoFailedError(message)
        return document
