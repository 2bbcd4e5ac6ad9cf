"""Sending replies, holding callers open until a signature comes, and saying in the log that an answer arrived."""

from __future__ import annotations

import asyncio
from contextlib import suppress
from typing import TYPE_CHECKING, Final

import structlog

from gateway.adapters import json_body
from gateway.adapters.openai_chat import stream_tail
from gateway.adapters.sse import KEEP_ALIVE
from gateway.audit.batch import Statement, Write
from gateway.audit.leaf import Event, EventType
from gateway.errors import AuditUnavailable, GarantError
from gateway.ids import uuid7
from gateway.proxy.steps.release import leaving, pending

if TYPE_CHECKING:
    from collections.abc import Mapping
    from datetime import datetime

    from starlette.types import Send

    from gateway.messages import Headers, Reply
    from gateway.proxy.intercept import Held
    from gateway.proxy.steps.parts import Parts
    from gateway.suggestions.models import AnySuggestion

KEEP_ALIVE_SECONDS: Final = 15.0
RETRY_AFTER_SECONDS: Final = 5
_DELIVERED: Final = "UPDATE suggestions SET delivered_at = $2 WHERE id = $1 AND delivered_at IS NULL RETURNING id"
_STREAM_HEADERS: Final[Headers] = ((b"content-type", b"text/event-stream; charset=utf-8"), (b"cache-control", b"no-store"))
log = structlog.get_logger()


async def send_reply(send: Send, reply: Reply) -> None:
    """Send a whole reply."""
    headers = [*reply.headers, (b"content-length", str(len(reply.body)).encode())]
    await send({"type": "http.response.start", "status": reply.status, "headers": headers})
    await send({"type": "http.response.body", "body": reply.body})


async def hold_open(parts: Parts, held: Held, send: Send) -> None:
    """Wait for a decision and send what it releases; a streaming caller gets comment lines meanwhile."""
    if held.respond_async:
        await send_reply(send, json_body.accepted(str(held.row.id), RETRY_AFTER_SECONDS))
        return
    with parts.held.waiting(held.row.id) as changed:
        if held.found.recognised.stream:
            await _hold_stream(parts, held, changed, send)
        else:
            row = await _decided(parts, held, changed, held.wait_seconds)
            await send_reply(send, await parts.counter.reply(row, held.found.recognised, as_refusal=held.as_refusal))
            delivered(parts, row)


async def _hold_stream(parts: Parts, held: Held, changed: asyncio.Event, send: Send) -> None:
    await send({"type": "http.response.start", "status": 200, "headers": list(_STREAM_HEADERS)})
    left = held.wait_seconds
    row = held.row
    while True:
        await send({"type": "http.response.body", "body": KEEP_ALIVE, "more_body": True})
        row = await _decided(parts, held, changed, min(left, KEEP_ALIVE_SECONDS))
        left -= KEEP_ALIVE_SECONDS
        if left <= 0 or not pending(row):
            break
    body, whole = await _stream_end(parts, held, row)
    await send({"type": "http.response.body", "body": body})
    delivered(parts, row if whole else None)


async def _stream_end(parts: Parts, held: Held, row: AnySuggestion) -> tuple[bytes, bool]:
    """The end of a stream, and whether the answer is in it."""
    if leaving(row) is None:
        return stream_tail(parts.counter.withheld(row, as_refusal=held.as_refusal), held.found.recognised), False
    try:
        return (await parts.counter.reply(row, held.found.recognised)).body, True
    except GarantError as error:
        log.warning("stream.refused", code=error.code)
        return stream_tail(parts.counter.failed(row, error), held.found.recognised), False


async def _decided(parts: Parts, held: Held, changed: asyncio.Event, seconds: float) -> AnySuggestion:
    """The row once it is decided, or as it is when the time is over; reads once before it waits, so nothing is missed."""
    deadline = asyncio.get_running_loop().time() + seconds
    row = await _now(parts, held)
    while pending(row):
        changed.clear()
        with suppress(TimeoutError):
            async with asyncio.timeout_at(deadline):
                await changed.wait()
        if not changed.is_set():
            return row
        with suppress(AuditUnavailable):  # the database is away: wait on, its return wakes everybody
            row = await _now(parts, held)
    return row


async def _now(parts: Parts, held: Held) -> AnySuggestion:
    return await parts.suggestions.get(held.row.id)


def machine_event(
    kind: EventType, row: AnySuggestion, at: datetime, *, decision: str | None = None, detail: Mapping[str, str] | None = None
) -> Event:
    """An entry about a suggestion in the name of the machine that made the call."""
    return Event(
        id=uuid7(),
        type=kind,
        at=at,
        actor=f"machine:{row.machine}",
        role="machine",
        case=row.case_id,
        suggestion=row.id,
        task=row.task,
        policy=row.policy,
        decision=decision,
        detail=detail or {},
    )


def delivered(parts: Parts, row: AnySuggestion | None) -> None:
    """Log, behind the caller's back, that a signed or labelled answer has left for the first time."""
    if row is None or row.delivered_at is not None or row.state == "passed" or leaving(row) is None:
        return
    at = parts.clock.now()
    event = machine_event(EventType.DELIVERED, row, at, detail={"mode": row.mode, "state": row.state})
    parts.background(_log_delivery(parts, Write((event,), guards=(Statement(_DELIVERED, (row.id, at), key=row.id),))))


async def _log_delivery(parts: Parts, write: Write) -> None:
    with suppress(GarantError):  # another door was first, or the log is away: "released, not delivered" is the safe side
        await parts.writer.append(write)
