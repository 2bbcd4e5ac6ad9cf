"""The story of a call, left to right; every step returns a new value and none calls back.

Any failure ends in the safe answer of the task's release mode: a held answer stays withheld, a clinician is still
notified, and nothing that is not released can be read as a result.
"""

from __future__ import annotations

import re
from contextlib import suppress
from dataclasses import dataclass, replace
from http import HTTPStatus
from typing import TYPE_CHECKING, Final

from gateway.errors import (
    AuditUnavailable,
    BadInput,
    Conflict,
    KeyReused,
    Suspended,
    UpstreamFailed,
)
from gateway.ids import uuid7
from gateway.outbound import Outgoing, forwarded_headers, returned_headers
from gateway.policy.models import ReleaseMode
from gateway.proxy.steps.capture import Received
from gateway.proxy.steps.release import leaving, pending, signature_headers
from gateway.suggestions.exchange import slim
from gateway.suggestions.states import State

if TYPE_CHECKING:
    from gateway.adapters.protocol import View
    from gateway.identity.machines import Machine
    from gateway.messages import Answer, Call, Reply
    from gateway.policy.lanes import Lane
    from gateway.proxy.routes import Found
    from gateway.proxy.steps.capture import Captured
    from gateway.proxy.steps.cases import Case
    from gateway.proxy.steps.parts import Parts
    from gateway.suggestions.models import AnySuggestion

MAX_PREFER_WAIT: Final = 25.0
_NAME: Final = re.compile(r"[\x21-\x7e]{0,128}")


@dataclass(frozen=True, slots=True)
class Held:
    """A call that now waits for a person: what to wait for, and how long."""

    row: AnySuggestion
    found: Found
    wait_seconds: float
    as_refusal: bool
    respond_async: bool = False


@dataclass(frozen=True, slots=True)
class Done:
    """A call whose reply is ready; `delivered` names the suggestion whose delivery has to be logged."""

    reply: Reply
    row: AnySuggestion | None = None


async def intercept(parts: Parts, found: Found, lane: Lane, machine: Machine) -> Done | Held:
    """Decide, forward, read, capture, then hold or pass."""
    check_running(parts, lane, machine)
    _check_loop(parts, found.call)
    received = await receive(parts, found, lane, machine)
    attached = await attach(parts, received)
    if attached is not None:
        return await settle(parts, attached, found, lane)
    if found.recognised.background:
        return await promise(parts, received, found, lane)
    answer, view = await forward(parts, received, found.call)
    row = await capture(parts, received, answer, view)
    if row.state == State.PASSED:
        return Done(passed(found, answer, row), row)
    return await settle(parts, row, found, lane)


async def receive(parts: Parts, found: Found, lane: Lane, machine: Machine) -> Received:
    """Name the call: ids, case, and what makes an equal call equal."""
    call, recognised = found.call, found.recognised
    reference = call.header(b"garant-case")
    name = _text(reference) if reference else recognised.case_ref
    case = await _case(parts, lane, name)
    received = Received(uuid7(), lane, machine, recognised, case, parts.clock.now(), None, None)
    return _on_call(parts, _attachable(parts, received, call, name))


async def attach(parts: Parts, received: Received) -> AnySuggestion | None:
    """The suggestion that an equal call made before. Raises KeyReused for one key with two bodies."""
    if received.attach_key is None:
        return None
    row = await _attached(parts, received)
    if row is not None and row.body_hash != received.body_hash:
        message = "This Idempotency-Key was used before with another body, case or address. Use a new key for a new question."
        raise KeyReused(message)
    return row


async def forward(parts: Parts, received: Received, call: Call, queued: AnySuggestion | None = None) -> tuple[Answer, View]:
    """Ask the AI system and read its answer; a failure is logged and becomes an error in the protocol's own shape."""
    target = received.recognised.forward_path + ("?" + call.query.decode("latin-1") if call.query else "")
    outgoing = Outgoing(call.method, target, forwarded_headers(call.headers, parts.via), received.recognised.forward_body)
    try:
        answer = check_usable(await parts.outbound.door(received.lane.system.id).exchange(outgoing), received.lane)
        return answer, _named(received.lane.adapter.read(answer, received.recognised, received.lane.reading))
    except UpstreamFailed as error:
        await parts.writer.append(parts.capturer.failed(received, error.code, parts.clock.now(), queued))
        raise


async def capture(parts: Parts, received: Received, answer: Answer, view: View) -> AnySuggestion:
    """Commit the answer, or join the equal call that was faster; a time-critical one is notified even without the log."""
    captured = parts.notifier.prepared(parts.capturer.capture(received, answer, view, parts.clock.now()), received)
    try:
        await _kept(parts, captured, received)
    except Conflict:
        return await _joined(parts, received, answer, view)
    return captured.row


async def settle(parts: Parts, row: AnySuggestion, found: Found, lane: Lane) -> Done | Held:
    """A stored suggestion becomes a reply, or a wait."""
    as_refusal = lane.route.while_held == "refusal"
    if leaving(row) is None and pending(row) and not row.background and _may_wait(row, found.call):
        asked = _respond_async(found.call) and lane.system.protocol != "openai"
        return Held(
            row,
            replace(found, recognised=slim(found.recognised), call=replace(found.call, body=b"")),
            _wait_seconds(found.call, lane),
            as_refusal,
            asked,
        )
    return Done(await parts.counter.reply(row, found.recognised, as_refusal=as_refusal), row)


async def promise(parts: Parts, received: Received, found: Found, lane: Lane) -> Done | Held:
    """A background call: commit the promise, answer at once, work on; an equal one that was faster is joined."""
    captured = parts.capturer.queued(received)
    try:
        await parts.writer.append(captured.write)
    except Conflict:
        row = await attach(parts, received)
        if row is None:
            raise
        return await settle(parts, row, found, lane)
    except AuditUnavailable:
        if lane.requirement.mode is not ReleaseMode.NOTIFY_NOW:
            raise
        return await settle(parts, await _unpromised(parts, received, found.call), found, lane)
    known = replace(received, case=replace(received.case, new=False))  # its first entry is in the log now
    parts.background(work_on(parts, known, captured.row, found.call))
    return Done(await parts.counter.reply(captured.row, found.recognised))


async def work_on(parts: Parts, received: Received, row: AnySuggestion, call: Call) -> None:
    """The rest of a background call, after its caller was answered."""
    with suppress(UpstreamFailed, Conflict, Suspended):  # the state already says so
        answer, view = await forward(parts, received, call, row)
        captured = parts.capturer.capture(received, answer, view, parts.clock.now(), row)
        await _kept(parts, parts.notifier.prepared(captured, received), received)


async def _kept(parts: Parts, captured: Captured, received: Received) -> None:
    """Commit it, or where it is time-critical and the log is away: keep it in the spool and notify all the same."""
    try:
        await parts.writer.append(captured.write)
    except AuditUnavailable:
        if received.lane.requirement.mode is not ReleaseMode.NOTIFY_NOW:
            raise
        await parts.notifier.spool(captured)


async def _unpromised(parts: Parts, received: Received, call: Call) -> AnySuggestion:
    """A time-critical background call whose promise could not be written: asked at once, under an id that no late commit can hold."""
    fresh = replace(received, id=uuid7(), attach_key=None)
    answer, view = await forward(parts, fresh, call)
    captured = parts.notifier.prepared(parts.capturer.capture(fresh, answer, view, parts.clock.now()), fresh)
    await parts.notifier.spool(captured)
    return captured.row


def passed(found: Found, answer: Answer, row: AnySuggestion) -> Reply:
    """A support task's answer: the AI system's own bytes, already in the log."""
    rendered = found.adapter.render(replace(answer, headers=returned_headers(answer.headers)), None, found.recognised, str(row.id))
    return replace(rendered, headers=(*rendered.headers, *signature_headers(row)))


async def _joined(parts: Parts, received: Received, answer: Answer, view: View) -> AnySuggestion:
    """After a refused insert: the equal call's suggestion, or a second try with the case that somebody else made."""
    row = await attach(parts, received)
    if row is not None:
        return row
    case = await parts.cases.again(received.case)
    again = replace(received, case=case)
    captured = parts.notifier.prepared(parts.capturer.capture(again, answer, view, parts.clock.now()), again)
    await parts.writer.append(captured.write)
    return captured.row


def check_usable(answer: Answer, lane: Lane) -> Answer:
    """The answer, if its status is 200; anything else is a failure and its body is never shown."""
    if answer.status != HTTPStatus.OK:
        message = f"The AI system '{lane.system.id}' refused or failed (status {answer.status}). No suggestion exists; proceed without AI."
        raise UpstreamFailed(message, code="upstream_refused" if answer.status < HTTPStatus.INTERNAL_SERVER_ERROR else "upstream_failed")
    return answer


def _named(view: View) -> View:
    """The view with names that a log may hold: what an AI system calls itself is an identifier there, or "unnamed"."""
    model, version = (name if _NAME.fullmatch(name) else "unnamed" for name in (view.model, view.model_version))
    return replace(view, model=model, model_version=version)


def check_running(parts: Parts, lane: Lane, machine: Machine) -> None:
    """Refuse at once what the stop button forbids; the log refuses it again at release."""
    if not parts.stops.active.isdisjoint(lane.scopes(machine.site)):
        message = "This AI system, task or site was stopped. Proceed without AI; this is not a negative result."
        raise Suspended(message)


def _check_loop(parts: Parts, call: Call) -> None:
    if any(parts.via in value for key, value in call.headers if key == b"via"):
        message = (
            "This call has already passed through this gateway: an AI system's address leads back here. Correct it in the configuration."
        )
        raise BadInput(message, code="loop")


async def _case(parts: Parts, lane: Lane, reference: str | None) -> Case:
    """The case; a time-critical call does not wait for a database that is away, and gets a fresh one."""
    try:
        return await parts.cases.find(reference)
    except AuditUnavailable:
        if lane.requirement.mode is not ReleaseMode.NOTIFY_NOW:
            raise
        return await parts.cases.find(None)


async def _attached(parts: Parts, received: Received) -> AnySuggestion | None:
    try:
        return await parts.suggestions.attached(_recent_keys(received))
    except AuditUnavailable:
        if received.lane.requirement.mode is not ReleaseMode.NOTIFY_NOW:
            raise
        return None


def _attachable(parts: Parts, received: Received, call: Call, case: str | None) -> Received:
    key, lane = call.header(b"idempotency-key"), received.lane
    if key is None and lane.requirement.mode is ReleaseMode.LOG_ONLY:
        return received
    place = b"\n".join((lane.system.id.encode(), lane.task.id.encode(), call.path.encode(), call.query, (case or "").encode()))
    body = parts.keys.hidden("body", place + b"\n" + call.body)
    same = b"k\n" + key if key is not None else b"c\n" + body
    attach_key = parts.keys.hidden("attach", received.machine.id.encode() + b"\n" + same)
    return replace(received, attach_key=attach_key + _period(received, 0), body_hash=body)


def _text(reference: bytes) -> str:
    """A header as text; no two references may become one, so what is not UTF-8 is read as the older encoding."""
    try:
        return reference.decode()
    except UnicodeDecodeError:
        return reference.decode("latin-1")


def _recent_keys(received: Received) -> tuple[bytes, ...]:
    """This period's key and the last one's: an equal call attaches for at least one period of the policy."""
    key = (received.attach_key or b"")[:-8]
    return (key + _period(received, 0), key + _period(received, 1))


def _period(received: Received, back: int) -> bytes:
    length = received.lane.requirement.policy.expires_seconds
    return (int(received.at.timestamp()) // length - back).to_bytes(8, "big")


def _on_call(parts: Parts, received: Received) -> Received:
    if received.lane.requirement.mode is not ReleaseMode.NOTIFY_NOW:
        return received
    return replace(received, people=parts.notifier.people(received.lane.requirement.policy.notify_rota, received.at))


def _wait_seconds(call: Call, lane: Lane) -> float:
    prefer = call.header(b"prefer") or b""
    for part in prefer.split(b","):
        name, _, value = part.strip().partition(b"=")
        if name.lower() == b"wait" and value.isdigit():
            return min(float(value), MAX_PREFER_WAIT, lane.route.wait_seconds)
    return lane.route.wait_seconds


def _may_wait(row: AnySuggestion, call: Call) -> bool:
    """A time-critical caller gets the state at once, unless it asks to wait."""
    return row.state != State.NOTIFIED or b"wait=" in (call.header(b"prefer") or b"").replace(b" ", b"").lower() or _respond_async(call)


def _respond_async(call: Call) -> bool:
    prefer = call.header(b"prefer") or b""
    return any(part.strip().lower() == b"respond-async" for part in prefer.split(b","))
