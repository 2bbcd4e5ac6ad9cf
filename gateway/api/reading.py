"""Reading what is stored of a case is an entry of the log: who, when, what, and why where somebody does not treat the patient (R34).

Promises: the entry is committed before anything is given; who is no clinician names a reason of the configuration's list, or
reads nothing; what was erased is refused in words. Such an entry (`viewed`, decision `read`) opens nothing for a signature.
"""

from __future__ import annotations

from typing import TYPE_CHECKING, Final

from gateway.audit.batch import Write
from gateway.audit.leaf import Event, EventType
from gateway.audit.rules.clinical import READ
from gateway.custody.words import check_reading_reason
from gateway.identity.roles import Right, Role
from gateway.ids import uuid7
from gateway.suggestions.repository import check_there

if TYPE_CHECKING:
    from collections.abc import Sequence

    from gateway.api.dependencies import Parts
    from gateway.identity.roles import Author
    from gateway.identity.sessions import Session
    from gateway.suggestions.tables import Suggestion

RECORD: Final = "record"


def asks_reason(session: Session) -> bool:
    """Whether somebody has to say why they read: everybody but clinicians."""
    return Role.CLINICIAN not in session.person.roles


async def noted(parts: Parts, session: Session, rows: Sequence[Suggestion], form: str, reason: str = "") -> None:
    """Note that somebody is given what is stored of suggestions, in one write. Raises Gone, BadInput without a reason, AuditUnavailable.

    Args:
        parts: the application's parts.
        session: who reads.
        rows: of what.
        form: in which form: `record.pdf`, `signatures`, `page`, `changes`.
        reason: a code of `[retention] reading_reasons`; clinicians need none.
    """
    for row in rows:
        check_there(row)
    _check(parts, session, reason)
    by = session.person.author(parts.keys, Right.READ_CASES, session.authentication.for_log())
    await parts.writer.append(
        Write(tuple(_reading(by, row, _detail(form, reason, system=row.system, site=row.site), parts) for row in rows))
    )


def _reading(by: Author, row: Suggestion, detail: dict[str, str], parts: Parts) -> Event:
    return Event(
        id=uuid7(),
        type=EventType.VIEWED,
        at=parts.clock.now(),
        actor=by.actor,
        role=by.role,
        case=row.case_id,
        suggestion=row.id,
        task=row.task,
        policy=row.policy,
        decision=READ,
        auth=by.auth or None,
        detail=detail,
    )


async def exported(parts: Parts, session: Session, form: str, reason: str) -> None:
    """Note that somebody takes the whole log away. Raises BadInput without a reason, AuditUnavailable."""
    check_reading_reason(parts.settings.retention, reason)
    by = session.person.author(parts.keys, Right.READ_LOG, session.authentication.for_log())
    said = _detail(form, reason, about="log")
    event = Event(uuid7(), EventType.VIEWED, parts.clock.now(), by.actor, by.role, decision=READ, auth=by.auth or None, detail=said)
    await parts.writer.append(Write((event,)))


def _check(parts: Parts, session: Session, reason: str) -> None:
    if asks_reason(session) or reason:
        check_reading_reason(parts.settings.retention, reason)


def _detail(form: str, reason: str, **more: str) -> dict[str, str]:
    return {"form": form, **more, **({"reason": reason} if reason else {})}
