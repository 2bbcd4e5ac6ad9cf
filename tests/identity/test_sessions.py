"""A sign-in rests on the account as it is, and a proof of identity grows old."""

from __future__ import annotations

from contextlib import nullcontext
from dataclasses import replace
from datetime import UTC, datetime, timedelta
from typing import TYPE_CHECKING

import pytest

from gateway.database import connect
from gateway.errors import Conflict, Forbidden, Unauthenticated
from gateway.identity.people import NewPerson, Person, create_person, renew_password
from gateway.identity.roles import Role
from gateway.identity.sessions import Authentication, Session, check_csrf
from gateway.ids import uuid7
from gateway.policy.models import Policy
from gateway.signoff.rules import check_fresh

if TYPE_CHECKING:
    from gateway.operations.keys import Keys
    from tests.identity.stage import Stage

NOW = datetime(2026, 1, 2, 3, 4, 5, tzinfo=UTC)
PERSON = Person(uuid7(), "ada", "Ada Example", "physician", frozenset({Role.CLINICIAN}))


def proven(seconds_ago: float) -> Session:
    return Session(b"", PERSON, "csrf", Authentication("password", NOW - timedelta(seconds=seconds_ago)), NOW + timedelta(hours=1))


@pytest.mark.parametrize(
    ("policy", "age", "expected"), [(300, 299, True), (300, 301, False), (0, 30, True), (0, 61, False), (300, -6, False)]
)
def test_a_proof_is_fresh_for_as_long_as_the_policy_says(policy: int, age: float, expected: bool) -> None:
    refused = nullcontext() if expected else pytest.raises(Forbidden, match="Confirm who you are")
    with refused:
        check_fresh(proven(age).authentication, Policy(id="p", reauthenticate_seconds=policy), NOW, None)


@pytest.mark.parametrize("sent", [None, "", "other", "csrf "])
def test_a_write_without_the_right_csrf_token_is_refused(sent: str | None) -> None:
    with pytest.raises(Forbidden):
        check_csrf(proven(0), sent)


async def test_an_account_that_changed_during_the_sign_in_begins_no_session(stage: Stage) -> None:
    whom, _, _ = await stage.account(Role.CLINICIAN)
    before = await stage.parts.people.get(whom)
    await renew_password(stage.parts.writer, stage.parts.keys, before, passwords=stage.parts.passwords)
    with pytest.raises(Conflict):
        await stage.parts.sessions.begin(before, Authentication("password", NOW))


async def test_a_login_is_taken_once_whatever_its_case(stage: Stage) -> None:
    new = NewPerson(f"Ada.{uuid7().hex}", "Ada Example", "physician", frozenset({Role.CLINICIAN}))
    await create_person(stage.parts.writer, stage.parts.keys, new, passwords=stage.parts.passwords)
    with pytest.raises(Conflict, match="taken"):
        await create_person(
            stage.parts.writer, stage.parts.keys, replace(new, id=uuid7(), login=new.login.upper()), passwords=stage.parts.passwords
        )


async def test_the_database_holds_neither_token_nor_password_and_the_log_no_name(stage: Stage) -> None:
    whom, login, password = await stage.account(Role.CLINICIAN)
    token, _ = await stage.parts.sessions.login(stage.parts.people, stage.parts.passwords, login, password)
    connection = await connect(stage.url)
    stored = str(
        await connection.fetch("SELECT p::text, s::text FROM people p JOIN sessions s ON s.person_id = p.id WHERE p.id = $1", whom)
    )
    await connection.close()
    assert token[3:] not in stored
    assert password not in stored
    assert not any(word in leaf for leaf in await stage.entries() for word in (login, "Ada Example", str(whom)))


async def test_a_token_that_was_never_given_out_is_refused(stage: Stage) -> None:
    for token in ("", "gs_", "gs_" + "A" * 43, "é"):
        with pytest.raises(Unauthenticated):
            await stage.parts.sessions.find(token)


def test_the_pseudonym_is_stable_and_says_nothing(identity_keys: Keys) -> None:
    assert PERSON.actor(identity_keys) == PERSON.actor(identity_keys)
    assert len(PERSON.actor(identity_keys)) == 32
    assert PERSON.id.hex[:8] not in PERSON.actor(identity_keys)
