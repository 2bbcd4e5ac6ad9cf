"""The other doors to a call: polls and cancels of a hold, lists of models, health and descriptions of models.

One hold is one resource; `/suggestions/{id}` and `/holds/{id}` are its native addresses, `/v1/responses/{id}` the
OpenAI one. Only the machine that made the call may see it.
"""

from __future__ import annotations

from http import HTTPStatus
from typing import TYPE_CHECKING, Final
from uuid import UUID

from gateway import usage
from gateway.adapters import inference_v2, json_body, openai_chat, openai_responses
from gateway.adapters.protocol import Operation
from gateway.audit.batch import Write
from gateway.audit.leaf import EventType
from gateway.errors import BadInput, Unknown, UpstreamFailed
from gateway.messages import Reply
from gateway.outbound import Outgoing, forwarded_headers, returned_headers
from gateway.proxy.intercept import check_running
from gateway.proxy.sending import RETRY_AFTER_SECONDS, delivered, machine_event, send_reply
from gateway.proxy.steps.release import pending
from gateway.signals.bus import Topic, message
from gateway.suggestions.repository import moved
from gateway.suggestions.states import Action

if TYPE_CHECKING:
    from starlette.types import Send

    from gateway.identity.machines import Machine
    from gateway.messages import Call
    from gateway.policy.lanes import Lane
    from gateway.proxy.routes import Found
    from gateway.proxy.steps.parts import Parts
    from gateway.suggestions.models import AnySuggestion

_NATIVE: Final = ("/suggestions/", "/holds/")


async def native(parts: Parts, call: Call, machine: Machine, send: Send) -> bool:
    """Serve a hold's own addresses; False where the call is not one of theirs."""
    if not call.path.startswith(_NATIVE):
        return False
    kind, _, rest = call.path[1:].partition("/")
    name, _, part = rest.partition("/")
    row = await _own(parts, name, machine)
    if call.method == "DELETE":
        await send_reply(send, await parts.counter.reply(await _given_up(parts, row)))
    elif call.method in {"GET", "HEAD"} and part in {"", "result"}:
        await _send_state(parts, row, send, call.method, redirect=kind == "holds" and not part)
    else:
        message = "Read a hold with GET, its result with GET …/result, and give it up with DELETE."
        raise BadInput(message, code="method_not_allowed")
    return True


async def local(parts: Parts, found: Found, machine: Machine) -> Reply:
    """What the gateway answers itself."""
    if found.recognised.operation is Operation.LOCAL:
        return _own_words(parts, found, machine)
    row = await _own(parts, (found.recognised.resource or "").removeprefix("resp_"), machine)
    if found.recognised.operation is Operation.RETRIEVE:
        reply = await parts.counter.reply(row)
        delivered(parts, row)
        return reply
    row = await _given_up(parts, row)
    if found.call.method == "DELETE":
        return openai_responses.deleted(str(row.id))
    return await parts.counter.reply(row)


async def metadata(parts: Parts, found: Found, lane: Lane, machine: Machine) -> Reply:
    """A model's own description, asked of the AI system, unless that is stopped: no suggestion is in it."""
    check_running(parts, lane, machine)
    outgoing = Outgoing(found.call.method, found.recognised.forward_path, forwarded_headers(found.call.headers, parts.via), b"")
    answer = await parts.outbound.door(lane.system.id).exchange(outgoing)
    if answer.status != HTTPStatus.OK:
        message = f"The AI system '{lane.system.id}' did not describe itself (status {answer.status})."
        raise UpstreamFailed(message)
    return Reply(answer.status, returned_headers(answer.headers), answer.body)


async def _send_state(parts: Parts, row: AnySuggestion, send: Send, method: str, *, redirect: bool) -> None:
    if pending(row):
        await send_reply(send, json_body.accepted(str(row.id), RETRY_AFTER_SECONDS))
    elif redirect:
        location = f"/holds/{row.id}/result".encode()
        await send_reply(send, Reply(HTTPStatus.SEE_OTHER, ((b"location", location), (b"cache-control", b"no-store")), b""))
    else:
        await send_reply(send, await parts.counter.reply(row))
        delivered(parts, row if method == "GET" else None)  # a HEAD delivers nothing


async def _own(parts: Parts, name: str, machine: Machine) -> AnySuggestion:
    try:
        row = await parts.suggestions.get(UUID(name))
    except ValueError:
        row = None
    if row is None or row.machine != machine.id:
        message = "There is no hold with this id for this key. Use the key that made it, and the id of its answer."
        raise Unknown(message)
    return row


async def _given_up(parts: Parts, row: AnySuggestion) -> AnySuggestion:
    """The caller gives the hold up: withdrawn, logged, gone from the queue."""
    at = parts.clock.now()
    event = machine_event(EventType.RECALLED, row, at, decision="cancelled")
    changes = {"attach_key": None, "next_clock_at": None, "decided_at": at}
    guards = (moved(row, Action.CANCEL, changes),)
    work = await usage.left(parts.suggestions, row, at)
    wake = (message(Topic.SUGGESTION, row.id), message(Topic.QUEUE, row.id))
    await parts.writer.append(Write((event,), guards=guards, usage=work, wake=wake))
    return await parts.suggestions.get(row.id)


def _own_words(parts: Parts, found: Found, machine: Machine) -> Reply:
    if found.call.path.startswith("/v2"):
        return inference_v2.local_reply(found.call.path)
    lanes = parts.routes.usable(machine, found.task, "openai")
    names = sorted({model for lane in lanes for model in lane.system.models})
    return openai_chat.models_reply(names, found.recognised.resource)
