"""A new key-encryption key while replicas serve: nothing fails, no ciphertext changes, a stop in the middle is gone on with."""

from __future__ import annotations

import threading
from typing import TYPE_CHECKING, Any, Self

import pytest

from gateway.audit.batch import LogIdentity
from gateway.audit.writer import Writer
from gateway.database import connect
from gateway.errors import Conflict
from gateway.operations import keys as secret_files
from gateway.operations.rotation import encryption
from tests.conftest import finished
from tests.custody.ground import canary, decided
from tests.stage import Stage, built, eventually

if TYPE_CHECKING:
    from collections.abc import Callable, Coroutine, Iterator

WRAPPED = "SELECT kek, count(*) AS n FROM payloads WHERE kek IS NOT NULL GROUP BY kek"


class StoppedHereError(Exception):
    """As if the process had been killed."""


@pytest.fixture
def pair(postgres_server: str) -> Iterator[Stage]:
    """Two replicas."""
    yield from built(postgres_server, count=2)


def keys_of(stage: Stage) -> secret_files.Keys:
    """The keys as another process reads them."""
    return secret_files.load(stage.settings.keys_directory, stage.settings.establishment.origin)


def with_writer(stage: Stage, work: Callable[[Writer, secret_files.Keys], Coroutine[Any, Any, Any]]) -> Any:  # noqa: ANN401
    """What some work with a writer of its own gives."""

    async def run() -> Any:  # noqa: ANN401
        keys = keys_of(stage)
        writer = Writer(stage.url, LogIdentity("test", stage.settings.establishment.origin, keys.log, keys.vkeys, keys.beside))
        await writer.start()
        try:
            return await work(writer, keys)
        finally:
            await writer.stop()

    return finished(run())


def rotated(stage: Stage, done: Callable[[int], None] = lambda _: None) -> encryption.Rotated:
    """One run of the command."""
    found: encryption.Rotated = with_writer(stage, lambda writer, keys: encryption.rotate(stage.settings, writer, keys, stage.url, done))
    return found


def destroyed(stage: Stage, name: str) -> None:
    """One run of the other command."""
    with_writer(stage, lambda writer, _: encryption.destroy(stage.settings, writer, stage.url, name, ()))


def wrapped(stage: Stage) -> dict[str, int]:
    """How many payload keys each key wraps."""
    return {row["kek"]: row["n"] for row in stage.rows(WRAPPED)}


def ciphertexts(stage: Stage) -> dict[tuple[Any, str], bytes]:
    """What is stored, without its keys."""
    return {(row["suggestion_id"], row["field"]): row["ciphertext"] for row in stage.rows("SELECT * FROM payloads")}


class Load:
    """Callers and a clinician at work on both replicas until they are told to stop; what failed is kept."""

    def __init__(self, stage: Stage) -> None:
        self._stage, self._over = stage, threading.Event()
        self.failed: list[str] = []
        self.done = 0
        stage.clinician()
        self._threads = [threading.Thread(target=self._run, args=(n,)) for n in range(3)]

    def __enter__(self) -> Self:
        for thread in self._threads:
            thread.start()
        return self

    def __exit__(self, *_: object) -> None:
        self._over.set()
        for thread in self._threads:
            thread.join(60)

    def _run(self, number: int) -> None:
        while not self._over.is_set():
            try:
                if number:
                    assert self._stage.chat("letter", replica=number % 2).status_code == 200
                else:
                    case = decided(self._stage, canary())
                    assert self._stage.get(f"/suggestions/{case['id']}", replica=1).status_code == 200
                self.done += 1
            except Exception as error:  # noqa: BLE001 - told to the test
                self.failed.append(repr(error))


def test_a_new_key_under_load_fails_nobody_and_touches_no_ciphertext(pair: Stage) -> None:
    for _ in range(3):
        decided(pair, canary())
    before, old = ciphertexts(pair), next(iter(wrapped(pair)))
    with Load(pair) as load:
        eventually(lambda: load.done > 5, 30)
        done = rotated(pair)
        reached = load.done
        eventually(lambda: load.done > reached + 5, 30)
    after = ciphertexts(pair)
    assert (load.failed, list(wrapped(pair)), done.previous) == ([], [done.current], old)
    assert {place: after[place] for place in before} == before
    steps = [entry["detail"]["step"] for entry in pair.entries("key_changed")]
    assert (steps, pair.verified().ok) == (["added", "done"], True)


def test_a_run_that_was_killed_is_gone_on_with(pair: Stage, monkeypatch: pytest.MonkeyPatch) -> None:
    """Killed after every batch of one, until it is through; meanwhile both keys read."""
    cases = [decided(pair, canary()) for _ in range(2)]
    monkeypatch.setattr(encryption, "AT_A_TIME", 4)

    def stop(_: int) -> None:
        raise StoppedHereError

    stops, current = 0, set()
    while stops < 50:
        try:
            done = rotated(pair, stop)
        except StoppedHereError:
            stops += 1
            current.add(secret_files.read_keks(pair.settings.keys_directory / "kek.json")[1])
            assert all(pair.get(f"/suggestions/{case['id']}", replica=n).status_code == 200 for n, case in enumerate(cases))
        else:
            break
    assert (stops > 2, current, list(wrapped(pair))) == (True, {done.current}, [done.current])
    assert [entry["detail"]["step"] for entry in pair.entries("key_changed")] == ["added", "done"]


def test_a_stop_before_the_new_key_is_current_makes_no_third_key(pair: Stage, monkeypatch: pytest.MonkeyPatch) -> None:
    decided(pair, canary())

    async def stop(*_: object) -> None:
        raise StoppedHereError

    with monkeypatch.context() as patched:
        patched.setattr(encryption, "followed", stop)
        with pytest.raises(StoppedHereError):
            rotated(pair)
    rotated(pair)
    assert len(keys_of(pair).vault.known) == 2
    assert [entry["detail"]["step"] for entry in pair.entries("key_changed")] == ["added", "done"]


def test_the_old_key_is_destroyed_only_when_it_wraps_nothing(pair: Stage, monkeypatch: pytest.MonkeyPatch) -> None:
    monkeypatch.setattr(encryption, "_PENDING_SECONDS", 0.2)
    case, old = decided(pair, canary()), keys_of(pair).vault.known[0]
    with pytest.raises(Conflict, match="current"):
        destroyed(pair, old)
    done = rotated(pair)
    pair.rows("UPDATE payloads SET kek = $2 WHERE suggestion_id = $1 AND field = 'input'", case["id"], old)
    with pytest.raises(Conflict, match="still wraps 1"):
        destroyed(pair, old)
    pair.rows("UPDATE payloads SET kek = $2 WHERE suggestion_id = $1 AND field = 'input'", case["id"], done.current)
    destroyed(pair, old)
    assert keys_of(pair).vault.known == (done.current,)
    eventually(lambda: {tuple(row["keks"]) for row in pair.rows("SELECT keks FROM replicas")} == {(done.current,)})
    assert pair.get(f"/suggestions/{case['id']}").status_code == 200
    assert pair.entries("key_changed")[-1]["detail"]["step"] == "destroyed"


def test_a_key_that_one_replica_lacks_is_not_made_current(pair: Stage, monkeypatch: pytest.MonkeyPatch) -> None:
    """The control of waiting: a replica on a machine without the new file would refuse to open what the others seal."""
    monkeypatch.setattr("gateway.operations.rotation.replicas.PATIENCE_SECONDS", 1.0)
    before = keys_of(pair).vault.known
    pair.rows(
        "INSERT INTO replicas (id, establishment, host, pid, started_at, seen_at, keks) VALUES (gen_random_uuid(), 'test', 'far', 1, now(), now(), $1)",
        list(before),
    )
    with pytest.raises(Conflict, match="far"):
        rotated(pair)
    assert secret_files.read_keks(pair.settings.keys_directory / "kek.json")[1] == before[0]


def test_who_wraps_keys_anew_can_do_nothing_else(pair: Stage) -> None:
    for statement in ("UPDATE payloads SET ciphertext = NULL", "DELETE FROM payloads", "UPDATE payloads SET salt = ''"):

        async def attempt(statement: str = statement) -> None:
            connection = await connect(pair.url, role=encryption.ROLE)
            try:
                await connection.execute(statement)
            finally:
                await connection.close()

        with pytest.raises(Exception, match="permission denied"):
            finished(attempt())
