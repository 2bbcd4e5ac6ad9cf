"""One transaction of the log: guarded state changes, then the head row, then entries, usage and the new checkpoint.

`Write` is what callers hand in; it commits whole or is refused whole. Contract: `audit.md`, "Append".
"""

from __future__ import annotations

from dataclasses import dataclass
from functools import lru_cache
from typing import TYPE_CHECKING, Final, TypeAlias

from gateway.audit.leaf import Event, encode
from gateway.audit.note import SigningKey, VerifierKey, open_checkpoint, sign_checkpoint
from gateway.audit.transaction.guards import ExcludedError, another, check_stops, effects, previous, refused, stops_after
from gateway.audit.tree import Frontier, leaf_hash
from gateway.database import CHANNEL, Connection
from gateway.errors import AuditUnavailable, Conflict, GarantError, changed_meanwhile

if TYPE_CHECKING:
    from collections.abc import Mapping, Sequence
    from datetime import datetime
    from uuid import UUID

_LOCK_HEAD: Final = "SELECT size, frontier, checkpoint, stops, fence FROM log_head WHERE establishment = $1 FOR UPDATE"
_OTHERS: Final = "SELECT establishment FROM log_head WHERE establishment <> $1 LIMIT 1"
_ALONE: Final = "SELECT pg_advisory_xact_lock(71483)"
_FENCE: Final = "UPDATE log_head SET fence = fence + 1 WHERE establishment = $1"
_FIND: Final = "SELECT id, index FROM entries WHERE id = ANY($1::uuid[])"
_ROWS: Final = """added AS (
  INSERT INTO entries (establishment, index, id, type, at, case_id, suggestion_id, task, leaf, leaf_hash)
  SELECT $1, e.* FROM {source}unnest($2::bigint[], $3::uuid[], $4::text[], $5::timestamptz[], $6::uuid[], $7::uuid[], $8::text[],
                                     $9::bytea[], $10::bytea[]) AS e
), counted AS (
  INSERT INTO usage_records (establishment, log_index, record, task, at, facts)
  SELECT $1, u.* FROM {source}unnest($11::bigint[], $12::uuid[], $13::text[], $14::timestamptz[], $15::jsonb[]) AS u
)"""
_SET_HEAD: Final = "UPDATE log_head SET size = $16, frontier = $17, checkpoint = $18"
_APPEND: Final = f"WITH {_ROWS.format(source='')} {_SET_HEAD}, stops = $19 WHERE establishment = $1"
_SAME_HEAD: Final = (
    "establishment = $1 AND size = $16 - cardinality($2::bigint[]) AND frontier = $19 AND checkpoint = $20 AND fence = $21 AND stops = '{}'"
)
_AT_ONCE: Final = f"WITH head AS ({_SET_HEAD} WHERE {_SAME_HEAD} RETURNING 1), {_ROWS.format(source='head, ')}"
_WAKE: Final = f"SELECT pg_notify('{CHANNEL}', message) FROM unnest($1::text[]) AS message"  # noqa: S608 - our own constant
_KEEP: Final = "INSERT INTO checkpoints (establishment, size, at, note) VALUES ($1, $2, $3, $4) ON CONFLICT DO NOTHING"
KEEP_EVERY_SECONDS: Final = 60.0
_REST_AFTER_CONTENTION: Final = 16


@dataclass(frozen=True, slots=True)
class Bulk:
    """An insert that cannot conflict, so that many of them fit into one statement: table, columns, their types."""

    table: str
    columns: tuple[str, ...]
    types: tuple[str, ...]

    @property
    def sql(self) -> str:
        """The same insert for one row."""
        places = ", ".join(f"${n}" for n in range(1, len(self.columns) + 1))
        return f"INSERT INTO {self.table} ({', '.join(self.columns)}) VALUES ({places})"  # noqa: S608 - our own names


@dataclass(frozen=True, slots=True)
class Statement:
    """One SQL statement; with `key` it is a guard that must return a row whose first column is that id.

    Args:
        bulk: where it is a plain insert, what it inserts into; the statement may then go with others in one.
    """

    sql: str
    args: tuple[object, ...]
    key: UUID | None = None
    bulk: Bulk | None = None


@dataclass(frozen=True, slots=True)
class Usage:
    """One ledger row: the record's id, its task and instant, and the facts as JSON of `impact.ledger`."""

    record: UUID
    task: str
    at: datetime
    facts: str


@dataclass(frozen=True, slots=True)
class Write:
    """What commits together.

    Args:
        events: the entries, in order; at least one.
        guards: state changes that must each find the row as expected.
        effects: further statements of the same transaction.
        usage: the ledger row, if this finishes a task instance.
        scopes: `system:X`, `task:Y`, `site:Z` of a release; refused while one of them is stopped.
        stop, resume: a scope that this write stops or resumes.
        wake: messages for all replicas, sent with the commit.
        new_case: nothing was ever logged for this case (saves a look-up).
        refusal, french: the sentence for a guard that found something else; empty: the usual one.
    """

    events: tuple[Event, ...]
    guards: tuple[Statement, ...] = ()
    effects: tuple[Statement, ...] = ()
    usage: Usage | None = None
    scopes: tuple[str, ...] = ()
    stop: str | None = None
    resume: str | None = None
    wake: tuple[str, ...] = ()
    new_case: bool = False
    refusal: str = ""
    french: str | None = None

    def refused(self) -> Conflict:
        """The refusal of a guard."""
        return Conflict(self.refusal, fr=self.french) if self.refusal else changed_meanwhile()


@dataclass(frozen=True, slots=True)
class Receipt:
    """Where the entries of a write stand in the log."""

    indexes: tuple[int, ...]


Outcome: TypeAlias = Receipt | GarantError


@dataclass(frozen=True, slots=True)
class LogIdentity:
    """Whose log it is, and the keys that sign and check it."""

    establishment: str
    origin: str
    key: SigningKey
    vkeys: tuple[VerifierKey, ...]
    beside: tuple[SigningKey, ...] = ()  # who signs too, while keys are changed

    @property
    def signers(self) -> tuple[VerifierKey, ...]:
        """Whose signature the head may rest on: who signs now, no key of the past."""
        return tuple(key.verifier() for key in (self.key, *self.beside))

    def signed(self, frontier: Frontier) -> str:
        """The checkpoint of a state."""
        return sign_checkpoint(self.origin, frontier.size, frontier.root(), self.key, *self.beside)


@dataclass(frozen=True, slots=True)
class Head:
    """The head row as it was read under the lock."""

    frontier: Frontier
    checkpoint: str
    stops: tuple[str, ...]
    fence: int


class Log:
    """One establishment's log, as one replica writes it; remembers the head it last signed itself."""

    def __init__(self, identity: LogIdentity) -> None:
        self.identity = identity
        self._trusted: Head | None = None
        self._acknowledged: Head | None = None  # the largest state of which somebody was told that it is committed
        self._kept_at: datetime | None = None
        self._rest = 0

    async def open(self, connection: Connection) -> None:
        """Make the head row of an empty log; check that the one found is ours.

        Raises:
            Misconfigured: the database belongs to another establishment.
            AuditUnavailable: the head is not the one that was signed.
        """
        empty = Frontier()
        note = self.identity.signed(empty)
        async with connection.transaction():
            await connection.execute(_ALONE)
            await self._check_alone(connection)
            await self._begin(connection, empty, note)
            await self._lock(connection)

    async def _check_alone(self, connection: Connection) -> None:
        """Queue, clocks and keys are shared within a database, so that two establishments on one would see each other's patients."""
        other = await connection.fetchval(_OTHERS, self.identity.establishment)
        if other is None:
            return
        raise another(self.identity.establishment, other)

    async def _begin(self, connection: Connection, empty: Frontier, note: str) -> None:
        await connection.execute(
            "INSERT INTO log_head (establishment, origin, size, frontier, checkpoint) VALUES ($1, $2, 0, $3, $4) ON CONFLICT DO NOTHING",
            self.identity.establishment,
            self.identity.origin,
            empty.to_bytes(),
            note,
        )

    async def commit(self, connection: Connection, writes: Sequence[Write]) -> list[Outcome]:
        """Commit a batch; each write gets its receipt or its refusal, in order."""
        outcomes = await self._at_once(connection, writes)
        excluded: dict[int, GarantError] = {}
        while outcomes is None:
            try:
                outcomes = await self._attempt(connection, writes, excluded)
            except ExcludedError as error:
                excluded.update(error.refusals)
        self._acknowledged = self._trusted or self._acknowledged
        return outcomes

    async def settled(self, connection: Connection, writes: Sequence[Write]) -> list[Receipt | None]:
        """What became of writes whose COMMIT got no answer: their receipts, None where they are not and never will be in the log.

        Raising the fence takes the head row's lock, so it waits for a lost connection's server process that is still
        committing; one that has not taken the lock yet finds another fence and writes nothing.
        """
        async with connection.transaction():
            await connection.execute(_FENCE, self.identity.establishment)
            found = await connection.fetch(_FIND, [event.id for write in writes for event in write.events])
        self._trusted = None
        indexes = {row["id"]: row["index"] for row in found}
        return [_receipt([indexes[event.id] for event in write.events if event.id in indexes]) for write in writes]

    async def _at_once(self, connection: Connection, writes: Sequence[Write]) -> list[Outcome] | None:
        """One statement for everything, if the head is still the one we left; None where that is not so or not possible.

        Comparing and setting the head row is as good as locking it: nobody can have written in between.
        """
        head = self._trusted
        if head is None or self._rest > 0 or not all(_plain(write) for write in writes) or self._keep_due(writes):
            self._rest = max(0, self._rest - 1)
            return None
        rows = _Rows(self.identity.establishment, head.frontier.size, await previous(connection, writes))
        outcomes: list[Outcome] = [rows.add(write) for write in writes]
        following, note = self._signed(head, rows)
        kinds, bulks = _grouped(writes)
        arguments = (
            *rows.columns(),
            following.size,
            following.to_bytes(),
            note,
            head.frontier.to_bytes(),
            head.checkpoint,
            head.fence,
            *bulks,
        )
        if await connection.fetchval(at_once(kinds), *arguments) != 1:
            self._rest, self._trusted = _REST_AFTER_CONTENTION, None
            return None
        self._trusted = Head(following, note, (), head.fence)
        return outcomes

    def _signed(self, head: Head, rows: _Rows) -> tuple[Frontier, str]:
        frontier = head.frontier.extend(rows.hashes)
        return frontier, self.identity.signed(frontier)

    def _keep_due(self, writes: Sequence[Write]) -> bool:
        at = writes[-1].events[-1].at
        return self._kept_at is None or (at - self._kept_at).total_seconds() >= KEEP_EVERY_SECONDS

    async def _attempt(self, connection: Connection, writes: Sequence[Write], excluded: Mapping[int, GarantError]) -> list[Outcome]:
        outcomes: list[Outcome] = [excluded.get(n, Receipt(())) for n in range(len(writes))]
        async with connection.transaction():
            for n in await refused(connection, [(n, write) for n, write in enumerate(writes) if n not in excluded]):
                outcomes[n] = writes[n].refused()
            accepted = [n for n, outcome in enumerate(outcomes) if isinstance(outcome, Receipt)]
            if accepted:
                await effects(connection, [writes[n] for n in accepted])
                await self._append(connection, accepted, writes, outcomes)
        return outcomes

    async def _append(self, connection: Connection, accepted: list[int], writes: Sequence[Write], outcomes: list[Outcome]) -> None:
        head = await self._lock(connection)
        check_stops(head.stops, accepted, writes)
        latest = await previous(connection, [writes[n] for n in accepted])
        rows = _Rows(self.identity.establishment, head.frontier.size, latest)
        for n in accepted:
            outcomes[n] = rows.add(writes[n])
        frontier, note = self._signed(head, rows)
        stops = stops_after(head.stops, accepted, writes)
        await connection.execute(_APPEND, *rows.columns(), frontier.size, frontier.to_bytes(), note, stops)
        if self._keep_due(writes):
            self._kept_at = writes[accepted[-1]].events[-1].at
            await connection.execute(_KEEP, self.identity.establishment, frontier.size, self._kept_at, note)
        wakes = [message for n in accepted for message in writes[n].wake]
        if wakes:
            await connection.execute(_WAKE, wakes)
        self._trusted = Head(frontier, note, tuple(stops), head.fence)

    async def _lock(self, connection: Connection) -> Head:
        row = await connection.fetchrow(_LOCK_HEAD, self.identity.establishment)
        if row is None:
            message = "The log's head row is missing: the database is not the one this establishment's log was written to. Restore it, then start again."
            raise AuditUnavailable(message, code="log_damaged")
        frontier = _frontier(row["frontier"])
        known = None if self._trusted is None else (self._trusted.frontier, self._trusted.frontier.size, self._trusted.checkpoint)
        if (frontier, row["size"], row["checkpoint"]) != known:
            self._check_head(frontier, row["size"], row["checkpoint"])
            self._check_not_older(frontier, row["checkpoint"])
        return Head(frontier, row["checkpoint"], tuple(row["stops"]), row["fence"])

    def _check_not_older(self, frontier: Frontier, checkpoint: str) -> None:
        """A database that was restored under a running replica holds less than was committed through it."""
        known = self._acknowledged
        if known is None or frontier.size >= known.frontier.size:
            return
        message = (
            "The database holds an older state of the log than the one that was committed: it was restored from an older copy. Nothing is "
            f"written. Restore the newest copy.\n--- committed:\n{known.checkpoint}--- found:\n{checkpoint}"
        )
        raise AuditUnavailable(message, code="log_damaged")

    def _check_head(self, frontier: Frontier, size: int, checkpoint: str) -> None:
        signed = open_checkpoint(checkpoint, self.identity.signers)
        ours = (self.identity.origin, size, frontier.root())
        if (signed.origin, signed.size, signed.root) != ours or frontier.size != size:
            message = f"The log's head does not match its signed checkpoint, so nothing is written. Restore the newest copy. Signed: {checkpoint!r}; found: {ours!r}."
            raise AuditUnavailable(message, code="log_damaged")


class _Rows:
    """Columns for the append statement, filled write by write."""

    def __init__(self, establishment: str, size: int, previous: Mapping[UUID, int]) -> None:
        self._establishment = establishment
        self._size = size
        self._previous = dict(previous)
        self.hashes: list[bytes] = []
        self._entries: list[tuple[object, ...]] = []
        self._usage: list[tuple[object, ...]] = []

    def add(self, write: Write) -> Receipt:
        """Encode a write's events as the next leaves and return their indexes."""
        first = self._size + len(self.hashes)
        for index, event in enumerate(write.events, start=first):
            self._add_event(index, event)
        if write.usage is not None:
            usage = write.usage
            self._usage.append((first + len(write.events) - 1, usage.record, usage.task, usage.at, usage.facts))
        return Receipt(tuple(range(first, first + len(write.events))))

    def _add_event(self, index: int, event: Event) -> None:
        leaf = encode(event, self._previous.get(event.case) if event.case else None)
        if event.case:
            self._previous[event.case] = index
        digest = leaf_hash(leaf)
        self.hashes.append(digest)
        self._entries.append((index, event.id, event.type.value, event.at, event.case, event.suggestion, event.task, leaf, digest))

    def columns(self) -> tuple[object, ...]:
        """Arguments $1 to $15 of the append statement."""
        entries = [list(column) for column in zip(*self._entries, strict=True)]
        usage = [list(column) for column in zip(*self._usage, strict=True)] or [[], [], [], [], []]
        return (self._establishment, *entries, *usage)


def _receipt(indexes: list[int]) -> Receipt | None:
    return Receipt(tuple(sorted(indexes))) if indexes else None


def _frontier(data: bytes) -> Frontier:
    try:
        return Frontier.from_bytes(data)
    except ValueError as error:
        message = f"The log's head row cannot be read ({error}), so nothing is written. The database was changed by hand; restore it."
        raise AuditUnavailable(message, code="log_damaged") from error


@lru_cache(maxsize=64)
def at_once(kinds: tuple[Bulk, ...]) -> str:
    """The statement that compares and sets the head and inserts everything, for these kinds of rows."""
    parts, place = [], 22
    for number, kind in enumerate(kinds):
        arrays = ", ".join(f"${place + n}::{name}[]" for n, name in enumerate(kind.types))
        place += len(kind.types)
        into = f"INSERT INTO {kind.table} ({', '.join(kind.columns)})"
        parts.append(f", bulk{number} AS ({into} SELECT b.* FROM head, unnest({arrays}) AS b)")  # noqa: S608 - our own names
    return f"{_AT_ONCE}{''.join(parts)} SELECT count(*) FROM head"  # noqa: S608 - our own names


def _plain(write: Write) -> bool:
    """Whether a write only adds rows that cannot conflict, and tells nobody."""
    adds = not write.guards and all(effect.bulk is not None for effect in write.effects)
    return adds and not write.wake and write.stop is None and write.resume is None


def _grouped(writes: Sequence[Write]) -> tuple[tuple[Bulk, ...], list[list[object]]]:
    """The kinds of rows in a batch, and their columns one after the other."""
    groups: dict[Bulk, list[tuple[object, ...]]] = {}
    for write in writes:
        for effect in write.effects:
            if effect.bulk is not None:
                groups.setdefault(effect.bulk, []).append(effect.args)
    return tuple(groups), [list(column) for rows in groups.values() for column in zip(*rows, strict=True)]
