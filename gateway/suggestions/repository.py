"""Reading suggestions, and the statements that change them; changes go through the log's writer only.

Every change of state is a guard: it names the state and version it expects, taken from `states.TRANSITIONS`.
"""

from __future__ import annotations

from operator import attrgetter
from typing import TYPE_CHECKING, Final, NamedTuple

from sqlalchemy import select as sa_select
from sqlmodel import col, func, or_, select, text

from gateway.audit.batch import Bulk, Statement
from gateway.audit.rules.assertions import assertion_line
from gateway.database import reading
from gateway.errors import Conflict, Unknown, erased
from gateway.policy.rules import read_document
from gateway.suggestions.content import PAYLOADS, Place, Sealed, Vault
from gateway.suggestions.models import Waiting
from gateway.suggestions.queue import Queues
from gateway.suggestions.states import AWAITING, Action, State, after, sources
from gateway.suggestions.tables import Payload, Signature, Suggestion
from gateway.suggestions.work.patients import Patients
from gateway.suggestions.work.repository import Work

if TYPE_CHECKING:
    from collections.abc import Iterable, Mapping
    from datetime import datetime
    from uuid import UUID

    from sqlalchemy.ext.asyncio import async_sessionmaker
    from sqlmodel.ext.asyncio.session import AsyncSession

    from gateway.policy.models import Policy, Task
    from gateway.suggestions.models import AnySuggestion

COLUMNS: Final = tuple(Suggestion.model_fields)
_PLACES: Final = ", ".join(f"${n}" for n in range(1, len(COLUMNS) + 1))
INSERT: Final = f"INSERT INTO suggestions ({', '.join(COLUMNS)}) VALUES ({_PLACES}) ON CONFLICT (attach_key) DO NOTHING RETURNING id"  # noqa: S608 - names of our own columns
_INSERT_PAYLOAD: Final = PAYLOADS.sql
_PASSED: Final = {
    "id": "uuid",
    "establishment": "text",
    "site": "text",
    "case_id": "uuid",
    "system": "text",
    "task": "text",
    "kind": "text",
    "protocol": "text",
    "mode": "text",
    "policy": "text",
    "machine": "text",
    "model": "text",
    "model_version": "text",
    "state": "text",
    "urgency": "smallint",
    "stream": "bool",
    "received_at": "timestamptz",
    "answered_at": "timestamptz",
    "released_at": "timestamptz",
}
_PASSING: Final = Bulk("suggestions", tuple(_PASSED), tuple(_PASSED.values()))
_INSERT_PASSED: Final = _PASSING.sql
_LOGGED: Final = text("(SELECT entries.index FROM entries WHERE entries.id = signatures.entry_id)")
_ASSERTIONS: Final = text("SELECT entry_id, salt, evidence FROM assertions WHERE suggestion_id = :suggestion")
_DOCUMENT: Final = text("SELECT document FROM policy_documents WHERE digest = :digest")
OF_THE_ANSWER: Final = ("input", "exchange", "patient", "suggestion", "labelled", "final")
_NONE: Final = "There is no suggestion with this id. Check it: it may have been typed wrongly, or belong to another establishment."
_NONE_FR: Final = (
    "Aucune proposition ne porte cet identifiant. Vérifiez-le : il est peut-être mal saisi, ou relève d'un autre établissement."
)
_passed_values: Final = attrgetter(*_PASSED)


def inserted(row: AnySuggestion) -> Statement:
    """The guard that makes a suggestion, refused where its attach key is taken."""
    return Statement(INSERT, tuple(getattr(row, name) for name in COLUMNS), key=row.id)


def passed(row: AnySuggestion) -> Statement:
    """The plain insert of a support task's finished row, which has no attach key and so cannot conflict."""
    return Statement(_INSERT_PASSED, _passed_values(row), bulk=_PASSING)


def stored(suggestion: UUID, payloads: Iterable[Sealed]) -> tuple[Statement, ...]:
    """The statements that store payloads."""
    return tuple(Statement(_INSERT_PAYLOAD, sealed.row(suggestion), bulk=PAYLOADS) for sealed in payloads)


def moved(row: AnySuggestion, action: Action, changes: Mapping[str, object] | None = None) -> Statement:
    """The guard that takes a suggestion through one action, setting further columns with it.

    Raises:
        Conflict: the table of states forbids this action here.
    """
    target = after(State(row.state), action)
    if target is None:
        here = row.state.replace("_", " ")
        message = f"This suggestion is {here}, so it can no longer be changed this way. Reload to see what it is now."
        french = "Cette proposition a changé d'état et ne peut plus être modifiée ainsi. Rechargez la page pour voir où elle en est."
        raise Conflict(message, code="wrong_state", fr=french)
    return changed(row, {"state": target.value, **(changes or {})})


def changed(row: AnySuggestion, changes: Mapping[str, object]) -> Statement:
    """The guard that sets columns of a suggestion which is still in the state and version that were read."""
    names = [name for name in changes if name in COLUMNS]
    sets = ", ".join(f"{name} = ${n}" for n, name in enumerate(names, start=4))
    sql = f"UPDATE suggestions SET version = version + 1, {sets} WHERE id = $1 AND state = $2 AND version = $3 RETURNING id"  # noqa: S608 - names of our own columns
    return Statement(sql, (row.id, row.state, row.version, *(changes[name] for name in names)), key=row.id)


class ForPerson(NamedTuple):
    """What is kept of a case for one person: payloads by field, the bytes shown to them last, colleagues' words by whole field."""

    payloads: dict[str, bytes]
    earlier: bytes | None
    said: dict[str, bytes]


class Suggestions:
    """Reads suggestions and opens their payloads.

    Args:
        sessions: makes reading sessions.
        vault: opens payloads.
    """

    def __init__(self, sessions: async_sessionmaker[AsyncSession], vault: Vault) -> None:
        self._sessions = sessions
        self._vault = vault
        self.work = Work(sessions)
        self.queues = Queues(sessions)
        self.patients = Patients(sessions, vault)

    async def get(self, suggestion: UUID) -> Suggestion:
        """One suggestion. Raises Unknown."""
        async with reading(self._sessions) as session:
            row = await session.get(Suggestion, suggestion)
        if row is None:
            raise Unknown(_NONE, fr=_NONE_FR)
        return row

    async def signed(self, suggestion: UUID) -> tuple[Suggestion, list[Signature]]:
        """One suggestion and its signed records in the order of the log, in one query. Raises Unknown."""
        query = select(Suggestion, Signature).join(Signature, col(Signature.suggestion_id) == Suggestion.id, isouter=True)
        async with reading(self._sessions) as session:
            rows = (await session.exec(query.where(Suggestion.id == suggestion).order_by(_LOGGED))).all()
        if not rows:
            raise Unknown(_NONE, fr=_NONE_FR)
        return rows[0][0], list(filter(None, (signature for _, signature in rows)))

    async def of_case(self, case: UUID) -> tuple[UUID, ...]:
        """The suggestions of a case, none where there is no such case."""
        async with reading(self._sessions) as session:
            return tuple(await session.exec(select(Suggestion.id).where(Suggestion.case_id == case).order_by(col(Suggestion.received_at))))

    async def attached(self, keys: Iterable[bytes]) -> Suggestion | None:
        """The suggestion that an equal call made before, or None."""
        async with reading(self._sessions) as session:
            found = await session.exec(
                select(Suggestion).where(col(Suggestion.attach_key).in_(list(keys))).order_by(col(Suggestion.received_at).desc())
            )
            return found.first()

    async def payload(self, row: AnySuggestion, field: str) -> bytes | None:
        """The decrypted bytes of a field, or None where none is stored. Raises Conflict for damaged content."""
        check_there(row)
        async with reading(self._sessions) as session:
            stored_row = await session.get(Payload, (row.id, field))
        return None if stored_row is None else self.opened(row, stored_row)

    async def payloads(self, row: AnySuggestion, only: tuple[str, ...] = OF_THE_ANSWER) -> dict[str, bytes]:
        """The decrypted payloads of the call and its answer by field, in one query; `final` is what the standing decision releases."""
        check_there(row)
        chosen = (Payload.suggestion_id == row.id, func.split_part(Payload.field, "/", 1).in_(only))
        async with reading(self._sessions) as session:
            rows = (await session.exec(select(Payload).where(*chosen).order_by(col(Payload.entry_id)))).all()
        latest = {_name(stored_row): stored_row for stored_row in rows if _name(stored_row) != "final" or _stands(row, stored_row)}
        return {name: self.opened(row, stored_row) for name, stored_row in latest.items() if stored_row.ciphertext is not None}

    async def shown_to(self, row: AnySuggestion, person: UUID) -> ForPerson:
        """The payloads of the call and its answer with what this person was shown last and colleagues' words, in one query."""
        shown, words = col(Payload.field).startswith(f"shown/{person}/"), col(Payload.field).startswith("opinion/")
        wanted = or_(func.split_part(Payload.field, "/", 1).in_(OF_THE_ANSWER), shown, words)
        query = select(Payload).where(Payload.suggestion_id == row.id, col(Payload.ciphertext).is_not(None), wanted)
        async with reading(self._sessions) as session:
            rows = (await session.exec(query.order_by(col(Payload.entry_id)))).all()
        answer = {_name(one): one for one in rows if _name(one) in OF_THE_ANSWER and (_name(one) != "final" or _stands(row, one))}
        earlier = [one for one in rows if _name(one) == "shown"][-1:]
        said = {one.field: self.opened(row, one) for one in rows if _name(one) == "opinion"}
        opened = {name: self.opened(row, one) for name, one in answer.items()}
        return ForPerson(opened, self.opened(row, earlier[0]) if earlier else None, said)

    async def beside(self, row: AnySuggestion, prefix: str) -> dict[str, bytes]:
        """The decrypted payloads whose field begins so, by whole field, the oldest first."""
        check_there(row)
        chosen = (Payload.suggestion_id == row.id, col(Payload.field).startswith(prefix))
        async with reading(self._sessions) as session:
            rows = (await session.exec(select(Payload).where(*chosen).order_by(col(Payload.entry_id)))).all()
        return {stored_row.field: self.opened(row, stored_row) for stored_row in rows if stored_row.ciphertext is not None}

    async def sealed(self, row: AnySuggestion, field: str) -> Sealed | None:
        """The latest stored payload of a field (or of one entry, FIELD/ENTRY), still sealed; its commitment is empty (the log has it)."""
        named = or_(col(Payload.field) == field, col(Payload.field).startswith(f"{field}/"))
        query = select(Payload).where(Payload.suggestion_id == row.id, named).order_by(col(Payload.entry_id).desc())
        async with reading(self._sessions) as session:
            stored_row = (await session.exec(query)).first()
        return None if stored_row is None else _sealed(stored_row)

    async def waiting(self, tasks: Iterable[str], *, limit: int = 10_000) -> list[Waiting]:
        """What waits for a person in these tasks: overdue first, then by urgency, then the longest waiting."""
        order = (col(Suggestion.overdue).desc(), col(Suggestion.urgency), col(Suggestion.received_at))
        states = [state.value for state in AWAITING]
        chosen = [getattr(Suggestion, name) for name in Waiting._fields]
        query = (
            sa_select(*chosen).where(col(Suggestion.state).in_(states), col(Suggestion.task).in_(list(tasks))).order_by(*order).limit(limit)
        )
        async with reading(self._sessions) as session:
            rows = (await (await session.connection()).execute(query)).all()
        return [Waiting._make(row) for row in rows]

    async def ruling(self, row: AnySuggestion) -> tuple[Policy, Task]:
        """The policy and the task under which a suggestion was received, whatever the configuration says now."""
        async with reading(self._sessions) as session:
            document = await session.scalar(_DOCUMENT, {"digest": row.policy})
        return read_document(document, row.task, row.kind)

    async def orphans(self, lanes: Iterable[tuple[str, str]]) -> int:
        """How many wait for a task and an AI system (`lanes` of system and task) that the configuration no longer joins."""
        query = select(Suggestion.system, Suggestion.task, func.count()).where(col(Suggestion.next_clock_at).is_not(None))
        async with reading(self._sessions) as session:
            found = (await session.exec(query.group_by(col(Suggestion.system), col(Suggestion.task)))).all()
        known = set(lanes)
        return sum(count for system, task, count in found if (system, task) not in known)

    async def due(self, now: datetime, *, limit: int = 200) -> list[Suggestion]:
        """Those whose clock has struck."""
        query = select(Suggestion).where(col(Suggestion.next_clock_at) <= now).order_by(col(Suggestion.next_clock_at)).limit(limit)
        async with reading(self._sessions) as session:
            return list((await session.exec(query)).all())

    async def next_due(self) -> datetime | None:
        """When the next clock strikes."""
        async with reading(self._sessions) as session:
            return (await session.exec(select(func.min(Suggestion.next_clock_at)))).first()

    async def withdrawable(self, scope: str, *, limit: int = 1000) -> list[Suggestion]:
        """Undecided suggestions under a stop scope (`system:X`, `task:Y`, `site:Z`)."""
        kind, _, name = scope.partition(":")
        column = {"system": Suggestion.system, "task": Suggestion.task, "site": Suggestion.site}[kind]
        states = [state.value for state in sources(Action.SUSPEND)]
        query = select(Suggestion).where(col(column) == name, col(Suggestion.state).in_(states)).limit(limit)
        async with reading(self._sessions) as session:
            return list((await session.exec(query)).all())

    async def signatures(self, suggestion: UUID) -> list[Signature]:
        """The signed records of a suggestion in the order of the log, which the clocks of two replicas cannot turn round."""
        query = select(Signature).where(Signature.suggestion_id == suggestion).order_by(_LOGGED)
        async with reading(self._sessions) as session:
            return list((await session.exec(query)).all())

    async def assertions(self, suggestion: UUID) -> dict[UUID, str]:
        """The signatures by passkey of its decisions: entry → line of `assertions.jsonl`."""
        async with reading(self._sessions) as session:
            rows = (await (await session.connection()).execute(_ASSERTIONS, {"suggestion": suggestion})).all()
        return {row.entry_id: assertion_line(str(row.entry_id), row.salt, row.evidence) for row in rows}

    def opened(self, row: AnySuggestion, stored_row: Payload) -> bytes:
        """Decrypt one row."""
        return self._vault.open(_sealed(stored_row), Place(row.establishment, row.case_id, stored_row.entry_id))


def check_there(row: AnySuggestion) -> None:
    """Raises Gone where the content was erased."""
    if row.erased_at is not None:
        gone = erased(row.erased_at, row.erased_basis)
        raise gone


def _stands(row: AnySuggestion, stored_row: Payload) -> bool:
    """Several people may have signed different texts: only that of the standing decision may leave."""
    return row.final_entry is None or stored_row.entry_id == row.final_entry


def _name(row: Payload) -> str:
    return row.field.partition("/")[0]


def _sealed(row: Payload) -> Sealed:
    return Sealed(_name(row), row.entry_id, row.salt, row.kek, row.wrapped_key, row.nonce, row.ciphertext, "")
