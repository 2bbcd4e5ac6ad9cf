"""OpenAI chat completions: what is read, what is shown, what leaves.

An approved answer leaves byte for byte; an amended one differs in the signed text alone. A withheld one is the
protocol's own refusal (200, `content_filter`) or 403, never 202, 409, 429 or 5xx, which official clients misread or
repeat. Tool calls are actions and are held like text.
"""

from __future__ import annotations

from typing import TYPE_CHECKING, Final, TypeAlias

import orjson

from gateway.adapters import openai_responses, sse
from gateway.adapters.document import (
    NO_RETRY,
    answer_object,
    case_and_patient,
    check_amendment,
    decoded,
    json_reply,
    kept_headers,
    openai_error,
    openai_withheld,
    request_json,
    sentence,
    unreadable,
    version_at,
)
from gateway.adapters.exact.spans import replaced
from gateway.adapters.identity.patient import check_patient
from gateway.adapters.protocol import Field, Operation, Recognised, View
from gateway.errors import Unknown
from gateway.messages import Reply

if TYPE_CHECKING:
    from collections.abc import Sequence

    from gateway.adapters.protocol import (
        Amendment,
        Answer,
        Call,
        JsonValue,
        Reading,
        Withheld,
    )

PATH: Final = "/v1/chat/completions"
Object: TypeAlias = "dict[str, JsonValue]"
_ACTIONS: Final = ("tool_calls", "function_call")
_SHOWN: Final = ("content", "refusal", "reasoning_content", "reasoning", "audio", *_ACTIONS)
_SET: Final = frozenset({"role", "id", "type"})


def recognise(call: Call, reading: Reading) -> Recognised:
    """Read a chat call. Raises BadInput."""
    asked = request_json(call)
    model, stream = openai_responses.model_and_stream(asked)
    case, patient = case_and_patient(asked, reading, "/metadata/case")
    return Recognised(Operation.INFER, model, PATH, call.body, stream=stream, case_ref=case, patient=patient)


def read(answer: Answer, recognised: Recognised, reading: Reading) -> View:
    """What a person is shown. Raises UpstreamFailed."""
    document = _document(answer, recognised)
    check_patient(document, recognised, reading)
    model = document.get("model")
    version = version_at(document, reading, "/model")
    return View(_fields(document), model if isinstance(model, str) else recognised.model, version)


def render(answer: Answer, amendment: Amendment | None, recognised: Recognised) -> Reply:
    """The released answer. Raises BadInput for an amendment of anything but a shown part."""
    if not amendment:
        return Reply(answer.status, kept_headers(answer.headers), answer.body)
    document = _document(answer, recognised)
    check_amendment(amendment, _fields(document))
    headers = kept_headers(answer.headers, changed=True)
    if not recognised.stream:
        return Reply(answer.status, headers, replaced(decoded(answer), amendment))
    amended = answer_object(replaced(orjson.dumps(document), amendment))
    chunks, _ = sse.objects(decoded(answer))
    return Reply(answer.status, headers, _streamed(amended, chunks))


def withhold(withheld: Withheld, recognised: Recognised) -> Reply:
    """A refusal in the protocol's own words, or 403."""
    if not withheld.as_refusal:
        return json_reply(403, openai_withheld(withheld), NO_RETRY)
    if recognised.stream:
        return Reply(200, (*sse.HEADERS, NO_RETRY), stream_tail(withheld, recognised))
    message: Object = {"role": "assistant", "content": None, "refusal": sentence(withheld)}
    choice: Object = {"index": 0, "message": message, "finish_reason": "content_filter", "logprobs": None}
    return json_reply(200, {**_head(withheld, recognised, "chat.completion"), "choices": [choice]}, NO_RETRY)


def stream_tail(withheld: Withheld, recognised: Recognised) -> bytes:
    """The end of an event stream whose headers have left: a refusal, or an error event that clients raise."""
    if openai_responses.is_responses(recognised):
        return openai_responses.stream_tail(withheld, recognised)
    if not withheld.as_refusal:
        return sse.event(openai_withheld(withheld))
    head = _head(withheld, recognised, "chat.completion.chunk")
    said = _chunk(head, 0, {"role": "assistant", "content": None, "refusal": sentence(withheld)}, None)
    return said + _chunk(head, 0, {}, "content_filter") + sse.DONE


def models_reply(names: Sequence[str], wanted: str | None = None) -> Reply:
    """`GET /v1/models` and, with `wanted`, `GET /v1/models/{id}` (404 where it is not among the names)."""
    models: list[JsonValue] = [{"id": name, "object": "model", "created": 0, "owned_by": "garant"} for name in names]
    if wanted is None:
        return json_reply(200, {"object": "list", "data": models})
    if wanted not in names:
        message = f"There is no model '{wanted[:100]}' for this key. GET /v1/models lists those that are."
        return json_reply(404, openai_error(message, "not_found_error", Unknown.code), NO_RETRY)
    return json_reply(200, models[list(names).index(wanted)])


def _head(withheld: Withheld, recognised: Recognised, kind: str) -> Object:
    return {"id": f"chatcmpl-{withheld.suggestion}", "object": kind, "created": withheld.created, "model": recognised.model}


def _chunk(head: Object, index: int, delta: Object, finish: JsonValue) -> bytes:
    return sse.event({**head, "choices": [{"index": index, "delta": delta, "logprobs": None, "finish_reason": finish}]})


def _document(answer: Answer, recognised: Recognised) -> Object:
    """The answer, a stream put together, as a whole non-stream document. Raises UpstreamFailed."""
    body = decoded(answer)
    document = _assembled(body) if recognised.stream else answer_object(body)
    if document.get("error"):
        raise unreadable("it is an error report")
    for choice in _choices(document):
        _check_choice(choice)
    return document


def _choices(document: Object) -> list[Object]:
    choices = document.get("choices")
    found = [choice for choice in choices if isinstance(choice, dict)] if isinstance(choices, list) else []
    if not found or not isinstance(choices, list) or len(found) != len(choices):
        raise unreadable("it has no choices")
    return found


def _check_choice(choice: Object) -> None:
    if not isinstance(choice.get("message"), dict):
        raise unreadable("a choice has no message")
    finish = choice.get("finish_reason")
    if not isinstance(finish, str) or not finish:
        raise unreadable("a choice does not say why it ended, so it may be cut off")


def _fields(document: Object) -> tuple[Field, ...]:
    return tuple(part for number, choice in enumerate(_choices(document)) for part in _of_choice(number, choice))


def _of_choice(number: int, choice: Object) -> list[Field]:
    """Everything of a message that would reach its reader."""
    message = choice["message"]
    assert isinstance(message, dict)  # noqa: S101 - checked when the choices were read
    found = {name: message[name] for name in _SHOWN if message.get(name)} or {"content": message.get("content")}
    return [Field(f"/choices/{number}/message/{name}", _label(name, number), _kind(name, value), value) for name, value in found.items()]


def _label(name: str, number: int) -> str:
    return name if number == 0 else f"{name} ({number + 1})"


def _kind(name: str, value: JsonValue) -> str:
    if name in _ACTIONS:
        return "action"
    return "text" if value is None or isinstance(value, str) else "json"


def _assembled(body: bytes) -> Object:
    """A stream's chunks as the document a non-stream call would have got."""
    chunks, done = sse.objects(body)
    if not done or not chunks:
        raise unreadable("its stream was cut off before the end")
    document: Object = {**_without_choices(chunks[0]), "object": "chat.completion"}
    choices: dict[int, Object] = {}
    for chunk in chunks:
        if chunk.get("usage"):
            document["usage"] = chunk["usage"]
        _add_chunk(choices, chunk.get("choices"))
    document["choices"] = [choices[index] for index in sorted(choices)]
    return document


def _without_choices(chunk: Object) -> Object:
    return {key: value for key, value in chunk.items() if key not in {"choices", "usage"}}


def _add_chunk(choices: dict[int, Object], parts: JsonValue) -> None:
    for part in parts if isinstance(parts, list) else []:
        index = part.get("index", 0) if isinstance(part, dict) else None
        if not isinstance(part, dict) or not isinstance(index, int):
            raise unreadable("its stream has a chunk of another shape")
        choice = choices.setdefault(index, {"index": index, "message": {"role": "assistant", "content": None}, "finish_reason": None})
        if part.get("finish_reason"):
            choice["finish_reason"] = part["finish_reason"]
        message, delta = choice["message"], part.get("delta")
        if isinstance(message, dict) and isinstance(delta, dict):
            _merge(message, delta)


def _merge(whole: Object, delta: Object) -> None:
    """Texts are continued, lists merged by `index`, objects merged; null says nothing. What was said cannot be replaced."""
    for key, value in delta.items():
        old = whole.get(key)
        if {type(old), type(value)} & {str, dict, list} and type(old) is not type(value) and None not in (old, value):
            raise unreadable("its stream replaces a text by something else")
        if value is None:
            whole.setdefault(key, None)
        elif isinstance(value, str) and isinstance(old, str) and key not in _SET:
            whole[key] = old + value
        elif isinstance(value, dict):
            whole[key] = merged = dict(old) if isinstance(old, dict) else {}
            _merge(merged, value)
        elif isinstance(value, list):
            whole[key] = _merged_list(old if isinstance(old, list) else [], value)
        else:
            whole[key] = value


def _merged_list(old: list[JsonValue], new: list[JsonValue]) -> list[JsonValue]:
    out = list(old)
    for item in new:
        index = item.get("index") if isinstance(item, dict) else None
        known = next((one for one in out if isinstance(one, dict) and index is not None and one.get("index") == index), None)
        if known is not None and isinstance(item, dict):
            _merge(known, item)
        else:
            out.append(item)
    return out


def _streamed(document: Object, chunks: Sequence[Object]) -> bytes:
    """An amended document as a stream: the first chunk's shape, each message in one delta, its finish, the mark."""
    head, out = _without_choices(chunks[0]), b""
    for choice in _choices(document):
        index, message = choice["index"], choice["message"]
        assert isinstance(index, int)  # noqa: S101 - checked when the choices were read
        assert isinstance(message, dict)  # noqa: S101
        out += _chunk(head, index, message, None) + _chunk(head, index, {}, choice["finish_reason"])
    if "usage" in document:
        out += sse.event({**head, "choices": [], "usage": document["usage"]})
    return out + sse.DONE
