"""The alarms of now as sentences on top of the pages, in French and English."""

from __future__ import annotations

from dataclasses import dataclass
from typing import TYPE_CHECKING, Literal

from gateway.identity.roles import Right
from gateway.signoff.watch.alarms import alarms
from gateway.web.texts import texts

if TYPE_CHECKING:
    from gateway.api.dependencies import Parts
    from gateway.identity.sessions import Session
    from gateway.signoff.watch.alarms import Alarm


@dataclass(frozen=True, slots=True)
class Said:
    """An alarm in words; `link` is empty where this person may not look there."""

    level: Literal["alarm", "warning"]
    fr: str
    en: str
    link: str


async def said(parts: Parts, session: Session) -> tuple[Said, ...]:
    """The alarms of now for somebody who is signed in."""
    found = await alarms(parts.database, parts.settings.establishment.id, parts.settings.rotas, parts.clock.now())
    return tuple(_said(alarm, session) for alarm in found)


def _said(alarm: Alarm, session: Session) -> Said:
    entry = texts()[f"alarm_{alarm.kind}"]
    since = alarm.oldest.strftime("%d/%m/%Y %H:%M UTC")
    words = {language: text.format(count=alarm.count, since=since) for language, text in entry.items()}
    right = Right.SIGN if alarm.kind == "review_overdue" else Right.STOP
    link = alarm.address if right in session.person.rights else ""
    return Said("alarm" if alarm.red else "warning", words["fr"], words["en"], link)
