"""One entry of the log: what it may say, and its bytes.

Contract: RFC 8785 JSON of strings, integers below 2^53 and booleans, at most 4 KiB; no free text, no patient identifier.
An event cannot be built without an actor or a named system job (`system:…`).
"""

from __future__ import annotations

from dataclasses import dataclass, field
from enum import StrEnum
from typing import TYPE_CHECKING, Final

import orjson

from gateway.clock import rfc3339

if TYPE_CHECKING:
    from collections.abc import Mapping
    from datetime import datetime
    from uuid import UUID

VERSION: Final = 1
MAX_BYTES: Final = 4096


class EventType(StrEnum):
    """Every type an entry can have."""

    RECEIVED = "received"
    NOTIFIED = "notified"
    ESCALATED = "escalated"
    OVERDUE = "overdue"
    VIEWED = "viewed"
    JUDGED_FIRST = "judged_first"
    SIGNED_OFF = "signed_off"
    REJECTED = "rejected"
    DEFERRED = "deferred"
    HANDED_OVER = "handed_over"
    RELEASED = "released"
    DELIVERED = "delivered"
    DELIVERY_FAILED = "delivery_failed"
    EXPIRED = "expired"
    RECALLED = "recalled"
    BREAK_GLASS = "break_glass"
    SAMPLED = "sampled"
    REVIEWED = "reviewed"
    PATIENT_INFORMED = "patient_informed"
    INCIDENT = "incident"
    SUSPENDED = "suspended"
    RESUMED = "resumed"
    VERSION_CHANGED = "version_changed"
    AUTH_OK = "auth_ok"
    AUTH_FAILED = "auth_failed"
    DENIED = "denied"
    CONFIG_CHANGED = "config_changed"
    KEY_CHANGED = "key_changed"
    ERASED = "erased"
    ANCHORED = "anchored"
    SEED_COMMITTED = "seed_committed"
    SEED_REVEALED = "seed_revealed"


@dataclass(frozen=True, slots=True)
class Event:
    """What happened, who did it, when; everything an entry says except `prev`, which the log adds.

    Args:
        id: UUIDv7 of the entry.
        actor: pseudonymous id of a person or machine, or a system job `system:NAME`.
        role: the actor's role at that moment (clinician, quality, it, auditor, machine, system).
        at: when it happened (true time, also for entries that were spooled).
        commitments: field name (suggestion, shown, final, reason) → lower-case hex of the salted commitment.
        auth: method and time of the authentication the act rests on, `{"method": …, "at": …}`.
        model: `{"id": …, "version": …, "digest": …}`.
        detail: further coded members, all strings (mode, site, seconds, reason code); never free text.
    """

    id: UUID
    type: EventType
    at: datetime
    actor: str
    role: str
    case: UUID | None = None
    suggestion: UUID | None = None
    task: str | None = None
    policy: str | None = None
    decision: str | None = None
    auth: Mapping[str, str] | None = None
    model: Mapping[str, str] | None = None
    commitments: Mapping[str, str] | None = None
    detail: Mapping[str, str] = field(default_factory=dict)

    def __post_init__(self) -> None:
        """Refuse an entry that nobody answers for."""
        if not self.actor or not self.role:
            message = "an entry needs an actor and a role"
            raise ValueError(message)


def encode(event: Event, prev: int | None) -> bytes:
    """The leaf bytes of an event, RFC 8785 canonical JSON.

    Args:
        event: what happened.
        prev: index of the previous entry of the same case, None for its first.

    Raises:
        ValueError: the entry is larger than 4 KiB.
    """
    leaf = orjson.dumps(_members(event, prev), option=orjson.OPT_SORT_KEYS)
    if len(leaf) > MAX_BYTES:
        message = f"an entry of {len(leaf)} bytes is over the limit of {MAX_BYTES}"
        raise ValueError(message)
    return leaf


def _members(event: Event, prev: int | None) -> dict[str, object]:
    members: dict[str, object | None] = {
        "v": VERSION,
        "id": str(event.id),
        "type": event.type.value,
        "at": rfc3339(event.at),
        "actor": event.actor,
        "role": event.role,
        "case": str(event.case) if event.case else None,
        "suggestion": str(event.suggestion) if event.suggestion else None,
        "prev": prev,
        "task": event.task,
        "policy": event.policy,
        "decision": event.decision,
        "auth": event.auth,
        "model": event.model,
        "commitments": event.commitments,
        "detail": event.detail or None,
    }
    return {name: value for name, value in members.items() if value is not None}
