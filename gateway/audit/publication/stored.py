"""The log in the database as outsiders read it: tiles, bundles, proofs, kept checkpoints. Any replica gives the same bytes.

Hashes of level 0 are the entries' own; those of higher levels, one for 256 below it, are kept in `log_nodes` when somebody
first needs them. Nothing here locks the head row: appending never waits for a reader.
"""

from __future__ import annotations

import json
from contextlib import suppress
from dataclasses import dataclass
from typing import TYPE_CHECKING, Final

from gateway.audit.checking.handover import Handover, written
from gateway.audit.export import WIDTH, packed
from gateway.audit.note import NoteError, VerifierKey, open_checkpoint
from gateway.audit.outside.proofs import CaseProof, ConsistencyProof, Placed, Proof
from gateway.audit.outside.tiles import Tile, consistency_ranges, frontier, hashes, inclusion_ranges, needed
from gateway.audit.rules.assertions import assertion_line
from gateway.audit.tree import HASH_BYTES, leaf_hash, root_of
from gateway.errors import Unknown

if TYPE_CHECKING:
    from collections.abc import Iterable, Sequence
    from datetime import datetime
    from uuid import UUID

    from gateway.audit.tree import Frontier
    from gateway.database import Connection

_HEAD: Final = "SELECT size, checkpoint FROM log_head WHERE establishment = $1"
_LEAVES: Final = "SELECT leaf FROM entries WHERE establishment = $1 AND index >= $2 AND index < $3 ORDER BY index"
_HASHES: Final = "SELECT leaf_hash AS hash FROM entries WHERE establishment = $1 AND index >= $2 AND index < $3 ORDER BY index"
_NODES: Final = "SELECT hash FROM log_nodes WHERE establishment = $1 AND level = $4 AND index >= $2 AND index < $3 ORDER BY index"
_COUNT: Final = "SELECT coalesce(max(index) + 1, 0) FROM log_nodes WHERE establishment = $1 AND level = $2"
_ADD: Final = "INSERT INTO log_nodes SELECT $1, $2, n.* FROM unnest($3::bigint[], $4::bytea[]) AS n ON CONFLICT DO NOTHING"
_KEPT: Final = "SELECT note FROM checkpoints WHERE establishment = $1 AND size = $2"
_KEEP: Final = "INSERT INTO checkpoints (establishment, size, at, note) VALUES ($1, $2, now(), $3) ON CONFLICT DO NOTHING"
_LINES: Final = "SELECT line FROM cosignatures WHERE establishment = $1 AND size = $2 ORDER BY witness"
_LINES_SINCE: Final = "SELECT size, line FROM cosignatures WHERE establishment = $1 AND size > $2 AND size <= $3 ORDER BY size, witness"
_COSIGN: Final = "INSERT INTO cosignatures (establishment, size, witness, line, at) VALUES ($1, $2, $3, $4, now()) ON CONFLICT DO NOTHING"
_STAMP: Final = "INSERT INTO timestamps (establishment, size, authority, token, at) VALUES ($1, $2, $3, $4, now()) ON CONFLICT DO NOTHING"
_CASE: Final = "SELECT index, leaf FROM entries WHERE establishment = $1 AND case_id = $2 AND index < $3 ORDER BY index"
_PUBLISHED: Final = """
SELECT size, note FROM checkpoints WHERE establishment = $1 AND size <= $2 ORDER BY size DESC LIMIT 1
"""
_KEPT_SINCE: Final = "SELECT size, note FROM checkpoints WHERE establishment = $1 AND size > $2 AND size <= $3 ORDER BY size"
_TOKENS: Final = "SELECT size, authority, token FROM timestamps WHERE establishment = $1 AND size > $2 AND size <= $3"
_ASSERTIONS: Final = """
SELECT a.entry_id, a.salt, a.evidence FROM assertions a JOIN entries e ON e.id = a.entry_id
WHERE e.establishment = $1 AND e.index >= $2 AND e.index < $3 ORDER BY e.index
"""
_REACHED: Final = "SELECT place, size, at, tried_at, problem FROM publications WHERE establishment = $1"
_NOTE: Final = """
INSERT INTO publications (establishment, place, size, at, tried_at, problem) VALUES ($1, $2, $3, $4, $5, $6)
ON CONFLICT (establishment, place) DO UPDATE SET size = $3, at = $4, tried_at = $5, problem = $6
"""
_CHANGES: Final = """
SELECT index, leaf FROM entries WHERE establishment = $1 AND type = 'key_changed' AND index < $2 ORDER BY index
"""
_KEPT_AFTER: Final = "SELECT size, note FROM checkpoints WHERE establishment = $1 AND size > $2 ORDER BY size LIMIT 1"
_LAST: Final = "SELECT max(index) FROM entries WHERE establishment = $1 AND case_id = $2"
_AT_A_TIME: Final = 64


@dataclass(frozen=True, slots=True)
class State:
    """A signed state of the log: how many entries, and the note that says so."""

    size: int
    note: str


@dataclass(frozen=True, slots=True)
class Reached:
    """How far a place has come: entries, when it last took a state, when it was last tried, what went wrong then."""

    place: str
    size: int = 0
    at: datetime | None = None
    tried_at: datetime | None = None
    problem: str = ""


class Stored:
    """One establishment's log, read over a connection."""

    def __init__(self, connection: Connection, establishment: str) -> None:
        self._connection = connection
        self._establishment = establishment

    async def head(self) -> State:
        """The state as it is now. Raises Unknown where nothing was ever written."""
        row = await self._connection.fetchrow(_HEAD, self._establishment)
        if row is None:
            message = "The log is empty: nothing was ever written for this establishment. Try again after the first call."
            raise Unknown(
                message,
                code="log_empty",
                fr="Le journal est vide : rien n'a encore été écrit pour cet établissement. Réessayez après le premier appel.",
            )
        return State(row["size"], row["checkpoint"])

    async def keep(self, state: State) -> None:
        """Keep a signed state for good."""
        await self._connection.execute(_KEEP, self._establishment, state.size, state.note)

    async def has_kept(self, size: int) -> bool:
        """Whether a state of exactly this size was kept."""
        return await self._connection.fetchval(_KEPT, self._establishment, size) is not None

    async def add_cosignature(self, size: int, witness: str, line: str) -> None:
        """Keep a witness's signature line over the state of this size."""
        await self._connection.execute(_COSIGN, self._establishment, size, witness, line)

    async def add_timestamp(self, size: int, authority: str, token: bytes) -> None:
        """Keep an authority's answer over the state of this size."""
        await self._connection.execute(_STAMP, self._establishment, size, authority, token)

    async def kept(self, size: int) -> State:
        """The kept state of exactly this size. Raises Unknown."""
        note = await self._connection.fetchval(_KEPT, self._establishment, size)
        if note is None:
            message = f"No checkpoint over exactly {size} entries was kept. Use one that an export has in its folder 'checkpoints'."
            raise Unknown(
                message,
                code="checkpoint_unknown",
                fr=f"Aucun point de contrôle sur exactement {size} écritures n'a été conservé. Prenez-en un du dossier « checkpoints » d'un export.",
            )
        return State(size, note)

    async def newest_kept(self, most: int = 2**62) -> State:
        """The newest kept state of at most this size. Raises Unknown where none was kept."""
        row = await self._connection.fetchrow(_PUBLISHED, self._establishment, most)
        return State(row["size"], row["note"]) if row is not None else await self.kept(0)

    async def newest_with(self, case: UUID) -> State:
        """The newest kept state, or the log as it is, kept now, where the case has entries that no kept state covers."""
        last = await self._connection.fetchval(_LAST, self._establishment, case)
        with suppress(Unknown):
            state = await self.newest_kept()
            if last is None or last < state.size:
                return state
        state = await self.head()
        await self.keep(state)
        await self.catch_up(state.size)
        return state

    async def cosigned(self, state: State) -> str:
        """A state's note with the cosignatures that it has."""
        rows = await self._connection.fetch(_LINES, self._establishment, state.size)
        return state.note + "".join(row["line"] for row in rows)

    async def catch_up(self, size: int) -> None:
        """Keep the hashes above level 0 that a log of this size has."""
        level = 1
        while size >> (8 * level):
            await self._fill(level, size >> (8 * level))
            level += 1

    async def _fill(self, level: int, count: int) -> None:
        have = await self._connection.fetchval(_COUNT, self._establishment, level)
        while have < count:
            end = min(count, have + _AT_A_TIME)
            below = await self._row(level - 1, have * WIDTH, end * WIDTH)
            roots = [root_of(below[n : n + WIDTH]) for n in range(0, len(below), WIDTH)]
            await self._connection.execute(_ADD, self._establishment, level, list(range(have, end)), roots)
            have = end

    async def tile(self, tile: Tile) -> bytes:
        """The hashes of one tile. Raises Unknown where the log is not so large."""
        first = tile.number * WIDTH
        found = await self._row(tile.level, first, first + tile.width)
        if len(found) != tile.width:
            message = "The log is not that large yet. Read /audit/checkpoint for its size."
            raise Unknown(message, code="tile_unknown", fr="Le journal n'est pas encore si grand. Lisez sa taille dans /audit/checkpoint.")
        return b"".join(found)

    async def leaves(self, first: int, end: int) -> list[bytes]:
        """The bytes of entries `first` to `end` - 1; fewer where the log ends before."""
        return [row["leaf"] for row in await self._connection.fetch(_LEAVES, self._establishment, first, end)]

    async def bundle(self, number: int, width: int) -> bytes:
        """One entry bundle. Raises Unknown where the log is not so large."""
        leaves = await self.leaves(number * WIDTH, number * WIDTH + width)
        if len(leaves) != width:
            message = "The log is not that large yet. Read /audit/checkpoint for its size."
            raise Unknown(message, code="tile_unknown", fr="Le journal n'est pas encore si grand. Lisez sa taille dans /audit/checkpoint.")
        return b"".join(map(packed, leaves))

    async def frontier(self, size: int) -> Frontier:
        """The frontier of the first `size` entries as the stored hashes give it."""
        return frontier(size, await self._tiles(needed([(0, size)], size)))

    async def prove(self, index: int, state: State) -> Proof:
        """The proof that an entry stands in a state. Raises Unknown."""
        return Proof(index, await self._path(index, state), await self.cosigned(state), written(await self.handovers(state)))

    async def prove_case(self, case: UUID, state: State) -> CaseProof:
        """The proof of all entries of a case in a state. Raises Unknown where it has none there."""
        rows = await self._connection.fetch(_CASE, self._establishment, case, state.size)
        if not rows:
            message = "No entry of the log speaks of this case. Check the case's id."
            raise Unknown(message, code="case_unknown", fr="Aucune écriture du journal ne parle de ce dossier. Vérifiez son identifiant.")
        placed = [Placed(row["index"], row["leaf"], await self._path(row["index"], state)) for row in rows]
        return CaseProof(str(case), tuple(placed), await self.cosigned(state), await self.handovers(state))

    async def handovers(self, state: State) -> tuple[Handover, ...]:
        """How each later key of the log that signs alone was announced, under the last state that it and the key before signed together."""
        found, announced = list[Handover](), list[tuple[int, bytes]]()
        for row in await self._connection.fetch(_CHANGES, self._establishment, state.size):
            detail = json.loads(row["leaf"]).get("detail", {})
            changed = (detail.get("kind"), detail.get("step"))
            if changed == ("log", "announced"):
                announced.append((row["index"], row["leaf"]))
            elif changed == ("log", "retired") and announced:
                together = await self._connection.fetchrow(_KEPT_AFTER, self._establishment, row["index"])
                index, leaf = announced.pop()
                if together is not None:
                    kept = State(together["size"], together["note"])
                    found.append(Handover(index, leaf, await self._path(index, kept), kept.note))
        return tuple(found)

    async def prove_growth(self, old: int, state: State) -> ConsistencyProof:
        """The proof that a state only added entries to an older one. Raises Unknown where the older is the larger."""
        if old > state.size:
            message = f"{old} entries are more than {state.size}: name the smaller log first."
            raise Unknown(message, code="size_unknown", fr=f"{old} écritures, c'est plus que {state.size} : nommez d'abord le plus petit.")
        ranges = consistency_ranges(old, state.size)
        return ConsistencyProof(old, hashes(ranges, state.size, await self._tiles(needed(ranges, state.size))), state.note)

    async def kept_since(self, since: int, size: int) -> list[State]:
        """The states kept after one of `since` entries, up to one of `size`."""
        rows = await self._connection.fetch(_KEPT_SINCE, self._establishment, since, size)
        return [State(row["size"], row["note"]) for row in rows]

    async def cosignatures_since(self, since: int, size: int) -> dict[int, str]:
        """Signature lines of witnesses by the size they cosigned."""
        found: dict[int, str] = {}
        for row in await self._connection.fetch(_LINES_SINCE, self._establishment, since, size):
            found[row["size"]] = found.get(row["size"], "") + row["line"]
        return found

    async def timestamps_since(self, since: int, size: int) -> dict[tuple[int, str], bytes]:
        """RFC 3161 answers by size and authority."""
        rows = await self._connection.fetch(_TOKENS, self._establishment, since, size)
        return {(row["size"], row["authority"]): row["token"] for row in rows}

    async def policies(self) -> dict[str, str]:
        """Every policy document by its digest."""
        rows = await self._connection.fetch("SELECT digest, document FROM policy_documents")
        return {row["digest"]: row["document"] for row in rows}

    async def assertions(self, first: int, end: int) -> dict[str, str]:
        """Signatures by passkey of these entries: entry id → line of `assertions.jsonl`."""
        rows = await self._connection.fetch(_ASSERTIONS, self._establishment, first, end)
        return {str(row["entry_id"]): assertion_line(str(row["entry_id"]), row["salt"], row["evidence"]) for row in rows}

    async def reached(self) -> dict[str, Reached]:
        """How far each place has come, by its name."""
        return {row["place"]: Reached(**row) for row in await self._connection.fetch(_REACHED, self._establishment)}

    async def note_reached(self, reached: Reached) -> None:
        """Note how far a place has come."""
        values = (reached.place, reached.size, reached.at, reached.tried_at, reached.problem)
        await self._connection.execute(_NOTE, self._establishment, *values)

    async def _path(self, index: int, state: State) -> tuple[bytes, ...]:
        try:
            ranges = inclusion_ranges(index, state.size)
        except IndexError as error:
            message = f"There is no entry {index} in a log of {state.size} entries. Ask for a smaller number."
            raise Unknown(
                message,
                code="entry_unknown",
                fr=f"Il n'y a pas d'écriture {index} dans un journal de {state.size}. Demandez un numéro plus petit.",
            ) from error
        return hashes(ranges, state.size, await self._tiles(needed(ranges, state.size)))

    async def _tiles(self, tiles: Iterable[Tile]) -> dict[Tile, bytes]:
        return {tile: await self.tile(tile) for tile in tiles}

    async def _row(self, level: int, first: int, end: int) -> list[bytes]:
        more = (level,) if level else ()
        return [row["hash"] for row in await self._connection.fetch(_NODES if level else _HASHES, self._establishment, first, end, *more)]


async def check_stored(stored: Stored, state: State, vkeys: Sequence[VerifierKey]) -> None:
    """That the stored hashes give the root that was signed. Raises NoteError."""
    await stored.catch_up(state.size)
    signed = open_checkpoint(state.note, vkeys)
    found = await stored.frontier(state.size)
    if (signed.size, signed.root) != (state.size, found.root()):
        message = f"the stored entries do not give the root that was signed over {state.size} entries: the database was changed"
        raise NoteError(message)


async def check_last_tile(stored: Stored, size: int) -> None:
    """That the last entries, up to 256, are those whose hashes are stored. Raises NoteError."""
    first = max(0, size - 1) // WIDTH * WIDTH
    leaves = await stored.leaves(first, size)
    tile = await stored.tile(Tile(0, first // WIDTH, size - first)) if size else b""
    for n, leaf in enumerate(leaves):
        if leaf_hash(leaf) != tile[n * HASH_BYTES : (n + 1) * HASH_BYTES]:
            message = f"entry {first + n} is not the one whose hash was signed: the database was changed"
            raise NoteError(message)
