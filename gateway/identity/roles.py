"""Who may do what: roles and rights as data, and who answers for a change.

Promise: an account that manages accounts can never sign, because whoever makes the signers must not be one (an
administrator could otherwise sign in anybody's stead); and who was given a password by an administrator signs only after
somebody else has confirmed who they are (`trust/confirming.py`).
"""

from __future__ import annotations

from dataclasses import dataclass, field
from enum import StrEnum
from typing import TYPE_CHECKING, Final

from gateway.errors import BadInput

if TYPE_CHECKING:
    from collections.abc import Iterable, Mapping


class Role(StrEnum):
    """What a person is here for."""

    CLINICIAN = "clinician"
    QUALITY = "quality"
    IT = "it"
    AUDITOR = "auditor"


class Right(StrEnum):
    """One thing that a role may do."""

    SIGN = "sign"
    BREAK_GLASS = "break_glass"
    READ_CASES = "read_cases"
    READ_LOG = "read_log"
    READ_IMPACT = "read_impact"
    GIVE_VOLUMES = "give_volumes"
    STOP = "stop"
    RESUME = "resume"
    MANAGE_ACCOUNTS = "manage_accounts"
    MANAGE_MACHINES = "manage_machines"
    ERASE = "erase"


RIGHTS: Final[Mapping[Role, frozenset[Right]]] = {
    Role.CLINICIAN: frozenset({Right.SIGN, Right.BREAK_GLASS, Right.READ_CASES, Right.READ_IMPACT, Right.STOP}),
    Role.QUALITY: frozenset(
        {Right.READ_CASES, Right.READ_LOG, Right.READ_IMPACT, Right.GIVE_VOLUMES, Right.STOP, Right.RESUME, Right.ERASE},
    ),
    Role.IT: frozenset({Right.MANAGE_ACCOUNTS, Right.MANAGE_MACHINES, Right.GIVE_VOLUMES, Right.STOP, Right.RESUME}),
    Role.AUDITOR: frozenset({Right.READ_LOG, Right.READ_IMPACT}),
}


def rights_of(roles: Iterable[Role]) -> frozenset[Right]:
    """Everything that an account with these roles may do."""
    return frozenset(right for role in roles for right in RIGHTS[role])


def acting_role(roles: Iterable[Role], right: Right) -> Role | None:
    """The role in which somebody uses a right (for the log), or None who has it not."""
    return next((role for role in Role if role in frozenset(roles) and right in RIGHTS[role]), None)


def check_roles(roles: Iterable[Role]) -> None:
    """Refuse a set of roles that no account may hold.

    Raises:
        BadInput: none at all, or administrator and clinician at once.
    """
    held = frozenset(roles)
    if not held:
        message = "An account needs at least one role. Choose among: clinician, quality, it, auditor."
        raise BadInput(
            message, code="roles_missing", fr="Un compte a au moins un rôle. Choisissez parmi : clinician, quality, it, auditor."
        )
    if {Role.IT, Role.CLINICIAN} <= held:
        message = "An administrator cannot sign: one account cannot be both 'it' and 'clinician'. Make two accounts for two people."
        french = "Un administrateur ne signe pas : un compte ne peut être à la fois « it » et « clinician ». Faites deux comptes, pour deux personnes."
        raise BadInput(message, code="roles_exclude_each_other", fr=french)


@dataclass(frozen=True, slots=True)
class Author:
    """Who answers for a change in the log.

    Args:
        actor: pseudonymous id of a person, or a system job `system:NAME`.
        role: the role acted in.
        auth: `{"method": …, "at": …}` of the authentication the change rests on, empty for a system job.
        name: of a person, for those whom the change concerns; it never gets into the log.
    """

    actor: str
    role: str
    auth: Mapping[str, str] = field(default_factory=dict)
    name: str = ""


COMMAND_LINE: Final = Author("system:command_line", "system")
