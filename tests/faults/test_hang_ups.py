"""A caller is gone at every point at which the gateway waits, one after the other: nothing unsigned leaves, nothing acknowledged is lost.

For each task: how often one whole call waits is counted, then as many calls are stopped, each at another wait, once by a caller who hangs
up and once by a cancelled task. The figures: 0 answers without their `released`, 0 unsigned bytes, 0 suggestions left in between, and the
next call is answered as if nothing had been.
"""

from __future__ import annotations

import asyncio
from typing import TYPE_CHECKING, Any

import pytest

from tests.fakes.model_server import CANARY, Script
from tests.faults.hanging import Caller, How
from tests.stage import Stage, built, eventually

if TYPE_CHECKING:
    from collections.abc import Iterator

    from starlette.types import ASGIApp, Receive, Scope, Send

EXPECTED = {"letter": 200, "diagnosis": 403, "triage": 403, "draft": 200}


@pytest.fixture(scope="module")
def stage(postgres_server: str) -> Iterator[Stage]:
    for made in built(postgres_server):
        made.pager.scripts["/hook"] = Script(status=204)
        yield made


async def every_wait(app: ASGIApp, task: str, key: str, how: How) -> list[Caller]:
    """Calls that are stopped at the first wait, the second, and so on until one comes to its end."""
    left = list[Caller]()
    while True:
        caller = Caller(task, key)
        await caller.call(app, len(left) + 1, how)
        left.append(caller)
        if caller.waits < len(left):
            return left


def unlogged(stage: Stage, callers: list[Caller]) -> list[str]:
    """Whole answers of support tasks without a `released` entry of their suggestion."""
    released = {entry["suggestion"] for entry in stage.entries("released")}
    whole = [caller for caller in callers if caller.whole and caller.status == 200]
    return [named for caller in whole if (named := suggestion_of(caller)) not in released]


def suggestion_of(caller: Caller) -> str:
    headers: dict[bytes, bytes] = dict(caller.got[0]["headers"])
    return headers.get(b"garant-suggestion", b"").decode()


@pytest.mark.parametrize("how", ["hung up", "cancelled"])
@pytest.mark.parametrize("task", EXPECTED)
def test_a_caller_who_is_gone_at_any_wait_gets_nothing_unsigned_and_loses_nothing(stage: Stage, task: str, how: How) -> None:
    served = stage.replicas[0]
    assert served.app is not None
    callers: list[Caller] = served.run(every_wait(served.app, task, stage.key, how))
    print(f"{task}, {how}: {len(callers) - 1} waits")  # noqa: T201 - the figure
    assert (callers[-1].status, len(callers) > 4) == (EXPECTED[task], True)
    assert [caller.body for caller in callers if CANARY.encode() in caller.body and task in {"diagnosis", "triage"}] == []
    assert unlogged(stage, callers) == []
    assert eventually(lambda: not between(stage), 20)
    assert stage.chat(task, prefer="wait=0").status_code == EXPECTED[task]
    assert stage.verified().ok


def between(stage: Stage) -> list[Any]:
    """Suggestions that wait for nobody and have not come to an end."""
    return stage.rows("SELECT id FROM suggestions WHERE state IN ('queued', 'signed')")


def test_an_application_that_answers_first_and_logs_afterwards_is_found(stage: Stage) -> None:
    """The control."""
    served = stage.replicas[0]
    assert served.app is not None
    sound = served.app

    async def hasty(scope: Scope, receive: Receive, send: Send) -> None:
        await send({"type": "http.response.start", "status": 200, "headers": [(b"garant-suggestion", b"of no entry")]})
        await send({"type": "http.response.body", "body": CANARY.encode()})
        await sound(scope, receive, nowhere)

    callers: list[Caller] = served.run(every_wait(hasty, "letter", stage.key, "cancelled"))
    assert unlogged(stage, callers) != []


async def nowhere(_: object) -> None:
    await asyncio.sleep(0)
