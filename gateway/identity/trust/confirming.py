"""Confirming who somebody is, after hospital IT has given their account a way in (R5): by a person who knows them, in words.

Promises: whoever makes accounts or resets passwords cannot sign with them, however many accounts they reset: only somebody
whose own account is confirmed, who is no administrator and not the person, can confirm; a confirmation is an entry.
"""

from __future__ import annotations

from typing import TYPE_CHECKING, Final, Literal, TypeAlias

from gateway.audit.batch import Statement, Write
from gateway.audit.leaf import Event, EventType
from gateway.errors import Conflict, Forbidden
from gateway.identity.people import CHANGED_FR, pseudonym, unchanged
from gateway.identity.roles import Role
from gateway.ids import uuid7

if TYPE_CHECKING:
    from collections.abc import Collection
    from datetime import datetime

    from gateway.identity.people import Person
    from gateway.identity.roles import Author
    from gateway.operations.keys import Keys

Saw: TypeAlias = Literal["password", "provider"]
_BY: Final[tuple[tuple[Saw, str], ...]] = (("password", "password"), ("provider", "oidc"))
_CONFIRM: Final = """
UPDATE people SET unconfirmed_since = NULL, unconfirmed_by = ''
WHERE id = $1 AND credentials = $2 AND active AND NOT must_change AND unconfirmed_since IS NOT NULL RETURNING id
"""
_CONFIRM_SEEN_IN: Final = """
UPDATE people SET unconfirmed_since = NULL, unconfirmed_by = '', password_hash = '', must_change = true
WHERE id = $1 AND credentials = $2 AND active AND unconfirmed_since IS NOT NULL AND EXISTS (
  SELECT FROM sessions s WHERE s.person_id = $1 AND s.credentials = $2 AND s.method = 'oidc' AND s.created_at >= people.unconfirmed_since
) RETURNING id
"""
_END_OTHERS: Final = """
UPDATE sessions SET ended_at = $2, ended = 'changed' WHERE person_id = $1 AND (method = 'password') <> $3 AND ended_at IS NULL
"""
_CHANGED: Final = ("This account was changed or confirmed in the meantime. Reload to see what it is now.", CHANGED_FR)
_NOT_SEEN: Final = (
    "This person has not signed in with the establishment's provider since their account was given its way in, or the account was changed "
    "in the meantime. Have them sign in with it in front of you, then confirm."
)
_NOT_SEEN_FR: Final = (
    "Cette personne ne s'est pas connectée avec le service de l'établissement depuis que l'accès à son compte a été donné, ou le compte a "
    "changé entre-temps. Faites-la se connecter devant vous, puis confirmez."
)
_NOTHING: Final = (
    "There is nothing to confirm here: somebody has done so already. Reload to see who still waits.",
    "Il n'y a rien à confirmer : c'est déjà fait. Rechargez la page pour voir qui attend encore.",
)
_NOT_CHOSEN: Final = (
    "There is nothing to confirm yet: the person has not chosen a password of their own. Have them do so in front of you, then confirm.",
    "Il n'y a encore rien à confirmer : la personne n'a pas choisi son propre mot de passe. Faites-le-lui choisir devant vous, puis confirmez.",
)


def check_confirmed(person: Person) -> None:
    """Refuse a signature of an account of which only an administrator can say whose it is. Raises Forbidden."""
    if person.doubt is None:
        return
    day = f"{person.doubt.since:%Y-%m-%d %H:%M} UTC"
    message = (
        f"{person.doubt.by} gave your account its way in on {day}, so you can neither sign nor read cases until a colleague who knows you confirms "
        "that you are you: a clinician or the quality department, on their page 'My account'. Ask one now; a colleague can take the case meanwhile."
    )
    french = (
        f"{person.doubt.by} a donné accès à votre compte le {day} : vous ne pouvez ni signer ni lire de dossier avant qu'un collègue qui vous "
        "connaît confirme votre identité (clinicien ou qualité), depuis sa page « Mon compte ». Demandez-le ; un collègue peut prendre le dossier en attendant."
    )
    raise Forbidden(message, code="person_unconfirmed", fr=french)


def check_may_confirm(by: Person, person: Person, *, saw: Saw) -> None:
    """A clinician or the quality department, whose own account is confirmed; never the person, never an administrator.

    Args:
        by: who confirms.
        person: who is confirmed.
        saw: what they saw: the person choose a password, or sign in with the establishment's provider.

    Raises:
        Forbidden: not by this person.
        Conflict: there is nothing to confirm yet, or any more.
    """
    known = Role.IT not in by.roles and not by.roles.isdisjoint({Role.CLINICIAN, Role.QUALITY})
    if not known or by.id == person.id or by.doubt is not None or by.must_change:
        message = "Who somebody is, is confirmed by a clinician or the quality department: another person, whose own account is confirmed. Ask one of them."
        french = "L'identité d'une personne est confirmée par un clinicien ou la qualité : quelqu'un d'autre, dont le compte est lui-même confirmé. Demandez-le à l'un d'eux."
        raise Forbidden(message, code="may_not_confirm", fr=french)
    if person.doubt is None:
        raise Conflict(_NOTHING[0], code="nothing_to_confirm", fr=_NOTHING[1])
    if saw == "password" and person.must_change:
        raise Conflict(_NOT_CHOSEN[0], code="nothing_to_confirm", fr=_NOT_CHOSEN[1])


def ways_to_confirm(by: Person, person: Person, methods: Collection[str]) -> tuple[Saw, ...]:
    """What `by` may say to have seen of this person: the boolean twin of `check_may_confirm`, per way in that is offered here."""
    return tuple(saw for saw, method in _BY if method in methods and _may(by, person, saw))


def confirmed(person: Person, by: Person, author: Author, keys: Keys, at: datetime, *, saw: Saw) -> Write:
    """The write with which somebody answers for who a person is.

    Sign-ins of the kind that nobody saw end. Who was seen to sign in with the provider has, besides, no password afterwards:
    whatever hospital IT knows of it is no way in any more.

    Raises:
        Forbidden, Conflict: as `check_may_confirm`; at the commit also where that sign-in never was.
    """
    check_may_confirm(by, person, saw=saw)
    detail = {"change": "person_confirmed", "subject": pseudonym(keys, person.id), "saw": saw}
    event = Event(uuid7(), EventType.CONFIG_CHANGED, at, author.actor, author.role, auth=author.auth or None, detail=detail)
    guard = Statement(_CONFIRM if saw == "password" else _CONFIRM_SEEN_IN, (person.id, person.credentials), key=person.id)
    others = Statement(_END_OTHERS, (person.id, at, saw == "password"))
    told = _CHANGED if saw == "password" else (_NOT_SEEN, _NOT_SEEN_FR)
    return Write((event,), guards=(guard, unchanged(by)), effects=(others,), refusal=told[0], french=told[1])


def _may(by: Person, person: Person, saw: Saw) -> bool:
    try:
        check_may_confirm(by, person, saw=saw)
    except (Forbidden, Conflict):
        return False
    return True
