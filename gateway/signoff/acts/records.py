"""The signed record of a case, with the same fields for every form it is given in (R4)."""

from __future__ import annotations

from dataclasses import dataclass
from typing import TYPE_CHECKING

import orjson

from gateway.adapters.exact.findings import findings
from gateway.adapters.registry import adapter
from gateway.errors import GarantError
from gateway.signoff.models import OwnJudgement, Step
from gateway.signoff.record import standing
from gateway.suggestions.exchange import unpack

if TYPE_CHECKING:
    from collections.abc import Mapping

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
