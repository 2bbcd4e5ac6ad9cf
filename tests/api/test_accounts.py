"""Accounts through the control API, as a person or a script uses it."""

from __future__ import annotations

from datetime import timedelta

import pytest

from gateway.identity.machines import NewMachine, create_machine
from gateway.identity.roles import Role
from tests.identity.fixtures import identity_database, identity_keys, stage
from tests.identity.stage import OWN_PASSWORD, Stage

__all__ = ["identity_database", "identity_keys", "stage"]
NEW_ACCOUNT = {"name": "Bea Example", "profession": "nurse", "roles": ["clinician"]}


async def test_a_one_time_password_opens_nothing_but_its_own_change(stage: Stage) -> None:
    _, login, password = await stage.account(Role.IT)
    async with stage.client() as client:
        begun = (await client.post("/api/session", json={"login": login, "password": password, "bearer": True})).json()
    assert begun["person"]["must_change"] is True
    assert begun["rights"] == []
    async with stage.client(begun["token"]) as client:
        refused = await client.get("/api/people")
    assert (refused.status_code, refused.json()["code"]) == (403, "password_change_required")


async def test_a_changed_password_ends_every_older_session_and_begins_one(stage: Stage) -> None:
    _, login, password = await stage.account(Role.CLINICIAN)
    async with stage.client() as client:
        old = (await client.post("/api/session", json={"login": login, "password": password, "bearer": True})).json()["token"]
    async with stage.client(old) as client:
        new = (await client.post("/api/password", json={"current": password, "new": OWN_PASSWORD})).json()["token"]
        assert (await client.get("/api/session")).json()["code"] == "session_ended"
    async with stage.client(new) as client:
        assert "sign" in (await client.get("/api/session")).json()["rights"]


async def test_wrong_login_and_wrong_password_get_the_same_answer_and_an_entry_without_a_name(stage: Stage) -> None:
    _, login, _ = await stage.account(Role.CLINICIAN)
    async with stage.client() as client:
        wrong = await client.post("/api/session", json={"login": login, "password": "not this one"})
        nobody = await client.post("/api/session", json={"login": "nobody.here", "password": "not this one"})
    assert wrong.status_code == nobody.status_code == 401
    assert wrong.json() == nobody.json()
    leaves = await stage.entries()
    assert all('"type":"auth_failed"' in leaf and '"role":"unknown"' in leaf for leaf in leaves[-2:])
    assert not any(login in leaf or "nobody.here" in leaf or "not this one" in leaf for leaf in leaves)


async def test_the_cookie_is_for_this_site_only_and_its_writes_need_the_csrf_token(stage: Stage) -> None:
    _, login, password = await stage.account(Role.CLINICIAN)
    async with stage.client() as client:
        begun = await client.post("/api/session", json={"login": login, "password": password})
        cookie = begun.headers["set-cookie"]
        refused = await client.delete("/api/session")
        ended = await client.delete("/api/session", headers={"X-CSRF-Token": begun.json()["csrf"]})
    assert all(part in cookie for part in ("garant_session=gs_", "HttpOnly", "SameSite=strict", "Secure", "Path=/"))
    assert "token" not in begun.json() or begun.json()["token"] is None
    assert (refused.status_code, refused.json()["code"], ended.status_code) == (403, "csrf_refused", 204)


async def test_signing_out_ends_the_session_on_the_server(stage: Stage) -> None:
    async with await stage.signed_in(Role.CLINICIAN) as client:
        assert (await client.delete("/api/session")).status_code == 204
        assert (await client.get("/api/session")).status_code == 401


async def test_a_session_ends_after_eight_hours(stage: Stage) -> None:
    async with await stage.signed_in(Role.CLINICIAN) as client:
        for minutes in range(0, 480, 20):
            stage.clock.shift = timedelta(minutes=minutes)
            assert (await client.get("/api/session")).status_code == 200
        stage.clock.shift = timedelta(hours=8, minutes=1)
        assert (await client.get("/api/session")).json()["code"] == "session_ended"


async def test_proving_again_renews_the_proof_and_a_wrong_proof_does_not(stage: Stage) -> None:
    async with await stage.signed_in(Role.CLINICIAN) as client:
        before = (await client.get("/api/session")).json()["authenticated_at"]
        refused = await client.post("/api/session/reauthenticate", json={"proof": "not this one"})
        assert (await client.get("/api/session")).json()["authenticated_at"] == before
        proven = (await client.post("/api/session/reauthenticate", json={"proof": OWN_PASSWORD})).json()
        after = (await client.get("/api/session")).json()["authenticated_at"]
    assert refused.json()["code"] == "proof_refused"
    assert (proven["method"], proven["at"], after > before) == ("password", after, True)


async def test_an_administrator_makes_an_account_that_can_sign_in(stage: Stage) -> None:
    async with await stage.signed_in(Role.IT) as admin:
        made = await admin.post("/api/people", json={**NEW_ACCOUNT, "login": "Bea.One"})
        logins = [person["login"] for person in (await admin.get("/api/people")).json()["people"]]
        again = await admin.post("/api/people", json={**NEW_ACCOUNT, "login": "bea.one"})
    assert (made.status_code, again.status_code, again.json()["code"]) == (201, 409, "conflict")
    assert "bea.one" in logins
    async with stage.client() as client:
        begun = await client.post("/api/session", json={"login": " BEA.one", "password": made.json()["one_time_password"]})
    assert begun.status_code == 201


async def test_an_administrator_who_can_sign_is_not_made(stage: Stage) -> None:
    async with await stage.signed_in(Role.IT) as admin:
        refused = await admin.post("/api/people", json={**NEW_ACCOUNT, "login": "both", "roles": ["it", "clinician"]})
    assert (refused.status_code, refused.json()["code"]) == (400, "roles_exclude_each_other")


@pytest.mark.parametrize(("act", "body"), [("deactivate", None), ("password", None), ("roles", {"roles": ["quality"]})])
async def test_changes_by_an_administrator_end_the_account_s_sessions(stage: Stage, act: str, body: dict[str, list[str]] | None) -> None:
    async with await stage.signed_in(Role.IT) as admin, await stage.signed_in(Role.CLINICIAN) as person:
        whom = (await person.get("/api/session")).json()["person"]["id"]
        method = "PUT" if act == "roles" else "POST"
        done = await admin.request(method, f"/api/people/{whom}/{act}", json=body)
        assert done.status_code == 200
        assert (await person.get("/api/session")).json()["code"] == "session_ended"


async def test_a_deactivated_account_cannot_sign_in(stage: Stage) -> None:
    whom, login, password = await stage.account(Role.CLINICIAN)
    async with await stage.signed_in(Role.IT) as admin:
        assert (await admin.post(f"/api/people/{whom}/deactivate")).json()["active"] is False
        assert (await admin.post(f"/api/people/{whom}/deactivate")).status_code == 409
        refused = await admin.post("/api/session", json={"login": login, "password": password})
    assert refused.json()["code"] == "login_refused"


async def test_administrators_cannot_use_their_rights_on_themselves(stage: Stage) -> None:
    async with await stage.signed_in(Role.IT) as admin:
        own = (await admin.get("/api/session")).json()["person"]["id"]
        for act in ("deactivate", "password"):
            assert (await admin.post(f"/api/people/{own}/{act}")).json()["code"] == "own_account"


@pytest.mark.parametrize("role", [Role.CLINICIAN, Role.QUALITY, Role.AUDITOR])
async def test_only_administrators_manage_and_every_refusal_is_logged(stage: Stage, role: Role) -> None:
    async with await stage.signed_in(role) as client:
        refused = [await client.get(path) for path in ("/api/people", "/api/machines")]
    assert [answer.json()["code"] for answer in refused] == ["right_missing"] * 2
    leaves = (await stage.entries())[-2:]
    assert all('"type":"denied"' in leaf and f'"role":"{role.value}"' in leaf for leaf in leaves)


async def test_machine_keys_are_made_used_and_revoked(stage: Stage) -> None:
    async with await stage.signed_in(Role.IT) as admin:
        made = (await admin.post("/api/machines", json={"name": "ris", "tasks": ["cytology"]})).json()
        listed = (await admin.get("/api/machines")).json()["machines"]
        assert stage.parts.machines.identify(((b"garant-key", made["key"].encode()),)).id == made["id"]
        assert (await admin.delete(f"/api/machines/{made['id']}")).status_code == 204
        assert (await admin.delete(f"/api/machines/{made['id']}")).status_code == 404
    assert {"id": made["id"], "name": "ris", "tasks": ["cytology"], "site": "main"} in listed
    assert made["key"] not in str(listed)


async def test_a_machine_key_for_an_unknown_task_or_site_is_refused(stage: Stage) -> None:
    async with await stage.signed_in(Role.IT) as admin:
        task = await admin.post("/api/machines", json={"name": "ris", "tasks": ["astrology"]})
        site = await admin.post("/api/machines", json={"name": "ris", "tasks": ["cytology"], "site": "moon"})
    assert (task.json()["code"], site.json()["code"]) == ("unknown_task", "unknown_site")


async def test_a_machine_key_opens_no_door_of_the_control_api(stage: Stage) -> None:
    key = await create_machine(stage.parts.writer, NewMachine("ris", frozenset({"cytology"})))
    await stage.parts.machines.refresh()
    async with stage.client(key) as client:
        refused = await client.get("/api/session")
    assert (refused.status_code, refused.json()["code"]) == (403, "machine_not_a_person")
    assert "cannot sign" in refused.json()["detail"]
    assert '"type":"denied"' in (await stage.entries())[-1]
