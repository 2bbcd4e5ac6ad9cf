"""Who may read of a case what was decided on it: the limits of the right to sign hold for reading too.

Role, a confirmed account, site, unit, specialty, profession or group of the task; training and being the first of two limit
signing alone. The quality department reads everywhere; who has signed reads what they signed. Every refusal says whom to ask.
"""

from __future__ import annotations

from typing import TYPE_CHECKING

from gateway.errors import Forbidden
from gateway.identity.roles import Role
from gateway.identity.trust.confirming import check_confirmed
from gateway.signoff.rights.competence import delegated

if TYPE_CHECKING:
    from collections.abc import Collection
    from datetime import datetime
    from uuid import UUID

    from gateway.identity.people import Person
    from gateway.policy.models import Policy, Task
    from gateway.suggestions.tables import Suggestion


def check_may_read(row: Suggestion, person: Person, ruling: tuple[Policy, Task], signers: Collection[UUID], now: datetime) -> None:
    """Everything that has to hold before a person reads what was decided on a suggestion.

    Args:
        row: the suggestion.
        person: who asks.
        ruling: policy and task of the suggestion.
        signers: who has signed it.
        now: the time.

    Raises:
        Forbidden: of another site, unit, specialty, profession or group; or nobody has confirmed yet who this is.
    """
    check_confirmed(person)
    if Role.QUALITY in person.roles or person.id in signers:
        return
    if person.competence.sites and row.site not in person.competence.sites:
        raise _refused("other_site", (f"of the site '{row.site}'", f"du site « {row.site} »"), ("there", "de ce site"))
    policy, task = ruling
    if not person.groups.isdisjoint(policy.arbiter_groups):
        return
    _check_field(person, task)
    if not delegated(person, task, now):
        _check_calling(person, policy, task)


def _check_field(person: Person, task: Task) -> None:
    if task.units and person.competence.units.isdisjoint(task.units):
        names = ", ".join(task.units)
        raise _refused("other_unit", (f"of the unit: {names}", f"de l'unité : {names}"), ("there", "de cette unité"))
    if task.specialties and person.competence.specialties.isdisjoint(task.specialties):
        names = ", ".join(task.specialties)
        raise _refused("other_specialty", (f"of the specialty: {names}", f"de la spécialité : {names}"), ("of it", "de cette spécialité"))


def _check_calling(person: Person, policy: Policy, task: Task) -> None:
    if policy.sign_groups and person.groups.isdisjoint(policy.sign_groups):
        names = ", ".join(policy.sign_groups)
        raise _refused("not_in_group", (f"for the group: {names}", f"réservé au groupe : {names}"), ("in it", "de ce groupe"))
    if not policy.sign_groups and person.profession != task.profession:
        whose = (f"for the profession '{task.profession}'", f"réservé à la profession « {task.profession} »")
        raise _refused("other_profession", whose, ("of it", "de cette profession"))


def _refused(code: str, whose: tuple[str, str], where: tuple[str, str]) -> Forbidden:
    message = f"You may not read this case: it is {whose[0]}. Ask a colleague {where[0]}, or hospital IT if your account is wrong."
    french = f"Vous ne pouvez pas lire ce dossier : il est {whose[1]}. Adressez-vous à un collègue {where[1]}, ou à l'informatique si votre compte est erroné."
    return Forbidden(message, code=code, fr=french)
