"""What every protocol adapter promises: bytes → values → bytes, with no clock, socket or session.

An adapter reads a call (`recognise`), reads the AI system's answer (`read`), and writes the three kinds of reply:
the signed answer (`render`), the state of an answer that may not leave (`withhold`) and an error (`refuse`).
A withheld answer can never look like a normal or negative result (R18).
"""

from __future__ import annotations

from collections.abc import Mapping
from dataclasses import dataclass, field
from enum import StrEnum
from typing import TYPE_CHECKING, Protocol, TypeAlias

from gateway.messages import Answer, Call, Headers, JsonValue, Reply

if TYPE_CHECKING:
    from gateway.errors import GarantError

__all__ = [
    "Adapter",
    "Amendment",
    "Answer",
    "Call",
    "Field",
    "Headers",
    "JsonValue",
    "Operation",
    "Reading",
    "Recognised",
    "Reply",
    "State",
    "View",
    "Withheld",
]


class Operation(StrEnum):
    """What a call asks for."""

    INFER = "infer"  # produces a suggestion: the whole story applies
    METADATA = "metadata"  # a model's description or readiness: asked of the AI system, no suggestion in it
    LOCAL = "local"  # answered by the gateway itself: health, list of models
    RETRIEVE = "retrieve"  # GET of a hold
    CANCEL = "cancel"  # the caller gives the hold up


class State(StrEnum):
    """The explicit states of an answer that is not released (R18)."""

    PENDING = "pending"
    WITHHELD = "withheld"
    REJECTED = "rejected"
    FAILED = "failed"
    SUSPENDED = "suspended"
    EXPIRED = "expired"
    CANCELLED = "cancelled"
    NOT_ANALYSED = "not_analysed"


@dataclass(frozen=True, slots=True)
class Reading:
    """Where the configuration says things are; JSON Pointers (RFC 6901).

    `case` and `patient` point into the request; `version` and `fields` (pointer, label) into the answer.
    `columns` names the columns of a tensor, by tensor name. `findings` is the list whose parts can be accepted one by one,
    and what names a part: a pointer inside it, or a word.
    """

    case: str | None = None
    patient: Mapping[str, str] = field(default_factory=dict)
    version: str | None = None
    fields: tuple[tuple[str, str], ...] = ()
    columns: Mapping[str, tuple[str, ...]] = field(default_factory=dict)
    identity: Mapping[str, str] = field(default_factory=dict)  # traits of the patient in the answer, compared with `patient`
    findings: tuple[str, str] | None = None


@dataclass(frozen=True, slots=True)
class Recognised:
    """A call that was understood.

    `model` is the model the call names ("" where the protocol names none); `forward_body` is what the AI system
    gets: the caller's own bytes unless a member that is the gateway's own (`background`) had to go.
    """

    operation: Operation
    model: str
    forward_path: str
    forward_body: bytes
    stream: bool = False
    background: bool = False
    case_ref: str | None = None
    patient: Mapping[str, str] = field(default_factory=dict)
    resource: str | None = None  # the id a RETRIEVE or CANCEL names
    request_id: str | None = None  # the id a protocol wants echoed


@dataclass(frozen=True, slots=True)
class Field:
    """One part of a suggestion that a person judges and may amend; `pointer` addresses it in the answer's JSON."""

    pointer: str
    label: str
    kind: str  # text | number | tensor | json | action
    value: JsonValue


@dataclass(frozen=True, slots=True)
class View:
    """What a person is shown of a suggestion, taken from the answer and nothing else."""

    fields: tuple[Field, ...]
    model: str
    model_version: str


@dataclass(frozen=True, slots=True)
class Withheld:
    """An answer that may not leave, and what its caller is told.

    `as_refusal` chooses, for OpenAI routes, the 200 refusal over the 403. `created` is Unix seconds.
    """

    state: State
    suggestion: str
    review_url: str
    reason: str
    code: str
    created: int
    as_refusal: bool = False


Amendment: TypeAlias = Mapping[str, JsonValue]
"""JSON Pointer → new value; only pointers of the view's own fields."""


class Adapter(Protocol):
    """One protocol. Implementations hold no state."""

    name: str

    def recognise(self, call: Call, reading: Reading) -> Recognised:
        """Read a call. Raises BadInput for bytes that cannot be read and Unknown for a path that is not served."""
        ...

    def read(self, answer: Answer, recognised: Recognised, reading: Reading) -> View:
        """Read the AI system's answer. Raises UpstreamFailed for anything that is not a whole, well-formed answer."""
        ...

    def render(self, answer: Answer, amendment: Amendment | None, recognised: Recognised, suggestion: str) -> Reply:
        """The released answer: the AI system's own bytes, or with only the signed text changed."""
        ...

    def withhold(self, withheld: Withheld, recognised: Recognised) -> Reply:
        """The protocol's own shape for an answer that may not leave."""
        ...

    def refuse(self, error: GarantError, recognised: Recognised | None) -> Reply:
        """The protocol's own shape for an error."""
        ...
