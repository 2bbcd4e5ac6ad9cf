"""Break-glass: any bedside clinician releases a held suggestion, with a coded reason and no new authentication.

It works while the step-up service is down, the output is labelled, and a sign-off stays owed (R17).
"""

from __future__ import annotations

from dataclasses import dataclass, replace
from datetime import timedelta
from typing import TYPE_CHECKING, Final

from gateway.adapters.registry import adapter
from gateway.audit.batch import Write
from gateway.audit.leaf import EventType
from gateway.clock import rfc3339
from gateway.errors import Conflict, Forbidden
from gateway.identity.roles import Role
from gateway.identity.trust.confirming import check_confirmed
from gateway.signals.bus import Topic, message
from gateway.signals.notices import owed
from gateway.signoff.acts.time import measured, spent
from gateway.signoff.record import final_events, person_event, wakes
from gateway.suggestions.content import Place, commitment
from gateway.suggestions.exchange import unpack
from gateway.suggestions.labels import labelled
from gateway.suggestions.repository import moved, stored
from gateway.suggestions.states import Action

if TYPE_CHECKING:
    from uuid import UUID

    from gateway.audit.leaf import Event
    from gateway.audit.writer import Writer
    from gateway.clock import Clock
    from gateway.identity.people import Person
    from gateway.identity.sessions import Authentication
    from gateway.operations.keys import Keys
    from gateway.policy.lanes import Lanes
    from gateway.signals.notices import Notices
    from gateway.signoff.models import ActiveTime, EmergencyReason
    from gateway.suggestions.content import Sealed
    from gateway.suggestions.repository import Suggestions
    from gateway.suggestions.tables import Suggestion

REVIEW_WITHIN: Final = timedelta(hours=72)


@dataclass(frozen=True, slots=True)
class Emergency:
    """The emergency door.

    Args:
        suggestions, writer, lanes, keys, clock, notices: its collaborators.
    """

    suggestions: Suggestions
    writer: Writer
    lanes: Lanes
    keys: Keys
    clock: Clock
    notices: Notices

    async def break_glass(
        self, person: Person, session: Authentication, suggestion: UUID, reason: EmergencyReason, active: ActiveTime | None = None
    ) -> Suggestion:
        """Release a held suggestion, labelled, now. Raises Forbidden for anybody but a clinician. Time counts for whoever has it open."""
        if Role.CLINICIAN not in person.roles:
            message_ = "Only a clinician can release in an emergency. Machines and other accounts cannot: call a clinician."
            french = (
                "Seul un clinicien peut remettre en urgence. Les machines et les autres comptes ne le peuvent pas : appelez un clinicien."
            )
            raise Forbidden(message_, code="not_a_clinician", fr=french)
        check_confirmed(person)
        row, now = await self.suggestions.get(suggestion), self.clock.now()
        payload = await self._labelled(row)
        event = person_event(EventType.BREAK_GLASS, row, person, self.keys, now, decision="break_glass", detail={"reason": reason.value})
        place = Place(row.establishment, row.case_id, event.id)
        sealed = self.keys.vault.seal("labelled", payload, place)
        commitments = {"suggestion": await self._commitment(row), "labelled": sealed.commitment}
        write = self._write(row, person, session, event, commitments, sealed)
        if row.leased_by == person.id:
            times = spent(await measured(self.suggestions.work, row, person, active, "break_glass", now), event.id)
            write = replace(write, effects=(*write.effects, times))
        await self.writer.append(write)
        return await self.suggestions.get(suggestion)

    def _write(
        self, row: Suggestion, person: Person, session: Authentication, event: Event, commitments: dict[str, str], sealed: Sealed
    ) -> Write:
        auth = {"method": session.method, "at": rfc3339(session.at)}
        signed = replace(event, commitments={"suggestion": commitments["suggestion"]}, auth=auth)
        due = event.at + REVIEW_WITHIN
        changes: dict[str, object] = {
            "released_at": event.at,
            "decision": "break_glass",
            "due_at": due,
            "next_clock_at": due,
            "expires_at": None,
            "overdue": False,
        }
        if row.leased_by == person.id:  # what was claimed now is not claimed again with the decision
            changes["leased_at"] = event.at
        notices = tuple(owed(name, "suggestion.break_glass", row.id, person.login, event.at) for name in self.notices.receivers(None))
        return Write(
            (signed, *final_events(row, "break_glass", commitments, event.at)),
            guards=(moved(row, Action.BREAK_GLASS, changes),),
            effects=(*stored(row.id, (sealed,)), *notices),
            scopes=self.lanes.of(row.system, row.task).scopes(row.site),
            wake=(*wakes(row), message(Topic.NOTICES)),
        )

    async def _labelled(self, row: Suggestion) -> bytes:
        payloads = await self.suggestions.payloads(row)
        if not {"suggestion", "exchange"} <= payloads.keys() or "labelled" in payloads:
            message_ = "There is nothing here that an emergency release could add: the AI system has not answered, or the answer has left already. Proceed without AI."
            french = "Il n'y a rien ici qu'une remise d'urgence ajouterait : l'IA n'a pas répondu, ou la réponse est déjà partie. Continuez sans l'IA."
            raise Conflict(message_, code="nothing_to_release", fr=french)
        exchange = unpack(payloads["exchange"])
        answer = exchange.answer(payloads["suggestion"])
        view = adapter(row.protocol).read(answer, exchange.recognised, self.lanes.of(row.system, row.task).reading)
        return labelled(adapter(row.protocol), answer, view, exchange.recognised, str(row.id), None).body

    async def _commitment(self, row: Suggestion) -> str:
        sealed = await self.suggestions.sealed(row, "suggestion")
        body = await self.suggestions.payload(row, "suggestion")
        if sealed is None or body is None:
            message_ = "The content of this suggestion is not kept, so it cannot be released. Proceed without AI and tell hospital IT."
            french = "Le contenu de cette proposition n'est pas conservé : elle ne peut pas être remise. Continuez sans l'IA et prévenez l'informatique."
            raise Conflict(message_, code="content_not_kept", fr=french)
        return commitment(sealed.salt, "suggestion", body)
