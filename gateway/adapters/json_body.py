"""Any endpoint that answers JSON: the configuration says where the suggestion is.

A withheld answer is 403 `application/problem+json` (RFC 9457); only a caller that asked for it (`Prefer:
respond-async`, RFC 7240) gets 202 and an address to poll.
"""

from __future__ import annotations

import json
from typing import TYPE_CHECKING, Final

from gateway.adapters.document import (
    NO_RETRY,
    answer_document,
    at,
    case_and_patient,
    code_of,
    decoded,
    json_reply,
    kept_headers,
    request_json,
    sentence,
    text_at,
    unreadable,
    version_at,
)
from gateway.adapters.exact.spans import replaced
from gateway.adapters.identity.patient import check_patient
from gateway.adapters.protocol import Field, Operation, Recognised, View
from gateway.errors import AuditUnavailable, BadInput
from gateway.messages import Reply

if TYPE_CHECKING:
    from gateway.adapters.protocol import (
        Amendment,
        Answer,
        Call,
        JsonValue,
        Reading,
        Withheld,
    )
    from gateway.errors import GarantError

_PROBLEM: Final = b"application/problem+json"


class JsonBody:
    """The adapter for any JSON endpoint."""

    name = "json"

    def recognise(self, call: Call, reading: Reading) -> Recognised:
        """Read a call; the path is the route's, so every path is taken. Raises BadInput."""
        asked = request_json(call)
        case, patient = case_and_patient(asked, reading, None)
        return Recognised(Operation.INFER, "", call.path, call.body, case_ref=case, patient=patient)

    def read(self, answer: Answer, recognised: Recognised, reading: Reading) -> View:
        """What a person is shown: the configured places, or the whole document. Raises UpstreamFailed."""
        document = _exact(decoded(answer))
        check_patient(document, recognised, reading)
        places = reading.fields or (("", "answer"),)
        fields = tuple(_field(document, pointer, label) for pointer, label in places)
        model = text_at(document, "/model") or recognised.model
        return View(fields, model, version_at(document, reading, "/model_version"))

    def render(self, answer: Answer, amendment: Amendment | None, recognised: Recognised, suggestion: str) -> Reply:
        """The AI system's bytes, or with only the amended values changed. Raises BadInput."""
        if not amendment:
            return Reply(answer.status, kept_headers(answer.headers), answer.body)
        body = decoded(answer)
        document = _exact(body)
        for pointer, value in amendment.items():
            _check(document, pointer, value)
        return Reply(answer.status, kept_headers(answer.headers, changed=True), replaced(body, amendment))

    def withhold(self, withheld: Withheld, recognised: Recognised) -> Reply:
        """403 with the coded reason."""
        problem: dict[str, JsonValue] = {
            "type": f"urn:garant:problem:{code_of(withheld)}",
            "title": "No AI result is released",
            "status": 403,
            "detail": sentence(withheld),
            "code": code_of(withheld),
            "state": withheld.state.value,
            "suggestion": withheld.suggestion,
            "review_url": withheld.review_url,
        }
        return json_reply(403, problem, NO_RETRY, kind=_PROBLEM)

    def refuse(self, error: GarantError, recognised: Recognised | None) -> Reply:
        """An error as a problem."""
        problem: dict[str, JsonValue] = {
            "type": error.type,
            "title": error.title,
            "status": error.status,
            "detail": error.message,
            "code": error.code,
        }
        headers = () if isinstance(error, AuditUnavailable) else (NO_RETRY,)
        return json_reply(error.status, problem, *headers, kind=_PROBLEM)


def accepted(suggestion: str, retry_after: int) -> Reply:
    """202 for a caller that asked for it: where to poll, when, and nothing that looks like an answer. `retry_after` in seconds."""
    path = f"/suggestions/{suggestion}"
    told: dict[str, JsonValue] = {
        "garant": "pending",
        "suggestion": suggestion,
        "poll": path,
        "detail": "A clinician has to sign this first. There is no result yet, and this is not a negative result.",
    }
    return json_reply(202, told, (b"location", path.encode()), (b"retry-after", str(retry_after).encode()))


def _exact(body: bytes) -> JsonValue:
    """The document with whole numbers of any size; the strict reader has accepted it first."""
    answer_document(body)
    try:
        document: JsonValue = json.loads(body)
    except (ValueError, RecursionError) as error:
        raise unreadable("its JSON has a number beyond all bounds") from error
    return document


def _field(document: JsonValue, pointer: str, label: str) -> Field:
    try:
        value = at(document, pointer)
    except KeyError:
        raise unreadable(f"there is nothing at '{pointer}', where the configuration expects '{label}'") from None
    return Field(pointer, label, _kind(value), value)


def _kind(value: JsonValue) -> str:
    if isinstance(value, str):
        return "text"
    return "number" if isinstance(value, int | float) and not isinstance(value, bool) else "json"


def _check(document: JsonValue, pointer: str, value: JsonValue) -> None:
    try:
        fits = _kind(at(document, pointer)) == _kind(value)
    except KeyError:
        fits = False
    if not fits:
        message = f"'{pointer[:200]}' is not a shown part of this suggestion, or is amended with another kind of value. Keep the kind of what is shown."
        french = f"« {pointer[:200]} » n'est pas une partie affichée de cette proposition, ou est remplacé par une valeur d'une autre nature. Gardez-en la nature."
        raise BadInput(message, code="bad_amendment", fr=french)
