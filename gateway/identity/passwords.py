"""Passwords: argon2id, hashed beside the event loop and few at a time, never logged, never shown twice.

Promise: a login that does not exist costs the same work as a wrong password, so that nobody can find out who works here.
"""

from __future__ import annotations

import asyncio
import base64
import secrets
from contextlib import asynccontextmanager
from typing import TYPE_CHECKING, Final

from argon2 import PasswordHasher
from argon2.exceptions import Argon2Error, InvalidHashError

from gateway.errors import BadInput, Slowed

if TYPE_CHECKING:
    from collections.abc import AsyncIterator

MIN_LENGTH: Final = 12
MAX_LENGTH: Final = 256
MIN_DIFFERENT: Final = 5
_ALPHABET: Final = "abcdefghjkmnpqrstuvwxyz23456789"  # no letter that reads like a digit on a printed sheet
_TRIVIAL: Final = (
    "password",
    "passwort",
    "motdepasse",
    "azerty",
    "qwerty",
    "qwertz",
    "12345",
    "abcdef",
    "letmein",
    "welcome",
    "bonjour",
    "garant",
)
_BUSY: Final = "Many sign-ins are being checked at this moment, so yours was not looked at. Try again in a few seconds."
_BUSY_FR: Final = (
    "De nombreuses connexions sont en cours de vérification ; la vôtre n'a pas été examinée. Réessayez dans quelques secondes."
)
_FILLING: Final = str.maketrans("@013457$!", "aoieastsi")


class Passwords:
    """Hashes and checks passwords in worker threads, in two lanes: strangers never make those wait whom we know.

    Args:
        at_once: how many of strangers are hashed at the same time, and as many again of known people; each takes 64 MiB.
        waiting: how many strangers may wait for it; further ones are refused at once.
    """

    def __init__(self, at_once: int = 2, waiting: int = 16) -> None:
        self._hasher = PasswordHasher()
        self._known = asyncio.Semaphore(at_once)
        self._strangers = asyncio.Semaphore(at_once)
        self._most = at_once + waiting
        self._inside = 0
        self._nobody = self._phony()

    async def hash(self, password: str) -> str:
        """The encoded argon2id hash of a password."""
        async with self._known:
            return await asyncio.to_thread(self._hasher.hash, password)

    async def verify(self, stored: str | None, password: str, *, known: bool = True) -> bool:
        """Whether the password fits the stored hash; with None (nobody of that name) it works as long and says no.

        Args:
            stored: the encoded hash.
            password: as typed.
            known: the one who asks is signed in, or sits at a device from which this person has signed in before.

        Raises:
            Slowed: too many strangers wait already; nothing was looked at.
        """
        lane = self._known if known else self._lane_of_strangers()
        async with lane if known else self._counted(lane):
            fits = await asyncio.to_thread(self._fits, stored or self._nobody, password[:MAX_LENGTH])
        return fits and stored is not None

    def _lane_of_strangers(self) -> asyncio.Semaphore:
        if self._inside >= self._most:
            raise Slowed(_BUSY, seconds=3, code="sign_in_busy", fr=_BUSY_FR)
        return self._strangers

    @asynccontextmanager
    async def _counted(self, lane: asyncio.Semaphore) -> AsyncIterator[None]:
        self._inside += 1
        try:
            async with lane:
                yield
        finally:
            self._inside -= 1

    def _fits(self, stored: str, password: str) -> bool:
        try:
            return self._hasher.verify(stored, password)
        except (Argon2Error, InvalidHashError):
            return False

    def _phony(self) -> str:
        cost = f"m={self._hasher.memory_cost},t={self._hasher.time_cost},p={self._hasher.parallelism}"
        parts = [base64.b64encode(secrets.token_bytes(n)).decode().rstrip("=") for n in (self._hasher.salt_len, self._hasher.hash_len)]
        return f"$argon2id$v=19${cost}${'$'.join(parts)}"


def one_time_password() -> str:
    """A random password of 20 characters (99 bits) in groups that can be read from paper."""
    return "-".join("".join(secrets.choice(_ALPHABET) for _ in range(5)) for _ in range(4))


def check_password(password: str, *names: str) -> None:
    """Refuse a password that is easily guessed.

    Args:
        password: as typed.
        names: words it must not contain (the login, the name).

    Raises:
        BadInput: the sentence says what is wrong with it.
    """
    if not MIN_LENGTH <= len(password) <= MAX_LENGTH:
        message = f"A password has {MIN_LENGTH} to {MAX_LENGTH} characters. Choose a sentence that you remember."
        french = f"Un mot de passe compte de {MIN_LENGTH} à {MAX_LENGTH} caractères. Choisissez une phrase que vous retenez."
        raise BadInput(message, code="weak_password", fr=french)
    if is_trivial(password, *names):
        message = (
            "This password is easily guessed (a common word, your own name, or a repetition). Take a sentence that nobody else would write."
        )
        french = "Ce mot de passe se devine facilement (mot courant, votre nom ou répétition). Choisissez une phrase que personne d'autre n'écrirait."
        raise BadInput(message, code="weak_password", fr=french)


def is_trivial(password: str, *names: str) -> bool:
    """Whether a password is mostly a common word, the owner's name, or a few characters repeated."""
    plain = password.casefold()
    if len(set(plain)) < MIN_DIFFERENT:
        return True
    guesses = [*_TRIVIAL, *(part for name in names for part in name.casefold().replace(".", " ").split() if len(part) > 3)]  # noqa: PLR2004 - shorter parts are in every sentence
    readings = (plain, plain.translate(_FILLING))
    return any(len(reading.replace(guess, "")) < MIN_DIFFERENT + 3 for guess in guesses for reading in readings if guess in reading)
