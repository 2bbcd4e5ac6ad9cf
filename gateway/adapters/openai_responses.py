"""OpenAI responses: the protocol with a native hold.

`background: true` is the gateway's own: it is taken out of what the AI system gets, the caller polls
`GET /v1/responses/{id}` and sees queued, in_progress, completed. `completed` is said of released bytes only.
"""

from __future__ import annotations

from typing import TYPE_CHECKING, Final, TypeAlias
from uuid import UUID

import orjson

from gateway.adapters import sse
from gateway.adapters.document import (
    NO_RETRY,
    answer_object,
    at,
    case_and_patient,
    check_amendment,
    code_of,
    decoded,
    json_reply,
    kept_headers,
    method_not_allowed,
    openai_withheld,
    request_json,
    sentence,
    unreadable,
    version_at,
)
from gateway.adapters.exact.spans import replaced, with_member, without_member
from gateway.adapters.identity.patient import check_patient
from gateway.adapters.protocol import Field, Operation, Recognised, State, View
from gateway.errors import BadInput, Unknown, UpstreamFailed
from gateway.messages import Reply

if TYPE_CHECKING:
    from collections.abc import Iterator

    from gateway.adapters.protocol import (
        Amendment,
        Answer,
        Call,
        JsonValue,
        Reading,
        Withheld,
    )

PATH: Final = "/v1/responses"
Object: TypeAlias = "dict[str, JsonValue]"
_MESSAGE_TEXTS: Final = ("text", "refusal")
_SAYING: Final = frozenset({"text", "refusal", "arguments", "input", "code", "name"})
_PLACES: Final = {
    "response.output_item": "/output/{o}",
    "response.content_part": "/output/{o}/content/{c}",
    "response.reasoning_summary_part": "/output/{o}/summary/{s}",
    "response.output_text": "/output/{o}/content/{c}/text",
    "response.refusal": "/output/{o}/content/{c}/refusal",
    "response.reasoning_text": "/output/{o}/content/{c}/text",
    "response.reasoning_summary_text": "/output/{o}/summary/{s}/text",
    "response.function_call_arguments": "/output/{o}/arguments",
    "response.mcp_call_arguments": "/output/{o}/arguments",
    "response.custom_tool_call_input": "/output/{o}/input",
    "response.code_interpreter_call_code": "/output/{o}/code",
}
_STATUS: Final = {State.WITHHELD: "in_progress", State.CANCELLED: "cancelled"}


def is_responses(recognised: Recognised) -> bool:
    """Whether a recognised call is one of this protocol; only it knows background calls."""
    return recognised.background or recognised.forward_path.startswith(PATH)


def recognise(call: Call, reading: Reading) -> Recognised:
    """Read a call on `/v1/responses[/…]`. Raises BadInput, Unknown."""
    if call.path != PATH:
        return _of_hold(call)
    if call.method != "POST":
        raise method_not_allowed(PATH, "POST")
    asked = request_json(call)
    model, stream = model_and_stream(asked)
    background = flag(asked, "background")
    if background and stream:
        message = "A background call cannot be a stream here: nothing flows before a clinician has signed. Send one of the two."
        raise BadInput(message, code="background_stream")
    case, patient = case_and_patient(asked, reading, "/metadata/case")
    body = without_member(_plain(call), "background") if "background" in asked else call.body
    return Recognised(Operation.INFER, model, PATH, body, stream=stream, background=background, case_ref=case, patient=patient)


def model_and_stream(asked: Object) -> tuple[str, bool]:
    """The two members every OpenAI call is read for. Raises BadInput."""
    model = asked.get("model")
    if not isinstance(model, str) or not model:
        message = "The call names no model. Set `model` to a name that GET /v1/models lists."
        raise BadInput(message, code="no_model")
    return model, flag(asked, "stream")


def flag(asked: Object, name: str) -> bool:
    """A member that is true, false or absent. Raises BadInput."""
    value = asked.get(name)
    if value is not None and not isinstance(value, bool):
        message = f"`{name}` is neither true nor false. Send one of the two."
        raise BadInput(message)
    return bool(value)


def read(answer: Answer, recognised: Recognised, reading: Reading) -> View:
    """What a person is shown. Raises UpstreamFailed."""
    document = _document(answer, recognised)
    check_patient(document, recognised, reading)
    model = document.get("model")
    return View(_fields(document), model if isinstance(model, str) else recognised.model, version_at(document, reading, "/model"))


def render(answer: Answer, amendment: Amendment | None, recognised: Recognised, suggestion: str) -> Reply:
    """The released answer; a background one carries the id its caller polls. Raises BadInput."""
    if not amendment and not recognised.background:
        return Reply(answer.status, kept_headers(answer.headers), answer.body)
    headers, document = kept_headers(answer.headers, changed=True), _document(answer, recognised)
    check_amendment(amendment or {}, _fields(document))
    if recognised.stream:
        return Reply(answer.status, headers, _replayed(_amended(document, amendment or {})))
    body = replaced(decoded(answer), amendment or {})
    if recognised.background:
        body = with_member(with_member(body, "background", value=True), "id", value=response_id(suggestion))
    return Reply(answer.status, headers, body)


def withhold(withheld: Withheld, recognised: Recognised) -> Reply:
    """The state of a background call, else a refusal in the protocol's own words, or 403."""
    if recognised.background:
        return json_reply(200, _background(withheld, recognised), NO_RETRY)
    if not withheld.as_refusal:
        return json_reply(403, openai_withheld(withheld), NO_RETRY)
    if recognised.stream:
        return Reply(200, (*sse.HEADERS, NO_RETRY), stream_tail(withheld, recognised))
    return json_reply(200, _refusal(withheld, recognised), NO_RETRY)


def stream_tail(withheld: Withheld, recognised: Recognised) -> bytes:
    """The end of an event stream whose headers have left: a refusal, or an error event that clients raise."""
    if withheld.as_refusal:
        return _replayed(_refusal(withheld, recognised), ending="response.incomplete")
    told: Object = {"type": "error", "code": code_of(withheld), "message": sentence(withheld), "param": None, "sequence_number": 0}
    return sse.event({**told, **openai_withheld(withheld)}, "error")


def response_id(suggestion: str) -> str:
    """The id a caller polls."""
    try:
        return f"resp_{UUID(suggestion).hex}"
    except ValueError:
        return f"resp_{suggestion}"


def deleted(suggestion: str) -> Reply:
    """The reply to `DELETE /v1/responses/{id}`."""
    return json_reply(200, {"id": response_id(suggestion), "object": "response", "deleted": True})


def _of_hold(call: Call) -> Recognised:
    name, _, part = call.path.removeprefix(PATH + "/").partition("/")
    if not name or part not in {"", "cancel"}:
        message = f"Nothing is served at {call.path[:200]}. A background answer is at {PATH}/ID and {PATH}/ID/cancel."
        raise Unknown(message, code="unknown_route")
    operations = {("GET", ""): Operation.RETRIEVE, ("DELETE", ""): Operation.CANCEL, ("POST", "cancel"): Operation.CANCEL}
    operation = operations.get((call.method, part))
    if operation is None:
        raise method_not_allowed(call.path, "POST" if part else "GET or DELETE")
    return Recognised(operation, "", call.path, b"", background=True, resource=name)


def _plain(call: Call) -> bytes:
    if call.header(b"content-encoding") not in {None, b"", b"identity"}:
        message = "`background` is the gateway's own and cannot be taken out of a compressed body. Send the body without Content-Encoding."
        raise BadInput(message, code="bad_encoding")
    return call.body


def _base(withheld: Withheld, recognised: Recognised, status: str) -> Object:
    return {
        "id": response_id(withheld.suggestion),
        "object": "response",
        "created_at": withheld.created,
        "status": status,
        "model": recognised.model,
        "output": [],
        "error": None,
        "incomplete_details": None,
        "instructions": None,
        "metadata": {
            "suggestion": withheld.suggestion,
            "state": withheld.state.value,
            "review_url": withheld.review_url,
            "detail": sentence(withheld)[:512],
        },
        "parallel_tool_calls": False,
        "temperature": None,
        "tool_choice": "auto",
        "tools": [],
        "top_p": None,
        "background": recognised.background,
        "usage": None,
    }


def _background(withheld: Withheld, recognised: Recognised) -> Object:
    waiting = "queued" if withheld.code == "queued" else "in_progress"
    status = waiting if withheld.state is State.PENDING else _STATUS.get(withheld.state, "failed")
    document = _base(withheld, recognised, status)
    if status in {"failed", "cancelled"}:
        document["error"] = {"code": code_of(withheld), "message": sentence(withheld)}
    return document


def _refusal(withheld: Withheld, recognised: Recognised) -> Object:
    document = _base(withheld, recognised, "incomplete")
    part: Object = {"type": "refusal", "refusal": sentence(withheld)}
    name = response_id(withheld.suggestion).replace("resp_", "msg_")
    document["output"] = [{"id": name, "type": "message", "role": "assistant", "status": "incomplete", "content": [part]}]
    document["incomplete_details"] = {"reason": "content_filter"}
    return document


def _document(answer: Answer, recognised: Recognised) -> Object:
    """The whole response. Raises UpstreamFailed for one that failed, is cut off, or streams other text than it ends with."""
    body = decoded(answer)
    document = _completed(body) if recognised.stream else answer_object(body)
    if document.get("error") or document.get("status") not in (None, "completed"):
        raise unreadable("it is not a completed response")
    _items(document)
    return document


def _completed(body: bytes) -> Object:
    events, _ = sse.objects(body)
    final = events[-1] if events else {}
    document = final.get("response")
    if final.get("type") != "response.completed" or not isinstance(document, dict):
        raise unreadable("its stream was cut off before the end")
    _check_same_text(events, document)
    return document


def _check_same_text(events: tuple[Object, ...], document: Object) -> None:
    """What streams past a reader, text or action, has to be what the signer was shown."""
    streamed: dict[str, str] = {}
    for event in events[:-1]:
        kind, _, stage = str(event.get("type")).rpartition(".")
        if stage == "delta":
            pointer = _place(kind, event)
            streamed[pointer] = streamed.get(pointer, "") + str(event.get("delta"))
        elif stage in {"added", "done"} and kind in _PLACES:
            _check_part(event, _place(kind, event), document, whole=stage == "done")
        elif any(_said(_found(event, "/response/output"))):
            raise _differs()
    if any(_found(document, pointer) != text for pointer, text in streamed.items()):
        raise _differs()


def _check_part(event: Object, pointer: str, document: Object, *, whole: bool) -> None:
    """A part that is told at once; one that only begins may be empty still."""
    told = next((event[name] for name in ("item", "part", pointer.rpartition("/")[2]) if name in event), None)
    said, shown = _said({"text": told}), _said({"text": _found(document, pointer)})
    if (whole and said != shown) or not {text for text in said if text} <= set(shown):
        raise _differs()


def _place(kind: str, event: Object) -> str:
    """Where in the document a kind of event belongs. Raises UpstreamFailed for one that could not be shown."""
    if kind not in _PLACES:
        raise unreadable(f"its stream has parts of the kind '{kind[:60]}', which cannot be shown")
    return _PLACES[kind].format(o=event.get("output_index"), c=event.get("content_index"), s=event.get("summary_index"))


def _said(value: JsonValue) -> list[str]:
    """Every text and action in a part, in order."""
    if isinstance(value, list):
        return [text for part in value for text in _said(part)]
    if not isinstance(value, dict):
        return []
    here = [part for name, part in sorted(value.items()) if name in _SAYING and isinstance(part, str)]
    return here + [text for _, part in sorted(value.items()) for text in _said(part)]


def _found(document: Object, pointer: str) -> JsonValue:
    try:
        return at(document, pointer)
    except KeyError:
        return None


def _differs() -> UpstreamFailed:
    return unreadable("the text it streamed is not the text it ended with")


def _items(document: Object) -> list[Object]:
    output = document.get("output")
    items = [item for item in output if isinstance(item, dict)] if isinstance(output, list) else []
    if not items or not isinstance(output, list) or len(items) != len(output):
        raise unreadable("it has no output")
    return items


def _fields(document: Object) -> tuple[Field, ...]:
    return tuple(part for number, item in enumerate(_items(document)) for part in _of_item(f"/output/{number}", item))


def _of_item(pointer: str, item: Object) -> Iterator[Field]:
    """Message parts are text; other items are actions, except a model's reasoning."""
    content = item.get("content")
    if item.get("type") != "message":
        yield Field(pointer, str(item.get("type")), "json" if item.get("type") == "reasoning" else "action", item)
    elif not isinstance(content, list):
        raise unreadable("a message has no content")
    else:
        for number, part in enumerate(content):
            yield _of_part(f"{pointer}/content/{number}", part)


def _of_part(pointer: str, part: JsonValue) -> Field:
    for name in _MESSAGE_TEXTS:
        if isinstance(part, dict) and isinstance(part.get(name), str):
            return Field(f"{pointer}/{name}", name, "text", part[name])
    return Field(pointer, "content", "json", part)


def _amended(document: Object, amendment: Amendment) -> Object:
    return answer_object(replaced(orjson.dumps(document), amendment))


def _replayed(document: Object, ending: str = "response.completed") -> bytes:
    """A response as the events that lead to it, numbered."""
    begun: Object = {**document, "status": "in_progress", "output": [], "usage": None, "incomplete_details": None}
    told: list[Object] = [{"type": "response.created", "response": begun}, {"type": "response.in_progress", "response": begun}]
    for number, item in enumerate(_items(document)):
        told += _item_events(number, item)
    told.append({"type": ending, "response": document})
    return b"".join(sse.event({**event, "sequence_number": number}, str(event["type"])) for number, event in enumerate(told))


def _item_events(number: int, item: Object) -> Iterator[Object]:
    where: Object = {"output_index": number}
    content = item.get("content")
    parts = content if item.get("type") == "message" and isinstance(content, list) else []
    begun: Object = {**item, "status": "in_progress", "content": []} if parts else item
    yield {"type": "response.output_item.added", **where, "item": begun}
    for index, part in enumerate(parts):
        if isinstance(part, dict):
            yield from _part_events({**where, "item_id": item.get("id"), "content_index": index}, part)
    yield {"type": "response.output_item.done", **where, "item": item}


def _part_events(where: Object, part: Object) -> Iterator[Object]:
    name = "text" if "text" in part else "refusal"
    kind = "response.output_text" if name == "text" else "response.refusal"
    extra: Object = {"logprobs": []} if name == "text" else {}
    yield {"type": "response.content_part.added", **where, "part": {**part, name: ""}}
    yield {"type": f"{kind}.delta", **where, "delta": part.get(name), **extra}
    yield {"type": f"{kind}.done", **where, name: part.get(name), **extra}
    yield {"type": "response.content_part.done", **where, "part": part}
