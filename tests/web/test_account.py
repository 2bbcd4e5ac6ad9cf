"""One's own account, signing in, and rights that were just withdrawn: on pages, in words, without script."""

from __future__ import annotations

import json
import re
from datetime import UTC, datetime
from html import unescape
from typing import TYPE_CHECKING, Any
from uuid import UUID

import httpx
import pytest

from gateway.errors import Conflict
from gateway.identity.people import roles_changed
from gateway.identity.roles import COMMAND_LINE, Role
from gateway.identity.sessions import Authentication
from gateway.signoff.models import Decision
from tests.fakes.authenticator import Authenticator
from tests.identity.passkey_stage import ORIGIN, Desk, opened_stage

if TYPE_CHECKING:
    from collections.abc import Iterator

    from tests.stage import Stage


@pytest.fixture(scope="module")
def gateway(postgres_server: str) -> Iterator[Stage]:
    yield from opened_stage(postgres_server)


@pytest.fixture
def browser(gateway: Stage) -> Iterator[httpx.Client]:
    headers = {"accept-language": "en", "user-agent": "Firefox on Linux"}
    with httpx.Client(base_url=gateway.base, follow_redirects=True, headers=headers, timeout=20) as client:
        yield client


def field(page: httpx.Response, name: str) -> str:
    found = re.search(rf'name="{name}" value="([^"]*)"', page.text)
    assert found, page.text[:2000]
    return unescape(found[1])


def signed_in(gateway: Stage, browser: httpx.Client, login: str = "dr.a", following: str = "") -> httpx.Response:
    doctor = gateway.clinician(login)
    return browser.post("/sign-in", data={"login": login, "password": doctor.password, "next": following})


def test_after_signing_in_one_is_where_one_wanted_to_go(gateway: Stage, browser: httpx.Client) -> None:
    page = browser.get("/account")
    assert (page.url.path, field(page, "next")) == ("/", "/account")
    assert signed_in(gateway, browser, following=field(page, "next")).url.path == "/account"
    assert signed_in(gateway, browser, following="//evil.example").url.host == browser.base_url.host


def test_a_one_time_password_opens_no_page_but_its_own_change(gateway: Stage, browser: httpx.Client) -> None:
    page = browser.post("/sign-in", data={"login": "quality", "password": gateway.one_time["quality"]})
    assert page.url.path == "/password"
    assert [browser.get(path).url.path for path in ("/account", "/log", "/queue", "/password")] == ["/password"] * 4


def test_the_account_page_lists_where_one_is_signed_in_and_ends_what_is_elsewhere(gateway: Stage, browser: httpx.Client) -> None:
    signed_in(gateway, browser)
    with httpx.Client(base_url=gateway.base, headers={"user-agent": "Edg on Windows"}, timeout=20) as elsewhere:
        signed_in(gateway, elsewhere)
        page = browser.get("/account")
        assert "Firefox, Linux" in page.text
        which = re.findall(r"Edge, Windows.*?/account/sessions/([0-9a-f-]{36})/end", page.text, re.DOTALL)[0]
        browser.post(f"/account/sessions/{which}/end", data={"csrf": field(page, "csrf")})
        assert "ended by signing out" in elsewhere.get("/api/session").json()["detail"]


def test_a_passkey_is_added_and_removed_on_the_page(gateway: Stage, browser: httpx.Client) -> None:
    signed_in(gateway, browser)
    page = browser.get("/account")
    csrf, key = field(page, "csrf"), Authenticator(ORIGIN)
    options = browser.post("/account/passkeys/options", data={"csrf": csrf, "name": "blue key"}).json()["publicKey"]
    page = browser.post("/account/passkeys", data={"csrf": csrf, "name": "blue key", "credential": json.dumps(key.create(options))})
    [passkey] = re.findall(r"/account/passkeys/([0-9a-f-]{36})/remove", page.text)
    assert (page.url.path, "blue key" in page.text) == ("/account", True)
    page = browser.post(f"/account/passkeys/{passkey}/remove", data={"csrf": csrf})
    assert "You have no passkey yet" in page.text


def test_passkeys_are_changed_only_soon_after_a_proof_of_identity(gateway: Stage, browser: httpx.Client) -> None:
    signed_in(gateway, browser)
    gateway.rows("UPDATE sessions SET authenticated_at = now() - interval '6 minutes'")
    page = browser.get("/account")
    assert ("Confirm first who you are" in page.text, "data-passkey-registration" in page.text) == (True, False)
    wrong = browser.post("/account/confirm", data={"csrf": field(page, "csrf"), "proof": "not this one"})
    assert (wrong.status_code, "does not fit your account" in wrong.text) == (401, True)
    page = browser.post("/account/confirm", data={"csrf": field(page, "csrf"), "proof": gateway.clinician().password})
    assert "data-passkey-registration" in page.text


@pytest.mark.parametrize("path", ["/account/confirm", "/account/passkeys", "/account/passkeys/options", "/sign-out", "/password"])
def test_a_form_that_another_site_sent_does_nothing(gateway: Stage, browser: httpx.Client, path: str) -> None:
    signed_in(gateway, browser)
    answer = browser.post(path, data={"csrf": "forged", "proof": "x", "name": "x"})
    assert (answer.status_code, "did not come from a page of Garant" in answer.text) == (403, True)
    assert browser.get("/account").url.path == "/account"


def test_the_decision_s_form_becomes_the_statement_that_a_passkey_signs(gateway: Stage, browser: httpx.Client) -> None:
    desk = Desk(gateway)
    gateway.rows("UPDATE sessions SET authenticated_at = now()")
    assert desk.register().status_code == 201
    suggestion, decision = desk.opened()
    signed_in(gateway, browser)
    csrf = field(browser.get("/account"), "csrf")
    form = {"csrf": csrf, "lease": decision["lease"], "shown_sha256": decision["shown_sha256"], "decision": "approve"}
    options = browser.post(f"/review/{suggestion}/passkey-options", data=form).json()
    assert options["publicKey"]["rpId"] == "localhost"
    assertion = json.dumps(desk.key.get(options["publicKey"]))
    done = browser.post(f"/review/{suggestion}/decision", data={**form, "assertion": assertion})
    assert (done.url.path, desk.api("GET", f"/suggestions/{suggestion}").json()["decision"]) == ("/queue", "approve")


def test_an_amendment_is_signed_by_passkey_once_its_difference_was_on_the_screen(gateway: Stage, browser: httpx.Client) -> None:
    desk, pointer = Desk(gateway, key=Authenticator(ORIGIN)), "/choices/0/message/content"
    gateway.rows("UPDATE sessions SET authenticated_at = now()")
    assert desk.register("amending key").status_code == 201
    suggestion, decision = desk.opened("keyed")
    signed_in(gateway, browser)
    edited = {f"was:{pointer}": "what it said", f"text:{pointer}": "what it ought to say", "change_kind": "wording", "decision": "amend"}
    form = {"csrf": field(browser.get("/account"), "csrf"), **{name: decision[name] for name in ("lease", "shown_sha256")}, **edited}
    asking = f"/review/{suggestion}/passkey-options"
    assert browser.post(asking, data=form).json() == {"send": True}  # nothing to sign before it was seen
    form["seen"] = field(browser.post(f"/review/{suggestion}/decision", data=form), "seen")
    assertion = json.dumps(desk.key.get(browser.post(asking, data=form).json()["publicKey"]))
    browser.post(f"/review/{suggestion}/decision", data={**form, "assertion": assertion})
    assert desk.api("GET", f"/suggestions/{suggestion}").json()["decision"] == "amend"


def test_a_session_that_was_idle_for_too_long_says_so_on_the_page(gateway: Stage, browser: httpx.Client) -> None:
    signed_in(gateway, browser)
    gateway.rows("UPDATE sessions SET seen_at = now() - interval '31 minutes' WHERE method = 'password'")
    page = browser.get("/queue")
    assert (page.url.path, "what you had open is kept" in page.text, field(page, "next")) == ("/", True, "/queue")


def test_a_right_withdrawn_a_second_ago_is_no_right(gateway: Stage) -> None:
    """The person was read with the right; the decision is refused all the same, and nothing is released."""
    desk, replica = Desk(gateway, "dr.b"), gateway.replicas[0]
    suggestion, decision = desk.opened()
    app: Any = replica.app
    person, _ = replica.run(app.control.state.parts.people.by_login("dr.b"))
    change = roles_changed(person, frozenset({Role.QUALITY}), frozenset(), gateway.keys, COMMAND_LINE, datetime.now(UTC))
    replica.run(app.parts.writer.append(change))
    proof = Authentication("password", datetime.now(UTC))
    deciding = app.desk.signoff.decide(person, proof, UUID(suggestion), Decision(**decision))
    with pytest.raises(Conflict):
        replica.run(deciding)
    assert desk.api("POST", f"/suggestions/{suggestion}/decision", decision).status_code == 401
    assert gateway.rows("SELECT state FROM suggestions WHERE id = $1", UUID(suggestion))[0]["state"] == "held"
