"""Signing in with a provider: the right answer signs in, every other one is refused in words and logged."""

from __future__ import annotations

from datetime import UTC, datetime, timedelta
from typing import TYPE_CHECKING
from urllib.parse import parse_qs, urlsplit

import pytest

from gateway.identity.attempts import FREE_WAYS
from tests.fakes.identity_provider import IdentityProvider
from tests.identity.provider_stage import DEAD, Browser, Scene, opened_scene

if TYPE_CHECKING:
    from collections.abc import Iterator


@pytest.fixture(scope="module")
def running(postgres_server: str) -> Iterator[Scene]:
    yield from opened_scene(postgres_server)


@pytest.fixture
def scene(running: Scene) -> Iterator[Scene]:
    fresh = IdentityProvider()
    for name in ("claims", "userinfo", "context", "faults", "proven_seconds_ago"):
        setattr(running.provider, name, getattr(fresh, name))
    running.provider.claims = {"preferred_username": "dr.a"}
    yield running
    running.close()


def test_somebody_with_an_account_signs_in_and_works(scene: Scene) -> None:
    browser = scene.browser()
    page = browser.walk("/sign-in/oidc?next=/queue")
    assert (page.status_code, 'url=/queue"' in page.text) == (200, True)
    assert browser.whoami().json()["person"]["login"] == "dr.a"
    assert browser.client.get("/queue").status_code == 200
    assert scene.stage.entries("auth_ok")[-1]["auth"]["method"] == "oidc"
    assert scene.stage.entries("auth_ok")[-1]["auth"]["acr"] == "eidas1"


def test_the_way_there_carries_state_nonce_and_an_s256_challenge_never_twice_the_same(scene: Scene) -> None:
    first, second = (parse_qs(urlsplit(scene.browser().leave("/sign-in/oidc")).query) for _ in range(2))
    assert (first["response_type"], first["code_challenge_method"], first["acr_values"]) == (["code"], ["S256"], ["eidas1"])
    assert all(len(first[name][0]) == 43 and first[name] != second[name] for name in ("state", "nonce", "code_challenge"))


FAULTS = {
    "nonce": "token_nonce",
    "hmac": "token_signature",
    "none": "token_signature",
    "unsigned_key": "token_signature",
    "audience": "token_audience",
    "two_audiences": "token_authorised_party",
    "issuer": "token_issuer",
    "expired": "token_expired",
    "code": "code_refused",
}


@pytest.mark.parametrize("fault", FAULTS)
def test_an_answer_that_proves_nothing_signs_nobody_in(scene: Scene, fault: str) -> None:
    scene.provider.faults = {fault}
    browser = scene.browser()
    page = browser.walk()
    assert (page.status_code, "does not prove who you are" in page.text, browser.session) == (401, True, None)
    assert scene.codes()[-1] == FAULTS[fault]
    scene.provider.faults = set()
    assert browser.walk().status_code == 200


def test_a_token_of_another_level_signs_nobody_in(scene: Scene) -> None:
    scene.provider.claims["acr"] = "0"
    assert (scene.browser().walk().status_code, scene.codes()[-1]) == (401, "token_level")


def test_somebody_without_an_account_is_refused_in_words_and_not_made(scene: Scene) -> None:
    scene.provider.claims = {"preferred_username": "stranger"}
    before = scene.stage.rows("SELECT count(*) FROM people")
    page = scene.browser().walk()
    assert (page.status_code, "you have no account in Garant" in page.text) == (401, True)
    assert scene.stage.rows("SELECT count(*) FROM people") == before
    assert scene.codes()[-1] == "account_unknown"
    assert "stranger" not in str(scene.stage.entries())


def test_a_claim_that_only_the_user_info_has_is_fetched_from_there(scene: Scene) -> None:
    scene.provider.claims, scene.provider.userinfo = {}, {"preferred_username": "dr.b"}
    browser = scene.browser()
    assert browser.walk().status_code == 200
    assert browser.whoami().json()["person"]["login"] == "dr.b"


def test_user_info_about_another_person_is_not_believed(scene: Scene) -> None:
    scene.provider.claims, scene.provider.userinfo = {}, {"preferred_username": "dr.b", "sub": "subject-2"}
    assert (scene.browser().walk().status_code, scene.codes()[-1]) == (401, "userinfo_of_another")


def test_a_code_comes_back_once(scene: Scene) -> None:
    browser = scene.browser()
    address = browser.return_address(browser.leave("/sign-in/oidc"))
    assert browser.client.get(address).status_code == 200
    again = browser.client.get(address)
    assert (again.status_code, "was used already" in again.text) == (401, True)


def test_a_way_that_another_browser_began_ends_nowhere(scene: Scene) -> None:
    victim, attacker = scene.browser(), scene.browser()
    address = attacker.return_address(attacker.leave("/sign-in/oidc"))
    victim.leave("/sign-in/oidc")
    assert (victim.client.get(address).status_code, victim.session) == (401, None)


def test_an_answer_of_another_provider_is_not_redeemed(scene: Scene) -> None:
    browser = scene.browser()
    address = browser.return_address(browser.leave("/sign-in/oidc"))
    page = browser.client.get(address.replace("realms", "other"))
    assert (page.status_code, scene.codes()[-1]) == (401, "answer_of_another_provider")


def test_who_cancels_reads_that_their_work_is_kept(scene: Scene) -> None:
    browser = scene.browser()
    state = parse_qs(urlsplit(browser.leave("/sign-in/oidc")).query)["state"][0]
    page = browser.client.get(f"/sign-in/oidc/callback?error=access_denied&state={state}")
    assert (page.status_code, "Your open work is kept" in page.text) == (401, True)


def test_a_provider_that_is_down_is_told_and_the_password_still_works(scene: Scene) -> None:
    scene.provider.faults = {"token_down"}
    browser = scene.browser()
    page = browser.walk()
    assert (page.status_code, "does not answer at the moment" in page.text, "Hospital account" in page.text) == (502, True, True)
    doctor = scene.stage.clinician("dr.b")
    signed_in = browser.client.post("/sign-in", data={"login": "dr.b", "password": doctor.password})
    assert (signed_in.status_code, browser.whoami().status_code) == (303, 200)


def test_new_keys_are_fetched_when_they_are_needed_and_not_for_every_unknown_one(scene: Scene) -> None:
    scene.provider.new_key("k2")
    assert scene.browser().walk().status_code == 200
    good = scene.provider.key
    scene.provider.new_key("k3")
    before = scene.provider.fetched.count("/keys")
    assert scene.browser().walk().status_code == 401
    assert scene.provider.fetched.count("/keys") == before
    scene.provider.key = good


@pytest.mark.parametrize("address", ["https://evil.example", "//evil.example", "/\\evil.example", "javascript:alert(1)", "%09//evil"])
def test_nobody_is_sent_to_another_site_afterwards(scene: Scene, address: str) -> None:
    page = scene.browser().walk(f"/sign-in/oidc?next={address}")
    assert (page.status_code, 'url=/"' in page.text, "evil" in page.text) == (200, True, False)


def test_no_token_is_kept_or_logged(scene: Scene) -> None:
    assert scene.browser().walk().status_code == 200
    tables = [row["tablename"] for row in scene.stage.rows("SELECT tablename FROM pg_tables WHERE schemaname = 'public'")]
    kept = [str(scene.stage.rows(f"SELECT t::text FROM {table} t")) for table in tables]  # noqa: S608 - our own tables
    assert not any("access-canary" in text or "eyJ" in text for text in kept)


def confirmed(scene: Scene, browser: Browser) -> tuple[int, bool]:
    """Status of a step-up, and whether the session's proof became newer."""
    before = browser.whoami().json()["authenticated_at"]
    page = browser.walk("/sign-in/oidc/step-up?next=/queue")
    return page.status_code, browser.whoami().json()["authenticated_at"] > before


@pytest.fixture
def browser(scene: Scene) -> Browser:
    browser = scene.browser()
    assert browser.walk().status_code == 200
    return browser


def test_a_proof_at_a_signature_is_a_new_one(scene: Scene, browser: Browser) -> None:
    """R5, RFC 9470."""
    assert confirmed(scene, browser) == (200, True)
    asked = scene.provider.asked[-1]
    assert (asked["max_age"], asked["prompt"], asked["acr_values"]) == ("0", "login", "eidas1")


@pytest.mark.parametrize(
    ("claims", "faults", "code"),
    [
        ({}, {"stale"}, "token_stale_proof"),
        ({"auth_time": None}, set(), "token_lacks_auth_time"),
        ({"acr": "0"}, set(), "token_level"),
        ({"amr": ["pwd"]}, set(), "token_methods"),
        ({"amr": None}, set(), "token_methods"),
    ],
)
def test_an_old_or_weaker_proof_confirms_nothing(
    scene: Scene, browser: Browser, claims: dict[str, object], faults: set[str], code: str
) -> None:
    """R5: a stale step-up is refused."""
    scene.provider.claims |= claims
    scene.provider.faults = faults
    assert confirmed(scene, browser) == (401, False)
    assert scene.codes()[-1] == code


def test_another_person_at_the_provider_confirms_nothing_here(scene: Scene, browser: Browser) -> None:
    scene.provider.claims = {"preferred_username": "dr.b"}
    assert confirmed(scene, browser) == (401, False)
    assert scene.codes()[-1] == "other_person"


def test_a_decision_rests_on_the_provider_s_new_proof(scene: Scene, browser: Browser) -> None:
    """R5: an old sign-in decides nothing, a fresh step-up does."""
    suggestion = waiting(scene, "refusing")
    csrf = {"x-csrf-token": browser.whoami().json()["csrf"]}
    shown = browser.client.post(f"/api/suggestions/{suggestion}/open", headers=csrf).json()
    decision = {"lease": shown["lease"], "shown_sha256": shown["shown_sha256"], "decision": "approve"}
    answers = [browser.client.post(f"/api/suggestions/{suggestion}/decision", json=decision, headers=csrf)]
    assert confirmed(scene, browser) == (200, True)
    answers.append(browser.client.post(f"/api/suggestions/{suggestion}/decision", json=decision, headers=csrf))
    assert [answer.status_code for answer in answers] == [403, 200]
    assert scene.stage.entries("signed_off")[-1]["auth"]["method"] == "oidc"


def waiting(scene: Scene, task: str, **headers: str) -> str:
    """A held case."""
    scene.stage.chat(task, replica=0, stream=False, **headers)
    return scene.stage.clinician("dr.b").waiting(task)


def test_a_health_record_opens_the_case_it_asks_for(scene: Scene) -> None:
    suggestion = waiting(scene, "pair", garant_case="encounter-17")
    scene.stage.rows("UPDATE people SET ehr_user = $1 WHERE login = 'dr.a'", f"{scene.provider.issuer}/Practitioner/7")
    scene.provider.claims = {"fhirUser": "Practitioner/7"}
    scene.provider.context = {"encounter": "encounter-17"}
    browser = scene.browser()
    page = browser.walk(f"/launch?iss={scene.provider.issuer}&launch=xyz")
    assert (page.status_code, f"url=/review/{suggestion}" in page.text) == (200, True)
    assert (scene.provider.asked[-1]["launch"], scene.provider.asked[-1]["aud"]) == ("xyz", scene.provider.issuer)
    scene.provider.context = {"encounter": "encounter-18"}
    page = scene.browser().walk(f"/launch?iss={scene.provider.issuer}&launch=xyz")
    assert ("url=/queue" in page.text, "Nothing waits for a signature in this record" in page.text) == (True, True)


def fresh(browser: Browser) -> bool:
    """Whether a signature or a passkey may rest on how this browser signed in."""
    proven = datetime.fromisoformat(browser.whoami().json()["authenticated_at"])
    return datetime.now(UTC) - proven < timedelta(minutes=15)


def test_no_signature_rests_on_a_sign_in_with_weaker_methods_than_it_demands(scene: Scene) -> None:
    """R5: `amr_values` are asked for at a signature; a policy's 15 minutes must not let a password in. The control: a second factor."""
    scene.provider.proven_seconds_ago, found = 1.0, []
    for used in (["pwd", "otp"], ["pwd"]):
        scene.provider.claims["amr"] = used
        browser = scene.browser()
        assert browser.walk().status_code == 200
        found.append(fresh(browser))
    assert found == [True, False]


def test_no_signature_rests_on_what_a_health_record_says(scene: Scene) -> None:
    scene.stage.rows("UPDATE people SET ehr_user = $1 WHERE login = 'dr.a'", f"{scene.provider.issuer}/Practitioner/7")
    scene.provider.claims, scene.provider.proven_seconds_ago = {"fhirUser": "Practitioner/7"}, 1.0
    browser = scene.browser()
    assert browser.walk(f"/launch?iss={scene.provider.issuer}&launch=xyz").status_code == 200
    assert (browser.whoami().json()["person"]["login"], fresh(browser)) == ("dr.a", False)


def test_a_health_record_speaks_for_its_own_users_alone(scene: Scene) -> None:
    scene.stage.rows("UPDATE people SET ehr_user = $1 WHERE login = 'dr.b'", f"{DEAD}/Practitioner/1")
    scene.provider.claims = {"fhirUser": f"{DEAD}/Practitioner/1"}
    browser = scene.browser()
    page = browser.walk(f"/launch?iss={scene.provider.issuer}&launch=xyz")
    assert (page.status_code, browser.session, scene.codes()[-1]) == (401, None, "user_of_another_record")


def test_a_health_record_that_is_not_configured_opens_nothing(scene: Scene) -> None:
    page = scene.browser().client.get("/launch?iss=https://evil.example/fhir&launch=xyz")
    assert (page.status_code, "not in its configuration" in page.text) == (403, True)


def test_a_health_record_that_is_down_is_told(scene: Scene) -> None:
    page = scene.browser().client.get(f"/launch?iss={DEAD}&launch=xyz")
    assert (page.status_code, "your open work is kept" in page.text) == (502, True)


def test_ways_that_are_begun_and_never_come_back_slow_their_address_and_no_known_device(scene: Scene) -> None:
    """Each is a row that a stranger may write; who comes back counts no longer, and who signed in there before is not counted at all."""
    known, stranger = scene.browser(), scene.browser()
    assert known.walk().status_code == 200
    assert stranger.client.get("/sign-in/oidc").status_code == 303
    assert 429 in (stranger.client.get("/sign-in/oidc").status_code for _ in range(FREE_WAYS + 8))  # the pause doubles from one second
    assert "Wait" in stranger.client.get("/sign-in/oidc").text
    known.client.cookies.delete("garant_session")
    assert known.walk().status_code == 200
    scene.stage.rows("DELETE FROM sign_in_attempts")
