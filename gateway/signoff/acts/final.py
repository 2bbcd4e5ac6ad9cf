"""The bytes that a signature releases: the AI system's own, or with only what the person changed or left out (R14, R55)."""

from __future__ import annotations

from typing import TYPE_CHECKING

import orjson

from gateway.adapters.document import decoded
from gateway.adapters.exact.findings import amendment_without, without
from gateway.adapters.registry import adapter
from gateway.errors import BadInput
from gateway.suggestions.exchange import unpack

if TYPE_CHECKING:
    from gateway.messages import JsonValue
    from gateway.signoff.models import Decision, Opened


def final_bytes(opened: Opened, decision: Decision) -> bytes:
    """What leaves if this decision stands; b"" for a rejection. Raises BadInput for an amendment that changes nothing."""
    if decision.decision == "reject":
        return b""
    if decision.decision == "approve":
        return opened.suggestion
    dropped = dropped_findings(opened, decision)
    amendment: dict[str, JsonValue] = dict(decision.amendment or {})
    if dropped and opened.row.protocol != "json":
        amendment = _joined(amendment, amendment_without(opened.view, opened.lane.reading, dropped))
    body = _rendered(opened, amendment)
    if dropped and opened.row.protocol == "json" and opened.lane.reading.findings:
        body = without(body, opened.lane.reading.findings[0], dropped)
    if not dropped and _same(opened, amendment, body):
        message = "Your amendment changes nothing. Approve the suggestion as it is, or change something."
        french = "Votre modification ne change rien. Approuvez la proposition telle quelle, ou changez quelque chose."
        raise BadInput(message, code="nothing_changed", fr=french)
    return body


def dropped_findings(opened: Opened, decision: Decision) -> frozenset[str]:
    """The findings that a decision leaves out."""
    if decision.accepted_findings is None:
        return frozenset()
    return frozenset(finding.pointer for finding in opened.findings) - set(decision.accepted_findings)


def findings_record(opened: Opened, decision: Decision) -> str:
    """Each finding with what became of it and why, as JSON; "" where none were chosen."""
    if decision.accepted_findings is None:
        return ""
    gone = dropped_findings(opened, decision)
    listed = [
        {"pointer": one.pointer, "accepted": one.pointer not in gone, "reason": decision.finding_reasons.get(one.pointer, "")}
        for one in opened.findings
    ]
    return orjson.dumps(listed).decode()


def _rendered(opened: Opened, amendment: dict[str, JsonValue]) -> bytes:
    exchange = unpack(opened.payloads["exchange"])
    answer = exchange.answer(opened.suggestion)
    if not amendment:
        return decoded(answer)
    return adapter(opened.row.protocol).render(answer, amendment, exchange.recognised, str(opened.row.id)).body


def _joined(amendment: dict[str, JsonValue], cut: dict[str, JsonValue]) -> dict[str, JsonValue]:
    if amendment.keys() & cut.keys():
        message = "Either change this text or leave findings out of it; both at once would undo each other."
        french = "Modifiez ce texte ou écartez-en des constatations ; les deux à la fois s'annuleraient."
        raise BadInput(message, code="amendment_and_findings", fr=french)
    return {**amendment, **cut}


def _same(opened: Opened, amendment: dict[str, JsonValue], body: bytes) -> bool:
    values = {part.pointer: part.value for part in opened.view.fields}
    return body == opened.suggestion or all(values.get(pointer) == value for pointer, value in amendment.items())
