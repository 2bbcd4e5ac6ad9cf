"""An identity provider that is down, in a real browser: said in words at the sign-in and at the signature, nothing lost, another way stays open."""

from __future__ import annotations

from typing import TYPE_CHECKING

import pytest

from tests.fakes.identity_provider import CLIENT, SECRET
from tests.stage import Stage, built
from tests.system import ward
from tests.system.provider import free_port
from tests.system.test_identity import KEYED, STALE, THOUGHTS
from tests.system.visitor import Visit

if TYPE_CHECKING:
    from collections.abc import Iterator

    from playwright.sync_api import Browser

SAID = {"en": "does not answer at the moment", "fr": "ne répond pas"}
WITH_PROVIDER = KEYED[KEYED.index("[identity]") :].replace('"passkey", ', "")
HELD = "SELECT state FROM suggestions WHERE id = $1::uuid"


@pytest.fixture(scope="module")
def gateway(postgres_server: str) -> Iterator[Stage]:
    """A gateway whose provider is an address where nobody listens."""
    with pytest.MonkeyPatch.context() as patch:
        patch.setenv("TEST_OIDC", SECRET)
        extra = ward.configuration() + WITH_PROVIDER.format(port=free_port(), client=CLIENT)
        for stage in built(postgres_server, extra=extra, environ={"TEST_OIDC": SECRET}):
            stage.model.scripts |= ward.scripts()
            yield stage


@pytest.fixture(params=["en", "fr"])
def seen(browser: Browser, gateway: Stage, request: pytest.FixtureRequest) -> Iterator[Visit]:
    visit = Visit.begin(browser, gateway, request.param, "light", script=True)
    visit.cut = True  # a bad gateway is what is asked for here
    yield visit
    visit.complaints = [one for one in visit.complaints if "status of 502" not in one]
    visit.end()
    gateway.rows(ward.CLEARED)


def test_the_sign_in_says_that_the_provider_is_away_and_the_password_still_works(seen: Visit) -> None:
    page = seen.page
    page.goto("/")
    page.get_by_role("link", name={"en": "Hospital account", "fr": "Compte du CHU"}[seen.language]).click()
    assert SAID[seen.language] in page.get_by_role("alert").inner_text()
    page.locator("input[name=login]").fill("dr.a")
    page.locator("input[name=password]").fill(seen.password())
    page.keyboard.press("Enter")
    page.wait_for_url("**/queue**")


def test_a_step_up_that_fails_signs_nothing_and_what_was_written_is_still_there(seen: Visit) -> None:
    waiting = ward.call(seen.stage)
    page = seen.open_case(waiting)
    seen.stage.rows(STALE)
    page.locator("#comment").fill(THOUGHTS)
    page.get_by_role("link", name={"en": "Confirm who I am", "fr": "Confirmer mon identité"}[seen.language]).click()
    page.get_by_text(SAID[seen.language]).wait_for()
    page.goto(f"/review/{waiting.id}")
    assert page.locator("#comment").input_value() == THOUGHTS
    assert (seen.stage.rows(HELD, waiting.id)[0]["state"], waiting.answers) == ("held", [])
