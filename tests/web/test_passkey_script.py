"""The script that asks an authenticator, in a real browser with a virtual one: a key is added, and a cancelled one is told."""

from __future__ import annotations

import os
from concurrent.futures import ThreadPoolExecutor
from typing import TYPE_CHECKING, TypeVar
from uuid import UUID

import pytest
from playwright.sync_api import sync_playwright

from tests.identity.passkey_stage import ORIGIN, Desk, opened_stage
from tests.stage import eventually

if TYPE_CHECKING:
    from collections.abc import Callable, Iterator

    from playwright.sync_api import Page

    from tests.stage import Stage

T = TypeVar("T")
CHROMIUM = os.environ.get("GARANT_CHROMIUM", "/usr/bin/chromium")
VIRTUAL = {"protocol": "ctap2", "transport": "internal", "hasResidentKey": True, "hasUserVerification": True, "isUserVerified": True}


@pytest.fixture(scope="module")
def gateway(postgres_server: str) -> Iterator[Stage]:
    yield from opened_stage(postgres_server)


@pytest.fixture
def page(gateway: Stage) -> Iterator[Page]:
    rules = f"--host-resolver-rules=MAP localhost 127.0.0.1:{gateway.replicas[0].port}, EXCLUDE 127.0.0.1"
    with sync_playwright() as playwright:
        arguments = ["--no-sandbox", "--disable-gpu", "--disable-background-networking", "--no-first-run", rules]
        browser = playwright.chromium.launch(executable_path=CHROMIUM, args=arguments)
        yield browser.new_page(locale="en-GB")
        browser.close()


def at_account(gateway: Stage, page: Page) -> list[str]:
    """Sign in and go to the account; returns the list into which the browser's complaints go."""
    doctor, complaints = gateway.clinician(), []
    page.on("console", lambda said: complaints.append(said.text))
    page.goto(f"{ORIGIN}/account")
    page.get_by_label("Login").fill("dr.a")
    page.get_by_label("Password").fill(doctor.password)
    page.get_by_role("button", name="Sign in").click()
    page.wait_for_url("**/account")
    return complaints


def aside(work: Callable[..., T], *arguments: object) -> T:
    """Do it on another thread: the browser's driver holds an event loop on this one."""
    with ThreadPoolExecutor(1) as pool:
        return pool.submit(work, *arguments).result(60)


def authenticator(page: Page, *, verified: bool = True) -> None:
    """Give the browser an authenticator whose user is there, or not."""
    devtools = page.context.new_cdp_session(page)
    devtools.send("WebAuthn.enable")
    devtools.send("WebAuthn.addVirtualAuthenticator", {"options": {**VIRTUAL, "isUserVerified": verified}})


def test_a_key_is_added_by_the_script_under_the_strict_policy(gateway: Stage, page: Page) -> None:
    complaints = at_account(gateway, page)
    authenticator(page)
    page.get_by_label("Name of the passkey").fill("desk")
    page.get_by_role("button", name="Add a passkey").click()
    page.get_by_role("rowheader", name="desk").wait_for()
    assert not any("Security Policy" in said for said in complaints)
    assert aside(gateway.entries, "config_changed")[-1]["detail"]["change"] == "passkey_added"


def test_a_key_whose_user_is_not_verified_is_not_added_and_the_page_says_so(gateway: Stage, page: Page) -> None:
    at_account(gateway, page)
    authenticator(page, verified=False)
    page.get_by_label("Name of the passkey").fill("stranger")
    page.get_by_role("button", name="Add a passkey").click()
    page.get_by_role("alert").wait_for()
    assert "did not answer, or it was cancelled" in page.get_by_role("alert").inner_text()
    assert page.get_by_role("rowheader", name="stranger").count() == 0


def test_a_decision_s_form_is_signed_by_the_script(gateway: Stage, page: Page) -> None:
    at_account(gateway, page)
    authenticator(page)
    page.get_by_label("Name of the passkey").fill("signer")
    page.get_by_role("button", name="Add a passkey").click()
    page.get_by_role("rowheader", name="signer").wait_for()
    suggestion, lease, shown = opened(gateway)
    page.evaluate(FORM, [suggestion, lease, shown])
    page.get_by_role("button", name="Approve").click()
    page.wait_for_url("**/queue**")
    entry = aside(gateway.entries, "signed_off")[-1]
    assert (entry["suggestion"], entry["auth"]["method"]) == (suggestion, "passkey")
    assert aside(gateway.verified).ok


def opened(gateway: Stage) -> tuple[str, str, str]:
    """A held case that is open for dr.a: suggestion, lease, digest of what is shown."""
    gateway.chat("refusing")
    suggestion = gateway.clinician().waiting("refusing")
    shown = gateway.api(gateway.clinician(), "POST", f"/suggestions/{suggestion}/open", {}).json()
    return suggestion, shown["lease"], shown["shown_sha256"]


FORM = """
([suggestion, lease, shown]) => {
  const form = document.createElement("form");
  form.method = "post";
  form.action = `/review/${suggestion}/decision`;
  form.dataset.passkeyOptions = `/review/${suggestion}/passkey-options`;
  const csrf = document.querySelector("input[name=csrf]").value;
  for (const [name, value] of Object.entries({ csrf, lease, shown_sha256: shown, assertion: "" })) {
    const field = Object.assign(document.createElement("input"), { type: "hidden", name, value });
    form.append(field);
  }
  const button = Object.assign(document.createElement("button"), { name: "decision", value: "approve", textContent: "Approve" });
  form.append(button);
  document.querySelector("main").append(form);
}
"""


def test_signing_out_leaves_no_unsent_text_to_the_next_person_at_the_workstation(gateway: Stage, page: Page) -> None:
    """The control: a page that is loaded again keeps it."""
    complaints = at_account(gateway, page)
    page.evaluate("sessionStorage.setItem(`garant.${document.body.dataset.person}.draft.1`, 'Mme Martin')")
    page.reload()
    assert "Mme Martin" in page.evaluate("JSON.stringify(sessionStorage)")
    page.get_by_role("button", name="Sign out").click()
    page.get_by_label("Login").wait_for()
    assert (page.evaluate("JSON.stringify(sessionStorage)"), complaints) == ("{}", [])


def test_a_case_page_that_is_left_without_a_decision_tells_its_time_as_it_goes(gateway: Stage, page: Page) -> None:
    desk = Desk(gateway)
    suggestion, _ = aside(desk.opened)
    at_account(gateway, page)
    page.goto(f"{ORIGIN}/review/{suggestion}")
    page.locator("[data-case]").wait_for()
    page.wait_for_timeout(2200)
    page.goto(f"{ORIGIN}/account")
    query = "SELECT act, raw FROM active_times WHERE suggestion_id = $1"
    [told] = aside(eventually, lambda: gateway.rows(query, UUID(suggestion)))
    assert (told["act"], 1 <= told["raw"] < 10) == ("left", True)
