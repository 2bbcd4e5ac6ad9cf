"""A passkey proves who one is outside a decision too: on the account's page and over the API; it signs nothing by that at once."""

from __future__ import annotations

import json
from typing import TYPE_CHECKING, Any

import httpx
import pytest

from gateway.audit.rules.assertions import Assertions
from gateway.audit.rules.entries import BrokenRuleError
from tests.fakes.authenticator import Authenticator
from tests.identity.passkey_stage import CONFIGURATION, ORIGIN, Desk
from tests.stage import Stage, built
from tests.web.browsing import field, signed_in

if TYPE_CHECKING:
    from collections.abc import Iterator

STALE = "UPDATE sessions SET authenticated_at = now() - interval '20 minutes'"
WINDOW = """
[[policies]]
id = "windowed"
reauthenticate_with = ["passkey"]
reauthenticate_seconds = 900
[[tasks]]
id = "windowed"
kind = "diagnosis"
policy = "windowed"
profession = "doctor"
[[routes]]
system = "reader"
task = "windowed"
wait_seconds = 2
"""


@pytest.fixture(scope="module")
def gateway(postgres_server: str) -> Iterator[Stage]:
    yield from built(postgres_server, extra=CONFIGURATION + WINDOW, environ={"GARANT_PUBLIC_URL": ORIGIN})


@pytest.fixture
def desk(gateway: Stage) -> Iterator[Desk]:
    desk = Desk(gateway)
    gateway.rows("UPDATE sessions SET authenticated_at = now(), method = 'password'")
    assert desk.register().status_code == 201
    gateway.rows(STALE)
    yield desk
    gateway.rows("UPDATE suggestions SET state = 'cancelled', next_clock_at = NULL WHERE state IN ('held', 'queued')")
    gateway.rows("UPDATE passkeys SET removed_at = now() WHERE removed_at IS NULL")


@pytest.fixture
def browser(gateway: Stage) -> Iterator[httpx.Client]:
    with httpx.Client(base_url=gateway.base, follow_redirects=True, headers={"accept-language": "fr"}, timeout=20) as client:
        yield client


def confirmed(desk: Desk, assertion: object = None) -> httpx.Response:
    signed = assertion or desk.key.get(desk.api("POST", "/session/passkey-options").json())
    return desk.api("POST", "/session/passkey", {"assertion": signed})


def test_a_passkey_alone_confirms_who_one_is_and_that_is_logged(desk: Desk) -> None:
    assert desk.api("POST", "/passkeys/options").json()["code"] == "reauthentication_required"
    answer = confirmed(desk)
    assert (answer.status_code, answer.json()["method"]) == (200, "passkey")
    assert desk.api("POST", "/passkeys/options").status_code == 200
    entry = desk.stage.entries("auth_ok")[-1]
    assert (entry["detail"]["act"], entry["auth"]["method"]) == ("reauthenticate", "passkey")


def test_the_same_answer_confirms_once_and_no_decision_s_answer_confirms(desk: Desk) -> None:
    assertion = desk.key.get(desk.api("POST", "/session/passkey-options").json())
    assert [confirmed(desk, assertion).status_code for _ in range(2)] == [200, 401]
    suggestion, decision = desk.opened()
    other = desk.key.get(desk.options(suggestion, decision))
    assert confirmed(desk, other).json()["code"] == "passkey_replayed"
    assert desk.stage.entries("auth_failed")[-1]["detail"]["act"] == "passkey:replayed"


@pytest.mark.parametrize("lie", [{"verified": False, "count": 9}, {"origin": "http://evil.example", "count": 9}])
def test_an_unverified_or_foreign_answer_confirms_nothing(desk: Desk, lie: dict[str, Any]) -> None:
    liar = Authenticator(**{"origin": ORIGIN, "credential": desk.key.credential, "key": desk.key.key, **lie})
    answer = confirmed(desk, liar.get(desk.api("POST", "/session/passkey-options").json()))
    assert (answer.status_code, answer.json()["code"]) == (401, "passkey_refused")
    assert desk.api("POST", "/passkeys/options").status_code == 403


def test_an_assertion_of_another_session_does_not_confirm_this_one(desk: Desk) -> None:
    """A stolen answer, used by whoever stole it in a session of their own."""
    assertion = desk.key.get(desk.api("POST", "/session/passkey-options").json())
    thief = Desk(desk.stage, "dr.b", desk.key)
    assert confirmed(thief, assertion).json()["code"] == "passkey_replayed"


def test_where_each_decision_is_confirmed_the_passkey_signs_the_decision_itself(desk: Desk) -> None:
    """R5: that somebody has confirmed beside it is no signature. The control: the decision signed by the same key."""
    suggestion, decision = desk.opened("keyed")
    assert confirmed(desk).status_code == 200
    refused = desk.api("POST", f"/suggestions/{suggestion}/decision", decision)
    assert (refused.status_code, refused.json()["code"]) == (403, "reauthentication_required")
    assert desk.sign(suggestion, decision).status_code == 200


def test_within_the_time_a_policy_gives_a_confirmation_signs_and_the_log_says_so_and_verifies(desk: Desk) -> None:
    assert confirmed(desk).status_code == 200
    suggestion, decision = desk.opened("windowed")
    assert desk.api("POST", f"/suggestions/{suggestion}/decision", decision).status_code == 200
    second, other = desk.opened("windowed")
    assert desk.sign(second, other).status_code == 200
    methods = {entry["suggestion"]: entry["auth"]["method"] for entry in desk.stage.entries("signed_off")}
    assert (methods[suggestion], methods[second]) == ("passkey_session", "passkey")
    assert desk.stage.verified().ok


def test_a_decision_that_claims_a_passkey_s_signature_and_has_none_does_not_verify() -> None:
    """The control of the test above: what was written before, without the difference, was refused by the verifier."""
    entry: Any = {"type": "signed_off", "id": "x", "actor": "a", "auth": {"method": "passkey"}}
    with pytest.raises(BrokenRuleError, match="commits to no such signature"):
        Assertions({}).check(entry)
    Assertions({}).check(entry | {"auth": {"method": "passkey_session"}})


def test_who_has_only_a_passkey_confirms_on_the_account_s_page(desk: Desk, browser: httpx.Client) -> None:
    signed_in(desk.stage, browser)
    desk.stage.rows(STALE)
    page = browser.get("/account")
    assert ("Confirmer avec ma clé d&#39;accès" in page.text, "data-passkey-registration" in page.text) == (True, False)
    csrf = field(page, "csrf")
    options = browser.post("/account/confirm/options", data={"csrf": csrf}).json()["publicKey"]
    page = browser.post("/account/confirm", data={"csrf": csrf, "assertion": json.dumps(desk.key.get(options))})
    assert (page.url.path, "data-passkey-registration" in page.text) == ("/account", True)


def test_a_confirmation_that_is_empty_or_replayed_is_refused_in_words_on_the_page(desk: Desk, browser: httpx.Client) -> None:
    signed_in(desk.stage, browser)
    csrf = field(browser.get("/account"), "csrf")
    options = browser.post("/account/confirm/options", data={"csrf": csrf}).json()["publicKey"]
    assertion = json.dumps(desk.key.get(options))
    answers = [browser.post("/account/confirm", data={"csrf": csrf, **more}) for more in ({"assertion": assertion},) * 2 + ({},)]
    assert [answer.status_code for answer in answers] == [200, 401, 422]
    assert ("a déjà servi" in answers[1].text, "Confirmez avec votre clé" in answers[2].text) == (True, True)
    forged = browser.post("/account/confirm", data={"csrf": "forged", "assertion": assertion})
    assert (forged.status_code, "ne vient pas d&#39;une page de Garant" in forged.text) == (403, True)


def test_where_a_password_is_not_enough_the_page_asks_for_the_passkey(desk: Desk, browser: httpx.Client) -> None:
    """R5: the profile of production. Signed in by password a moment ago, and still the page asks."""
    app: Any = desk.stage.replicas[0].app
    passkeys = app.control.state.parts.passkeys
    signed_in(desk.stage, browser)
    try:
        passkeys._password_counts = False  # noqa: SLF001 - as the profile of production builds it
        page = browser.get("/account").text
    finally:
        passkeys._password_counts = True  # noqa: SLF001
    assert ("/account/confirm/options" in page, 'type="password"' in page, "data-passkey-registration" in page) == (True, False, False)
