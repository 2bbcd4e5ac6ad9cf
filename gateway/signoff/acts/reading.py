"""What a person is shown of a case at their step, and nothing beyond it: blind where the policy says so (R12, R13)."""

from __future__ import annotations

from typing import TYPE_CHECKING, Final, Literal

import orjson

from gateway.adapters.exact.findings import findings
from gateway.adapters.protocol import View
from gateway.adapters.registry import adapter
from gateway.errors import Conflict
from gateway.signoff.models import Opened, OwnJudgement, Position, Said, Step
from gateway.signoff.record import standing
from gateway.suggestions.content import sha256
from gateway.suggestions.exchange import fields_of, shown, unpack

if TYPE_CHECKING:
    from collections.abc import Mapping

    from gateway.identity.people import Person
    from gateway.messages import JsonValue
    from gateway.policy.lanes import Lane
    from gateway.signoff.service import SignOff
    from gateway.suggestions.exchange import Exchange
    from gateway.suggestions.tables import Signature, Suggestion

BEFORE_THE_AI: Final = ("input", "patient")
_NOTHING: Final = View((), "", "")
_NAMES: Final[tuple[Literal["A", "B"], ...]] = ("A", "B")


def step_of(row: Suggestion, person: Person, *, judged: bool) -> Step:
    """What this person is asked for now."""
    if row.judge_first and not judged:
        return Step.JUDGE
    if asked_for_opinion(row, person):
        return Step.OPINION
    if row.second_signer is not None:
        return Step.ARBITRATE
    return Step.DECIDE if row.first_signer is None else Step.SECOND


def asked_for_opinion(row: Suggestion, person: Person) -> bool:
    """Whether a colleague waits for this person's opinion."""
    return row.returns_to is not None and row.assigned_to == person.id


async def read(desk: SignOff, row: Suggestion, lane: Lane, person: Person) -> Opened:
    """The case as this person may see it now; before an own judgement is committed, nothing of the AI is even read."""
    judgement = await _own(desk, row, person) if row.judge_first else None
    step = step_of(row, person, judged=judgement is not None)
    if step is Step.JUDGE:
        payloads = await desk.suggestions.payloads(row, BEFORE_THE_AI)
        return Opened(row, lane, step, _NOTHING, b"", "", b"", payloads)
    payloads, earlier, texts = await desk.suggestions.shown_to(row, person.id)
    _check_kept(payloads)
    exchange, suggestion = unpack(payloads["exchange"]), payloads["suggestion"]
    view = adapter(row.protocol).read(exchange.answer(suggestion), exchange.recognised, lane.reading)
    parts = findings(row.protocol, view, exchange.answer(suggestion), lane.reading)
    positions = await _positions(desk, row, lane, exchange, suggestion) if step is Step.ARBITRATE else ()
    more: dict[str, JsonValue] = {"findings": [dict(part._asdict()) for part in parts]} if parts else {}
    if positions:
        more["positions"] = [_told(position) for position in positions]
    document = shown(view, suggestion, row.system, row.task, more)
    said = await _said(desk, row, step, texts)
    digest, before = sha256(document), _before(earlier, document)
    return Opened(row, lane, step, view, document, digest, suggestion, payloads, judgement, parts, said, positions, before, earlier)


def _check_kept(payloads: Mapping[str, bytes]) -> None:
    if not {"exchange", "suggestion"} <= payloads.keys():
        message = "The content of this suggestion is no longer kept, so it cannot be shown or decided on. Tell hospital IT."
        french = "Le contenu de cette proposition n'est plus conservé : elle ne peut être ni affichée ni décidée. Prévenez le service informatique."
        raise Conflict(message, code="content_not_kept", fr=french)


async def _own(desk: SignOff, row: Suggestion, person: Person) -> OwnJudgement | None:
    found = await desk.suggestions.work.judgement(row.id, person.id)
    if found is None:
        return None
    answer = (await desk.suggestions.beside(row, f"judgement/{found.entry_id}")).get(f"judgement/{found.entry_id}", b"")
    return OwnJudgement(answer.decode(), found.confidence, found.at, found.entry_id)


async def _said(desk: SignOff, row: Suggestion, step: Step, texts: Mapping[str, bytes]) -> tuple[Said, ...]:
    """Colleagues' words; the second of two reads none that is older than the first decision or comes from its author."""
    if not texts:
        return ()
    listed = await desk.suggestions.work.opinions(row.id)
    if step is Step.SECOND:
        first = standing(await desk.suggestions.signatures(row.id))[0]
        listed = [one for one in listed if one.at > first.at and one.person_id != first.person_id]
    kept = ((one, texts.get(f"opinion/{one.entry_id}", b"").decode()) for one in listed)
    return tuple(Said(one.kind, one.printed_name, one.profession, text, one.at) for one, text in kept if text)


async def _positions(desk: SignOff, row: Suggestion, lane: Lane, exchange: Exchange, suggestion: bytes) -> tuple[Position, ...]:
    """The two decisions that differ, in an order that says nothing of who came first."""
    signed = sorted(standing(await desk.suggestions.signatures(row.id))[:2], key=lambda one: sha256(one.entry_id.bytes))
    texts = await desk.suggestions.beside(row, "final/")
    comments = await desk.suggestions.beside(row, "reason/")
    made = []
    for name, one in zip(_NAMES, signed, strict=False):
        text = texts.get(f"final/{one.entry_id}", suggestion)
        answer = exchange.answer(text) if text is suggestion else exchange.final(text)
        view = _NOTHING if one.decision == "reject" else adapter(row.protocol).read(answer, exchange.recognised, lane.reading)
        comment = comments.get(f"reason/{one.entry_id}", b"").decode()
        made.append(Position(name, one.decision, one.reason, comment, tuple(fields_of(view)), accepted(one)))
    return tuple(made)


def accepted(signature: Signature) -> tuple[str, ...] | None:
    """The findings that a signature accepted, or None where it chose none."""
    if not signature.findings:
        return None
    return tuple(one["pointer"] for one in orjson.loads(signature.findings) if one["accepted"])


def _told(position: Position) -> dict[str, JsonValue]:
    fields: list[JsonValue] = [dict(part) for part in position.fields]
    chosen: JsonValue = None if position.accepted_findings is None else list(position.accepted_findings)
    words: dict[str, JsonValue] = {name: getattr(position, name) for name in ("name", "decision", "reason", "comment")}
    return {**words, "fields": fields, "accepted_findings": chosen}


def _before(earlier: bytes | None, document: bytes) -> tuple[dict[str, JsonValue], ...] | None:
    """The fields shown to this person earlier, where the stored suggestion is another now (R3)."""
    if earlier is None or _essence(orjson.loads(earlier)) == _essence(orjson.loads(document)):
        return None
    return tuple(orjson.loads(earlier)["fields"])


def _essence(document: Mapping[str, object]) -> tuple[object, object]:
    return document["fields"], document["suggestion_sha256"]
