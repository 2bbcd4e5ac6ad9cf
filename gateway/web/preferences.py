"""What a person chose for the pages: theme, keys (WCAG 2.1.4) and language, kept with the account.

On a ward's shared computer everybody has their own. A browser keeps a theme for the pages before somebody signs in, never keys.

A key is one letter of the Latin alphabet, so that every keyboard layout has it without Shift; the same letter never
does two things on one page. Reasons of a rejection take the letters that are left.
"""

from __future__ import annotations

from dataclasses import dataclass, field
from string import ascii_lowercase
from typing import TYPE_CHECKING, Final
from urllib.parse import parse_qsl, urlencode

from sqlalchemy import text

from gateway.database import reading
from gateway.errors import BadInput

if TYPE_CHECKING:
    from collections.abc import Mapping
    from uuid import UUID

    from sqlalchemy.ext.asyncio import async_sessionmaker
    from sqlmodel.ext.asyncio.session import AsyncSession

COOKIE: Final = "garant_preferences"
_KEEP: Final = text("""
INSERT INTO person_preferences AS p (person_id, choices, language)
VALUES (:person, coalesce(CAST(:choices AS text), ''), coalesce(CAST(:language AS text), ''))
ON CONFLICT (person_id) DO UPDATE
SET choices = coalesce(CAST(:choices AS text), p.choices), language = coalesce(CAST(:language AS text), p.language)
""")
LIFETIME: Final = 365 * 86400
THEMES: Final = ("auto", "light", "dark", "room")
KEYS: Final[dict[str, str]] = {
    "approve": "a",
    "amend": "m",
    "reject": "r",
    "sign": "s",
    "defer": "d",
    "hand_over": "t",
    "emergency": "u",
    "undo": "z",
    "next": "n",
    "keep": "k",
    "change": "c",
    "comment": "i",
}


@dataclass(frozen=True, slots=True)
class Preferences:
    """Theme, whether keys work, and which letter does what."""

    theme: str = "auto"
    keys_on: bool = True
    keys: Mapping[str, str] = field(default_factory=lambda: dict(KEYS))

    def key(self, act: str) -> str:
        """The letter of an act; "" while keys are switched off."""
        return self.keys[act] if self.keys_on else ""

    def spare(self, place: int) -> str:
        """The letter of the nth choice in a list: those that no act has; "" when they are used up or keys are off."""
        free = [letter for letter in ascii_lowercase if letter not in self.keys.values()]
        return free[place] if self.keys_on and place < len(free) else ""

    def theme_alone(self) -> Preferences:
        """What a browser keeps of them: another person's keys would press what this one does not expect."""
        return Preferences(self.theme)

    def kept(self) -> str:
        """The preferences as they are kept; `preferences_of` reads it."""
        changed = {act: letter for act, letter in self.keys.items() if KEYS[act] != letter}
        return urlencode({"theme": self.theme, "keys": "on" if self.keys_on else "off", **changed}).replace("&", ".")


def preferences_of(cookie: str | None) -> Preferences:
    """The preferences of what is kept; anything that cannot be read counts as not chosen."""
    given = dict(parse_qsl((cookie or "")[:1024].replace(".", "&")))
    theme = given.get("theme", "auto")
    keys = KEYS | {act: letter for act, letter in given.items() if act in KEYS and letter in set(ascii_lowercase)}
    sound = len(set(keys.values())) == len(keys)
    return Preferences(theme if theme in THEMES else "auto", given.get("keys") != "off", keys if sound else dict(KEYS))


async def keep(
    database: async_sessionmaker[AsyncSession], person: UUID, *, choices: str | None = None, language: str | None = None
) -> None:
    """Keep what a person chose; None leaves it as it is. No fact about care, so it is written beside the log.

    Raises:
        AuditUnavailable: the database does not answer.
    """
    async with reading(database) as session:
        connection = await session.connection()
        await connection.execute(_KEEP, {"person": person, "choices": choices, "language": language})
        await session.commit()


def chosen(form: Mapping[str, str]) -> Preferences:
    """The preferences of a filled form.

    Raises:
        BadInput: a theme that does not exist, a key that is no letter, or one letter for two acts.
    """
    theme = form.get("theme", "auto")
    keys = {act: form.get(f"key_{act}", letter).strip().lower() for act, letter in KEYS.items()}
    if theme not in THEMES or any(len(letter) != 1 or letter not in ascii_lowercase for letter in keys.values()):
        raise BadInput(
            "A key is one letter from A to Z. Nothing was changed; choose a letter.",
            code="bad_key",
            fr="Une touche est une lettre de A à Z. Rien n’a été changé ; choisissez une lettre.",
        )
    twice = sorted({letter.upper() for letter in keys.values() if list(keys.values()).count(letter) > 1})
    if twice:
        listed = ", ".join(twice)
        raise BadInput(
            f"One letter cannot do two things: {listed}. Nothing was changed; choose another letter for one of them.",
            code="key_twice",
            fr=f"Une lettre ne peut pas servir à deux actions : {listed}. Rien n’a été changé ; choisissez une autre lettre pour l’une d’elles.",
        )
    return Preferences(theme, form.get("keys") == "on", keys)
