"""The log's writer on a real PostgreSQL: whole or not at all, in one order, told only after COMMIT."""

from __future__ import annotations

import asyncio
import json
import time
from typing import TYPE_CHECKING

import asyncpg
import pytest

from gateway.audit.batch import Receipt, Write
from gateway.audit.verifier import verify
from gateway.database import connect
from gateway.errors import AuditUnavailable, Conflict, Suspended
from gateway.operations.auditing import snapshot
from tests.audit.ground import fresh, happened, identity, rows, size, write, writing

if TYPE_CHECKING:
    from gateway.audit.batch import LogIdentity


@pytest.fixture
def url(database_url: str) -> str:
    return database_url


async def verified(url: str, whose: LogIdentity) -> bool:
    found = await snapshot(url, "one")
    return verify(found.leaves, found.checkpoint, whose.vkeys, {}, found.kept).ok


async def commits(url: str) -> int:
    found = await rows(url, "SELECT count(DISTINCT xmin::text) AS n FROM entries")
    return int(found[0]["n"])


async def test_writes_of_many_callers_share_transactions_and_get_contiguous_places(url: str) -> None:
    async with writing(url) as (writer,):
        receipts = await asyncio.gather(*(writer.append(Write((happened(), happened()))) for _ in range(300)))
    assert sorted(index for receipt in receipts for index in receipt.indexes) == list(range(600))
    assert all(receipt.indexes[1] == receipt.indexes[0] + 1 for receipt in receipts)
    assert await commits(url) <= 10


async def test_two_replicas_write_one_log_without_a_gap_or_a_fork(url: str) -> None:
    whose = identity()
    async with writing(url, 2, whose) as writers:
        receipts = await asyncio.gather(*(writers[n % 2].append(write(fresh())) for n in range(400)))
        receipts += [await writers[n % 2].append(write()) for n in range(20)]
    assert sorted(receipt.indexes[0] for receipt in receipts) == list(range(420))
    assert await verified(url, whose)


async def test_a_refused_guard_writes_no_entry(url: str) -> None:
    case = fresh()
    async with writing(url) as (writer,):
        await writer.append(write(case))
        with pytest.raises(Conflict):
            await writer.append(write(case))
    assert await size(url) == 1


async def test_of_many_who_race_for_one_state_exactly_one_is_written(url: str) -> None:
    case = fresh()
    async with writing(url, 2) as writers:
        outcomes = await asyncio.gather(*(writers[n % 2].append(write(case)) for n in range(40)), return_exceptions=True)
    assert sum(isinstance(outcome, Receipt) for outcome in outcomes) == 1
    assert sum(isinstance(outcome, Conflict) for outcome in outcomes) == 39
    assert await size(url) == 1


async def test_a_write_with_two_guards_of_which_one_is_refused_leaves_nothing(url: str) -> None:
    taken, free, bystander = fresh(), fresh(), fresh()
    async with writing(url) as (writer,):
        await writer.append(write(taken))
        outcomes = await asyncio.gather(writer.append(write(free, taken)), writer.append(write(bystander)), return_exceptions=True)
    assert isinstance(outcomes[0], Conflict)
    assert isinstance(outcomes[1], Receipt)
    assert {row["id"] for row in await rows(url, "SELECT id FROM cases")} == {taken, bystander}
    assert await size(url) == 2


async def test_after_a_stop_no_replica_releases_in_that_scope(url: str) -> None:
    async with writing(url, 2) as (one, other):
        await other.append(write(scopes=("task:a",)))
        await one.append(write(stop="task:a"))
        for writer in (one, other):
            with pytest.raises(Suspended):
                await writer.append(write(fresh(), scopes=("system:s", "task:a")))
        await other.append(write(scopes=("task:b",)))
        await other.append(write(resume="task:a"))
        await one.append(write(scopes=("task:a",)))
    assert await size(url) == 5
    assert await rows(url, "SELECT id FROM cases") == []


async def test_a_release_in_the_same_batch_as_a_stop_comes_before_it_or_not_at_all(url: str) -> None:
    async with writing(url) as (writer,):
        stop, *releases = await asyncio.gather(
            writer.append(write(stop="site:x")), *(writer.append(write(scopes=("site:x",))) for _ in range(5)), return_exceptions=True
        )
        with pytest.raises(Suspended):
            await writer.append(write(scopes=("site:x",)))
    assert isinstance(stop, Receipt)
    written = [receipt for receipt in releases if isinstance(receipt, Receipt)]
    assert await size(url) == 1 + len(written)


async def test_each_entry_of_a_case_names_the_one_before_it(url: str) -> None:
    case = fresh()
    async with writing(url, 2) as (one, other):
        first = await one.append(Write((happened(case), happened(), happened(case)), new_case=True))
        second = await other.append(Write((happened(case),)))
        both = await asyncio.gather(one.append(Write((happened(case),))), one.append(Write((happened(case),))))
    leaves = [json.loads(row["leaf"]) for row in await rows(url, "SELECT leaf FROM entries ORDER BY index")]
    assert (first.indexes, second.indexes, [receipt.indexes for receipt in both]) == ((0, 1, 2), (3,), [(4,), (5,)])
    assert [leaf.get("prev") for leaf in leaves] == [None, None, 0, 2, 3, 4]


async def test_a_caller_who_hangs_up_cancels_no_commit(url: str) -> None:
    async with writing(url) as (writer,):
        blocker = await connect(url, role=None)
        await blocker.execute("BEGIN; SELECT 1 FROM log_head FOR UPDATE")
        calls = [asyncio.create_task(writer.append(write())) for _ in range(3)]
        await asyncio.sleep(0.1)
        calls[0].cancel()
        await blocker.execute("ROLLBACK")
        await asyncio.gather(*calls[1:])
        await blocker.close()
    assert calls[0].cancelled()
    assert await size(url) == 3


async def test_a_database_that_does_not_answer_is_told_within_five_seconds_and_writing_goes_on_later(url: str) -> None:
    async with writing(url) as (writer,):
        blocker = await connect(url, role=None)
        await blocker.execute("BEGIN; SELECT 1 FROM log_head FOR UPDATE")
        began = time.monotonic()
        with pytest.raises(AuditUnavailable):
            await writer.append(write())
        assert time.monotonic() - began < 5.5
        await blocker.close()
        await writer.append(write())


async def test_a_replica_whose_writes_hang_says_so_until_one_is_committed_again(url: str) -> None:
    """R22: who asks for readiness is not told "ready" while every write fails; nobody has to write for it to come back."""
    async with writing(url) as (writer,):
        await writer.append(write())
        assert writer.available
        blocker = await connect(url, role=None)
        await blocker.execute("BEGIN; SELECT 1 FROM log_head FOR UPDATE")
        with pytest.raises(AuditUnavailable):
            await writer.append(write())
        assert not writer.available
        await blocker.execute("ROLLBACK")
        await blocker.close()
        for _ in range(100):
            await asyncio.sleep(0 if writer.available else 0.05)
        assert writer.available


async def test_a_lost_connection_is_mended_without_the_caller_noticing(url: str) -> None:
    async with writing(url) as (writer,):
        await writer.append(write())
        await rows(
            url, "SELECT pg_terminate_backend(pid) FROM pg_stat_activity WHERE datname = current_database() AND pid <> pg_backend_pid()"
        )
        receipts = await asyncio.gather(*(writer.append(write()) for _ in range(20)))
    assert sorted(receipt.indexes[0] for receipt in receipts) == list(range(1, 21))


DAMAGE = {
    "another frontier": "UPDATE log_head SET frontier = set_byte(frontier, length(frontier) - 1, get_byte(frontier, length(frontier) - 1) # 1)",
    "an older size": "UPDATE log_head SET size = size - 1",
    "an altered note": "UPDATE log_head SET checkpoint = replace(checkpoint, E'\\n3\\n', E'\\n2\\n')",
    "no note": "UPDATE log_head SET checkpoint = ''",
    "no head": "DELETE FROM log_head",
}


@pytest.mark.parametrize("statement", DAMAGE.values(), ids=DAMAGE.keys())
async def test_onto_a_damaged_head_nothing_is_written(url: str, statement: str) -> None:
    whose = identity()
    async with writing(url, 1, whose) as (writer,):
        await asyncio.gather(*(writer.append(write()) for _ in range(3)))
        await rows(url, statement)
        for _ in range(2):
            with pytest.raises(AuditUnavailable) as refused:
                await writer.append(write())
            assert refused.value.code == "log_damaged"
        assert not writer.available
    assert await size(url) == 3


async def test_a_log_signed_with_another_key_is_not_continued(url: str) -> None:
    async with writing(url) as (writer,):
        await writer.append(write())
    with pytest.raises((AuditUnavailable, ValueError)):
        async with writing(url, 1, identity()):
            pass


@pytest.mark.parametrize("statement", ["UPDATE entries SET type = 'x'", "DELETE FROM entries", "TRUNCATE entries"])
@pytest.mark.parametrize("role", ["garant_app", None], ids=["application", "owner"])
async def test_neither_the_application_nor_the_owner_changes_an_entry(url: str, statement: str, role: str | None) -> None:
    async with writing(url) as (writer,):
        await writer.append(write())
    with pytest.raises(asyncpg.InsufficientPrivilegeError):
        await rows(url, statement, role=role)
    assert await size(url) == 1


async def test_even_with_triggers_switched_off_for_replication_entries_stay(url: str) -> None:
    async with writing(url) as (writer,):
        await writer.append(write())
    connection = await connect(url, role=None)
    await connection.execute("SET session_replication_role = replica")
    with pytest.raises(asyncpg.InsufficientPrivilegeError):
        await connection.execute("DELETE FROM entries")
    await connection.close()
