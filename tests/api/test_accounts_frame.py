"""The frame: every refusal is a problem in words, nothing sent comes back, nothing is unbounded."""

from __future__ import annotations

import asyncio
from typing import TYPE_CHECKING

import httpx
import pytest
from fastapi import APIRouter

from gateway.api.frame import MAX_BODY_BYTES, control_app
from gateway.identity.roles import Role
from tests.identity.fixtures import identity_database, identity_keys, stage

if TYPE_CHECKING:
    from collections.abc import AsyncIterator, Iterator

    from starlette.types import Message

    from tests.identity.stage import Stage

__all__ = ["identity_database", "identity_keys", "stage"]
SECRET = "canary-0f3a"
failing = APIRouter()


@failing.get("/failing")
async def fail() -> None:
    raise RuntimeError(SECRET)


async def test_every_refusal_is_a_problem_with_the_same_members(stage: Stage) -> None:
    async with stage.client() as client:
        answers = [
            await client.get("/api/nowhere"),
            await client.put("/api/session"),
            await client.get("/api/session"),
            await client.post("/api/session", json={}),
            await client.post("/api/session", content=b"{", headers={"content-type": "application/json"}),
        ]
    assert [answer.status_code for answer in answers] == [404, 405, 401, 422, 400]
    for answer in answers:
        assert answer.headers["content-type"] == "application/problem+json"
        assert answer.headers["cache-control"] == "no-store"
        assert {"type", "title", "status", "detail", "code"} <= answer.json().keys()
        assert answer.json()["status"] == answer.status_code


async def test_a_refused_body_is_not_repeated(stage: Stage) -> None:
    async with stage.client() as client:
        refused = await client.post("/api/session", json={"login": SECRET, "password": [SECRET], "more": SECRET})
    assert SECRET not in refused.text
    assert {fault["pointer"] for fault in refused.json()["errors"]} == {"/password", "/more"}


async def test_an_unexpected_failure_shows_nothing_of_itself(stage: Stage) -> None:
    app = control_app(stage.parts, [failing])
    async with httpx.AsyncClient(transport=httpx.ASGITransport(app), base_url="https://garant.invalid") as client:
        failed = await client.get("/api/failing")
    assert (failed.status_code, failed.json()["code"]) == (500, "internal_error")
    assert SECRET not in failed.text


async def test_a_large_body_is_refused_whether_declared_or_not(stage: Stage) -> None:
    async def endless() -> AsyncIterator[bytes]:
        for _ in range(64):
            yield b" " * 65_536

    async with stage.client() as client:
        declared = await client.post("/api/session", content=b" " * (MAX_BODY_BYTES + 1))
        hidden = await client.post("/api/session", content=endless())
    assert declared.status_code == hidden.status_code == 413
    assert declared.json()["code"] == "too_large"


async def test_a_stalling_sender_is_let_go(stage: Stage) -> None:
    sent: list[Message] = []

    async def receive() -> Message:
        await asyncio.sleep(10)
        return {}

    async def send(message: Message) -> None:
        sent.append(message)

    scope = {"type": "http", "method": "POST", "path": "/api/session", "headers": [], "query_string": b"", "app": stage.app}
    async with asyncio.timeout(3):
        await stage.app(scope, receive, send)
    assert sent[0]["status"] == 400


async def test_the_openapi_document_names_the_problem_and_both_ways_to_sign_in(stage: Stage) -> None:
    async with stage.client() as client:
        document = (await client.get("/api/openapi.json")).json()
    components = document["components"]
    assert document["info"]["title"] == "Garant control API"
    assert {"session", "cookie"} == components["securitySchemes"].keys()
    assert {"Problem", "Fault"} <= components["schemas"].keys()
    for path in document["paths"].values():
        assert all("application/problem+json" in operation["responses"]["default"]["content"] for operation in path.values())


async def test_a_body_that_breaks_off_is_not_taken_for_a_whole_one(stage: Stage) -> None:
    sent: list[Message] = []
    coming: Iterator[Message] = iter([{"type": "http.request", "body": b"{}", "more_body": True}, {"type": "http.disconnect"}])

    async def receive() -> Message:
        return next(coming)

    async def send(message: Message) -> None:
        sent.append(message)

    scope = {"type": "http", "method": "POST", "path": "/api/session", "headers": [], "query_string": b"", "app": stage.app}
    await stage.app(scope, receive, send)
    assert sent[0]["status"] == 400
    assert b"body_incomplete" in sent[1]["body"]


@pytest.mark.parametrize("path", ["/api/people/bulk", "/api/session/all", "/api/machines/all"])
async def test_there_is_no_bulk_operation(stage: Stage, path: str) -> None:
    async with await stage.signed_in(Role.IT) as admin:
        assert (await admin.post(path, json={})).status_code in {404, 405}
