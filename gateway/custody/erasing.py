"""Erasing a case before its time: one person asks, another confirms, each with a fresh proof of who they are (R26).

Promises: payloads go in the transaction of the `erased` entry, through a function of the database that refuses what waits,
what is held, and the same person twice, whatever the program believes; afterwards it is searched for what should be gone.
"""

from __future__ import annotations

from dataclasses import dataclass
from typing import TYPE_CHECKING, Final

from gateway.audit.batch import Statement, Write
from gateway.audit.leaf import Event, EventType
from gateway.clock import rfc3339
from gateway.custody.reading import Stock, ranges
from gateway.custody.rules import check_erasable, check_may_erase, check_open, check_proof, check_second
from gateway.custody.words import basis_of
from gateway.identity.people import pseudonym, unchanged
from gateway.identity.roles import Right
from gateway.identity.sessions import spending
from gateway.ids import uuid7
from gateway.signals.bus import Topic, message

if TYPE_CHECKING:
    from collections.abc import Mapping, Sequence
    from datetime import datetime
    from uuid import UUID

    from gateway.audit.writer import Writer
    from gateway.clock import Clock
    from gateway.custody.tables import ErasureRow
    from gateway.identity.people import Person
    from gateway.identity.sessions import Authentication
    from gateway.operations.keys import Keys
    from gateway.settings import Settings
    from gateway.suggestions.tables import Payload

_ASK: Final = """
INSERT INTO erasures (id, establishment, case_id, basis, asked_by, asked_at, asked_entry) VALUES ($1, $2, $3, $4, $5, $6, $7)
ON CONFLICT DO NOTHING RETURNING id
"""
_WITHDRAW: Final = "UPDATE erasures SET withdrawn_at = $2 WHERE id = $1 AND done_at IS NULL AND withdrawn_at IS NULL RETURNING id"
_ERASE: Final = "SELECT erase_case($1, $2, $3, $4)"
_ASKED: Final = "Somebody has asked to erase this case already. Confirm or withdraw that request."
_ASKED_FR: Final = "L'effacement de ce dossier est déjà demandé. Confirmez ou retirez cette demande."
_MOVED: Final = (
    "The case changed in this very moment: something waits in it, it is held, or it was erased. Nothing was erased now; look again."
)
_MOVED_FR: Final = "Le dossier vient de changer : il attend une décision, est conservé, ou déjà effacé. Rien n'a été effacé à l'instant ; regardez à nouveau."
_PART: Final = 2000
"""Characters of indices in one entry; a case with more has several `erased` entries."""


@dataclass(frozen=True, slots=True)
class Destroyed:
    """What an erasure destroyed, for whoever searches for it afterwards; kept in memory alone."""

    erasure: UUID
    case: UUID
    payloads: tuple[Payload, ...]


@dataclass(frozen=True, slots=True)
class Erasing:
    """Requests to erase, and erasures.

    Args:
        stock, settings, writer, keys, clock: its collaborators.
    """

    stock: Stock
    settings: Settings
    writer: Writer
    keys: Keys
    clock: Clock

    async def ask(self, person: Person, proof: Authentication, case: UUID, code: str) -> ErasureRow:
        """Ask to erase a case on a legal basis. Raises what the rules raise; nothing is asked then."""
        now, basis = self.clock.now(), basis_of(self.settings.retention, code)
        check_may_erase(person)
        check_proof(proof, self.settings, now)
        rows = await self.stock.suggestions(case)
        check_erasable(case, rows, await self.stock.hold(case), basis, signed=await self.stock.signed(case))
        event = self._event(EventType.CONFIG_CHANGED, person, proof, case, {"change": "erasure_asked", "reason": code})
        row = (event.id, self.settings.establishment.id, case, code, person.id, now, event.id)
        asked = Statement(_ASK, row, key=event.id)
        await self.writer.append(self._write((event,), asked, person, proof, (_ASKED, _ASKED_FR)))
        return await self.stock.erasure(event.id)

    async def withdraw(self, person: Person, proof: Authentication, erasure: UUID) -> ErasureRow:
        """Take a request back; whoever may ask may do so, without a fresh proof, because nothing is destroyed by it."""
        check_may_erase(person)
        row, now = await self.stock.erasure(erasure), self.clock.now()
        check_open(row)
        event = self._event(EventType.CONFIG_CHANGED, person, proof, row.case_id, {"change": "erasure_withdrawn", "reason": row.basis})
        guards = (Statement(_WITHDRAW, (erasure, now), key=erasure), unchanged(person))
        await self.writer.append(Write((event,), guards=guards))
        return await self.stock.erasure(erasure)

    async def confirm(self, person: Person, proof: Authentication, erasure: UUID) -> Destroyed:
        """Erase what another person asked to erase. Raises what the rules raise; nothing is erased then."""
        row, now = await self.stock.erasure(erasure), self.clock.now()
        check_may_erase(person)
        check_second(row, person, now)
        check_proof(proof, self.settings, now)
        rows = await self.stock.suggestions(row.case_id)
        basis, signed = basis_of(self.settings.retention, row.basis), await self.stock.signed(row.case_id)
        check_erasable(row.case_id, rows, await self.stock.hold(row.case_id), basis, signed=signed)
        payloads = await self.stock.payloads([one.id for one in rows])
        events = self._erased(row, person, proof, await self.stock.committed(row.case_id), len(payloads))
        erase = Statement(_ERASE, (erasure, person.id, events[0].id, now), key=erasure)
        await self.writer.append(self._write(events, erase, person, proof, (_MOVED, _MOVED_FR)))
        return Destroyed(erasure, row.case_id, tuple(payloads))

    def _write(self, events: tuple[Event, ...], guard: Statement, person: Person, proof: Authentication, refusal: tuple[str, str]) -> Write:
        """One write that rests on the account as it was read and on a proof that it uses up."""
        guards = (guard, spending(proof, once=True), unchanged(person))
        wake = (message(Topic.ERASED, events[0].case),) if events[0].type is EventType.ERASED else ()
        return Write(events, guards=guards, wake=wake, refusal=refusal[0], french=refusal[1])

    def _erased(self, row: ErasureRow, person: Person, proof: Authentication, indices: Sequence[int], payloads: int) -> tuple[Event, ...]:
        said = {
            "basis": row.basis,
            "payloads": str(payloads),
            "request": str(row.asked_entry),
            "requested_by": pseudonym(self.keys, row.asked_by),
            "requested_at": rfc3339(row.asked_at),
        }
        return tuple(self._event(EventType.ERASED, person, proof, row.case_id, said | {"indices": part}) for part in parts(indices))

    def _event(self, kind: EventType, person: Person, proof: Authentication, case: UUID, detail: Mapping[str, str]) -> Event:
        by = person.author(self.keys, Right.ERASE, proof.for_log())
        return Event(uuid7(), kind, self.clock.now(), by.actor, by.role, case=case, auth=by.auth or None, detail=detail)


def parts(indices: Sequence[int]) -> list[str]:
    """The indices as texts that each fit into an entry; one empty text where there are none."""
    found, part = list[str](), list[int]()
    for index in indices:
        part.append(index)
        if len(ranges(part)) > _PART:
            found.append(ranges(part))
            part = []
    return [*found, ranges(part)] if part or not found else found


def retained(case: UUID, suggestions: Sequence[UUID], basis: str, indices: Sequence[int], payloads: int, at: datetime) -> tuple[Event, ...]:
    """The entries by which retention says what it destroyed: of one suggestion by name, of several by their indices."""
    detail = {"basis": basis, "payloads": str(payloads)}
    only = suggestions[0] if len(suggestions) == 1 else None
    return tuple(
        Event(uuid7(), EventType.ERASED, at, "system:retention", "system", case=case, suggestion=only, detail=detail | {"indices": part})
        for part in parts(indices)
    )
