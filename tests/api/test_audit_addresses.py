"""The log under /audit/: any tool reads it by the paths of tlog-tiles; entries only with the right, hashes by anybody."""

from __future__ import annotations

import json
from concurrent.futures import ThreadPoolExecutor
from typing import TYPE_CHECKING

import httpx
import pytest

from gateway.audit.export import claimed_size, place
from gateway.audit.note import sign_checkpoint
from gateway.audit.outside.proofs import CaseProof, ConsistencyProof, Proof
from gateway.audit.outside.tiles import tiles_of
from gateway.audit.verifier import verify_export
from tests.stage import Stage, built, eventually

if TYPE_CHECKING:
    from collections.abc import Iterator
    from pathlib import Path

    from gateway.demo.clinician import Clinician


@pytest.fixture(scope="module")
def folder(tmp_path_factory: pytest.TempPathFactory) -> Path:
    return tmp_path_factory.mktemp("outside")


@pytest.fixture(scope="module")
def stage(postgres_server: str, folder: Path) -> Iterator[Stage]:
    extra = f'[publication]\ninterval_seconds = 0.1\nanchor_directory = "{folder}/second"\ndirectory = "{folder}/public"\n'
    yield from built(postgres_server, 1, extra)


def get(stage: Stage, path: str, who: Clinician | None = None) -> httpx.Response:
    headers = {"authorization": f"Bearer {who.token}"} if who else {}
    return httpx.get(f"{stage.base}/audit/{path}", headers=headers, timeout=30)


def published(stage: Stage) -> str:
    """The newest note, once everything written so far is in it."""
    size = len(stage.entries())
    return str(eventually(lambda: claimed_size(note := get(stage, "checkpoint").text) >= size and note))


def test_what_is_downloaded_verifies(stage: Stage, tmp_path: Path) -> None:
    stage.chat("letter")
    who, note = stage.clinician("quality"), published(stage)
    size = claimed_size(note)
    names = [tile.path for tile in tiles_of(size)] + [place("entries", 0, size)] + ["log.vkey", f"checkpoints/{size}"]
    for name in names:
        answer = get(stage, name, who)
        assert answer.status_code == 200, name
        (tmp_path / name).parent.mkdir(parents=True, exist_ok=True)
        (tmp_path / name).write_bytes(answer.content)
    (tmp_path / "checkpoint").write_text(note)
    (tmp_path / "policies.json").write_bytes(_policies(stage))
    report = verify_export(tmp_path, stage.keys.vkeys[0])
    assert (report.ok, report.size) == (True, size)


def test_the_published_folder_verifies_while_the_log_goes_on(stage: Stage, folder: Path) -> None:
    for _ in range(3):
        stage.chat("letter")
    size = claimed_size(published(stage))
    eventually(lambda: claimed_size((folder / "public/checkpoint").read_text()) >= size)
    report = verify_export(folder / "public", stage.keys.vkeys[0])
    assert (report.problems, report.size >= size) == ((), True)


def test_entries_are_for_who_may_read_the_log(stage: Stage) -> None:
    size = claimed_size(published(stage))
    entries, hashes = place("entries", 0, size), place("0", 0, size)
    who = (None, stage.clinician("dr.a"), stage.clinician("quality"))
    assert [get(stage, entries, one).status_code for one in who] == [401, 403, 200]
    assert [get(stage, hashes, one).status_code for one in who] == [200, 200, 200]


def test_proofs_are_files_that_verify(stage: Stage) -> None:
    stage.chat("letter")
    published(stage)
    case = stage.rows("SELECT case_id AS id FROM entries WHERE case_id IS NOT NULL LIMIT 1")[0]["id"]
    proven = CaseProof.decode(get(stage, f"case/{case}", stage.clinician("dr.a")).text)
    single = Proof.decode(get(stage, f"proof/{proven.entries[0].index}").text)
    assert proven.check(stage.keys.vkeys).size >= single.check(proven.entries[0].leaf, stage.keys.vkeys).size - 5
    assert get(stage, f"case/{case}").status_code == 401


def test_any_two_published_states_are_proven_consistent(stage: Stage, folder: Path) -> None:
    published(stage)
    sizes = sorted(int(path.name) for path in (folder / "second/test").iterdir())
    proof = ConsistencyProof.decode(get(stage, f"consistency/{sizes[0]}/{sizes[-1]}").text)
    assert (proof.old, claimed_size(proof.checkpoint)) == (sizes[0], sizes[-1])
    assert get(stage, f"consistency/{sizes[-1] + 1000}/{sizes[-1]}").status_code == 404


@pytest.mark.parametrize(
    "path", ["tile/0/x", "tile/0/1", "tile/9/000", "tile/0/000.p/0", "tile/0/000.p/256", "tile/0/x001/000", "tile/0/999", "proof/-1"]
)
def test_what_is_no_address_of_the_log_is_refused_in_words(stage: Stage, path: str) -> None:
    answer = get(stage, path)
    assert (answer.status_code in {404, 422}, answer.headers["content-type"]) == (True, "application/problem+json")


def test_the_lag_of_every_place_is_a_metric_and_on_the_page(stage: Stage) -> None:
    published(stage)
    text = httpx.get(f"{stage.base}/metrics").text
    assert 'garant_log_lag_entries{place="anchor"}' in text
    assert 'garant_log_lag_seconds{place="folder"}' in text
    with httpx.Client(base_url=stage.base, follow_redirects=True) as browser:
        page = browser.post("/sign-in", data={"login": "quality", "password": stage.clinician("quality").password})
    assert "Second volume" in page.text


def test_a_replica_on_an_older_database_serves_but_releases_nothing(stage: Stage, folder: Path) -> None:
    """The control: before the anchor says otherwise the same call passes."""
    assert stage.chat("letter").status_code == 200
    published(stage)
    _pretend(folder, stage)
    replica = stage.add_replica()
    assert stage.chat("letter", replica=1).status_code == 503
    assert httpx.get(f"{replica.base}/health/ready").status_code == 503
    assert httpx.get(f"{replica.base}/audit/checkpoint").status_code == 200


def _pretend(folder: Path, stage: Stage) -> None:
    """The second volume knows a state that the database does not."""
    size = len(stage.entries()) + 1000
    note = sign_checkpoint(stage.settings.establishment.origin, size, b"x" * 32, stage.keys.log)
    (folder / f"second/test/{size}").write_text(note)


def _policies(stage: Stage) -> bytes:
    return json.dumps({row["digest"]: row["document"] for row in stage.rows("SELECT digest, document FROM policy_documents")}).encode()


def test_a_crowd_that_reads_the_log_takes_no_more_than_four_connections(stage: Stage) -> None:
    """Anybody may read it, so nobody may take the connections that care needs."""
    size = claimed_size(published(stage))
    path, seen = next(tiles_of(size)).path, [0]
    before = _connections(stage)
    with ThreadPoolExecutor(60) as crowd:
        answers = [crowd.submit(get, stage, path) for _ in range(180)]
        while not all(answer.done() for answer in answers):
            seen.append(_connections(stage) - before)
    assert {answer.result().status_code for answer in answers} == {200}
    assert 1 <= max(seen) <= 4 + 4  # the replica's own work may open some meanwhile; unbounded, the crowd opens sixty


def _connections(stage: Stage) -> int:
    return int(
        stage.rows("SELECT count(*) AS open FROM pg_stat_activity WHERE datname = current_database() AND pid <> pg_backend_pid()")[0][
            "open"
        ]
    )
