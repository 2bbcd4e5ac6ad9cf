"""Open Inference Protocol v2 (KServe, Triton, MLServer), with and without the binary tensor extension.

A request passes untouched. An answer is read tensor by tensor, sizes checked against shapes; an approved one leaves
byte for byte, an amended one with only the signed tensors changed, in the form they came in.
"""

from __future__ import annotations

import base64
import binascii
import json
import math
import re
import struct
from dataclasses import dataclass
from typing import TYPE_CHECKING, Final, TypeAlias

from gateway.adapters.document import (
    NO_RETRY,
    answer_object,
    case_and_patient,
    decoded,
    json_reply,
    kept_headers,
    method_not_allowed,
    request_json,
    sentence,
    unreadable,
    version_at,
)
from gateway.adapters.exact.spans import replaced
from gateway.adapters.identity.patient import check_patient
from gateway.adapters.protocol import Field, Operation, Recognised, View
from gateway.errors import AuditUnavailable, BadInput, Unknown
from gateway.messages import Call, Reply

if TYPE_CHECKING:
    from gateway.adapters.protocol import (
        Amendment,
        Answer,
        Headers,
        JsonValue,
        Reading,
        Withheld,
    )
    from gateway.errors import GarantError

Object: TypeAlias = "dict[str, JsonValue]"
_SIZE_DIGITS: Final = 15
JSON_LENGTH: Final = b"inference-header-content-length"
_FORMATS: Final = {
    "BOOL": "?", "INT8": "b", "INT16": "h", "INT32": "i", "INT64": "q", "UINT8": "B", "UINT16": "H",
    "UINT32": "I", "UINT64": "Q", "FP16": "e", "FP32": "f", "FP64": "d", "BYTES": "",
}  # fmt: skip
_LOCAL: Final = frozenset({"/v2", "/v2/health/live", "/v2/health/ready"})
_MODEL: Final = re.compile(r"/v2/models/(?P<model>[^/]+)(?:/versions/[^/]+)?(?P<verb>/ready|/infer)?")


@dataclass(frozen=True, slots=True)
class _Tensor:
    """One output: its flat values and, where it came as raw bytes, where those stand behind the JSON part."""

    name: str
    datatype: str
    shape: tuple[int, ...]
    data: list[JsonValue]
    raw: tuple[int, int] | None


class InferenceV2:
    """The adapter for the Open Inference Protocol."""

    name = "inference_v2"

    def recognise(self, call: Call, reading: Reading) -> Recognised:
        """Read a call by its path. Raises BadInput, Unknown."""
        path = call.path.rstrip("/")
        found = _MODEL.fullmatch(path)
        if path not in _LOCAL and found is None:
            message = (
                f"Nothing is served at {call.path[:200]}. Served are /v2, /v2/health/… and /v2/models/MODEL[/versions/V][/infer|/ready]."
            )
            raise Unknown(message, code="unknown_route")
        allowed = ("POST",) if found and found["verb"] == "/infer" else ("GET", "HEAD")
        if call.method not in allowed:
            raise method_not_allowed(call.path, allowed[0])
        if found is None:
            return Recognised(Operation.LOCAL, "", path, b"")
        if found["verb"] == "/infer":
            return _infer(call, found["model"], reading)
        return Recognised(Operation.METADATA, found["model"], path, b"")

    def read(self, answer: Answer, recognised: Recognised, reading: Reading) -> View:
        """What a person is shown: one field per output tensor. Raises UpstreamFailed."""
        document, tensors = _read(answer)
        if recognised.request_id and document.get("id") not in (None, "", recognised.request_id):
            raise unreadable("it carries the id of another request")
        check_patient(document, recognised, reading)
        fields = tuple(_field(number, tensor, reading) for number, tensor in enumerate(tensors))
        model = document.get("model_name")
        return View(fields, model if isinstance(model, str) else recognised.model, version_at(document, reading, "/model_version"))

    def render(self, answer: Answer, amendment: Amendment | None, recognised: Recognised, suggestion: str) -> Reply:
        """The released answer. Raises BadInput."""
        if amendment:
            return _amended(answer, amendment)
        return Reply(answer.status, _right_length(answer), answer.body)

    def withhold(self, withheld: Withheld, recognised: Recognised) -> Reply:
        """403, which every client raises."""
        return json_reply(403, {"error": sentence(withheld)}, NO_RETRY)

    def refuse(self, error: GarantError, recognised: Recognised | None) -> Reply:
        """An error."""
        headers = () if isinstance(error, AuditUnavailable) else (NO_RETRY,)
        return json_reply(error.status, {"error": error.message}, *headers)


def local_reply(path: str, *, ready: bool = True) -> Reply:
    """What the gateway says of itself at /v2, /v2/health/live and /v2/health/ready."""
    known: dict[str, JsonValue] = {
        "/v2": {"name": "garant", "version": "2", "extensions": ["binary_tensor_data"]},
        "/v2/health/live": {"live": True},
        "/v2/health/ready": {"ready": ready},
    }
    path = path.rstrip("/")
    if path not in known:
        return json_reply(404, {"error": f"Nothing is served at {path[:200]}."}, NO_RETRY)
    return json_reply(200 if ready or path != "/v2/health/ready" else 503, known[path])


def _infer(call: Call, model: str, reading: Reading) -> Recognised:
    asked = request_json(_json_part(call))
    if not isinstance(asked.get("inputs"), list):
        message = "The call has no `inputs`. Send them as the Open Inference Protocol says."
        raise BadInput(message)
    name = asked.get("id")
    if name is not None and not isinstance(name, str):
        message = "`id` is not text. Send text, or leave it out."
        raise BadInput(message)
    case, patient = case_and_patient(asked, reading, "/parameters/case")
    return Recognised(Operation.INFER, model, call.path, call.body, case_ref=case, patient=patient, request_id=name)


def _json_part(call: Call) -> Call:
    """The call with only the JSON part of its body."""
    stated = call.header(JSON_LENGTH)
    if stated is None:
        return call
    if call.header(b"content-encoding") not in {None, b"", b"identity"}:
        message = "A body with binary tensors is compressed, which cannot be read here. Send it without Content-Encoding."
        raise BadInput(message, code="bad_encoding")
    length = int(stated) if stated.isdigit() and len(stated) <= _SIZE_DIGITS else -1
    if not 0 < length <= len(call.body):
        message = "Inference-Header-Content-Length does not fit the body. Send the length of its JSON part."
        raise BadInput(message)
    return Call(call.method, call.path, call.query, (), call.body[:length])


def _stated(answer: Answer) -> int | None:
    """The length of the JSON part, None for a body that is all JSON. Raises UpstreamFailed."""
    stated = next((value for key, value in answer.headers if key.lower() == JSON_LENGTH), None)
    if stated is None:
        return None
    if not stated.isdigit() or len(stated) > _SIZE_DIGITS:
        raise unreadable("the length of its JSON part is not a number")
    return int(stated)


def _split(answer: Answer) -> tuple[bytes, bytes]:
    body, length = decoded(answer), _stated(answer)
    if length is None:
        return body, b""
    if length > len(body):
        raise unreadable("its JSON part is cut off")
    return body[:length], body[length:]


def _read(answer: Answer) -> tuple[Object, tuple[_Tensor, ...]]:
    head, raw = _split(answer)
    document = answer_object(head)
    outputs = document.get("outputs")
    if document.get("error") or not isinstance(outputs, list) or not outputs:
        raise unreadable("it has no outputs")
    tensors, used = [], 0
    for output in outputs:
        tensor = _tensor(output, raw, used)
        used = tensor.raw[1] if tensor.raw else used
        tensors.append(tensor)
    if used != len(raw):
        raise unreadable("its binary part is longer than its tensors")
    return document, tuple(tensors)


def _tensor(output: JsonValue, raw: bytes, used: int) -> _Tensor:
    if not isinstance(output, dict):
        raise unreadable("an output is not an object")
    name, datatype, shape = output.get("name"), output.get("datatype"), _shape(output.get("shape"))
    if not isinstance(name, str) or not isinstance(datatype, str) or datatype not in _FORMATS:
        raise unreadable("an output has no name or a datatype that cannot be shown")
    span = _bounds(output.get("parameters"), raw, used)
    data = _plain(output.get("data"), datatype) if span is None else _unpacked(datatype, raw[span[0] : span[1]])
    if len(data) != math.prod(shape):
        raise unreadable(f"the output '{name[:100]}' has not as many values as its shape says")
    return _Tensor(name, datatype, shape, data, span)


def _shape(value: JsonValue) -> tuple[int, ...]:
    sizes = [size for size in value if isinstance(size, int) and size is not True and size >= 0] if isinstance(value, list) else []
    if not isinstance(value, list) or len(sizes) != len(value):
        raise unreadable("an output has no shape")
    return tuple(sizes)


def _bounds(parameters: JsonValue, raw: bytes, used: int) -> tuple[int, int] | None:
    """Where the raw bytes of an output stand, None where its data is in the JSON part."""
    size = parameters.get("binary_data_size") if isinstance(parameters, dict) else None
    if size is None:
        return None
    if not isinstance(size, int) or isinstance(size, bool) or size < 0 or used + size > len(raw):
        raise unreadable("its binary part is cut off")
    return used, used + size


def _plain(data: JsonValue, datatype: str) -> list[JsonValue]:
    if not isinstance(data, list):
        raise unreadable("an output has no data")
    values = _flat(data)
    if not _fit(values, datatype):
        raise unreadable("an output has values of another type than it says")
    return values


def _flat(data: list[JsonValue]) -> list[JsonValue]:
    out: list[JsonValue] = []
    for value in data:
        if isinstance(value, list):
            out += _flat(value)
        else:
            out.append(value)
    return out


def _fit(values: list[JsonValue], datatype: str) -> bool:
    """Whether every value is of the type and within its range."""
    if datatype in {"BYTES", "BOOL"}:
        return all(isinstance(value, str if datatype == "BYTES" else bool) for value in values)
    if any(isinstance(value, bool) for value in values):
        return False
    try:
        struct.pack(f"<{len(values)}{_FORMATS[datatype]}", *values)
    except (struct.error, OverflowError):
        return False
    return True


def _same(old: JsonValue, new: JsonValue) -> bool:
    """Whether a value was left as shown; a NaN stays a NaN."""
    return type(old) is type(new) and (old == new or repr(old) == repr(new) == "nan")


def _unpacked(datatype: str, raw: bytes) -> list[JsonValue]:
    if datatype == "BYTES":
        return _texts(raw)
    form = _FORMATS[datatype]
    width = struct.calcsize("<" + form)
    if len(raw) % width:
        raise unreadable("a binary tensor is cut off")
    return list(struct.unpack(f"<{len(raw) // width}{form}", raw))


def _texts(raw: bytes) -> list[JsonValue]:
    out: list[JsonValue] = []
    place = 0
    while place < len(raw):
        length = int.from_bytes(raw[place : place + 4], "little")
        if place + 4 + length > len(raw):
            raise unreadable("a binary tensor is cut off")
        out.append(_text(raw[place + 4 : place + 4 + length]))
        place += 4 + length
    return out


def _text(raw: bytes) -> JsonValue:
    try:
        return raw.decode()
    except UnicodeDecodeError:
        return {"base64": base64.b64encode(raw).decode()}


def _packed(datatype: str, values: list[JsonValue]) -> bytes:
    if datatype != "BYTES":
        return struct.pack(f"<{len(values)}{_FORMATS[datatype]}", *values)
    parts = [_raw_text(value) for value in values]
    return b"".join(len(part).to_bytes(4, "little") + part for part in parts)


def _raw_text(value: JsonValue) -> bytes:
    coded = value.get("base64") if isinstance(value, dict) else None
    try:
        return base64.b64decode(coded, validate=True) if isinstance(coded, str) else str(value).encode()
    except (binascii.Error, UnicodeEncodeError) as error:
        message = "An amended value cannot be written as bytes. Correct it, then sign."
        french = "Une valeur modifiée ne peut pas être écrite en octets. Corrigez-la, puis signez."
        raise BadInput(message, code="bad_amendment", fr=french) from error


def _field(number: int, tensor: _Tensor, reading: Reading) -> Field:
    value: Object = {"shape": list(tensor.shape), "datatype": tensor.datatype, "data": tensor.data}
    if tensor.name in reading.columns:
        value["columns"] = list(reading.columns[tensor.name])
    return Field(f"/outputs/{number}/data", tensor.name, "tensor", value)


def _amended(answer: Answer, amendment: Amendment) -> Reply:
    head, raw = _split(answer)
    _, tensors = _read(answer)
    known = {f"/outputs/{number}/data": number for number in range(len(tensors))}
    parts = {number: raw[tensor.raw[0] : tensor.raw[1]] for number, tensor in enumerate(tensors) if tensor.raw}
    changes: dict[str, JsonValue] = {}
    for pointer, value in amendment.items():
        number = known.get(pointer, -1)
        values = _checked(pointer, value, tensors[number] if number >= 0 else None)
        if number not in parts:
            changes[pointer] = values
            continue
        parts[number] = _packed(tensors[number].datatype, values)
        changes[f"/outputs/{number}/parameters/binary_data_size"] = len(parts[number])
    head = replaced(head, changes)
    headers = _with_length(answer, len(head), changed=True)
    return Reply(answer.status, headers, head + b"".join(parts[number] for number in sorted(parts)))


def _checked(pointer: str, value: JsonValue, tensor: _Tensor | None) -> list[JsonValue]:
    """An amended tensor: a flat list, as long as the old one, of the same type."""
    if tensor is None or not isinstance(value, list) or len(value) != len(tensor.data):
        message = f"'{pointer[:200]}' is not a shown tensor, or not a flat list with as many values as were shown. Change values, not their number."
        french = f"« {pointer[:200]} » n'est pas un tenseur affiché, ou n'a pas autant de valeurs qu'affiché. Changez les valeurs, pas leur nombre."
        raise BadInput(message, code="bad_amendment", fr=french)
    changed = [new for old, new in zip(tensor.data, value, strict=True) if not _same(old, new)]
    if not _fit(changed, tensor.datatype) or any(isinstance(new, float) and not math.isfinite(new) for new in changed):
        message = f"A value in '{pointer[:200]}' does not fit the type {tensor.datatype}. Correct it, then sign."
        french = f"Une valeur de « {pointer[:200]} » ne convient pas au type {tensor.datatype}. Corrigez-la, puis signez."
        raise BadInput(message, code="bad_amendment", fr=french)
    return value


def _with_length(answer: Answer, length: int, *, changed: bool) -> Headers:
    headers = kept_headers(answer.headers, changed=changed)
    return tuple((key, str(length).encode() if key.lower() == JSON_LENGTH else value) for key, value in headers)


def _right_length(answer: Answer) -> Headers:
    """The answer's headers; a signed, amended body kept beside older headers gets the length that fits it."""
    length = _stated(answer)
    if length is None or any(key.lower() == b"content-encoding" for key, _ in answer.headers) or _is_json(answer.body[:length]):
        return kept_headers(answer.headers)
    try:
        _, length = json.JSONDecoder().raw_decode(answer.body.decode("latin-1"))
    except ValueError as error:
        raise unreadable("its JSON part cannot be found") from error
    return _with_length(answer, length, changed=False)


def _is_json(head: bytes) -> bool:
    try:
        json.loads(head)
    except (ValueError, RecursionError):
        return False
    return True
