"""The rules of signing: each `check_…` raises a sentence that a clinician understands; nothing passes by default."""

from __future__ import annotations

from datetime import timedelta
from typing import TYPE_CHECKING

from gateway.errors import BadInput, Conflict, Forbidden
from gateway.identity.roles import Role
from gateway.signoff.models import Reason
from gateway.suggestions.states import AWAITING, State

if TYPE_CHECKING:
    from datetime import datetime
    from uuid import UUID

    from gateway.identity.people import Person
    from gateway.policy.lanes import Lane
    from gateway.policy.models import Policy
    from gateway.signoff.models import Decision
    from gateway.suggestions.tables import Suggestion


def check_may_sign(person: Person, lane: Lane, now: datetime) -> None:
    """Role, profession or group, and training."""
    policy, task = lane.requirement.policy, lane.task
    if Role.CLINICIAN not in person.roles:
        message = "Only clinicians sign. Your account has no clinician role; ask your establishment if that is wrong."
        raise Forbidden(message, code="not_a_clinician")
    if policy.sign_groups and person.groups.isdisjoint(policy.sign_groups):
        message = (
            f"The task '{task.id}' is signed by: {', '.join(policy.sign_groups)}. You are in none of these groups; hand the case over."
        )
        raise Forbidden(message, code="not_in_group")
    if not policy.sign_groups and person.profession != task.profession:
        message = (
            f"The task '{task.id}' is signed by the profession '{task.profession}', yours is '{person.profession}'. Hand the case over."
        )
        raise Forbidden(message, code="other_profession")
    if person.trained_until is not None and person.trained_until < now:
        message = "Your training for this AI system has expired, so you cannot sign until it is renewed. Hand the case over."
        raise Forbidden(message, code="training_expired")


def may_sign(person: Person, lane: Lane, now: datetime) -> bool:
    """The boolean twin of `check_may_sign`."""
    try:
        check_may_sign(person, lane, now)
    except Forbidden:
        return False
    return True


def check_lease(row: Suggestion, person: Person, lease: UUID, now: datetime) -> None:
    """The suggestion is still open for this person."""
    if row.leased_by != person.id or row.lease != lease:
        message = (
            "This case is not open for you, or it was opened again since. Open it to see what it is now; your text is kept on your page."
        )
        raise Conflict(message, code="lease_lost")
    if row.leased_until is None or row.leased_until < now:
        message = (
            "Your time with this case is over, so that a colleague could take it. Open it again to decide; your text is kept on your page."
        )
        raise Conflict(message, code="lease_expired")


def check_free(row: Suggestion, person: Person, now: datetime) -> None:
    """Nobody else holds the case."""
    if row.leased_by not in {None, person.id} and row.leased_until is not None and row.leased_until > now:
        message = "A colleague has this case open. It becomes free when they decide, defer, or their time is over."
        raise Conflict(message, code="leased")


def check_second_person(row: Suggestion, person: Person) -> None:
    """Two-person means two different people."""
    if row.first_signer == person.id:
        message = "You have signed this already; the second signature has to come from somebody else."
        raise Forbidden(message, code="second_person_needed")


def check_fresh(authenticated_at: datetime, policy: Policy, now: datetime, opened_at: datetime | None) -> None:
    """The proof of identity is as new as the policy asks: at 0 seconds, made for this decision."""
    allowed = timedelta(seconds=policy.reauthenticate_seconds or 60)
    too_old = now - authenticated_at > allowed
    before_opening = policy.reauthenticate_seconds == 0 and opened_at is not None and authenticated_at < opened_at
    if too_old or before_opening:
        message = "Confirm who you are before you decide: this task asks for it. Nothing was decided yet."
        raise Forbidden(message, code="reauthentication_required")


def check_shown(decision: Decision, shown_sha256: str) -> None:
    """The decision names what was shown, and that is still what is stored."""
    if decision.shown_sha256 != shown_sha256:
        message = (
            "What you were shown is not what is stored now, so your decision was not taken. Open the case again and judge what it says."
        )
        raise Conflict(message, code="shown_changed")


def check_reason(decision: Decision, policy: Policy) -> None:
    """A rejection carries a coded reason of the task."""
    allowed = policy.reject_reasons or tuple(reason.value for reason in Reason)
    if decision.decision == "reject" and decision.reason not in allowed:
        message = f"A rejection needs one of these reasons: {', '.join(allowed)}."
        raise BadInput(message, code="reason_required")


def check_amendment(decision: Decision, pointers: frozenset[str]) -> None:
    """An amendment changes something, and only what was shown."""
    amendment = decision.amendment or {}
    if (decision.decision == "amend") != bool(amendment):
        message = "An amendment says what it changes; approve and reject change nothing."
        raise BadInput(message, code="amendment_required")
    unknown = sorted(set(amendment) - pointers)
    if unknown:
        message = f"Only what was shown can be amended; these places were not: {', '.join(unknown)[:300]}."
        raise BadInput(message, code="amendment_elsewhere")


def check_awaiting(row: Suggestion) -> None:
    """Somebody is still asked for a signature."""
    if State(row.state) not in AWAITING:
        here = row.state.replace("_", " ")
        message = f"This case is already {here}; there is nothing left to decide. The log tells who decided and when."
        raise Conflict(message, code="already_decided")
