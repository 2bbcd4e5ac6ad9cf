"""What everybody who is signed in has to know now, on top of every page: what is stopped, what is overdue for all.

One function, `banners`, gathers them; a room that has more to say adds a source to `SOURCES`.
"""

from __future__ import annotations

from dataclasses import dataclass
from typing import TYPE_CHECKING, Final, Literal

from gateway.api.signoff import desk_of
from gateway.identity.roles import Right
from gateway.signoff.watch.alarms import alarms
from gateway.web.texts import texts

if TYPE_CHECKING:
    from collections.abc import Awaitable, Callable

    from gateway.api.dependencies import Parts
    from gateway.identity.sessions import Session
    from gateway.signoff.watch.alarms import Alarm


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


async def alarmed(parts: Parts, session: Session) -> list[Banner]:
    """Emergency releases that nobody reviewed in time (R17), gaps of rotas (R16)."""
    found = await alarms(parts.database, parts.settings.establishment.id, parts.settings.rotas, parts.clock.now())
    return [_said(alarm, session) for alarm in found]


def _said(alarm: Alarm, session: Session) -> Banner:
    entry = texts()[f"alarm_{alarm.kind}"]
    since = alarm.oldest.strftime("%d/%m/%Y %H:%M UTC")
    words = {language: text.format(count=alarm.count, since=since) for language, text in entry.items()}
    right = Right.SIGN if alarm.kind == "review_overdue" else Right.STOP
    link = alarm.address if right in session.person.rights else ""
    return Banner("alarm" if alarm.red else "warning", words["fr"], words["en"], link)


SOURCES: Final[list[Callable[[Parts, Session], Awaitable[list[Banner]]]]] = [stopped, alarmed]


async def banners(parts: Parts, session: Session | None) -> tuple[Banner, ...]:
    """Every banner of now, alarms first; none for who is not signed in."""
    if session is None or session.person.must_change:
        return ()
    found = [banner for source in SOURCES for banner in await source(parts, session)]
    return tuple(sorted(found, key=lambda banner: banner.level))
