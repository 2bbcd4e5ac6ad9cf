"""Any JSON endpoint, and the hold as a resource (`protocols.md`, "One hold, five doors")."""

from __future__ import annotations

import asyncio
import threading
from typing import TYPE_CHECKING
from uuid import uuid4

from gateway.audit.batch import LogIdentity
from gateway.audit.writer import Writer
from gateway.identity.machines import NewMachine, create_machine
from tests.fakes.model_server import CANARY, Script
from tests.stage import Stage, eventually

if TYPE_CHECKING:
    import httpx


def asked(stage: Stage, *, prefer: str) -> httpx.Response:
    return stage.post("diagnosis", "/predict", {"case": uuid4().hex, "x": 1}, prefer=prefer)


def test_respond_async_gets_202_with_a_place_to_look(stage: Stage) -> None:
    answer = asked(stage, prefer="respond-async")
    assert (answer.status_code, answer.headers["retry-after"]) == (202, "5")
    assert CANARY not in answer.text
    assert stage.get(answer.headers["location"]).status_code == 202


def test_a_poll_gives_the_signed_bytes_once_they_are_signed(stage: Stage) -> None:
    place = asked(stage, prefer="respond-async").headers["location"]
    doctor = stage.clinician()
    doctor.decide(doctor.waiting("diagnosis"), "approve")
    answer = stage.get(place)
    assert answer.content == stage.model.scripts["/predict"].body
    assert answer.headers["garant-decision"] == "approve"


def test_a_poll_of_a_rejected_suggestion_is_403_with_the_reason(stage: Stage) -> None:
    place = asked(stage, prefer="respond-async").headers["location"]
    doctor = stage.clinician()
    doctor.decide(doctor.waiting("diagnosis"), "reject", reason="already_known")
    answer = stage.get(place)
    assert (answer.status_code, answer.json()["code"]) == (403, "rejected_by_clinician")
    assert "already_known" in answer.text


def test_a_hold_leads_to_its_result(stage: Stage) -> None:
    hold = asked(stage, prefer="respond-async").headers["location"].replace("suggestions", "holds")
    assert stage.get(hold).status_code == 202
    doctor = stage.clinician()
    doctor.decide(doctor.waiting("diagnosis"), "approve")
    seen = stage.get(hold)
    assert (seen.status_code, seen.headers["location"]) == (303, f"{hold}/result")
    assert stage.get(seen.headers["location"]).content == stage.model.scripts["/predict"].body


def test_only_delete_gives_a_hold_up(stage: Stage) -> None:
    hold = asked(stage, prefer="respond-async").headers["location"].replace("suggestions", "holds")
    stage.clinician().waiting("diagnosis")
    answer = stage.get(hold, method="DELETE")
    assert (answer.status_code, answer.json()["code"]) == (403, "cancelled")
    assert stage.clinician().queue() == []


def test_another_key_does_not_see_the_hold(stage: Stage) -> None:
    place = asked(stage, prefer="respond-async").headers["location"]

    async def other() -> str:
        writer = Writer(stage.url, LogIdentity("test", stage.settings.establishment.origin, stage.keys.log, stage.keys.vkeys))
        await writer.start()
        key = await create_machine(writer, NewMachine("other", frozenset({"diagnosis"})))
        await writer.stop()
        return key

    key = asyncio.run(other())
    assert eventually(lambda: stage.get(place, key=key).status_code == 404)


def test_an_equal_call_attaches_to_the_same_suggestion(stage: Stage) -> None:
    body = {"case": "same-case", "x": uuid4().hex}
    first = stage.post("diagnosis", "/predict", body, prefer="respond-async")
    second = stage.post("diagnosis", "/predict", body, prefer="respond-async")
    assert first.headers["location"] == second.headers["location"]
    assert stage.model.count("/predict") == 1


def test_one_idempotency_key_with_two_bodies_is_refused(stage: Stage) -> None:
    key = uuid4().hex
    stage.post("diagnosis", "/predict", {"case": "a", "x": 1}, prefer="respond-async", idempotency_key=key)
    answer = stage.post("diagnosis", "/predict", {"case": "a", "x": 2}, prefer="respond-async", idempotency_key=key)
    assert (answer.status_code, answer.json()["code"]) == (422, "idempotency_key_reused")


def test_concurrent_equal_calls_make_one_suggestion(stage: Stage) -> None:
    body, places = {"case": uuid4().hex, "x": 1}, []
    stage.model.scripts["/predict"] = Script(body=stage.model.scripts["/predict"].body, delay=0.2)
    threads = [
        threading.Thread(
            target=lambda: places.append(stage.post("diagnosis", "/predict", body, prefer="respond-async").headers["location"])
        )
        for _ in range(4)
    ]
    for thread in threads:
        thread.start()
    for thread in threads:
        thread.join(10)
    assert len(places) == 4
    assert len(set(places)) == 1


def test_unknown_members_and_headers_arrive_and_credentials_do_not(stage: Stage) -> None:
    stage.post(
        "letter",
        "/v1/chat/completions",
        {"model": "reader", "messages": [], "odd": 1.50},
        x_odd="kept",
        connection="x-hop",
        x_hop="dropped",
        cookie="c=1",
    )
    seen = stage.model.seen[-1]
    assert b'"odd":1.5' in seen.body.replace(b" ", b"")
    assert seen.headers["x-odd"] == "kept"
    assert seen.headers["authorization"] == "Bearer upstream-secret-1"
    assert "garant-test" in seen.headers["via"]
    assert not {"x-hop", "cookie"} & set(seen.headers)
    assert stage.key not in str(seen)


def test_a_loop_is_refused(stage: Stage) -> None:
    answer = stage.chat("letter", via="1.1 garant-test")
    assert (answer.status_code, answer.json()["error"]["code"]) == (400, "loop")


def test_an_unknown_address_is_refused_and_never_forwarded(stage: Stage) -> None:
    assert stage.post("diagnosis", "/v1/embeddings", {"model": "reader"}).status_code == 404
    assert stage.post("nowhere", "/v1/chat/completions", {"model": "reader", "messages": []}).status_code == 404
    assert stage.model.seen == []
