"""JSON as every adapter reads and changes it: strict at the door, exact when a signed text is put in.

Reading refuses what is not JSON (NaN, bytes that are not UTF-8, bottomless nesting) and never inflates more than
`MAX_DECODED`. Changing replaces the bytes of one value and nothing else, so that numbers, key order and unknown
members stay as the AI system wrote them (R55). The sentences that keep a withheld answer from being read as a
finding (R18) are here too, once for all protocols.
"""

from __future__ import annotations

import json
import zlib
from http import HTTPStatus
from typing import TYPE_CHECKING, Final

import brotli
import orjson

from gateway.adapters.exact.spans import is_index, tokens
from gateway.adapters.protocol import State, Withheld
from gateway.errors import AuditUnavailable, BadInput, GarantError, UpstreamFailed
from gateway.messages import Reply

if TYPE_CHECKING:
    from collections.abc import Sequence

    from gateway.adapters.protocol import Amendment, Field, Reading
    from gateway.messages import Answer, Call, Headers, JsonValue

MAX_DECODED: Final = 64 * 1024 * 1024
MAX_DEPTH: Final = 64
JSON_TYPE: Final = (b"content-type", b"application/json")
NO_RETRY: Final = (b"x-should-retry", b"false")
NO_STORE: Final = (b"cache-control", b"no-store")
_HOP_BY_HOP: Final = frozenset(
    {
        b"connection",
        b"keep-alive",
        b"proxy-authenticate",
        b"proxy-authorization",
        b"te",
        b"trailer",
        b"transfer-encoding",
        b"upgrade",
        b"content-length",
    }
)
_OF_THE_OLD_BYTES: Final = frozenset({b"content-encoding", b"etag", b"content-md5", b"digest", b"content-digest", b"repr-digest"})
_WITHOUT_AI: Final = frozenset({State.SUSPENDED, State.FAILED, State.NOT_ANALYSED})
_CODES: Final = {
    State.PENDING: "human_review_required",
    State.WITHHELD: "human_review_required",
    State.REJECTED: "rejected_by_clinician",
    State.FAILED: "upstream_failed",
    State.SUSPENDED: "suspended",
    State.EXPIRED: "review_expired",
    State.CANCELLED: "cancelled",
    State.NOT_ANALYSED: "not_analysed",
}


def request_object(body: bytes) -> dict[str, JsonValue]:
    """The JSON object of a request. Raises BadInput."""
    try:
        document = strict(body)
    except ValueError as error:
        message = "The body is not JSON, so nothing was sent to the AI system. Send one JSON object in UTF-8, without NaN and not nested too deeply."
        raise BadInput(message, code="not_json") from error
    if not isinstance(document, dict):
        raise BadInput(
            "The body is JSON but not an object, so nothing was sent to the AI system. Send one JSON object.", code="not_an_object"
        )
    return document


def strict(body: bytes) -> JsonValue:
    """JSON in UTF-8, without NaN, at most MAX_DEPTH deep. Raises ValueError."""
    document: JsonValue = orjson.loads(body)
    if body.count(b"[") + body.count(b"{") > MAX_DEPTH:
        _check_depth(document)
    return document


def request_json(call: Call) -> dict[str, JsonValue]:
    """The JSON object of a call, decoded where `content-encoding` says so. Raises BadInput."""
    try:
        return request_object(_inflated(call.body, _encoding(call.headers)))
    except ValueError as error:
        message = "The body cannot be unpacked as its Content-Encoding says. Send it without compression, or with gzip, deflate or br."
        raise BadInput(message, code="bad_encoding") from error


def decoded(answer: Answer) -> bytes:
    """The answer's body without its content-encoding. Raises UpstreamFailed where it is broken or larger than MAX_DECODED."""
    try:
        return _inflated(answer.body, _encoding(answer.headers))
    except ValueError as error:
        raise unreadable("its compressed body is broken or too large") from error


def answer_document(body: bytes) -> JsonValue:
    """The JSON of an answer. Raises UpstreamFailed, also for two members of one name: signer and caller could see different ones."""
    try:
        document = strict(body)
        json.loads(body, object_pairs_hook=_once, parse_int=str, parse_float=str)
    except ValueError as error:
        raise unreadable("it is not whole JSON") from error
    return document


def answer_object(body: bytes) -> dict[str, JsonValue]:
    """The JSON object of an answer. Raises UpstreamFailed."""
    document = answer_document(body)
    if not isinstance(document, dict):
        raise unreadable("it is not a JSON object")
    return document


def unreadable(what: str) -> UpstreamFailed:
    """The error for an answer that is not whole or not readable; `what` completes "because …"."""
    return UpstreamFailed(
        f"The AI system answered, but the answer cannot be used because {what}. Nothing was released; proceed without AI and tell its operator.",
        fr="Le système d'IA a répondu, mais sa réponse est inutilisable. Rien n'a été remis ; continuez sans l'IA et prévenez son exploitant.",
    )


def at(document: JsonValue, pointer: str) -> JsonValue:
    """The value at a JSON Pointer. Raises KeyError where nothing is there."""
    for token in tokens(pointer):
        if isinstance(document, dict):
            document = document[token]
        elif isinstance(document, list) and is_index(token) and int(token) < len(document):
            document = document[int(token)]
        else:
            raise KeyError(pointer)
    return document


def text_at(document: JsonValue, pointer: str | None) -> str | None:
    """The text or number at a pointer, as text; None where there is none."""
    try:
        value = None if pointer is None else at(document, pointer)
    except KeyError:
        return None
    if isinstance(value, bool) or not isinstance(value, str | int | float):
        return None
    return str(value) or None


def case_and_patient(document: JsonValue, reading: Reading, usual: str | None) -> tuple[str | None, dict[str, str]]:
    """The case reference (the configured place before the protocol's usual one) and what is said of the patient."""
    case = text_at(document, reading.case) or text_at(document, usual)
    found = {name: text_at(document, pointer) for name, pointer in reading.patient.items()}
    return case, {name: value for name, value in found.items() if value is not None}


def version_at(document: JsonValue, reading: Reading, usual: str) -> str:
    """The model version of an answer. Raises UpstreamFailed where the configured place is empty."""
    if reading.version is None:
        return text_at(document, usual) or ""
    found = text_at(document, reading.version)
    if found is None:
        raise unreadable(f"there is no model version at '{reading.version}'")
    return found


def kept_headers(headers: Headers, *, changed: bool = False) -> Headers:
    """An answer's headers for its caller; a changed answer loses those that describe the old bytes."""
    listed = {name.strip().lower() for key, value in headers if key.lower() == b"connection" for name in value.split(b",")}
    gone = _HOP_BY_HOP | listed | (_OF_THE_OLD_BYTES if changed else frozenset())
    return tuple((key, value) for key, value in headers if key.lower() not in gone)


def check_amendment(amendment: Amendment, fields: Sequence[Field]) -> None:
    """Raises BadInput unless every amendment is of a shown part and of its kind."""
    shown = {part.pointer: part for part in fields}
    for pointer, value in amendment.items():
        if pointer not in shown:
            message = f"'{pointer[:200]}' is not a part of this suggestion that was shown, so it cannot be amended. Amend the parts that are shown."
            french = f"« {pointer[:200]} » n'est pas une partie affichée de cette proposition : elle ne peut pas être modifiée. Modifiez les parties affichées."
            raise BadInput(message, code="bad_amendment", fr=french)
        if type(value) is not type(shown[pointer].value):
            message = f"'{pointer[:200]}' is amended with another kind of value. Keep text as text and lists as lists."
            french = (
                f"« {pointer[:200]} » est remplacé par une valeur d'une autre nature. Un texte reste un texte, une liste reste une liste."
            )
            raise BadInput(message, code="bad_amendment", fr=french)


def json_reply(status: int, document: JsonValue, *headers: tuple[bytes, bytes], kind: bytes = b"application/json") -> Reply:
    """A reply with a JSON body that no cache may keep."""
    return Reply(status, ((b"content-type", kind), NO_STORE, *headers), orjson.dumps(document))


def code_of(withheld: Withheld) -> str:
    """The stable machine word for a state."""
    return withheld.code or _CODES[withheld.state]


def sentence(withheld: Withheld) -> str:
    """What a person is told: the reason, that this says nothing about the patient, and where to look."""
    said = withheld.reason.strip() or "This suggestion is not released."
    if withheld.state in _WITHOUT_AI and "without AI" not in said:
        said += " Proceed without AI."
    if "not a negative result" not in said:
        said += " This is not a negative result."
    return f"{said} State: {withheld.state.value}. Suggestion {withheld.suggestion}: {withheld.review_url}"


def openai_error(message: str, kind: str, code: str) -> dict[str, JsonValue]:
    """The error object of the OpenAI protocols."""
    return {"error": {"message": message, "type": kind, "param": None, "code": code}}


def openai_withheld(withheld: Withheld) -> dict[str, JsonValue]:
    """The error object for an answer that may not leave."""
    return openai_error(sentence(withheld), "human_review", code_of(withheld))


def openai_refusal(error: GarantError) -> Reply:
    """An error for an OpenAI client; it repeats a call by itself only where that is of use."""
    kinds = {400: "invalid_request_error", 401: "authentication_error", 403: "permission_error", 404: "not_found_error"}
    kind = kinds.get(error.status, "invalid_request_error" if error.status < HTTPStatus.INTERNAL_SERVER_ERROR else "server_error")
    headers = () if isinstance(error, AuditUnavailable) else (NO_RETRY,)
    return json_reply(error.status, openai_error(error.message, kind, error.code), *headers)


def method_not_allowed(path: str, method: str) -> BadInput:
    """The error for a method that an address does not have."""
    return BadInput(f"Call {path[:200]} with {method}.", code="method_not_allowed")


def _once(members: list[tuple[str, object]]) -> None:
    if len(dict(members)) < len(members):
        raise unreadable("two of its members have the same name")


def _check_depth(document: JsonValue) -> None:
    level = [document]
    for _ in range(MAX_DEPTH):
        level = [child for value in level for child in _children(value) if isinstance(child, dict | list)]
    if level:
        raise ValueError("nested too deeply")


def _children(value: JsonValue) -> list[JsonValue]:
    if isinstance(value, dict):
        return list(value.values())
    return value if isinstance(value, list) else []


def _encoding(headers: Headers) -> bytes:
    return b",".join(value for key, value in headers if key.lower() == b"content-encoding").strip().lower()


def _inflated(body: bytes, encoding: bytes) -> bytes:
    if encoding in {b"", b"identity"}:
        return body
    if encoding in {b"gzip", b"x-gzip"}:
        return _unzipped(body, 31)
    if encoding == b"deflate":
        return _unzipped(body, 15 if body[:1] and body[0] & 15 == zlib.DEFLATED else -15)
    if encoding == b"br":
        return _unbrotlied(body)
    raise ValueError("unknown content-encoding")


def _unzipped(body: bytes, window: int) -> bytes:
    out = bytearray()
    try:
        while body:
            unpacker = zlib.decompressobj(window)
            out += unpacker.decompress(body, MAX_DECODED + 1 - len(out))
            _check_whole(finished=unpacker.eof, size=len(out))
            body = unpacker.unused_data
    except zlib.error as error:
        raise ValueError(str(error)) from error
    return bytes(out)


def _unbrotlied(body: bytes) -> bytes:
    unpacker, out, left = brotli.Decompressor(), bytearray(), body
    try:
        while len(out) <= MAX_DECODED:
            chunk = unpacker.process(left, output_buffer_limit=MAX_DECODED + 1 - len(out))
            left = b""
            out += chunk
            if not chunk or unpacker.is_finished():
                break
    except brotli.error as error:
        raise ValueError(str(error)) from error
    _check_whole(finished=unpacker.is_finished(), size=len(out))
    return bytes(out)


def _check_whole(*, finished: bool, size: int) -> None:
    if not finished or size > MAX_DECODED:
        raise ValueError("truncated or too large")
