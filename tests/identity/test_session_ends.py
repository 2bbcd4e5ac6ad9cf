"""A sign-in ends when it should, and a token that is used afterwards is refused in words and noticed."""

from __future__ import annotations

from datetime import timedelta
from typing import TYPE_CHECKING

from gateway.identity.roles import Role
from tests.identity.stage import OWN_PASSWORD, Stage, open_stage

if TYPE_CHECKING:
    import httpx

    from gateway.operations.keys import Keys


async def ended(client: httpx.AsyncClient) -> str:
    answer = await client.get("/api/session")
    assert (answer.status_code, answer.json()["code"]) == (401, "session_ended")
    return str(answer.json()["detail"])


async def test_half_an_hour_without_anything_done_ends_a_session(stage: Stage) -> None:
    async with await stage.signed_in(Role.CLINICIAN) as client:
        for minutes in (29, 58, 87):
            stage.clock.shift = timedelta(minutes=minutes)
            assert (await client.get("/api/session")).status_code == 200
        stage.clock.shift = timedelta(minutes=118)
        assert "nothing was done for a while" in await ended(client)
    assert '"code":"session_idle"' in (await stage.entries())[-1]


async def test_what_a_page_asks_for_by_itself_keeps_no_session_alive(stage: Stage) -> None:
    async with await stage.signed_in(Role.CLINICIAN) as client:
        token = client.headers["authorization"][7:]
        for minutes in (10, 20, 29):
            stage.clock.shift = timedelta(minutes=minutes)
            await stage.parts.sessions.find(token, seen=False)
        stage.clock.shift = timedelta(minutes=31)
        assert "nothing was done for a while" in await ended(client)


async def test_a_stolen_token_that_is_used_after_signing_out_is_refused_and_logged_once_a_minute(stage: Stage) -> None:
    async with await stage.signed_in(Role.CLINICIAN) as client:
        await client.delete("/api/session")
        before = len(await stage.entries())
        sentences = {await ended(client) for _ in range(3)}
    assert "used again; that was logged" in sentences.pop()
    leaves = (await stage.entries())[before:]
    assert (len(leaves), '"code":"session_reused"' in leaves[0]) == (1, True)


async def test_a_right_that_was_withdrawn_ends_the_session_and_says_so(stage: Stage) -> None:
    async with await stage.signed_in(Role.IT) as admin, await stage.signed_in(Role.CLINICIAN) as person:
        whom = (await person.get("/api/session")).json()["person"]["id"]
        await admin.put(f"/api/people/{whom}/roles", json={"roles": ["quality"]})
        assert "Your account was changed" in await ended(person)


async def test_a_person_sees_their_sessions_and_ends_the_others(stage: Stage) -> None:
    _, login, password = await stage.account(Role.CLINICIAN)
    async with stage.client() as client:
        sent = {"json": {"login": login, "password": password, "bearer": True}, "headers": {"user-agent": "Mozilla Firefox on Windows"}}
        tokens = [(await client.post("/api/session", **sent)).json()["token"] for _ in range(2)]  # type: ignore[arg-type]
    async with stage.client(tokens[0]) as here, stage.client(tokens[1]) as there:
        listed = (await here.get("/api/sessions")).json()["sessions"]
        assert [(one["device"], one["method"]) for one in listed] == [("Firefox, Windows", "password")] * 2
        other = next(one["id"] for one in listed if not one["here"])
        assert (await here.delete(f"/api/sessions/{other}")).status_code == 204
        assert "ended by signing out" in await ended(there)
        assert len((await here.get("/api/sessions")).json()["sessions"]) == 1


async def test_nobody_ends_another_person_s_session(stage: Stage) -> None:
    async with await stage.signed_in(Role.CLINICIAN) as one, await stage.signed_in(Role.CLINICIAN) as other:
        theirs = (await other.get("/api/sessions")).json()["sessions"][0]["id"]
        assert (await one.delete(f"/api/sessions/{theirs}")).status_code == 404
        assert (await other.get("/api/session")).status_code == 200


async def test_under_https_the_cookies_are_kept_to_this_host(stage: Stage) -> None:
    _, login, password = await stage.account(Role.CLINICIAN)
    async with stage.client() as client:
        begun = await client.post("/api/session", json={"login": login, "password": password})
    for cookie in begun.headers.get_list("set-cookie"):
        assert cookie.startswith("__Host-garant_")
        assert all(part in cookie for part in ("HttpOnly", "SameSite=strict", "Secure", "Path=/"))
        assert "Domain" not in cookie


async def test_without_https_the_cookie_has_no_prefix_that_a_browser_would_refuse(identity_database: str, identity_keys: Keys) -> None:
    async with open_stage(identity_database, identity_keys, "http://127.0.0.1:8080") as plain:
        _, login, password = await plain.account(Role.CLINICIAN)
        async with plain.client() as client:
            begun = await client.post("/api/session", json={"login": login, "password": password})
    assert begun.headers.get_list("set-cookie")[-1].startswith("garant_session=")


async def test_guessing_the_password_in_a_stolen_session_is_slowed_too(stage: Stage) -> None:
    stage.clock.stop()
    async with await stage.signed_in(Role.CLINICIAN) as client:
        answers = [await client.post("/api/session/reauthenticate", json={"proof": f"guess {n}"}) for n in range(6)]
        assert [answer.status_code for answer in answers] == [401, 401, 401, 401, 429, 429]
        right = await client.post("/api/session/reauthenticate", json={"proof": OWN_PASSWORD})
        assert (right.status_code, int(right.headers["retry-after"]) >= 1) == (429, True)
        stage.clock.shift = timedelta(minutes=1)
        assert (await client.post("/api/session/reauthenticate", json={"proof": OWN_PASSWORD})).status_code == 200
