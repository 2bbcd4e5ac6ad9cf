"""The log's key is changed: announced under the old one, both sign, the old one is retired; the unannounced is refused by verifiers."""

from __future__ import annotations

import asyncio
from typing import TYPE_CHECKING

import pytest
from cryptography.hazmat.primitives.asymmetric.ed25519 import Ed25519PrivateKey
from pymerkle import InmemoryTree

from gateway.audit.batch import Write
from gateway.audit.note import SigningKey, open_checkpoint, sign_checkpoint
from gateway.audit.outside.policy import read_policy
from gateway.audit.publication.anchors import Anchors
from gateway.audit.publication.folder import Folder
from gateway.audit.publication.places import AnchorPlace, FolderPlace, WitnessPlace
from gateway.audit.tree import leaf_hash, root_of
from gateway.audit.verifier import Trust, verify, verify_export
from gateway.operations.rotation import signing
from tests.audit.ground import happened
from tests.audit.outsider.running import Outsider, keys
from tests.audit.published import Living, living
from tests.audit.story import ORIGIN, Story, held
from tests.custody.test_encryption_keys import keys_of, with_writer
from tests.stage import Stage, built
from tests.witness.stand import Eye

if TYPE_CHECKING:
    from collections.abc import Iterator
    from pathlib import Path

    from gateway.audit.batch import LogIdentity

OLD, NEW, THIEF = (SigningKey(ORIGIN, Ed25519PrivateKey.from_private_bytes(bytes([n]) * 32)) for n in (11, 12, 13))
BOTH = (OLD.verifier(), NEW.verifier())


def state(leaves: list[bytes], size: int, *signers: SigningKey) -> str:
    """A signed state of the first entries."""
    return sign_checkpoint(ORIGIN, size, root_of(map(leaf_hash, leaves[:size])), *signers)


def changed(story: Story, step: str, key: SigningKey) -> None:
    """One entry about the log's key."""
    detail = {"kind": "log", "step": step, "key": key.verifier().encode()}
    story.add("key_changed", None, None, "system:command_line", "system", detail=detail)


@pytest.fixture
def rotated() -> list[bytes]:
    """Five entries, the announcement (5), one more, the retirement (7), two more."""
    story = held()
    changed(story, "announced", NEW)
    story.scope("suspended", "site:a")
    changed(story, "retired", OLD)
    story.scope("resumed", "site:a")
    story.scope("suspended", "site:b")
    return story.leaves()


def problems(leaves: list[bytes], note: str, *kept: str, vkeys: tuple[object, ...] = BOTH) -> list[str]:
    """What the verifier says."""
    from tests.audit.story import POLICIES  # noqa: PLC0415

    report = verify(leaves, note, vkeys, POLICIES, kept)  # type: ignore[arg-type]
    return [problem.sentence for problem in report.problems]


def test_a_change_that_was_announced_and_handed_over_is_accepted(rotated: list[bytes]) -> None:
    kept = (state(rotated, 3, OLD), state(rotated, 7, OLD, NEW), state(rotated, 8, OLD, NEW))
    assert problems(rotated, state(rotated, len(rotated), NEW), *kept) == []


def test_a_new_key_that_the_log_never_announced_is_refused(rotated: list[bytes]) -> None:
    leaves = held().leaves()
    assert problems(leaves, state(leaves, 5, OLD)) == []
    [said] = problems(leaves, state(leaves, 5, NEW))
    assert "never announced" in said
    assert any("never announced" in one for one in problems(rotated, state(rotated, len(rotated), NEW), state(rotated, 4, NEW)))


def test_an_announcement_by_whoever_lacks_the_old_key_is_refused(rotated: list[bytes]) -> None:
    """Somebody who stole nothing but the database announces a key of their own and signs on with it."""
    [said] = problems(rotated, state(rotated, len(rotated), NEW), state(rotated, 3, OLD))
    assert "no state that covers it is signed by the key before" in said


def test_a_retired_key_signs_nothing_alone(rotated: list[bytes]) -> None:
    kept = (state(rotated, 7, OLD, NEW), state(rotated, 8, OLD, NEW))
    assert any("retired in entry 7" in one for one in problems(rotated, state(rotated, len(rotated), OLD), *kept))


def test_a_key_that_the_reader_does_not_know_proves_nothing(rotated: list[bytes]) -> None:
    assert any("no key we know" in one for one in problems(rotated, state(rotated, len(rotated), THIEF)))


@pytest.fixture(scope="module")
def go(tmp_path_factory: pytest.TempPathFactory) -> Iterator[Outsider]:
    running = Outsider(tmp_path_factory.mktemp("go"))
    yield running
    running.end()


def place_of(log: Living, folder: Path, eye: Eye) -> tuple[AnchorPlace, WitnessPlace, FolderPlace]:
    """A second volume, a witness and a published folder."""
    whose = log.whose.vkeys
    lines = "".join(f"{key.encode()}\n" for key in whose)
    return (
        AnchorPlace(Anchors(folder / "anchors"), whose),
        WitnessPlace(eye.witness(), eye.ask, whose),
        FolderPlace(Folder(folder / "public", lines), whose),
    )


def identity_of(step: int) -> LogIdentity:
    """Whose log it is: before, while both sign, afterwards."""
    from gateway.audit.batch import LogIdentity  # noqa: PLC0415

    key, beside = ((OLD, ()), (OLD, (NEW,)), (NEW, ()))[step]
    return LogIdentity("one", ORIGIN, key, BOTH if step else BOTH[:1], beside)


async def test_publication_anchors_witness_start_and_go_follow_a_change(go: Outsider, database_url: str, tmp_path: Path) -> None:
    eye = Eye(tmp_path / "witness", BOTH[:1])
    for step in range(3):
        if step == 2:
            eye = Eye(tmp_path / "witness", BOTH)  # told of the new key while both signed
        async with living(database_url, identity_of(step)) as log:
            await log.publisher(place_of(log, tmp_path, eye)).check()  # what a replica does at its start
            assert log.writer.damaged is None
            await log.grow(40)
            if step < 2:
                said = Story(serial=1000 * (step + 1))
                changed(said, *(("announced", NEW), ("retired", OLD))[step])
                await log.writer.append(Write(tuple(said.events)))
            await log.grow(2)
            await log.publish(*place_of(log, tmp_path, eye))
            signers, witness = keys(BOTH if step else BOTH[:1]), eye.key.verifier().encode()
            assert go.says("log", tmp_path / "public", f"{signers},{witness}").startswith("ok ")
    assert not go.accepts("log", tmp_path / "public", f"{keys(BOTH[1:])},{witness}")  # the first states are the old key's
    report = verify_export(tmp_path / "public", Trust(BOTH))
    assert (report.ok, report.problems) == (True, ())
    assert not verify_export(tmp_path / "public", Trust(BOTH[1:])).ok  # the first key is needed for the first states


async def test_pymerkle_has_the_root_that_both_keys_signed(rotated: list[bytes]) -> None:
    tree = InmemoryTree(algorithm="sha256")
    tree.append_entries(rotated)
    note = state(rotated, 7, OLD, NEW)
    assert [open_checkpoint(note, [key]).root for key in BOTH] == [tree.get_root(7)] * 2


def test_a_policy_file_names_the_old_key_and_the_new_one(rotated: list[bytes]) -> None:
    policy = read_policy("".join(f"log {key.encode()}\n" for key in BOTH).encode() + b"quorum none\n")
    assert problems(rotated, state(rotated, len(rotated), NEW), state(rotated, 7, OLD, NEW), vkeys=tuple(policy.logs)) == []


@pytest.fixture
def site(postgres_server: str) -> Iterator[Stage]:
    yield from built(postgres_server)


def restarted(site: Stage) -> None:
    """The replica, with the keys as they are now."""
    site.replicas.pop().stop()
    site.keys = keys_of(site)
    site.add_replica()


def test_the_command_changes_the_key_of_a_running_gateway(site: Stage) -> None:
    site.chat("letter")
    old = site.keys.log.verifier()
    new = with_writer(site, lambda writer, held_keys: signing.begin(site.settings, writer, held_keys, site.url))
    with pytest.raises(Exception, match="Not every replica"):
        with_writer(site, lambda writer, held_keys: signing.finish(site.settings, writer, held_keys, site.url))
    restarted(site)
    site.chat("letter")
    with_writer(site, lambda writer, held_keys: signing.finish(site.settings, writer, held_keys, site.url))
    restarted(site)
    site.chat("letter")
    assert (site.keys.vkeys, site.keys.log.verifier(), site.keys.next) == ((old, new), new, None)
    assert (site.settings.keys_directory / "log.vkey").read_text().splitlines() == [old.encode(), new.encode()]
    head = site.rows("SELECT checkpoint FROM log_head")[0]["checkpoint"]
    assert open_checkpoint(head, [old, new]).by == (new,)
    assert site.verified().ok
    steps = [entry["detail"]["step"] for entry in site.entries("key_changed")]
    assert steps == ["announced", "retired"]


def test_an_announcement_that_was_killed_is_gone_on_with(site: Stage, monkeypatch: pytest.MonkeyPatch) -> None:
    async def stop(*_: object) -> None:
        raise RuntimeError

    with monkeypatch.context() as patched:
        patched.setattr(signing, "_kept", stop)
        with pytest.raises(RuntimeError):
            with_writer(site, lambda writer, held_keys: signing.begin(site.settings, writer, held_keys, site.url))
    assert keys_of(site).next is None  # announced, but nothing is signed with it yet
    with_writer(site, lambda writer, held_keys: signing.begin(site.settings, writer, held_keys, site.url))
    assert keys_of(site).next is not None
    assert [entry["detail"]["step"] for entry in site.entries("key_changed")] == ["announced"]


def test_a_head_that_only_a_retired_key_signed_stops_the_writer(database_url: str) -> None:
    """Whoever kept the old key cannot go on writing with it."""

    async def attempt() -> None:
        async with living(database_url, identity_of(0)) as log:
            await log.writer.append(Write((happened(),)))
        async with living(database_url, identity_of(2)) as log:
            await log.writer.append(Write((happened(),)))

    with pytest.raises(Exception, match="no key we know"):
        asyncio.run(attempt())
