"""What is kept of a call beside its two bodies, and the exact bytes a person is shown.

`pack` and `unpack` are a pair: the stored exchange gives back the answer and the recognised call, so that a signed
answer can be rendered later, on another replica, through another door.
"""

from __future__ import annotations

from dataclasses import dataclass, replace
from typing import TYPE_CHECKING, Any, Final

import orjson
import rfc8785

from gateway.adapters.protocol import Operation, Recognised
from gateway.messages import Answer, Headers, JsonValue
from gateway.suggestions.content import sha256

if TYPE_CHECKING:
    from collections.abc import Mapping

    from gateway.adapters.protocol import View

_SECRET: Final = frozenset({b"authorization", b"cookie", b"x-api-key", b"api-key", b"garant-key", b"garant-case", b"set-cookie"})


@dataclass(frozen=True, slots=True)
class Exchange:
    """A stored call: what was asked, and the answer's status and headers."""

    recognised: Recognised
    status: int
    headers: Headers

    def answer(self, body: bytes) -> Answer:
        """The answer with its stored body."""
        return Answer(self.status, self.headers, body)

    def final(self, body: bytes) -> Answer:
        """The answer with a signed text, which is kept without compression."""
        return Answer(self.status, tuple(pair for pair in self.headers if pair[0].lower() != b"content-encoding"), body)


def pack(recognised: Recognised, answer: Answer) -> bytes:
    """The exchange as JSON bytes, without credentials and without bodies."""
    headers = [[key.decode("latin-1"), value.decode("latin-1")] for key, value in answer.headers if key not in _SECRET]
    return orjson.dumps(
        {
            "model": recognised.model,
            "path": recognised.forward_path,
            "stream": recognised.stream,
            "background": recognised.background,
            "request_id": recognised.request_id,
            "patient": dict(recognised.patient),
            "status": answer.status,
            "headers": headers,
        }
    )


def unpack(data: bytes) -> Exchange:
    """The exchange that `pack` made."""
    kept = orjson.loads(data)
    recognised = Recognised(
        Operation.INFER,
        kept["model"],
        kept["path"],
        b"",
        stream=kept["stream"],
        background=kept["background"],
        request_id=kept["request_id"],
        patient=kept.get("patient", {}),
    )
    headers = tuple((key.encode("latin-1"), value.encode("latin-1")) for key, value in kept["headers"])
    return Exchange(recognised, kept["status"], headers)


def slim(recognised: Recognised) -> Recognised:
    """The recognised call without its body, for those who wait long."""
    return replace(recognised, forward_body=b"", patient={})


def fields_of(view: View) -> list[dict[str, JsonValue]]:
    """The parts of a view as JSON, numbers written as text."""
    return [{"kind": part.kind, "label": part.label, "pointer": part.pointer, "value": _spelled(part.value)} for part in view.fields]


def shown(view: View, suggestion: bytes, system: str, task: str, more: Mapping[str, JsonValue] | None = None) -> bytes:
    """What a person is shown, as RFC 8785 JSON; a decision names its SHA-256. `more`: findings, positions of others.

    Numbers are written as text, so that nothing is rounded between the AI system's bytes and the reader. The
    digest of the suggestion's bytes is part of it: other bytes are another thing to judge.
    """
    document: dict[str, Any] = {"fields": fields_of(view), "model": view.model, "model_version": view.model_version}
    extra: dict[str, Any] = {name: _spelled(value) for name, value in (more or {}).items()}
    return rfc8785.dumps({**document, **extra, "suggestion_sha256": sha256(suggestion), "system": system, "task": task})


def _spelled(value: JsonValue) -> JsonValue:
    if isinstance(value, dict):
        return {key: _spelled(part) for key, part in value.items()}
    if isinstance(value, list):
        return [_spelled(part) for part in value]
    if isinstance(value, str):
        return value.encode("utf-8", "replace").decode()
    return value if value is None or isinstance(value, bool) else repr(value)
