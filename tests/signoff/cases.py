"""Cases for the tests of sign-off: made without waiting for anybody, and what their caller gets afterwards."""

from __future__ import annotations

from typing import TYPE_CHECKING

if TYPE_CHECKING:
    import httpx

    from tests.stage import Stage

_NEWEST = "SELECT id FROM suggestions ORDER BY received_at DESC LIMIT 1"


def new_case(stage: Stage, task: str = "diagnosis", *, path: str = "", body: object = None) -> str:
    """A call whose caller does not wait; the suggestion it made."""
    answer = stage.chat(task, prefer="wait=0") if not path else stage.post(task, path, body, prefer="wait=0")
    assert answer.status_code == 403, answer.text
    return str(stage.rows(_NEWEST)[0]["id"])


def received(stage: Stage, suggestion: str) -> httpx.Response:
    """What the caller gets now."""
    return stage.get(f"/suggestions/{suggestion}")


def state(stage: Stage, suggestion: str) -> str:
    """Where it stands."""
    return str(stage.rows("SELECT state FROM suggestions WHERE id = $1", suggestion)[0]["state"])
