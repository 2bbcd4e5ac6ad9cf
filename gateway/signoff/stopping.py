"""The stop button: an AI system, a task or a site stops for everybody at once; waiting answers are withdrawn (R19).

The stop is committed under the same lock as every release, so none follows it. Withdrawing the waiting ones comes
after, one entry each. A stop outlives restarts; resuming needs a name and a reason.
"""

from __future__ import annotations

import asyncio
from dataclasses import dataclass
from typing import TYPE_CHECKING, Final, Protocol

from gateway import usage
from gateway.audit.batch import Statement, Write
from gateway.audit.leaf import Event, EventType
from gateway.errors import BadInput, Conflict, Unknown
from gateway.identity.roles import Right
from gateway.ids import uuid7
from gateway.signals.bus import Topic, message
from gateway.signoff.record import wakes
from gateway.suggestions.repository import moved
from gateway.suggestions.states import Action

if TYPE_CHECKING:
    from datetime import datetime
    from uuid import UUID

    from gateway.audit.writer import Writer
    from gateway.clock import Clock
    from gateway.identity.roles import Author
    from gateway.operations.keys import Keys
    from gateway.settings import Settings
    from gateway.suggestions.repository import Suggestions
    from gateway.suggestions.tables import Suggestion

_INSERT: Final = (
    "INSERT INTO stops (id, establishment, scope, reason, stopped_by, stopped_at) VALUES ($1, $2, $3, $4, $5, $6) "
    "ON CONFLICT (establishment, scope) WHERE resumed_at IS NULL DO NOTHING RETURNING id"
)
_RESUME: Final = "UPDATE stops SET resumed_by = $2, resumed_at = $3, resume_reason = $4 WHERE establishment = $5 AND scope = $6 AND resumed_at IS NULL RETURNING $1::uuid"


class Presser(Protocol):
    """Whoever presses the button: a person, or the command line (whose id is the nil UUID)."""

    @property
    def id(self) -> UUID:
        """Kept with the stop."""

    def author(self, keys: Keys, right: Right | None = None) -> Author:
        """Who answers for it in the log, in the role that has this right."""


@dataclass(frozen=True, slots=True)
class StopButton:
    """Stops and resumes.

    Args:
        settings, suggestions, writer, keys, clock: its collaborators.
    """

    settings: Settings
    suggestions: Suggestions
    writer: Writer
    keys: Keys
    clock: Clock

    async def stop(self, person: Presser, scope: str, reason: str) -> int:
        """Stop a scope; returns how many waiting answers were withdrawn."""
        self._check(scope, reason)
        now, name = self.clock.now(), uuid7()
        row = (name, self.settings.establishment.id, scope, reason, person.id, now)
        event = self._event(EventType.SUSPENDED, person.author(self.keys, Right.STOP), scope, now)
        await self.writer.append(
            Write(
                (event,),
                guards=(Statement(_INSERT, row, key=name),),
                stop=scope,
                wake=(message(Topic.STOPS),),
                refusal="This is stopped already.",
                french="C'est déjà arrêté.",
            )
        )
        return await self.withdraw(scope)

    async def resume(self, person: Presser, scope: str, reason: str) -> None:
        """Let a scope run again; what was withdrawn stays withdrawn."""
        self._check(scope, reason)
        now, name = self.clock.now(), uuid7()
        row = (name, person.id, now, reason, self.settings.establishment.id, scope)
        event = self._event(EventType.RESUMED, person.author(self.keys, Right.RESUME), scope, now)
        await self.writer.append(
            Write(
                (event,),
                guards=(Statement(_RESUME, row, key=name),),
                resume=scope,
                wake=(message(Topic.STOPS),),
                refusal="This is not stopped.",
                french="Ce n'est pas arrêté.",
            )
        )

    async def withdraw(self, scope: str) -> int:
        """Withdraw every undecided answer of a scope; also run at start, in case a replica died in the middle."""
        total = 0
        while rows := await self.suggestions.withdrawable(scope):
            done = await asyncio.gather(*(self._withdraw(row, scope) for row in rows))
            total += sum(done)
            if not any(done):
                break
        return total

    async def _withdraw(self, row: Suggestion, scope: str) -> bool:
        now = self.clock.now()
        event = Event(
            id=uuid7(),
            type=EventType.SUSPENDED,
            at=now,
            actor="system:stop",
            role="system",
            case=row.case_id,
            suggestion=row.id,
            task=row.task,
            policy=row.policy,
            detail={"cause": scope},
        )
        guard = moved(
            row, Action.SUSPEND, {"attach_key": None, "next_clock_at": None, "lease": None, "leased_by": None, "leased_until": None}
        )
        try:
            work = await usage.left(self.suggestions, row, now)
            await self.writer.append(Write((event,), guards=(guard,), usage=work, wake=wakes(row)))
        except Conflict:
            return False
        return True

    def _event(self, kind: EventType, by: Author, scope: str, at: datetime) -> Event:
        return Event(id=uuid7(), type=kind, at=at, actor=by.actor, role=by.role, auth=by.auth or None, detail={"scope": scope})

    def _check(self, scope: str, reason: str) -> None:
        if not reason.strip():
            message_ = "Say in a few words why, so that the next shift understands it."
            french = "Indiquez pourquoi en quelques mots, pour que l’équipe suivante le comprenne."
            raise BadInput(message_, code="reason_required", fr=french)
        kind, _, name = scope.partition(":")
        known = {
            "system": {system.id for system in self.settings.systems},
            "task": {task.id for task in self.settings.tasks},
            "site": set(self.settings.establishment.sites),
        }
        if name not in known.get(kind, set()):
            message_ = f"There is no '{scope[:100]}' to stop. Name system:ID, task:ID or site:ID as in the configuration."
            french = f"« {scope[:100]} » ne peut pas être arrêté : indiquez system:ID, task:ID ou site:ID, comme dans la configuration."
            raise Unknown(message_, code="unknown_scope", fr=french)
