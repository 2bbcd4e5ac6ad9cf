"""Rights are data, and an administrator can never sign."""

from __future__ import annotations

import pytest

from gateway.errors import BadInput
from gateway.identity.roles import RIGHTS, Right, Role, acting_role, check_roles, rights_of


def test_only_clinicians_sign_and_break_glass() -> None:
    for right in (Right.SIGN, Right.BREAK_GLASS):
        assert {role for role in Role if right in RIGHTS[role]} == {Role.CLINICIAN}


def test_an_administrator_cannot_be_a_clinician() -> None:
    with pytest.raises(BadInput, match="administrator cannot sign"):
        check_roles({Role.IT, Role.CLINICIAN})


def test_an_account_without_a_role_is_refused() -> None:
    with pytest.raises(BadInput, match="at least one role"):
        check_roles(())


def test_no_allowed_set_of_roles_both_signs_and_manages_accounts() -> None:
    assert all(not {Right.SIGN, Right.MANAGE_ACCOUNTS} <= RIGHTS[role] for role in Role)


def test_several_roles_add_up_and_each_act_names_the_role_that_allows_it() -> None:
    roles = (Role.CLINICIAN, Role.QUALITY)
    assert rights_of(roles) == RIGHTS[Role.CLINICIAN] | RIGHTS[Role.QUALITY]
    assert acting_role(roles, Right.RESUME) == Role.QUALITY
    assert acting_role(roles, Right.MANAGE_ACCOUNTS) is None
