"""Passwords are argon2id, not trivial, and say nothing about who works here."""

from __future__ import annotations

import time

import pytest

from gateway.errors import BadInput
from gateway.identity.passwords import Passwords, check_password, one_time_password

pytestmark = pytest.mark.usefixtures("own_passwords")


async def test_a_password_fits_its_own_hash_and_no_other() -> None:
    passwords = Passwords()
    stored = await passwords.hash("seven herons over the canal")
    assert stored.startswith("$argon2id$")
    assert await passwords.verify(stored, "seven herons over the canal")
    assert not await passwords.verify(stored, "seven herons over the cana1")


async def test_nobody_has_no_password_and_takes_as_long_to_say_so() -> None:
    passwords = Passwords()
    stored = await passwords.hash("seven herons over the canal")
    took = {}
    for name, known in (("warm", stored), ("somebody", stored), ("nobody", None)):
        begun = time.perf_counter()
        assert not await passwords.verify(known, "wrong")
        took[name] = time.perf_counter() - begun
    assert took["nobody"] > took["somebody"] / 4


@pytest.mark.parametrize("weak", ["short", "aaaaaaaaaaaaaaaa", "password1234", "P@ssw0rd!!!!", "azertyuiop12", "martin123456", "x" * 257])
def test_a_trivial_password_is_refused(weak: str) -> None:
    with pytest.raises(BadInput):
        check_password(weak, "a.martin", "Anne Martin")


@pytest.mark.parametrize("good", ["seven herons over the canal", "Le canal, ce matin: 7 hérons"])
def test_a_sentence_is_accepted(good: str) -> None:
    check_password(good, "a.martin", "Anne Martin")


def test_a_one_time_password_would_be_accepted() -> None:
    check_password(one_time_password(), "a.martin", "Anne Martin")


def test_one_time_passwords_differ() -> None:
    assert len({one_time_password() for _ in range(100)}) == 100
