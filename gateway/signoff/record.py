"""What a decision leaves behind: the entries, the signed record, the ledger row."""

from __future__ import annotations

from dataclasses import dataclass, replace
from typing import TYPE_CHECKING, Final, Literal, TypeAlias

from rapidfuzz.distance import Levenshtein

from gateway import usage
from gateway.audit.batch import Statement, Usage
from gateway.audit.leaf import Event, EventType
from gateway.clock import rfc3339
from gateway.ids import uuid7
from gateway.signals.bus import Topic, message
from gateway.suggestions.content import Sealed, sha256
from gateway.suggestions.states import State
from gateway.suggestions.tables import Signature

if TYPE_CHECKING:
    from collections.abc import Sequence
    from datetime import datetime
    from uuid import UUID

    from gateway.identity.people import Person
    from gateway.identity.sessions import Authentication
    from gateway.operations.keys import Keys
    from gateway.policy.lanes import Lane
    from gateway.signoff.models import Decision, Opened
    from gateway.suggestions.tables import Suggestion

MEANING: Final = "I have examined the patient's data shown and decide on this suggestion."
IDLE_CAP_SECONDS: Final = 60.0
_COMPARED: Final = 20_000
_COLUMNS: Final = tuple(Signature.model_fields)
_INSERT: Final = f"INSERT INTO signatures ({', '.join(_COLUMNS)}) VALUES ({', '.join(f'${n}' for n in range(1, len(_COLUMNS) + 1))})"  # noqa: S608 - names of our own columns
_ASSERTION: Final = "INSERT INTO assertions (entry_id, suggestion_id, salt, evidence) VALUES ($1, $2, $3, $4)"
Outcome: TypeAlias = Literal["accepted", "amended", "rejected"]


@dataclass(frozen=True, slots=True)
class Signing:
    """A decision that has passed every check and is about to be written."""

    person: Person
    proof: Authentication
    decision: Decision
    opened: Opened
    at: datetime


@dataclass(frozen=True, slots=True)
class Signed:
    """The entry of a decision with its commitments, the payloads behind them, and the final bytes."""

    event: Event
    commitments: dict[str, str]
    sealed: tuple[Sealed, ...]
    final: bytes

    @classmethod
    def of(cls, event: Event, signing: Signing, sealed: tuple[Sealed, ...], final: bytes) -> Signed:
        """Complete the entry with its commitments and the authentication it rests on."""
        commitments = {part.field.partition("/")[0]: part.commitment for part in sealed}
        auth = {"method": signing.proof.method, "at": rfc3339(signing.proof.at)}
        detail = {"kind": "substituted" if signing.decision.changes_decision else "refined"} if signing.decision.amendment else {}
        if signing.decision.reason:
            detail["reason"] = signing.decision.reason
        second = signing.opened.row.first_signer is not None
        kept = tuple(part for part in sealed if not (second and part.field == "final"))
        return cls(replace(event, commitments=commitments, auth=auth, detail={**event.detail, **detail}), commitments, kept, final)


@dataclass(frozen=True, slots=True)
class SignatureRow:
    """The signed record and the statements that store it."""

    row: Signature
    statements: tuple[Statement, ...]


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


def signature_row(signing: Signing, signed: Signed) -> SignatureRow:
    """The signed record: printed name, profession, time, meaning, model and version (R4)."""
    raw, capped, source = active_seconds(signing)
    decision, row = signing.decision, signing.opened.row
    record = Signature(
        id=uuid7(),
        suggestion_id=row.id,
        person_id=signing.person.id,
        printed_name=signing.person.name,
        profession=signing.person.profession,
        decision=decision.decision,
        meaning=MEANING,
        amendment=("substituted" if decision.changes_decision else "refined") if decision.amendment else "",
        reason=decision.reason,
        shown_sha256=bytes.fromhex(signing.opened.shown_sha256),
        final_sha256=bytes.fromhex(sha256(signed.final)) if decision.decision != "reject" else None,
        model=row.model,
        model_version=row.model_version,
        method=signing.proof.method,
        authenticated_at=signing.proof.at,
        at=signing.at,
        active_seconds_raw=raw,
        active_seconds=capped,
        time_source=source,
        entry_id=signed.event.id,
    )
    inserted = Statement(_INSERT, tuple(getattr(record, name) for name in _COLUMNS))
    return SignatureRow(record, (inserted, *_assertion(signing, signed)))


def _assertion(signing: Signing, signed: Signed) -> tuple[Statement, ...]:
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
    }
    return (Statement(_INSERT, tuple(values[name] for name in _COLUMNS)),)


def standing(signatures: Sequence[Signature]) -> list[Signature]:
    """The signatures that count: those after the last one taken back."""
    kept: list[Signature] = []
    for signature in signatures:
        kept = [] if signature.decision == "undone" else [*kept, signature]
    return kept


def active_seconds(signing: Signing) -> tuple[float, float, Literal["reported", "lease"]]:
    """Raw and capped seconds: as the page measured them, else the time since the lease began, an upper bound."""
    reported = signing.decision.active_seconds
    if reported is not None:
        return reported.raw, min(reported.capped, reported.raw), "reported"
    until, length = signing.opened.row.leased_until, signing.opened.lane.requirement.policy.lease_seconds
    raw = 0.0 if until is None else max(0.0, length - (until - signing.at).total_seconds())
    return raw, min(raw, IDLE_CAP_SECONDS), "lease"


def ledger(
    row: Suggestion, lane: Lane, keys: Keys, signatures: Sequence[Signature], suggestion: bytes, final: bytes, at: datetime
) -> Usage:
    """The ledger row of a decided instance: seconds summed over everybody who signed."""
    last = signatures[-1]
    outcome: Outcome = (
        "rejected" if last.decision == "reject" else "amended" if any(kept.decision == "amend" for kept in signatures) else "accepted"
    )
    source: Literal["reported", "lease"] = "reported" if all(kept.time_source == "reported" for kept in signatures) else "lease"
    work = usage.Work(
        outcome=outcome,
        profession=lane.task.profession,
        at=at,
        worker=worker(keys, last, at),
        seconds_raw=sum(kept.active_seconds_raw for kept in signatures),
        seconds=sum(kept.active_seconds for kept in signatures),
        time_source=source,
        opened_at=row.opened_at,
        decided_at=last.at,
        released_at=None if outcome == "rejected" else at,
        edit_distance=None if outcome == "rejected" else edit_distance(suggestion, final),
        substituted_decision=any(kept.amendment == "substituted" for kept in signatures),
        two_person=row.signatures > 1,
        break_glass=row.state == State.EMERGENCY,
        reason=last.reason,
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
