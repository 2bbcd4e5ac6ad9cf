"""Which adapter speaks which protocol: by the configuration's name, or by the address of a call that failed early."""

from __future__ import annotations

from typing import TYPE_CHECKING, Final

from gateway.adapters import openai_chat, openai_responses
from gateway.adapters.document import method_not_allowed, openai_refusal
from gateway.adapters.inference_v2 import InferenceV2
from gateway.adapters.json_body import JsonBody
from gateway.adapters.protocol import Adapter, Operation, Recognised
from gateway.errors import Misconfigured, Unknown

if TYPE_CHECKING:
    from gateway.adapters.protocol import (
        Amendment,
        Answer,
        Call,
        Reading,
        View,
        Withheld,
    )
    from gateway.errors import GarantError
    from gateway.messages import Reply

_MODELS: Final = "/v1/models"


class OpenAI:
    """The OpenAI protocols behind one base address: chat completions, responses, list of models."""

    name = "openai"

    def recognise(self, call: Call, reading: Reading) -> Recognised:
        """Read a call by its path. Raises BadInput, Unknown."""
        if call.path == openai_responses.PATH or call.path.startswith(openai_responses.PATH + "/"):
            return openai_responses.recognise(call, reading)
        if call.path == _MODELS or call.path.startswith(_MODELS + "/"):
            return _models(call)
        if call.path != openai_chat.PATH:
            message = f"Nothing is served at {call.path[:200]}. Served are {openai_chat.PATH}, {openai_responses.PATH} and {_MODELS}."
            raise Unknown(message, code="unknown_route")
        if call.method != "POST":
            raise method_not_allowed(call.path, "POST")
        return openai_chat.recognise(call, reading)

    def read(self, answer: Answer, recognised: Recognised, reading: Reading) -> View:
        """What a person is shown. Raises UpstreamFailed."""
        if openai_responses.is_responses(recognised):
            return openai_responses.read(answer, recognised, reading)
        return openai_chat.read(answer, recognised, reading)

    def render(self, answer: Answer, amendment: Amendment | None, recognised: Recognised, suggestion: str) -> Reply:
        """The released answer. Raises BadInput."""
        if openai_responses.is_responses(recognised):
            return openai_responses.render(answer, amendment, recognised, suggestion)
        return openai_chat.render(answer, amendment, recognised)

    def withhold(self, withheld: Withheld, recognised: Recognised) -> Reply:
        """An answer that may not leave."""
        if openai_responses.is_responses(recognised):
            return openai_responses.withhold(withheld, recognised)
        return openai_chat.withhold(withheld, recognised)

    def refuse(self, error: GarantError, recognised: Recognised | None) -> Reply:
        """An error."""
        return openai_refusal(error)


_ADAPTERS: Final[dict[str, Adapter]] = {known.name: known for known in (OpenAI(), InferenceV2(), JsonBody())}


def adapter(protocol_name: str) -> Adapter:
    """The adapter of a protocol's name in the configuration. Raises Misconfigured."""
    if protocol_name not in _ADAPTERS:
        message = f"No adapter speaks '{protocol_name}'. Known are {', '.join(sorted(_ADAPTERS))}."
        raise Misconfigured(message)
    return _ADAPTERS[protocol_name]


def adapter_for_path(path: str) -> Adapter:
    """The adapter whose error shape fits an address, below a door or not."""
    inner = "/" + path.removeprefix("/call/").partition("/")[2] if path.startswith("/call/") else path
    prefixes = {"v1": "openai", "v2": "inference_v2"}
    return _ADAPTERS[prefixes.get(inner.lstrip("/").partition("/")[0], "json")]


def _models(call: Call) -> Recognised:
    if call.method not in {"GET", "HEAD"}:
        raise method_not_allowed(call.path, "GET")
    return Recognised(Operation.LOCAL, "", call.path, b"", resource=call.path.removeprefix(_MODELS).removeprefix("/") or None)
