"""The log in an S3-compatible bucket is the log in a folder: what never changes first, `checkpoint` last, an outage caught up."""

from __future__ import annotations

import sys
from datetime import timedelta
from functools import partial
from typing import TYPE_CHECKING
from uuid import uuid4

import httpx
import pytest
from pydantic import HttpUrl

from gateway.audit.bucket.objects import objects_of
from gateway.audit.note import sign_checkpoint
from gateway.audit.publication.folder import Folder
from gateway.audit.publication.places import FolderPlace
from gateway.audit.verifier import verify_export
from gateway.configuration.check import check
from gateway.errors import Misconfigured
from gateway.settings import Bucket
from tests.audit.published import Living, living
from tests.configuration.test_check import GOOD, POLICIES
from tests.fakes.store import ENVIRONMENT, Store
from tests.identity.passkey_stage import CONFIGURATION, ORIGIN, Desk
from tests.stage import built, eventually

if TYPE_CHECKING:
    from collections.abc import Iterator
    from pathlib import Path

    from tests.stage import Stage

PREFIX = "ward/"


@pytest.fixture(scope="module")
def running() -> Iterator[Store]:
    """The store starts once: its own libraries take it some seconds."""
    found = Store()
    found.start()
    yield found
    found.stop()


@pytest.fixture
def store(running: Store) -> Iterator[Store]:
    """The store with an empty bucket of this test's own."""
    running.begin(f"garant-{uuid4().hex}")
    yield running
    running.resume()


def settings(store: Store, name: str = "") -> Bucket:
    return Bucket(
        id="out",
        name=name or store.bucket,
        endpoint=HttpUrl(store.endpoint),
        prefix=PREFIX,
        key_id_env="TEST_KEY_ID",
        secret_env="TEST_STORE",
    )


def place(log: Living, given: Bucket) -> FolderPlace:
    return FolderPlace(objects_of(given, log.whose.origin, log.vkey, ENVIRONMENT), log.whose.vkeys, f"bucket:{given.id}")


async def test_a_bucket_that_grew_holds_what_the_folder_holds(database_url: str, store: Store, tmp_path: Path) -> None:
    async with living(database_url) as log:
        places = (FolderPlace(Folder(tmp_path / "folder", log.vkey), log.whose.vkeys), place(log, settings(store)))
        for count in (1, 4, 250, 1, 300):
            await log.grow(count)
            lags = (await log.publish(*places)).lags()
            assert [(lag.entries, lag.reached.problem) for lag in lags] == [(0, "")] * 2
    copy = store.copied(PREFIX, tmp_path / "copy")
    here, there = ({path.relative_to(root).as_posix(): path.read_bytes() for path in root.rglob("*") if path.is_file()}
                   for root in (tmp_path / "folder", copy))  # fmt: skip
    assert here == there
    assert verify_export(copy, log.vkey).ok
    store.write(f"{PREFIX}tile/entries/001", b"x")  # the control: an object that somebody else put there
    assert not verify_export(store.copied(PREFIX, copy), log.vkey).ok


async def test_an_outage_in_the_middle_leaves_the_older_state_whole_and_is_caught_up(
    database_url: str, store: Store, tmp_path: Path, monkeypatch: pytest.MonkeyPatch
) -> None:
    """The control: with the checkpoint first, what lies in the bucket after the same outage does not verify."""
    async with living(database_url) as log:
        out = place(log, settings(store))
        await log.grow(5)
        await log.publish(out)
        await log.grow(600)
        with monkeypatch.context() as broken:
            broken.setattr(log.stored, "policies", _away)
            (lag,) = (await log.publish(out)).lags()
        assert (lag.entries, lag.reached.problem, len(store.names()) > 10) == (600, "away", True)
        older = verify_export(store.copied(PREFIX, tmp_path / "older"), log.vkey)
        assert (older.ok, older.size) == (True, 5)
        (lag,) = (await log.publish(out)).lags()
        newer = verify_export(store.copied(PREFIX, tmp_path / "newer"), log.vkey)
        assert (lag.entries, newer.ok, newer.size) == (0, True, 605)
        early = await log.grow(600)
        store.write(f"{PREFIX}checkpoint", early.note.encode())
        assert not verify_export(store.copied(PREFIX, tmp_path / "early"), log.vkey).ok


async def _away() -> dict[str, str]:
    raise OSError("away")


async def test_a_store_that_does_not_answer_is_told_and_nothing_else_waits(
    database_url: str, store: Store, tmp_path: Path, monkeypatch: pytest.MonkeyPatch
) -> None:
    monkeypatch.setattr("gateway.audit.bucket.objects._SECONDS", timedelta(seconds=1))
    async with living(database_url) as log:
        folder = FolderPlace(Folder(tmp_path, log.vkey), log.whose.vkeys)
        out = place(log, settings(store))
        await log.grow(2)
        store.pause()
        behind = (await log.publish(out, folder)).lags()
        store.resume()
        caught_up = (await log.publish(out, folder)).lags()
        assert [lag.entries for lag in behind] == [2, 0]
        assert "could not be reached, or did not answer" in behind[0].reached.problem
        assert [lag.entries for lag in caught_up] == [0, 0]


async def test_a_bucket_that_is_not_there_is_said(database_url: str, store: Store) -> None:
    async with living(database_url) as log:
        await log.grow(1)
        (lag,) = (await log.publish(place(log, settings(store, "elsewhere")))).lags()
        assert (lag.entries, lag.reached.problem) == (1, "the store refused: NoSuchBucket")


async def test_a_bucket_that_is_ahead_of_the_database_closes_the_log(database_url: str, store: Store) -> None:
    async with living(database_url) as log:
        out = place(log, settings(store))
        await log.grow(3)
        await log.publish(out)
        assert log.writer.damaged is None
        ahead = sign_checkpoint(log.whose.origin, 9, b"x" * 32, log.whose.key)
        store.write(f"{PREFIX}checkpoint", ahead.encode())
        await log.grow(1)
        await log.publish(out)
        assert ("restored from an older copy" in str(log.writer.damaged), ahead in str(log.writer.damaged)) == (True, True)


def arrived(stage: Stage, store: Store) -> bool:
    """Whether the bucket has the log as it is."""
    return store.read(f"{PREFIX}checkpoint").decode().split("\n")[1] == str(len(stage.entries()))


def test_a_gateway_publishes_to_its_bucket_signatures_by_passkey_included_and_tells_the_lag(
    postgres_server: str, store: Store, tmp_path: Path, monkeypatch: pytest.MonkeyPatch
) -> None:
    for name, value in ENVIRONMENT.items():
        monkeypatch.setenv(name, value)
    bucket = f'[[publication.buckets]]\nid = "out"\nname = "{store.bucket}"\nendpoint = "{store.endpoint}"\nprefix = "{PREFIX}"\n'
    extra = f'[publication]\ninterval_seconds = 0.1\n{bucket}key_id_env = "TEST_KEY_ID"\nsecret_env = "TEST_STORE"\n{CONFIGURATION}'
    for stage in built(postgres_server, 1, extra, {"GARANT_PUBLIC_URL": ORIGIN, **ENVIRONMENT}):
        desk = Desk(stage)
        desk.register()
        suggestion, decision = desk.opened("keyed")
        assert desk.sign(suggestion, decision).status_code == 200
        eventually(partial(arrived, stage, store), 15)
        assert 'garant_log_lag_entries{place="bucket:out"} 0.0' in httpx.get(f"{stage.base}/metrics").text
        report = verify_export(store.copied(PREFIX, tmp_path), "".join(key.encode() for key in stage.keys.vkeys))
        assert report.ok, report.problems
        (signed,) = (tmp_path / "assertions").glob("*.jsonl")
        signed.unlink()  # the control: without it the same copy does not verify
        assert "does not lie beside the log" in str(verify_export(tmp_path, "".join(key.encode() for key in stage.keys.vkeys)).problems)


def test_without_its_package_a_bucket_is_refused_in_words(store: Store, monkeypatch: pytest.MonkeyPatch) -> None:
    monkeypatch.setitem(sys.modules, "obstore.store", None)
    with pytest.raises(Misconfigured, match="pip install garant"):
        objects_of(settings(store), "o", "v", ENVIRONMENT)


@pytest.mark.parametrize(
    ("line", "said"),
    [
        ('key_id_env = "NOT_SET"\nsecret_env = "TEST_STORE"', "the environment has no NOT_SET"),
        ('key_id_env = "TEST_KEY_ID"\nsecret_env = "WEAK"', "WEAK holds a default"),
        ('key_id_env = "TEST_KEY_ID"\nsecret_env = "TEST_STORE"\nendpoint = "http://s3.example"', "unencrypted"),
    ],
)
def test_what_a_bucket_lacks_is_found_before_the_start(tmp_path: Path, line: str, said: str) -> None:
    (tmp_path / "garant.toml").write_text(f'{GOOD}[[publication.buckets]]\nid = "b"\nname = "log"\n{line}\n', encoding="utf-8")
    (tmp_path / "policies.toml").write_text(POLICIES, encoding="utf-8")
    found = check(tmp_path / "garant.toml", ENVIRONMENT | {"WEAK": "secret"})
    assert any(said in problem.cause for problem in found), found
