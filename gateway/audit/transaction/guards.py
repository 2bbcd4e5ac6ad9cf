"""The parts of one transaction of the log that can refuse a write: its guards, and the stops in force.

Promises: a write whose guards do not all hold leaves nothing behind.
"""

from __future__ import annotations

from collections import Counter
from itertools import groupby
from typing import TYPE_CHECKING, Final

from gateway.errors import GarantError, Misconfigured, stopped

if TYPE_CHECKING:
    from collections.abc import Mapping, Sequence
    from uuid import UUID

    from gateway.audit.batch import Statement, Write
    from gateway.database import Connection

_PREVIOUS: Final = "SELECT case_id, max(index) AS index FROM entries WHERE case_id = ANY($1::uuid[]) GROUP BY case_id"


def another(ours: str, other: str) -> Misconfigured:
    """The refusal of a database that belongs to another establishment."""
    message = (
        f"This database holds the log of the establishment '{other}', and the configuration names '{ours}'. Two establishments never share "
        "a database: they would see each other's cases. Correct establishment.id, or give this one a database of its own."
    )
    french = (
        f"Cette base contient le journal de l'établissement « {other} », et la configuration désigne « {ours} ». Deux établissements ne "
        "partagent jamais une base : chacun verrait les dossiers de l'autre. Corrigez establishment.id ou donnez à celui-ci sa propre base."
    )
    return Misconfigured(message, code="database_of_another", fr=french)


class ExcludedError(Exception):
    """Some writes of the batch cannot go with it, and what they changed has to be taken back; carries their refusals by position."""

    def __init__(self, refusals: Mapping[int, GarantError]) -> None:
        super().__init__("excluded")
        self.refusals = refusals


async def refused(connection: Connection, writes: Sequence[tuple[int, Write]]) -> set[int]:
    """The positions of the writes of which a guard found something else; raises ExcludedError where another guard of theirs did change a row."""
    guards = sorted(((guard, n) for n, write in writes for guard in write.guards), key=lambda pair: pair[0].key.int if pair[0].key else 0)
    refused: set[int] = set()
    for sql, group in groupby(guards, key=lambda pair: pair[0].sql):
        refused |= await _run_guards(connection, sql, list(group))
    half_done = {n: write.refused() for n, write in writes if n in refused and len(write.guards) > 1}
    if half_done:
        raise ExcludedError(half_done)
    return refused


async def _run_guards(connection: Connection, sql: str, guards: list[tuple[Statement, int]]) -> set[int]:
    rows = await connection.fetchmany(sql, [guard.args for guard, _ in guards])
    found = Counter(row[0] for row in rows)
    refused: set[int] = set()
    for guard, n in guards:
        if found[guard.key] > 0:
            found[guard.key] -= 1
        else:
            refused.add(n)
    return refused


async def effects(connection: Connection, writes: Sequence[Write]) -> None:
    """Run the further statements of accepted writes, equal ones together."""
    groups: dict[str, list[tuple[object, ...]]] = {}
    for write in writes:
        for effect in write.effects:
            groups.setdefault(effect.sql, []).append(effect.args)
    for sql, arguments in groups.items():
        await connection.executemany(sql, arguments)


async def previous(connection: Connection, writes: Sequence[Write]) -> dict[UUID, int]:
    """The index of each case's latest entry."""
    known = {event.case for write in writes if not write.new_case for event in write.events if event.case}
    if not known:
        return {}
    rows = await connection.fetch(_PREVIOUS, list(known))
    return {row["case_id"]: row["index"] for row in rows}


def check_stops(stops: Sequence[str], accepted: Sequence[int], writes: Sequence[Write]) -> None:
    """Raise ExcludedError for releases in a scope that is stopped."""
    if not stops:
        return
    forbidden = {n: stopped() for n in accepted if not set(writes[n].scopes).isdisjoint(stops)}
    if forbidden:
        raise ExcludedError(forbidden)


def stops_after(stops: Sequence[str], accepted: Sequence[int], writes: Sequence[Write]) -> list[str]:
    """The stops in force when these writes are committed."""
    active = dict.fromkeys(stops)
    for n in accepted:
        if writes[n].stop is not None:
            active[str(writes[n].stop)] = None
        if writes[n].resume is not None:
            active.pop(str(writes[n].resume), None)
    return list(active)
