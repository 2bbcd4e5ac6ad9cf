"""What everybody who is signed in has to know now, on top of every page: what is stopped, what is overdue for all.

One function, `banners`, gathers them; a room that has more to say adds a source to `SOURCES`.
"""

from __future__ import annotations

from dataclasses import dataclass
from typing import TYPE_CHECKING, Final, Literal

from gateway.api.signoff import desk_of

if TYPE_CHECKING:
    from collections.abc import Awaitable, Callable

    from gateway.api.dependencies import Parts
    from gateway.identity.sessions import Session


@dataclass(frozen=True, slots=True)
class Banner:
    """One sentence on top of the page; `level` chooses colour, sign and spoken name."""

    level: Literal["alarm", "warning"]
    fr: str
    en: str
    link: str = ""

    def said(self, language: str) -> str:
        """The sentence in a language."""
        return self.fr if language == "fr" else self.en


async def stopped(parts: Parts, _session: Session) -> list[Banner]:
    """AI systems, tasks and sites that the stop button holds."""
    scopes = sorted(desk_of(parts).stops.active)
    names = ", ".join(scope.partition(":")[2] for scope in scopes)
    fr = f"Arrêté pour tous : {names}. Travaillez sans IA ; l’absence de résultat n’est pas un résultat négatif."
    en = f"Stopped for everybody: {names}. Work without AI; no result is not a negative result."
    return [Banner("warning", fr, en, "/stops")] if scopes else []


SOURCES: Final[list[Callable[[Parts, Session], Awaitable[list[Banner]]]]] = [stopped]


async def banners(parts: Parts, session: Session | None) -> tuple[Banner, ...]:
    """Every banner of now, alarms first; none for who is not signed in."""
    if session is None or session.person.must_change:
        return ()
    found = [banner for source in SOURCES for banner in await source(parts, session)]
    return tuple(sorted(found, key=lambda banner: banner.level))
