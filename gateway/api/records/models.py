"""The signed record: one set of fields, from which every form is made (R4). It holds no content and no patient data."""

from __future__ import annotations

from typing import TYPE_CHECKING, Literal
from uuid import UUID

from pydantic import BaseModel, ConfigDict, Field

from gateway.clock import rfc3339
from gateway.errors import Unknown

if TYPE_CHECKING:
    from collections.abc import Sequence
    from datetime import datetime

    from gateway.settings import Establishment
    from gateway.suggestions.tables import Signature, Suggestion


class Frozen(BaseModel):
    """A part of the record."""

    model_config = ConfigDict(frozen=True)


class SignedBy(Frozen):
    """One signature: who, in which profession, when, what it means, for which model. Times are RFC 3339 UTC."""

    printed_name: str
    profession: str
    at: str
    meaning: str
    decision: str
    amendment: str = Field(description="'refined' wording, 'substituted' decision, or empty")
    reason: str
    model: str
    model_version: str
    shown_sha256: str
    final_sha256: str | None
    method: str
    authenticated_at: str
    entry: UUID = Field(description="the log entry of the decision")


class SignedRecord(Frozen):
    """What was decided on one suggestion, and by whom."""

    format: Literal["garant.record/1"] = "garant.record/1"
    establishment: str
    establishment_name: str
    site: str
    suggestion: UUID
    case: UUID = Field(description="a random id")
    task: str
    kind: str
    system: str
    system_name: str
    policy: str = Field(description="digest of the policy in force")
    state: str
    received_at: str
    released_at: str | None
    ai_generated: Literal[True] = True
    signatures: tuple[SignedBy, ...]


def record_of(row: Suggestion, signatures: Sequence[Signature], establishment: Establishment, system_name: str) -> SignedRecord:
    """The record of a suggestion, from the signatures that stand. Raises Unknown where there is none."""
    if not signatures:
        message = "Nobody has signed this suggestion, so there is no signed record of it. Wait for the decision, or take the case."
        raise Unknown(
            message,
            code="not_signed",
            fr="Personne n'a signé cette proposition : il n'y a pas d'acte signé. Attendez la décision, ou prenez le dossier.",
        )
    return SignedRecord(
        establishment=establishment.id,
        establishment_name=establishment.name,
        site=row.site,
        suggestion=row.id,
        case=row.case_id,
        task=row.task,
        kind=row.kind,
        system=row.system,
        system_name=system_name,
        policy=row.policy,
        state=row.state,
        received_at=rfc3339(row.received_at),
        released_at=_time(row.released_at),
        signatures=tuple(_signed_by(signature) for signature in signatures),
    )


def _signed_by(signature: Signature) -> SignedBy:
    names = ("printed_name", "profession", "meaning", "decision", "amendment", "reason", "model", "model_version", "method")
    return SignedBy(
        **{name: getattr(signature, name) for name in names},
        at=rfc3339(signature.at),
        authenticated_at=rfc3339(signature.authenticated_at),
        shown_sha256=signature.shown_sha256.hex(),
        final_sha256=signature.final_sha256.hex() if signature.final_sha256 else None,
        entry=signature.entry_id,
    )


def _time(moment: datetime | None) -> str | None:
    return None if moment is None else rfc3339(moment)
