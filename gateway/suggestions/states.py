"""The life of a suggestion, as one table: states, actions, and which action leads where.

The diagram, the buttons, the SQL guards and the tests derive from `TRANSITIONS`.
"""

from __future__ import annotations

from enum import StrEnum


class State(StrEnum):
    """Where a suggestion is."""

    QUEUED = "queued"  # promised to the caller, the AI system has not answered yet
    HELD = "held"  # answered, waiting for a signature; nothing has left
    NOTIFIED = "notified"  # a named clinician was told; waiting for a signature
    FIRST_SIGNED = "first_signed"  # two-person: held, and one of two has decided
    DISPUTED = "disputed"  # two-person: held, the two decided differently, an arbiter is asked
    SIGNED = "signed"  # decided, inside the undo window
    DRAFTED = "drafted"  # left watermarked, waiting for a signature
    EMERGENCY = "emergency"  # left by break-glass, a signature is owed
    RELEASED = "released"
    REJECTED = "rejected"
    RECALLED = "recalled"  # left before sign-off, then rejected
    EXPIRED = "expired"
    CANCELLED = "cancelled"
    FAILED = "failed"
    SUSPENDED = "suspended"
    SHADOWED = "shadowed"
    PASSED = "passed"  # log-only


class Action(StrEnum):
    """What can happen to it."""

    ANSWER = "answer"
    NOTIFY = "notify"
    DRAFT = "draft"
    SHADOW = "shadow"
    PASS = "pass"  # noqa: S105 - an action
    FAIL = "fail"
    SIGN_FIRST = "sign_first"  # the first of two people has decided, whatever it was
    DISPUTE = "dispute"  # the second of two people has decided otherwise
    SIGN = "sign"
    SIGN_LATER = "sign_later"  # sign-off with an undo window
    UNDO = "undo"
    FINALISE = "finalise"
    REJECT = "reject"
    BREAK_GLASS = "break_glass"
    CANCEL = "cancel"
    EXPIRE = "expire"
    SUSPEND = "suspend"


_S, _A = State, Action

TRANSITIONS: dict[tuple[State, Action], State] = {
    (_S.QUEUED, _A.ANSWER): _S.HELD,
    (_S.QUEUED, _A.NOTIFY): _S.NOTIFIED,
    (_S.QUEUED, _A.DRAFT): _S.DRAFTED,
    (_S.QUEUED, _A.SHADOW): _S.SHADOWED,
    (_S.QUEUED, _A.PASS): _S.PASSED,
    (_S.QUEUED, _A.FAIL): _S.FAILED,
    (_S.QUEUED, _A.CANCEL): _S.CANCELLED,
    (_S.QUEUED, _A.SUSPEND): _S.SUSPENDED,
    (_S.HELD, _A.SIGN): _S.RELEASED,
    (_S.HELD, _A.SIGN_FIRST): _S.FIRST_SIGNED,
    (_S.HELD, _A.SIGN_LATER): _S.SIGNED,
    (_S.HELD, _A.REJECT): _S.REJECTED,
    (_S.HELD, _A.BREAK_GLASS): _S.EMERGENCY,
    (_S.HELD, _A.CANCEL): _S.CANCELLED,
    (_S.HELD, _A.EXPIRE): _S.EXPIRED,
    (_S.HELD, _A.SUSPEND): _S.SUSPENDED,
    (_S.FIRST_SIGNED, _A.SIGN): _S.RELEASED,
    (_S.FIRST_SIGNED, _A.SIGN_LATER): _S.SIGNED,
    (_S.FIRST_SIGNED, _A.REJECT): _S.REJECTED,
    (_S.FIRST_SIGNED, _A.DISPUTE): _S.DISPUTED,
    (_S.FIRST_SIGNED, _A.BREAK_GLASS): _S.EMERGENCY,
    (_S.FIRST_SIGNED, _A.CANCEL): _S.CANCELLED,
    (_S.FIRST_SIGNED, _A.EXPIRE): _S.EXPIRED,
    (_S.FIRST_SIGNED, _A.SUSPEND): _S.SUSPENDED,
    (_S.DISPUTED, _A.SIGN): _S.RELEASED,
    (_S.DISPUTED, _A.SIGN_LATER): _S.SIGNED,
    (_S.DISPUTED, _A.REJECT): _S.REJECTED,
    (_S.DISPUTED, _A.BREAK_GLASS): _S.EMERGENCY,
    (_S.DISPUTED, _A.CANCEL): _S.CANCELLED,
    (_S.DISPUTED, _A.EXPIRE): _S.EXPIRED,
    (_S.DISPUTED, _A.SUSPEND): _S.SUSPENDED,
    (_S.SIGNED, _A.UNDO): _S.HELD,
    (_S.SIGNED, _A.FINALISE): _S.RELEASED,
    (_S.SIGNED, _A.CANCEL): _S.CANCELLED,
    (_S.SIGNED, _A.SUSPEND): _S.SUSPENDED,
    (_S.NOTIFIED, _A.SIGN): _S.RELEASED,
    (_S.NOTIFIED, _A.SIGN_FIRST): _S.NOTIFIED,
    (_S.NOTIFIED, _A.DISPUTE): _S.NOTIFIED,
    (_S.NOTIFIED, _A.REJECT): _S.REJECTED,
    (_S.NOTIFIED, _A.BREAK_GLASS): _S.EMERGENCY,
    (_S.NOTIFIED, _A.SUSPEND): _S.SUSPENDED,
    (_S.DRAFTED, _A.SIGN): _S.RELEASED,
    (_S.DRAFTED, _A.SIGN_FIRST): _S.DRAFTED,
    (_S.DRAFTED, _A.DISPUTE): _S.DRAFTED,
    (_S.DRAFTED, _A.REJECT): _S.RECALLED,
    (_S.EMERGENCY, _A.SIGN): _S.RELEASED,
    (_S.EMERGENCY, _A.SIGN_FIRST): _S.EMERGENCY,  # what has left stays out; the second signature is still owed
    (_S.EMERGENCY, _A.DISPUTE): _S.EMERGENCY,
    (_S.EMERGENCY, _A.REJECT): _S.RECALLED,
}

AWAITING = frozenset({_S.HELD, _S.NOTIFIED, _S.FIRST_SIGNED, _S.DISPUTED, _S.DRAFTED, _S.EMERGENCY})
"""States in which a person is asked for a signature."""

RELEASABLE = frozenset({_S.RELEASED, _S.PASSED})
"""States whose final bytes may leave as decided."""

PENDING = frozenset({_S.QUEUED, _S.HELD, _S.FIRST_SIGNED, _S.DISPUTED, _S.SIGNED, _S.NOTIFIED})
"""States in which a caller still waits."""

OPEN = AWAITING | PENDING
"""States in which something is still to come: an answer, a decision or the release."""


def after(state: State, action: Action) -> State | None:
    """The state an action leads to, or None where the table forbids it."""
    return TRANSITIONS.get((state, action))


def sources(action: Action) -> frozenset[State]:
    """The states in which an action is allowed."""
    return frozenset(state for state, allowed in TRANSITIONS if allowed is action)
