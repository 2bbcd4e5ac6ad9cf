"""Machine keys: stored hashed, found in memory, gone everywhere once revoked."""

from __future__ import annotations

import asyncio
import time
from typing import TYPE_CHECKING

import pytest

from gateway.database import connect
from gateway.errors import BadInput, Conflict, Unauthenticated
from gateway.identity.machines import Machines, NewMachine, create_machine, revoke_machine

if TYPE_CHECKING:
    from tests.identity.stage import Stage

WISH = NewMachine("ris", frozenset({"cytology"}))


async def until_known(machines: Machines, key: str, *, known: bool) -> None:
    async with asyncio.timeout(5):
        while is_known(machines, key) != known:  # noqa: ASYNC110 - a test looks from outside
            await asyncio.sleep(0.01)


def is_known(machines: Machines, key: str) -> bool:
    try:
        machines.identify(((b"garant-key", key.encode()),))
    except Unauthenticated:
        return False
    return True


async def test_a_new_key_is_known_to_another_replica_without_asking_and_gone_when_revoked(stage: Stage) -> None:
    key = await create_machine(stage.parts.writer, WISH)
    await until_known(stage.parts.machines, key, known=True)
    await revoke_machine(stage.parts.writer, key.split("_")[1])
    await until_known(stage.parts.machines, key, known=False)


async def test_a_key_is_read_from_either_header_and_names_tasks_and_site(stage: Stage) -> None:
    key = (await create_machine(stage.parts.writer, WISH)).encode()
    await stage.parts.machines.refresh()
    for headers in (((b"authorization", b"Bearer " + key),), ((b"authorization", b"Bearer other"), (b"garant-key", key))):
        machine = stage.parts.machines.identify(headers)
        assert (machine.name, machine.tasks, machine.site) == ("ris", frozenset({"cytology"}), "main")


async def test_a_wrong_or_missing_key_is_refused_in_words(stage: Stage) -> None:
    key = await create_machine(stage.parts.writer, WISH)
    await stage.parts.machines.refresh()
    for wrong in (key[:-1], key + "x", "gk__", "gk_é".encode().decode("latin-1"), key.replace("gk_", "gs_")):
        assert not is_known(stage.parts.machines, wrong)
    with pytest.raises(Unauthenticated, match="names no machine"):
        stage.parts.machines.identify(())


async def test_the_database_never_holds_a_key(stage: Stage) -> None:
    key = await create_machine(stage.parts.writer, WISH)
    connection = await connect(stage.url)
    row = await connection.fetchrow("SELECT machines::text AS all FROM machines WHERE id = $1", key.split("_")[1])
    await connection.close()
    assert key.split("_", 2)[2] not in row["all"]


async def test_a_key_is_revoked_once(stage: Stage) -> None:
    key = await create_machine(stage.parts.writer, WISH)
    await revoke_machine(stage.parts.writer, key.split("_")[1])
    with pytest.raises(Conflict, match="revoked already"):
        await revoke_machine(stage.parts.writer, key.split("_")[1])


async def test_a_key_for_no_task_is_not_made(stage: Stage) -> None:
    with pytest.raises(BadInput):
        await create_machine(stage.parts.writer, NewMachine("ris", frozenset()))


async def test_identifying_waits_for_nothing(stage: Stage) -> None:
    key = await create_machine(stage.parts.writer, WISH)
    await stage.parts.machines.refresh()
    headers = ((b"host", b"garant"), (b"content-type", b"application/json"), (b"authorization", b"Bearer " + key.encode()))
    time.perf_counter()
    for _ in range(10_000):
        stage.parts.machines.identify(headers)
