"""Support tasks that stream: the release is committed before the first byte, the bytes pass as they come.

What was sent is committed to at the end (`delivered`), because a stream's bytes are not known when it begins.
"""

from __future__ import annotations

from dataclasses import dataclass, replace
from typing import TYPE_CHECKING, Literal

from gateway import usage
from gateway.audit.batch import Write
from gateway.audit.leaf import EventType
from gateway.errors import UpstreamFailed
from gateway.outbound import Outgoing, forwarded_headers, returned_headers
from gateway.proxy.intercept import check_running, check_usable, receive
from gateway.proxy.steps.capture import Received, blank_row, case_guard, event
from gateway.proxy.steps.release import signature_headers
from gateway.suggestions.content import Place, Sealed
from gateway.suggestions.repository import inserted, stored
from gateway.suggestions.states import State

if TYPE_CHECKING:
    from collections.abc import AsyncIterator

    from starlette.types import Send

    from gateway.identity.machines import Machine
    from gateway.messages import Answer
    from gateway.policy.lanes import Lane
    from gateway.proxy.routes import Found
    from gateway.proxy.steps.parts import Parts
    from gateway.suggestions.models import AnySuggestion


@dataclass(slots=True)
class _Passing:
    """What has passed so far; the bytes are kept for the end only where the policy keeps content."""

    received: Received
    row: AnySuggestion
    kept: list[bytes]


async def pass_through(parts: Parts, found: Found, lane: Lane, machine: Machine, send: Send) -> None:
    """Forward a stream chunk by chunk; whoever hangs up cancels the AI system's work."""
    check_running(parts, lane, machine)
    received = await receive(parts, found, lane, machine)
    target = received.recognised.forward_path + ("?" + found.call.query.decode("latin-1") if found.call.query else "")
    outgoing = Outgoing(found.call.method, target, forwarded_headers(found.call.headers, parts.via), received.recognised.forward_body)
    passing: _Passing | None = None
    try:
        async with parts.outbound.door(lane.system.id).opened(outgoing) as (head, chunks):
            check_usable(head, lane)
            passing = await _begin(parts, received)
            await _pass(parts, passing, head, chunks, send)
    except UpstreamFailed as error:
        if passing is None:  # what broke off later is told by the entry that ends the stream
            await parts.writer.append(parts.capturer.failed(received, error.code, parts.clock.now()))
        raise


async def _begin(parts: Parts, received: Received) -> _Passing:
    """Commit the release; only then may a byte leave."""
    at = parts.clock.now()
    row = blank_row(received, parts.writer.identity.establishment, State.PASSED)
    row.answered_at = row.released_at = at
    row.attach_key = None  # a stream is not kept as an answer, so an equal call is a new one
    events = (event(received, EventType.RECEIVED, received.at), event(received, EventType.RELEASED, at, decision="log_only"))
    scopes = received.lane.scopes(received.machine.site)
    await parts.writer.append(
        Write(events, guards=(*case_guard(received.case, row.establishment), inserted(row)), scopes=scopes, new_case=received.case.new)
    )
    return _Passing(received, row, [])


async def _pass(parts: Parts, passing: _Passing, head: Answer, chunks: AsyncIterator[bytes], send: Send) -> None:
    headers = [*returned_headers(head.headers), *signature_headers(passing.row)]
    await send({"type": "http.response.start", "status": head.status, "headers": headers})
    ending = EventType.DELIVERY_FAILED
    try:
        async for chunk in chunks:
            passing.kept.append(chunk)
            await send({"type": "http.response.body", "body": chunk, "more_body": True})
        await send({"type": "http.response.body", "body": b""})
        ending = EventType.DELIVERED
    finally:
        parts.background(_end(parts, passing, ending))


async def _end(parts: Parts, passing: _Passing, ending: EventType) -> None:
    """Commit to what was sent, whole or broken off, and count it."""
    received, row, at = passing.received, passing.row, parts.clock.now()
    sent = b"".join(passing.kept)
    entry = event(received, ending, at, detail={"bytes": str(len(sent)), "mode": row.mode})
    place = Place(row.establishment, row.case_id, entry.id)
    keep = received.lane.requirement.policy.keep_content
    sealed: Sealed = parts.keys.vault.seal("suggestion", sent, place) if keep else parts.keys.vault.commit_only("suggestion", sent, place)
    entry = replace(entry, commitments={"suggestion": sealed.commitment})
    outcome: Literal["auto", "ignored"] = "auto" if ending is EventType.DELIVERED else "ignored"
    counted = usage.record(row, usage.Work(outcome, received.lane.task.profession, at, released_at=row.released_at))
    await parts.writer.append(Write((entry,), effects=stored(row.id, (sealed,)), usage=counted))
