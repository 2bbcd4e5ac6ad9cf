"""A database restored to an older state: refused at start and by the witness, with both notes, and never mended by itself."""

from __future__ import annotations

import asyncio
from typing import TYPE_CHECKING
from urllib.parse import urlsplit

import pytest

from gateway.audit.batch import Write
from gateway.audit.publication.anchors import Anchors
from gateway.audit.publication.folder import Folder
from gateway.audit.publication.places import AnchorPlace, FolderPlace, Place, WitnessPlace
from gateway.errors import AuditUnavailable
from tests.audit.ground import happened, identity, rows
from tests.audit.published import living
from tests.conftest import of_database
from tests.witness.stand import Eye

if TYPE_CHECKING:
    from collections.abc import Iterator
    from pathlib import Path

    from gateway.audit.batch import LogIdentity

KINDS = ("anchor", "folder", "witness")


class World:
    """One log, three places outside, and a copy of its database of long ago."""

    def __init__(self, server: str, url: str, folder: Path, whose: LogIdentity) -> None:
        self.server, self.url, self.whose = server, url, whose
        self.old = of_database(server, f"{urlsplit(url).path[1:]}_old")
        self.eye = Eye(folder / "witness", whose.vkeys)
        self.places: dict[str, Place] = {
            "anchor": AnchorPlace(Anchors(folder / "second"), whose.vkeys),
            "folder": FolderPlace(Folder(folder / "public", "".join(key.encode() for key in whose.vkeys)), whose.vkeys),
            "witness": WitnessPlace(self.eye.witness(), self.eye.ask, whose.vkeys),
        }

    async def copy(self) -> None:
        """What a backup does."""
        name, copy = (urlsplit(url).path[1:] for url in (self.url, self.old))
        await rows(self.server, f'CREATE DATABASE "{copy}" TEMPLATE "{name}"')

    async def drop(self) -> None:
        """The copy goes with the test."""
        await rows(self.server, f'DROP DATABASE IF EXISTS "{urlsplit(self.old).path[1:]}" WITH (FORCE)')

    async def lived(self, kind: str) -> None:
        """A log that was backed up, went on, and told one place outside."""
        async with living(self.url, self.whose) as log:
            await log.grow(300)
            await log.publish(self.places[kind])
        await self.copy()
        async with living(self.url, self.whose) as log:
            await log.grow(7)
            await log.publish(self.places[kind])


@pytest.fixture
def world(postgres_server: str, database_url: str, tmp_path: Path) -> Iterator[World]:
    made = World(postgres_server, database_url, tmp_path, identity())
    yield made
    asyncio.run(made.drop())


@pytest.mark.parametrize("kind", KINDS)
async def test_an_older_copy_is_refused_at_start_with_both_notes(world: World, kind: str, capsys: pytest.CaptureFixture[str]) -> None:
    """The control: the database itself starts."""
    await world.lived(kind)
    for url, notes in ((world.url, 0), (world.old, 2)):
        async with living(url, world.whose) as log:
            await log.publisher([world.places[kind]]).check()
            assert (log.writer.damaged is not None) == bool(notes)
            assert capsys.readouterr().err.count(f"— {world.whose.origin} ") == notes


@pytest.mark.parametrize("kind", KINDS)
async def test_an_older_copy_is_found_out_while_it_runs_and_writes_nothing_more(world: World, kind: str) -> None:
    await world.lived(kind)
    async with living(world.old, world.whose) as log:
        await log.grow(1)
        await log.publish(world.places[kind])
        with pytest.raises(AuditUnavailable, match="restored from an older copy"):
            await log.writer.append(Write((happened(),)))


@pytest.mark.parametrize("kind", KINDS)
async def test_an_older_copy_that_grew_past_the_lost_state_is_found_out_too(world: World, kind: str) -> None:
    """Other entries stand where the lost ones stood: the root at that size is another."""
    await world.lived(kind)
    async with living(world.old, world.whose) as log:
        await log.grow(20)
        await log.publisher([world.places[kind]]).check()
        assert "--- the checkpoint of" in str(log.writer.damaged)


async def test_a_witness_refuses_the_fork_and_keeps_what_it_saw(world: World) -> None:
    await world.lived("witness")
    seen = world.eye.memory.note(world.whose.origin)
    async with living(world.old, world.whose) as log:
        state = await log.grow(20)
        reply = world.eye.add((await log.stored.prove_growth(307, state)).encode().encode())
    assert (reply.status, reply.body.count(f"— {world.whose.origin} "), world.eye.memory.note(world.whose.origin)) == (422, 2, seen)


async def test_a_witness_that_only_claims_to_have_seen_more_stops_nobody(world: World, monkeypatch: pytest.MonkeyPatch) -> None:
    async def liar(*_: object, **__: object) -> object:
        from gateway.messages import Answer  # noqa: PLC0415

        return Answer(409, (), b"999\n")

    place = WitnessPlace(world.eye.witness(), liar, world.whose.vkeys)  # type: ignore[arg-type]
    async with living(world.url, world.whose) as log:
        await log.grow(3)
        (lag,) = (await log.publish(place)).lags()
        assert (log.writer.damaged, lag.entries) == (None, 3)


async def test_a_place_that_cannot_be_asked_stops_no_start(world: World) -> None:
    world.eye.down = True
    async with living(world.url, world.whose) as log:
        await log.grow(3)
        await log.publisher(list(world.places.values())).check()
        assert log.writer.damaged is None


async def test_a_last_entry_that_was_changed_is_found_at_start(world: World) -> None:
    async with living(world.url, world.whose) as log:
        await log.grow(300)
        await rows(world.url, "ALTER TABLE entries DISABLE TRIGGER entries_append_only")
        await rows(world.url, "UPDATE entries SET leaf = leaf || '\\x20'::bytea WHERE index = 290")
        await log.publisher([]).check()
        assert "entry 290 is not the one" in str(log.writer.damaged)


async def test_a_running_writer_finds_its_database_restored(world: World) -> None:
    """Nothing outside is needed: it remembers what it committed. The control: it goes on after a plain reconnect."""
    async with living(world.url, world.whose) as log:
        await log.grow(3)
        await _end_connections(world.url)
        await log.grow(1)
        await rows(world.url, "ALTER TABLE entries DISABLE TRIGGER entries_append_only")
        await rows(world.url, "DELETE FROM entries WHERE index >= 3")
        old = await log.stored.kept(3)
        frontier = (await log.stored.frontier(3)).to_bytes()
        await rows(world.url, "UPDATE log_head SET size = 3, frontier = $1, checkpoint = $2", frontier, old.note)
        await _end_connections(world.url)
        with pytest.raises(AuditUnavailable, match="older state"):
            await log.writer.append(Write((happened(),)))


async def _end_connections(url: str) -> None:
    await rows(url, "SELECT pg_terminate_backend(pid) FROM pg_stat_activity WHERE wait_event_type = 'Client' AND query ILIKE '%log_head%'")
    await asyncio.sleep(0.3)
