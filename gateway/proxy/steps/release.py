"""What a caller gets for a suggestion, now: its released bytes, or its state in the protocol's own words.

The one place where stored bytes turn into a reply; every door (waiting call, poll, background response) uses it.
"""

from __future__ import annotations

from dataclasses import dataclass, replace
from typing import TYPE_CHECKING, Final

from gateway.adapters.document import kept_headers
from gateway.adapters.protocol import Operation, Recognised, Withheld
from gateway.adapters.protocol import State as Told
from gateway.adapters.registry import adapter
from gateway.clock import rfc3339
from gateway.errors import Conflict
from gateway.messages import Answer, Headers, Reply
from gateway.outbound import returned_headers
from gateway.suggestions.exchange import unpack
from gateway.suggestions.labels import label_header
from gateway.suggestions.states import PENDING, State

if TYPE_CHECKING:
    from gateway.errors import GarantError
    from gateway.policy.lanes import Lanes
    from gateway.suggestions.exchange import Exchange
    from gateway.suggestions.models import AnySuggestion
    from gateway.suggestions.repository import Suggestions

_NOT_NEGATIVE: Final = "This is not a negative result."
_NOTIFIED: Final = "A clinician was notified at once and has to sign this; it is not validated."
_NOBODY: Final = "Nobody is on call in this task's rota, so no clinician was named: call one yourself. This is urgent and not validated."
_TOLD: Final = {
    State.REJECTED: (
        Told.REJECTED,
        "rejected_by_clinician",
        "A clinician has examined this suggestion and rejected it; it will not be released.",
    ),
    State.RECALLED: (Told.REJECTED, "recalled", "A clinician has rejected this suggestion after it had left; do not use it."),
    State.EXPIRED: (Told.EXPIRED, "review_expired", "Nobody signed this suggestion in time, so it was withdrawn. Proceed without AI."),
    State.CANCELLED: (Told.CANCELLED, "cancelled", "The caller gave this up before it was signed."),
    State.FAILED: (Told.FAILED, "upstream_failed", "The AI system gave no usable answer. Proceed without AI."),
    State.SUSPENDED: (Told.SUSPENDED, "suspended", "This AI system was stopped and its answer withdrawn. Proceed without AI."),
    State.SHADOWED: (
        Told.NOT_ANALYSED,
        "not_analysed",
        "This AI system is under evaluation; nothing of it is released. Proceed without AI.",
    ),
}


@dataclass(frozen=True, slots=True)
class Counter:
    """The counter where replies are handed out.

    Args:
        suggestions: reads rows and payloads.
        review_base: public address of the review pages.
        lanes: say where an answer names its patient.
    """

    suggestions: Suggestions
    review_base: str
    lanes: Lanes

    def failed(self, row: AnySuggestion, error: GarantError) -> Withheld:
        """What is told where an answer could not be given out after all."""
        reason = f"{error.message} {_NOT_NEGATIVE}"
        return replace(self.withheld(row), state=Told.FAILED, code=error.code, reason=reason)

    def withheld(self, row: AnySuggestion, *, as_refusal: bool = False) -> Withheld:
        """What is told of a suggestion that may not leave."""
        state, code, reason = _told(State(row.state), row.code, somebody=bool(row.notified_person))
        if State(row.state) is State.REJECTED and row.code:
            reason = f"{reason} Reason: {row.code}."
        created = int(row.received_at.timestamp())
        return Withheld(state, str(row.id), f"{self.review_base}/review/{row.id}", f"{reason} {_NOT_NEGATIVE}", code, created, as_refusal)

    async def reply(self, row: AnySuggestion, recognised: Recognised | None = None, *, as_refusal: bool = False) -> Reply:
        """The reply for a suggestion as it stands. Raises UpstreamFailed where the stored answer is another patient's (R23)."""
        field = leaving(row)
        if field is None:
            return adapter(row.protocol).withhold(self.withheld(row, as_refusal=as_refusal), recognised or await self._recognised(row))
        return await self._released(row, field, recognised)

    async def _released(self, row: AnySuggestion, field: str, recognised: Recognised | None) -> Reply:
        payloads = await self.suggestions.payloads(row)
        if "suggestion" not in payloads:
            message = "The content of this answer is not kept, so it cannot be given again. Ask anew, with another Idempotency-Key."
            raise Conflict(message, code="content_not_kept")
        exchange = unpack(payloads["exchange"]) if "exchange" in payloads else None
        body = payloads.get(field, payloads["suggestion"])
        kept: Headers = returned_headers(exchange.headers) if exchange else ((b"content-type", b"application/json"),)
        if body != payloads["suggestion"]:  # decoded and changed; bytes that are the AI system's own keep their encoding
            kept = kept_headers(kept, changed=True)
        if exchange is None:
            return Reply(200, (*kept, *signature_headers(row)), body)
        self._check_patient(row, exchange, Answer(exchange.status, kept, body))
        asked = recognised or exchange.recognised
        asked = replace(asked, stream=exchange.recognised.stream)
        reply = adapter(row.protocol).render(replace(exchange.answer(body), headers=kept), None, asked, str(row.id))
        return replace(reply, headers=(*reply.headers, *signature_headers(row)))

    def _check_patient(self, row: AnySuggestion, exchange: Exchange, answer: Answer) -> None:
        """Read once more before it leaves, where the configuration says how an answer names its patient."""
        reading = self.lanes.of(row.system, row.task).reading
        if reading.identity:
            adapter(row.protocol).read(answer, exchange.recognised, reading)

    async def _recognised(self, row: AnySuggestion) -> Recognised:
        stored = await self.suggestions.payload(row, "exchange")
        if stored is not None:
            return unpack(stored).recognised
        return Recognised(Operation.INFER, row.model, "", b"", stream=row.stream, background=row.background)


def leaving(row: AnySuggestion) -> str | None:
    """The payload that may leave in this state, or None: the whole decision about release, in one table."""
    state = State(row.state)
    if state is State.RELEASED:
        return "final"
    if state is State.PASSED:
        return "suggestion"
    if state in {State.DRAFTED, State.EMERGENCY} or (state is State.NOTIFIED and row.released_at is not None):
        return "labelled"
    return None


def signature_headers(row: AnySuggestion) -> Headers:
    """What a program can read of the signature: id, decision, time."""
    headers: list[tuple[bytes, bytes]] = [(b"garant-suggestion", str(row.id).encode()), (b"garant-mode", row.mode.encode())]
    if row.state == State.RELEASED and row.decided_at is not None:
        headers += [(b"garant-decision", row.decision.encode()), (b"garant-signed-at", rfc3339(row.decided_at).encode())]
    if row.state in {State.DRAFTED, State.EMERGENCY, State.NOTIFIED}:
        headers.append(label_header(row.mode, emergency=row.state == State.EMERGENCY))
    return tuple(headers)


def pending(row: AnySuggestion) -> bool:
    """Whether a caller still waits for something."""
    return State(row.state) in PENDING and leaving(row) is None


def _told(state: State, code: str, *, somebody: bool) -> tuple[Told, str, str]:
    if state is State.QUEUED:
        return Told.PENDING, "queued", "The AI system has not answered yet."
    if state is State.NOTIFIED:
        return Told.WITHHELD, "human_review_required", _NOTIFIED if somebody else _NOBODY
    told = _TOLD.get(state)
    if told is None:
        return Told.PENDING, "human_review_required", "This suggestion waits for a clinician's signature."
    return told[0], code if state is State.FAILED and code else told[1], told[2]
