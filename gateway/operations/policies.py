"""Which policy is in force for a task: every change is an entry with the digest that was and the one that is (R21).

Promises: the document of a digest is kept before an entry names it; two replicas that start together write one entry.
"""

from __future__ import annotations

import asyncio
from contextlib import suppress
from typing import TYPE_CHECKING, Final

from gateway.audit.batch import Statement, Write
from gateway.audit.leaf import Event, EventType
from gateway.database import connect
from gateway.errors import Conflict
from gateway.ids import uuid7
from gateway.policy.rules import check_still_clinical, policy_document

if TYPE_CHECKING:
    from collections.abc import Sequence
    from datetime import datetime

    from gateway.audit.writer import Writer
    from gateway.policy.lanes import Lane

_KEEP: Final = "INSERT INTO policy_documents (digest, document) VALUES ($1, $2) ON CONFLICT DO NOTHING"
_SET: Final = """
INSERT INTO policies_in_force (task, digest) VALUES ($2, $3)
ON CONFLICT (task) DO UPDATE SET digest = $3 WHERE policies_in_force.digest = $4 RETURNING $1::uuid
"""


async def keep(url: str, writer: Writer, lanes: Sequence[Lane], now: datetime) -> None:
    """Keep the documents of all lanes, and log those whose policy is another than before.

    Raises:
        Misconfigured: a task is clinical no more.
        AuditUnavailable: the log cannot be written.
    """
    connection = await connect(url)
    try:
        known = [row["document"] for row in await connection.fetch("SELECT document FROM policy_documents")]
        check_still_clinical([lane.task for lane in lanes], known)
        documents = [(lane.requirement.digest, policy_document(lane.requirement.policy, lane.task).decode()) for lane in lanes]
        await connection.executemany(_KEEP, documents)
        before = {row["task"]: row["digest"] for row in await connection.fetch("SELECT task, digest FROM policies_in_force")}
    finally:
        await connection.close()
    digests = {lane.task.id: lane.requirement.digest for lane in lanes}
    changed = [(task, digest) for task, digest in digests.items() if before.get(task) != digest]
    await asyncio.gather(*(_log(writer, task, before.get(task, ""), digest, now) for task, digest in changed))


async def _log(writer: Writer, task: str, old: str, new: str, now: datetime) -> None:
    event = Event(
        id=uuid7(),
        type=EventType.CONFIG_CHANGED,
        at=now,
        actor="system:start",
        role="system",
        task=task,
        policy=new,
        detail={"change": "policy_changed" if old else "policy_added", "old": old, "new": new},
    )
    guard = Statement(_SET, (event.id, task, new, old), key=event.id)
    with suppress(Conflict):  # another replica, started in the same moment, has logged it
        await writer.append(Write((event,), guards=(guard,)))
