"""What a decision leaves behind: the entries, the signed record, the ledger row."""

from __future__ import annotations

from dataclasses import dataclass, replace
from typing import TYPE_CHECKING, Final, Literal, NamedTuple, TypeAlias

from rapidfuzz.distance import Levenshtein

from gateway import usage
from gateway.audit.batch import Statement, Usage
from gateway.audit.leaf import Event, EventType
from gateway.clock import rfc3339
from gateway.identity.methods import recorded
from gateway.ids import uuid7
from gateway.signals.bus import Topic, message
from gateway.signoff.models import Step
from gateway.suggestions.content import Sealed, sha256
from gateway.suggestions.states import AWAITING, State
from gateway.suggestions.tables import Signature

if TYPE_CHECKING:
    from collections.abc import Sequence
    from datetime import datetime
    from uuid import UUID

    from gateway.identity.people import Person
    from gateway.identity.sessions import Authentication
    from gateway.operations.keys import Keys
    from gateway.signoff.models import Decision, Opened
    from gateway.suggestions.tables import Suggestion
    from gateway.suggestions.work.repository import Active
    from gateway.suggestions.work.tables import ActiveTimes

MEANING: Final = "I have examined the patient's data shown and decide on this suggestion."
_COMPARED: Final = 20_000
_COLUMNS: Final = tuple(Signature.model_fields)
_INSERT: Final = f"INSERT INTO signatures ({', '.join(_COLUMNS)}) VALUES ({', '.join(f'${n}' for n in range(1, len(_COLUMNS) + 1))})"  # noqa: S608 - names of our own columns
_ASSERTION: Final = "INSERT INTO assertions (entry_id, suggestion_id, salt, evidence) VALUES ($1, $2, $3, $4)"
Outcome: TypeAlias = Literal["accepted", "amended", "rejected"]
_OUTCOMES: Final[dict[str, Outcome]] = {"approve": "accepted", "amend": "amended", "reject": "rejected"}


class Texts(NamedTuple):
    """What the AI system said and what leaves, and when."""

    suggestion: bytes
    final: bytes
    at: datetime


@dataclass(frozen=True, slots=True)
class Signing:
    """A decision that has passed every check and is about to be written; `earlier` are the standing signatures before it."""

    person: Person
    proof: Authentication
    decision: Decision
    opened: Opened
    at: datetime
    final: bytes
    earlier: tuple[Signature, ...]
    times: ActiveTimes

    @property
    def first_of_two(self) -> bool:
        """Whether somebody else has to decide after this person."""
        return self.opened.row.signatures > 1 and self.opened.row.first_signer is None

    @property
    def disputes(self) -> bool:
        """Whether the second of two people decides otherwise than the first: another decision, or other final bytes."""
        if self.opened.step is not Step.SECOND:
            return False
        first = self.earlier[0]
        return first.decision != self.decision.decision or first.final_sha256 != self.final_digest

    @property
    def final_digest(self) -> bytes | None:
        """SHA-256 of the final bytes, None for a rejection."""
        return None if self.decision.decision == "reject" else bytes.fromhex(sha256(self.final))


@dataclass(frozen=True, slots=True)
class Signed:
    """The entry of a decision with its commitments, and the payloads behind them."""

    event: Event
    commitments: dict[str, str]
    sealed: tuple[Sealed, ...]

    @classmethod
    def of(cls, event: Event, signing: Signing, sealed: tuple[Sealed, ...]) -> Signed:
        """Complete the entry with its commitments and the authentication it rests on."""
        commitments = {part.field.partition("/")[0]: part.commitment for part in sealed}
        auth = {"method": recorded(signing.proof), "at": rfc3339(signing.proof.at)}
        return cls(replace(event, commitments=commitments, auth=auth, detail={**event.detail, **_coded(signing)}), commitments, sealed)


def _coded(signing: Signing) -> dict[str, str]:
    """What the log says of a decision in codes."""
    decision, opened = signing.decision, signing.opened
    detail = {"step": opened.step.value, "reason": decision.reason, "after_judgement": decision.after_judgement}
    if decision.decision == "amend":
        detail["kind"] = "substituted" if decision.changes_decision else "refined"
    if decision.accepted_findings is not None:
        detail["findings"] = f"{len(set(decision.accepted_findings))}/{len(opened.findings)}"
    return {name: value for name, value in detail.items() if value}


def person_event(
    kind: EventType,
    row: Suggestion,
    person: Person,
    keys: Keys,
    at: datetime,
    *,
    decision: str | None = None,
    detail: dict[str, str] | None = None,
) -> Event:
    """An entry about a suggestion in the name of a clinician."""
    return Event(
        id=uuid7(),
        type=kind,
        at=at,
        actor=person.actor(keys),
        role="clinician",
        case=row.case_id,
        suggestion=row.id,
        task=row.task,
        policy=row.policy,
        decision=decision,
        model={"id": row.model or row.system, "version": row.model_version},
        detail={"system": row.system, "site": row.site, **(detail or {})},
    )


def final_events(row: Suggestion, decision: str, commitments: dict[str, str], at: datetime) -> tuple[Event, ...]:
    """The release that follows a sign-off, by the gateway, with the commitment of the sign-off."""
    released = Event(
        id=uuid7(),
        type=EventType.RELEASED,
        at=at,
        actor="system:release",
        role="system",
        case=row.case_id,
        suggestion=row.id,
        task=row.task,
        policy=row.policy,
        decision=decision,
        model={"id": row.model or row.system, "version": row.model_version},
        commitments=commitments,
        detail={"system": row.system, "site": row.site, "mode": row.mode},
    )
    return (released,)


def signature_row(signing: Signing, signed: Signed, findings: str) -> Signature:
    """The signed record: printed name, profession, time, meaning, model and version (R4)."""
    decision, row, times = signing.decision, signing.opened.row, signing.times
    return Signature(
        id=uuid7(),
        suggestion_id=row.id,
        person_id=signing.person.id,
        printed_name=signing.person.name,
        profession=signing.person.profession,
        decision=decision.decision,
        meaning=MEANING,
        amendment=("substituted" if decision.changes_decision else "refined") if decision.decision == "amend" else "",
        reason=decision.reason,
        shown_sha256=bytes.fromhex(signing.opened.shown_sha256),
        final_sha256=signing.final_digest,
        model=row.model,
        model_version=row.model_version,
        method=recorded(signing.proof),
        authenticated_at=signing.proof.at,
        at=signing.at,
        active_seconds_raw=times.raw,
        active_seconds=times.capped,
        time_source=times.source,
        entry_id=signed.event.id,
        step=signing.opened.step.value,
        after_judgement=decision.after_judgement,
        findings=findings,
        lease=decision.lease,
        request=request_digest(decision),
    )


def request_digest(decision: Decision) -> bytes:
    """What makes two sendings of a decision the same: everything but the time it took."""
    return bytes.fromhex(sha256(decision.model_dump_json(exclude={"active_seconds"}).encode()))


def kept(signature: Signature) -> Statement:
    """The statement that stores a signed record."""
    return Statement(_INSERT, tuple(getattr(signature, name) for name in _COLUMNS))


def assertion_kept(signing: Signing, signed: Signed) -> tuple[Statement, ...]:
    """The signature by passkey, beside the log for anybody to verify: nothing of the patient is in it."""
    evidence = signing.proof.evidence
    salts = [part.salt for part in signed.sealed if part.field.startswith("assertion/")]
    row = (signed.event.id, signing.opened.row.id)
    return () if evidence is None else tuple(Statement(_ASSERTION, (*row, salt, evidence.document)) for salt in salts)


def undone(last: Signature, entry: UUID, at: datetime) -> tuple[Statement, ...]:
    """Taking a decision back adds a record; the record of the decision itself is never changed."""
    values = {
        **last.model_dump(),
        "id": uuid7(),
        "decision": "undone",
        "entry_id": entry,
        "at": at,
        "active_seconds_raw": 0.0,
        "active_seconds": 0.0,
        "lease": None,
    }
    return (Statement(_INSERT, tuple(values[name] for name in _COLUMNS)),)


def standing(signatures: Sequence[Signature]) -> list[Signature]:
    """The signatures that count: those after the last one taken back."""
    found: list[Signature] = []
    for signature in signatures:
        found = [] if signature.decision == "undone" else [*found, signature]
    return found


def open_between_two(row: Suggestion) -> bool:
    """Whether one or two people have decided, and the outcome is not there yet: then no record of it is given to anybody (R12)."""
    return row.first_signer is not None and State(row.state) in AWAITING


def ledger(row: Suggestion, profession: str, keys: Keys, signatures: Sequence[Signature], texts: Texts, active: Active) -> Usage:
    """The ledger row of a decided instance: seconds summed over everybody who touched it."""
    last = signatures[-1]
    outcome = _OUTCOMES[last.decision]
    rejected = outcome == "rejected"
    work = usage.Work(
        outcome=outcome,
        profession=profession,
        at=texts.at,
        worker=worker(keys, last, texts.at),
        seconds_raw=active.raw,
        seconds=active.capped,
        time_source="reported" if active.reported else "lease",
        opened_at=row.opened_at,
        decided_at=last.at,
        released_at=None if rejected else texts.at,
        edit_distance=None if rejected else edit_distance(texts.suggestion, texts.final),
        substituted_decision=any(one.amendment == "substituted" for one in signatures if one.decision == last.decision),
        two_person=row.signatures > 1,
        break_glass=row.state == State.EMERGENCY,
        reason=last.reason,
        unaided=active.unaided,
    )
    return usage.record(row, work)


def worker(keys: Keys, signature: Signature, at: datetime) -> str:
    """A person's pseudonym in the ledger: a keyed hash that changes each quarter, used only to cluster."""
    quarter = f"{at.year}q{(at.month - 1) // 3 + 1}"
    return keys.hidden(f"worker/{quarter}", signature.person_id.bytes).hex()[:24]


def edit_distance(before: bytes, after: bytes) -> float:
    """Normalised Levenshtein distance, 0 (same) to 1, over the first 20,000 bytes."""
    if before == after:
        return 0.0
    return round(float(Levenshtein.normalized_distance(before[:_COMPARED], after[:_COMPARED])), 6)


def wakes(row: Suggestion) -> tuple[str, ...]:
    """Tell waiting callers, queues and the clock that a suggestion has changed."""
    return (message(Topic.SUGGESTION, row.id), message(Topic.QUEUE, row.id), message(Topic.CLOCK))
