"""Cases that hold something worth erasing, and the two people that an erasure takes."""

from __future__ import annotations

from typing import TYPE_CHECKING, Any
from uuid import uuid4

from gateway.audit.batch import LogIdentity
from gateway.audit.writer import Writer
from gateway.identity.people import NewPerson, create_person
from gateway.identity.roles import Role
from tests.conftest import finished
from tests.fakes.model_server import Script, chat

if TYPE_CHECKING:
    import httpx

    from gateway.demo.clinician import Clinician
    from tests.stage import Stage

BASIS = "wrong_patient"
NEWEST = "SELECT id, case_id FROM suggestions ORDER BY received_at DESC LIMIT 1"
NEWEST_HELD = "SELECT id, case_id FROM suggestions WHERE task = 'diagnosis' ORDER BY received_at DESC LIMIT 1"


def canary() -> str:
    """A word that stands nowhere else."""
    return f"canary{uuid4().hex}"


def another(stage: Stage, login: str, role: Role = Role.QUALITY) -> Clinician:
    """A further person, signed in; made on the server, so that nobody has to confirm who it is."""
    if login not in stage.one_time:

        async def made() -> str:
            writer = Writer(stage.url, LogIdentity("test", stage.settings.establishment.origin, stage.keys.log, stage.keys.vkeys))
            await writer.start()
            try:
                return await create_person(writer, stage.keys, NewPerson(login, f"Q {login}", "quality", frozenset({role})))
            finally:
                await writer.stop()

        stage.one_time[login] = finished(made())
    return stage.clinician(login)


def decided(stage: Stage, word: str, *, decision: str = "approve", reference: str = "") -> dict[str, Any]:
    """A signed case whose request, answer and comment hold a word; suggestion and case as `{"id", "case_id"}`."""
    stage.model.scripts["/v1/chat/completions"] = Script(body=chat(f"answer {word}"))
    body = {"model": "reader", "messages": [{"role": "user", "content": f"request {word} {uuid4().hex}"}], "metadata": {"name": word}}
    named = {"garant_case": reference} if reference else {}
    answer = stage.post("diagnosis", "/v1/chat/completions", body, replica=0, **({"prefer": "wait=0"} | named))
    assert answer.status_code == 403, answer.text
    row = dict(stage.rows(NEWEST_HELD)[0])
    doctor = stage.clinician()
    shown = stage.api(doctor, "POST", f"/suggestions/{row['id']}/open", {}).json()
    sent = {"decision": decision, "lease": shown["lease"], "shown_sha256": shown["shown_sha256"], "comment": f"comment {word}"}
    done = stage.api(doctor, "POST", f"/suggestions/{row['id']}/decision", {**sent, "proof": doctor.password})
    assert done.status_code == 200, done.text
    return {name: str(value) for name, value in row.items()}


def ask(stage: Stage, who: Clinician, case: str, basis: str = BASIS) -> httpx.Response:
    """The first of two."""
    return stage.api(who, "POST", "/custody/erasures", {"case": case, "basis": basis, "proof": who.password})


def confirm(stage: Stage, who: Clinician, erasure: str) -> httpx.Response:
    """The second of two."""
    return stage.api(who, "POST", f"/custody/erasures/{erasure}/confirm", {"proof": who.password})


def erased(stage: Stage, case: str) -> dict[str, Any]:
    """A case, erased by two people."""
    asked = ask(stage, stage.clinician("quality"), case)
    assert asked.status_code == 201, asked.text
    done = confirm(stage, another(stage, "quality.2"), asked.json()["id"])
    assert done.status_code == 200, done.text
    found: dict[str, Any] = done.json()
    return found
