"""Confirming who somebody is, after hospital IT has given their account a way in (R5): by a person who knows them, in words.

Promises: whoever makes accounts or resets passwords cannot sign with them, however many accounts they reset: only somebody
whose own account is confirmed, who is no administrator and not the person, can confirm; a confirmation is an entry.
"""

from __future__ import annotations

from typing import TYPE_CHECKING, Final

from gateway.audit.batch import Statement, Write
from gateway.audit.leaf import Event, EventType
from gateway.errors import Conflict, Forbidden
from gateway.identity.people import CHANGED_FR, pseudonym, unchanged
from gateway.identity.roles import Role
from gateway.ids import uuid7

if TYPE_CHECKING:
    from datetime import datetime

    from gateway.identity.people import Person
    from gateway.identity.roles import Author
    from gateway.operations.keys import Keys

_CONFIRM: Final = """
UPDATE people SET unconfirmed_since = NULL, unconfirmed_by = ''
WHERE id = $1 AND credentials = $2 AND active AND NOT (must_change AND $3) AND unconfirmed_since IS NOT NULL RETURNING id
"""
_CHANGED: Final = "This account was changed or confirmed in the meantime. Reload to see what it is now."


def check_confirmed(person: Person) -> None:
    """Refuse a signature of an account of which only an administrator can say whose it is. Raises Forbidden."""
    if person.doubt is None:
        return
    day = f"{person.doubt.since:%Y-%m-%d %H:%M} UTC"
    message = (
        f"{person.doubt.by} gave your account its way in on {day}, so you cannot sign until a colleague who knows you confirms that you are "
        "you: a clinician or the quality department, on their page 'My account'. Ask one now; a colleague can take the case meanwhile."
    )
    french = (
        f"{person.doubt.by} a donné accès à votre compte le {day} : vous ne pouvez pas signer avant qu'un collègue qui vous connaît confirme "
        "votre identité (clinicien ou qualité), depuis sa page « Mon compte ». Demandez-le ; un collègue peut prendre le dossier en attendant."
    )
    raise Forbidden(message, code="person_unconfirmed", fr=french)


def check_may_confirm(by: Person, person: Person, *, passwords: bool) -> None:
    """A clinician or the quality department, whose own account is confirmed; never the person, never an administrator.

    Args:
        by: who confirms.
        person: who is confirmed.
        passwords: people sign in with passwords here, so that a one-time password somebody else knows is a way in still.

    Raises:
        Forbidden: not by this person.
        Conflict: there is nothing to confirm yet, or any more.
    """
    known = Role.IT not in by.roles and not by.roles.isdisjoint({Role.CLINICIAN, Role.QUALITY})
    if not known or by.id == person.id or by.doubt is not None or by.must_change:
        message = "Who somebody is, is confirmed by a clinician or the quality department: another person, whose own account is confirmed."
        french = "L'identité d'une personne est confirmée par un clinicien ou la qualité : quelqu'un d'autre, dont le compte est lui-même confirmé."
        raise Forbidden(message, code="may_not_confirm", fr=french)
    if person.doubt is None or (passwords and person.must_change):
        message = "There is nothing to confirm here: either somebody has done so, or the person has not chosen a password of their own yet."
        french = "Il n'y a rien à confirmer : c'est déjà fait, ou la personne n'a pas encore choisi son propre mot de passe."
        raise Conflict(message, code="nothing_to_confirm", fr=french)


def may_confirm(by: Person, person: Person, *, passwords: bool) -> bool:
    """The boolean twin of `check_may_confirm`."""
    try:
        check_may_confirm(by, person, passwords=passwords)
    except (Forbidden, Conflict):
        return False
    return True


def confirmed(person: Person, by: Person, author: Author, keys: Keys, at: datetime, *, passwords: bool) -> Write:
    """The write with which somebody answers for who a person is. Raises Forbidden, Conflict."""
    check_may_confirm(by, person, passwords=passwords)
    detail = {"change": "person_confirmed", "subject": pseudonym(keys, person.id)}
    event = Event(uuid7(), EventType.CONFIG_CHANGED, at, author.actor, author.role, auth=author.auth or None, detail=detail)
    guard = Statement(_CONFIRM, (person.id, person.credentials, passwords), key=person.id)
    return Write((event,), guards=(guard, unchanged(by)), refusal=_CHANGED, french=CHANGED_FR)
