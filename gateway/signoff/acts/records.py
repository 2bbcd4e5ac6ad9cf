"""The signed record of a case, with the same fields for every form it is given in (R4)."""

from __future__ import annotations

from dataclasses import dataclass
from typing import TYPE_CHECKING

import orjson

from gateway.adapters.exact.findings import findings
from gateway.adapters.registry import adapter
from gateway.errors import GarantError
from gateway.signoff.models import OwnJudgement, Step
from gateway.signoff.record import open_between_two, standing
from gateway.suggestions.content import sha256
from gateway.suggestions.exchange import fields_of, unpack

if TYPE_CHECKING:
    from collections.abc import Mapping
    from uuid import UUID

    from gateway.adapters.protocol import Answer, Reading, Recognised
    from gateway.signoff.service import SignOff
    from gateway.suggestions.tables import Signature, Suggestion


@dataclass(frozen=True, slots=True)
class FindingRecord:
    """One finding of the suggestion and what became of it; `reason` is coded, "" for an accepted one."""

    pointer: str
    label: str
    accepted: bool
    reason: str


@dataclass(frozen=True, slots=True)
class SignedRecord:
    """One signature with everything that belongs to it; `comment` is the free text of its author."""

    signature: Signature
    judgement: OwnJudgement | None
    findings: tuple[FindingRecord, ...]
    comment: str

    @property
    def arbitration(self) -> bool:
        """Whether this decided between two people who had decided differently."""
        return self.signature.step == Step.ARBITRATE


@dataclass(frozen=True, slots=True)
class Changed:
    """One text of a suggestion, as the AI system wrote it and as it was signed."""

    label: str
    before: str
    after: str


async def amendments(desk: SignOff, row: Suggestion) -> dict[UUID, tuple[Changed, ...]]:
    """What each amending signature that stands changed, by its entry; nothing while two people decide, or where content is not kept."""
    signed = [one for one in standing(await desk.suggestions.signatures(row.id)) if one.decision == "amend"]
    if not signed or open_between_two(row):
        return {}
    texts = await desk.suggestions.beside(row, "final/")
    try:
        payloads = await desk.suggestions.payloads(row, ("exchange", "suggestion"))
        exchange, reading = unpack(payloads["exchange"]), desk.lanes.of(row.system, row.task).reading
        before = _texts(row, exchange.recognised, exchange.answer(payloads["suggestion"]), reading)
        kept = {bytes.fromhex(sha256(text)): text for text in texts.values()}  # of two equal texts one is kept
        finals = {one.entry_id: exchange.final(kept[one.final_sha256]) for one in signed if one.final_sha256 in kept}
        return {entry: _changed(before, _texts(row, exchange.recognised, final, reading)) for entry, final in finals.items()}
    except (GarantError, KeyError):
        return {}


def _texts(row: Suggestion, recognised: Recognised, answer: Answer, reading: Reading) -> dict[str, tuple[str, str]]:
    """Each text of an answer: pointer → label, text."""
    view = adapter(row.protocol).read(answer, recognised, reading)
    found = {str(part["pointer"]): (str(part["label"]), part["value"]) for part in fields_of(view)}
    return {
        pointer: (label, value if isinstance(value, str) else orjson.dumps(value).decode()) for pointer, (label, value) in found.items()
    }


def _changed(before: Mapping[str, tuple[str, str]], after: Mapping[str, tuple[str, str]]) -> tuple[Changed, ...]:
    pairs = [(before.get(pointer, ("", "")), after.get(pointer, ("", ""))) for pointer in dict.fromkeys((*before, *after))]
    return tuple(Changed(old[0] or new[0], old[1], new[1]) for old, new in pairs if old[1] != new[1])


async def signed_records(desk: SignOff, row: Suggestion) -> list[SignedRecord]:
    """The signatures that stand, in the order of the log."""
    signatures = standing(await desk.suggestions.signatures(row.id))
    judged = {one.person_id: one for one in await desk.suggestions.work.judgements(row.id)} if row.judge_first else {}
    texts = {**await desk.suggestions.beside(row, "judgement/"), **await desk.suggestions.beside(row, "reason/")}
    labels = await _labels(desk, row) if any(one.findings for one in signatures) else {}
    made = []
    for one in signatures:
        own = judged.get(one.person_id)
        text = "" if own is None else texts.get(f"judgement/{own.entry_id}", b"").decode()
        judgement = None if own is None else OwnJudgement(text, own.confidence, own.at, own.entry_id)
        comment = texts.get(f"reason/{one.entry_id}", b"").decode()
        made.append(SignedRecord(one, judgement, _findings(one, labels), comment))
    return made


def _findings(signature: Signature, labels: Mapping[str, str]) -> tuple[FindingRecord, ...]:
    listed = orjson.loads(signature.findings) if signature.findings else []
    return tuple(FindingRecord(one["pointer"], labels.get(one["pointer"], ""), one["accepted"], one["reason"]) for one in listed)


async def _labels(desk: SignOff, row: Suggestion) -> dict[str, str]:
    """What names each finding; nothing where the content is no longer kept or read."""
    try:
        payloads = await desk.suggestions.payloads(row, ("exchange", "suggestion"))
        exchange, reading = unpack(payloads["exchange"]), desk.lanes.of(row.system, row.task).reading
        answer = exchange.answer(payloads["suggestion"])
        view = adapter(row.protocol).read(answer, exchange.recognised, reading)
    except (GarantError, KeyError):
        return {}
    return {one.pointer: one.label for one in findings(row.protocol, view, answer, reading)}
