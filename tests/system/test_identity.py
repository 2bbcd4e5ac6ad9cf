"""Proving who one is, in a real browser: a provider written by others signs in and confirms, a passkey signs the decision itself (R5)."""

from __future__ import annotations

from functools import partial
from typing import TYPE_CHECKING
from urllib.parse import parse_qsl

import httpx
import pytest
from typer.testing import CliRunner

from gateway.cli import app
from tests.conftest import apart
from tests.custody.ground import another
from tests.fakes.identity_provider import CLIENT, SECRET
from tests.stage import ENVIRONMENT, Stage, built, eventually
from tests.system import ward
from tests.system.conftest import SWITCHES, chromium
from tests.system.provider import free_port, provider
from tests.system.visitor import COOKIE, Visit

if TYPE_CHECKING:
    from collections.abc import Iterator
    from pathlib import Path

    from playwright.sync_api import Browser, CDPSession, Page

ORIGIN = "http://localhost:8080"
KEYED = """
[[policies]]
id = "keyed"
guard_seconds = 0
reauthenticate_with = ["passkey"]
[[tasks]]
id = "keyed"
kind = "diagnosis"
policy = "keyed"
profession = "doctor"
[[routes]]
system = "chest-reader"
task = "keyed"
wait_seconds = 20
[identity]
methods = ["password", "passkey", "oidc"]
[identity.oidc]
issuer = "http://127.0.0.1:{port}"
client_id = "{client}"
secret_env = "TEST_OIDC"
name = {{ fr = "Compte du CHU", en = "Hospital account" }}
"""
VIRTUAL = {"protocol": "ctap2", "transport": "internal", "hasResidentKey": True, "hasUserVerification": True, "isUserVerified": True}
THOUGHTS = "Half a page of thoughts about this lung."
STALE = "UPDATE sessions SET authenticated_at = now() - interval '20 minutes'"


@pytest.fixture(scope="module")
def port() -> Iterator[int]:
    number = free_port()
    with provider(number, f"{ORIGIN}/sign-in/oidc/callback"):
        yield number


@pytest.fixture(scope="module")
def gateway(postgres_server: str, port: int) -> Iterator[Stage]:
    environ = {"GARANT_PUBLIC_URL": ORIGIN, "TEST_OIDC": SECRET}
    with pytest.MonkeyPatch.context() as patch:
        patch.setenv("TEST_OIDC", SECRET)
        for stage in built(postgres_server, extra=ward.configuration() + KEYED.format(port=port, client=CLIENT), environ=environ):
            stage.model.scripts |= ward.scripts()
            yield stage


@pytest.fixture(scope="module")
def resolving(browser: Browser, gateway: Stage) -> Iterator[Browser]:
    """A browser for which the gateway's public address leads to the gateway."""
    rules = f"--host-resolver-rules=MAP localhost:8080 127.0.0.1:{gateway.replicas[0].port}"
    started = browser.browser_type.launch(executable_path=chromium(), args=[*SWITCHES, rules])
    yield started
    started.close()


@pytest.fixture
def seen(resolving: Browser, gateway: Stage, port: int) -> Iterator[Visit]:
    visit = Visit.begin(resolving, gateway, "en", "light", script=True, base=ORIGIN, friends=frozenset({f"127.0.0.1:{port}"}))
    yield visit
    visit.end()
    gateway.rows(ward.CLEARED)


def at_provider(page: Page, login: str, back: str) -> None:
    """Answer the provider's forms: who one is, and that Garant may know it."""
    page.locator("input[name=login]").wait_for()
    page.locator("input[name=login]").fill(login)
    page.locator("input[name=password]").fill("x")
    page.locator("button[type=submit]").click()
    consent = page.locator("input[value=consent]")
    consent.or_(page.locator("link[href^='/static/']").first).wait_for(state="attached")
    if consent.count():
        page.locator("button[type=submit]").click()
    page.wait_for_url(back)


def authenticator(page: Page, *, verified: bool = True) -> tuple[CDPSession, str]:
    """Give the browser an authenticator whose user is there, or not."""
    devtools = page.context.new_cdp_session(page)
    devtools.send("WebAuthn.enable")
    made = devtools.send("WebAuthn.addVirtualAuthenticator", {"options": {**VIRTUAL, "isUserVerified": verified}})
    return devtools, str(made["authenticatorId"])


def with_passkey(seen: Visit, login: str = "dr.a") -> tuple[CDPSession, str]:
    """Signed in, with a passkey of this browser."""
    seen.stage.rows(
        "UPDATE passkeys SET removed_at = now() WHERE removed_at IS NULL AND person_id = (SELECT id FROM people WHERE login = $1)", login
    )
    page = seen.come(login, "/account")
    seen.stage.rows("UPDATE sessions SET authenticated_at = now()")
    page.reload()
    key = authenticator(page)
    page.get_by_label("Name of the passkey").fill("desk")
    page.get_by_role("button", name="Add a passkey").click()
    page.get_by_role("rowheader", name="desk").wait_for()
    return key


def test_a_provider_written_by_others_signs_in(seen: Visit) -> None:
    page = seen.page
    page.goto("/")
    page.get_by_role("link", name="Hospital account").click()
    at_provider(page, "dr.a", "**/queue")
    assert page.get_by_role("link", name="Dr dr.a").is_visible()
    assert eventually(partial(seen.stage.entries, "auth_ok"))[-1]["auth"]["method"] == "oidc"


def test_a_stranger_to_garant_is_refused_in_words(seen: Visit) -> None:
    page = seen.page
    page.goto("/")
    page.get_by_role("link", name="Hospital account").click()
    at_provider(page, "stranger", "**/callback**")
    assert page.get_by_role("alert").inner_text() != ""
    assert page.get_by_role("link", name="Queue").count() == 0


def test_the_provider_confirms_a_signature_and_what_was_written_is_still_there(seen: Visit) -> None:
    waiting = ward.call(seen.stage)
    page = seen.open_case(waiting)
    seen.stage.rows(STALE)
    page.locator("#comment").fill(THOUGHTS)
    page.get_by_role("link", name="Confirm who I am").click()
    at_provider(page, "dr.a", f"**/review/{waiting.id}")
    assert page.get_by_text("Identity confirmed").is_visible()
    assert page.locator("#comment").input_value() == THOUGHTS
    seen.armed()
    page.keyboard.press("a")
    page.keyboard.press("s")
    page.wait_for_url("**/queue?after=*")
    entry = seen.stage.entries("signed_off")[-1]
    assert (entry["suggestion"], entry["auth"]["method"]) == (waiting.id, "oidc")


def test_somebody_else_s_confirmation_signs_nothing(seen: Visit) -> None:
    waiting = ward.call(seen.stage)
    page = seen.open_case(waiting)
    seen.stage.rows(STALE)
    page.get_by_role("link", name="Confirm who I am").click()
    at_provider(page, "dr.b", "**/callback**")
    assert page.get_by_role("alert").inner_text() != ""
    assert seen.stage.rows("SELECT state FROM suggestions WHERE id = $1::uuid", waiting.id)[0]["state"] == "held"


def test_a_passkey_signs_the_decision_on_its_page_and_anybody_can_verify_it_later(seen: Visit, tmp_path: Path) -> None:
    with_passkey(seen)
    waiting = ward.call(seen.stage, "keyed")
    page = seen.open_case(waiting)
    page.keyboard.press("a")
    page.keyboard.press("s")
    page.wait_for_url("**/queue?after=*")
    entry = seen.stage.entries("signed_off")[-1]
    assert (entry["suggestion"], entry["auth"]["method"], waiting.answer().status_code) == (waiting.id, "passkey", 200)
    assert "assertion" in entry["commitments"]
    assert apart(audited, seen.stage, tmp_path / "log") == [0, 1], "verified as exported, and not with another decision in it"


def audited(stage: Stage, folder: Path) -> list[int]:
    """How `garant audit verify` ends on an exported log, and on the same with a changed assertion."""
    config, key = stage.settings.keys_directory.parent / "garant.toml", stage.settings.keys_directory / "log.vkey"
    environ = {
        "GARANT_CONFIG": str(config),
        "GARANT_DATABASE_URL": stage.url,
        "GARANT_PUBLIC_URL": ORIGIN,
        "TEST_OIDC": SECRET,
        **ENVIRONMENT,
    }
    made = CliRunner().invoke(app, ["audit", "export", str(folder)], env=environ)
    assert made.exit_code == 0, made.output
    endings = [CliRunner().invoke(app, ["audit", "verify", str(folder), "--key", str(key)]).exit_code]
    path = folder / "assertions.jsonl"
    path.write_text(path.read_text(encoding="utf-8").replace("approve", "reject_"), encoding="utf-8")
    return [*endings, CliRunner().invoke(app, ["audit", "verify", str(folder), "--key", str(key)]).exit_code]


def test_an_assertion_signs_one_decision_and_no_other(seen: Visit) -> None:
    with_passkey(seen)
    first, second = ward.call(seen.stage, "keyed"), ward.call(seen.stage, "keyed")
    page = seen.open_case(first)
    page.keyboard.press("a")
    with page.expect_request("**/decision") as sent:
        page.keyboard.press("s")
    page.wait_for_url(f"**/review/{second.id}?after=*")
    form = dict(parse_qsl(str(sent.value.post_data), keep_blank_values=True))
    form |= {name: page.locator(f"#decide [name={name}]").first.input_value() for name in ("csrf", "lease", "shown_sha256")}
    with httpx.Client(base_url=seen.stage.base, cookies={COOKIE: seen.stage.clinician().token}, timeout=20) as client:
        again = client.post(f"/review/{second.id}/decision", data=form)
    assert (again.status_code, seen.stage.entries("auth_failed")[-1]["detail"]["act"]) == (401, "passkey:replayed")
    assert seen.stage.rows("SELECT state FROM suggestions WHERE id = $1::uuid", second.id)[0]["state"] == "held"


def test_an_authenticator_that_does_not_answer_signs_nothing_and_the_page_says_so(seen: Visit) -> None:
    devtools, key = with_passkey(seen)
    waiting = ward.call(seen.stage, "keyed")
    page = seen.open_case(waiting)
    devtools.send("WebAuthn.setUserVerified", {"authenticatorId": key, "isUserVerified": False})
    page.locator("#comment").fill(THOUGHTS)
    page.locator("[value=approve]").check()
    page.locator(".sign").click()
    page.locator("[data-passkey-problem]").wait_for()
    assert "cancelled" in page.locator("[data-passkey-problem]").inner_text()
    assert page.locator("#comment").input_value() == THOUGHTS
    assert seen.stage.rows("SELECT state FROM suggestions WHERE id = $1::uuid", waiting.id)[0]["state"] == "held"


def test_who_has_only_a_passkey_confirms_with_it_on_the_account_s_page(seen: Visit) -> None:
    devtools, key = with_passkey(seen)
    seen.stage.rows(STALE)
    page = seen.come(path="/account")
    button = page.get_by_role("button", name="Confirm with my passkey")
    assert page.get_by_role("button", name="Add a passkey").count() == 0
    devtools.send("WebAuthn.setUserVerified", {"authenticatorId": key, "isUserVerified": False})
    button.click()
    page.locator("[data-passkey-problem]").wait_for()
    devtools.send("WebAuthn.setUserVerified", {"authenticatorId": key, "isUserVerified": True})
    assert seen.violations() == []
    button.click()
    page.get_by_role("button", name="Add a passkey").wait_for()
    assert seen.stage.entries("auth_ok")[-1]["auth"]["method"] == "passkey"


def test_two_people_erase_a_case_each_by_passkey(seen: Visit, resolving: Browser) -> None:
    """Neither types a password, and neither's sign-in is fresh: each proof is the passkey's, made for this one act (R26)."""
    stage, waiting = seen.stage, ward.call(seen.stage)
    stage.clinician().decide(waiting.id, "approve")
    case = str(stage.rows("SELECT case_id FROM suggestions WHERE id = $1::uuid", waiting.id)[0]["case_id"])
    apart(another, stage, "quality.2")
    second = Visit.begin(resolving, stage, "en", "light", script=True, base=ORIGIN)
    first_page, second_page = (custody(one, login) for one, login in ((seen, "quality"), (second, "quality.2")))
    first_page.get_by_text("Ask to erase a case").click()
    asking = first_page.locator("form[action='/custody/erasures']")
    asking.get_by_label("Case (id)").fill(case)
    asking.get_by_label("Legal basis").select_option("wrong_patient")
    asking.get_by_role("button", name="Ask").click()
    first_page.get_by_text("another person has to confirm it").wait_for()
    second_page.reload()
    second_page.get_by_role("button", name=f"Erase for good: {case}").click()
    second_page.get_by_role("row").filter(has_text=case).wait_for()
    second.end()
    asked, done = stage.entries("config_changed")[-1], stage.entries("erased")[-1]
    assert [(one["case"], one["auth"]["method"]) for one in (asked, done)] == [(case, "passkey")] * 2
    assert asked["actor"] == done["detail"]["requested_by"] != done["actor"]
    assert stage.rows("SELECT count(*) AS n FROM payloads WHERE suggestion_id = $1::uuid", waiting.id)[0]["n"] == 0
    assert stage.verified().ok


def custody(seen: Visit, login: str) -> Page:
    """At the page of erasures, with a passkey and with a sign-in that is too old to count."""
    with_passkey(seen, login)
    seen.stage.rows(STALE)
    seen.page.goto("/custody")
    return seen.page
