"""The bad input of people and of their enemies, on pages: refused in words in both languages, and logged."""

from __future__ import annotations

import re
from datetime import UTC, datetime
from typing import TYPE_CHECKING, Any
from uuid import UUID, uuid4

import httpx
import pytest

from gateway.identity.people import roles_changed
from gateway.identity.roles import COMMAND_LINE, Role
from tests.identity.provider_stage import Scene, opened_scene
from tests.web.browsing import field, held, opened, signed_in

if TYPE_CHECKING:
    from collections.abc import Iterator

    from tests.stage import Stage

FORGED = {"fr": "ne vient pas d&#39;une page de Garant", "en": "did not come from a page of Garant"}
REUSED = {"fr": "puis réutilisée ; cela a été journalisé", "en": "yet it was used again; that was logged"}
CHANGED = {"fr": "Votre compte a été modifié", "en": "Your account was changed"}
AWAY = {"fr": "ne répond pas pour l&#39;instant", "en": "does not answer at the moment"}
WHOSE = {"/administration": "it", "/log": "quality", "/custody": "quality"}
BEFORE_SIGNING_IN = {"/sign-in"}
"""Without a session there is no token; what another site sends there is refused by what the browser says of it (test_strangers)."""


def code_logged(stage: Stage) -> str:
    return str(stage.entries("denied")[-1]["detail"]["code"])


def posting(app: Any) -> list[str]:  # noqa: ANN401 - the application, with what FastAPI includes in it
    """Every page address that takes a form."""
    routes = [route for part in app.routes for route in getattr(part, "effective_route_contexts", lambda part=part: (part,))()]
    found = {route.path for route in routes if "POST" in (getattr(route, "methods", None) or ())}
    return sorted(path for path in found if not path.startswith("/api") and path not in BEFORE_SIGNING_IN)


def filled(path: str) -> str:
    """An address with something for each of its gaps."""
    acts = {"accounts": "close", "erasures": "confirm"}
    act = next((acts[part] for part in acts if part in path), "stop")
    known = {"act": act, "side": "input", "machine_id": "0" * 16, "system": "reader"}
    return re.sub(r"{(\w+)}", lambda gap: known.get(gap[1], str(uuid4())), path)


@pytest.mark.parametrize("language", ["fr", "en"])
def test_a_form_that_another_site_forged_does_nothing_at_any_address_and_is_logged(stage: Stage, language: str) -> None:
    app: Any = stage.replicas[0].app
    paths = posting(app.control)
    assert len(paths) > 30
    for path in paths:
        login = next((who for start, who in WHOSE.items() if path.startswith(start)), "dr.a")
        cookies, headers = {"garant_session": stage.clinician(login).token}, {"accept-language": language}
        answer = httpx.post(stage.base + filled(path), data={"csrf": "forged"}, cookies=cookies, headers=headers, timeout=20)
        said = answer.json()["detail"].replace("'", "&#39;") if "json" in answer.headers["content-type"] else answer.text
        assert (path, answer.status_code, FORGED[language] in said) == (path, 403, True)
        assert code_logged(stage) == "csrf_refused"


@pytest.mark.parametrize("language", ["fr", "en"])
def test_a_stolen_cookie_that_is_used_after_signing_out_is_told_and_logged(stage: Stage, browser: httpx.Client, language: str) -> None:
    signed_in(stage, browser, "dr.c")
    stolen = browser.cookies["garant_session"]
    browser.post("/sign-out", data={"csrf": field(browser.get("/queue"), "csrf")})
    stage.rows("UPDATE sessions SET reused_at = NULL")
    thief = {"headers": {"accept-language": language}, "cookies": {"garant_session": stolen}}
    page = httpx.get(f"{stage.base}/queue", follow_redirects=True, timeout=20, **thief)  # type: ignore[arg-type]
    assert (page.url.path, REUSED[language].replace("'", "&#39;") in page.text, code_logged(stage)) == ("/", True, "session_reused")


@pytest.mark.parametrize("language", ["fr", "en"])
def test_a_right_withdrawn_a_second_ago_signs_nothing_gives_the_text_back_and_is_logged(
    stage: Stage, browser: httpx.Client, language: str
) -> None:
    suggestion, _, _ = held(stage, "calm")
    signed_in(stage, browser, "dr.s")
    stage.rows("UPDATE people SET profession = 'doctor' WHERE login = 'dr.s'")
    page = opened(browser, suggestion)
    sent = {name: field(page, name) for name in ("csrf", "lease", "shown_sha256")}
    replica = stage.replicas[0]
    app: Any = replica.app
    person, _ = replica.run(app.control.state.parts.people.by_login("dr.s"))
    for role in (Role.QUALITY, Role.CLINICIAN):  # withdrawn, and given back for the other language
        change = roles_changed(person, frozenset({role}), person.groups, stage.keys, COMMAND_LINE, datetime.now(UTC))
        replica.run(app.parts.writer.append(change))
        person, _ = replica.run(app.control.state.parts.people.by_login("dr.s"))
    typed = {**sent, "decision": "approve", "comment": "half a page of thoughts"}
    headers = {"accept-language": language}
    answer = browser.post(f"/review/{suggestion}/decision", data=typed, headers=headers)
    assert (answer.status_code, CHANGED[language] in answer.text, "half a page of thoughts" in answer.text) == (401, True, True)
    assert code_logged(stage) == "session_changed"
    assert stage.rows("SELECT state FROM suggestions WHERE id = $1", UUID(suggestion))[0]["state"] == "held"


@pytest.fixture(scope="module")
def scene(postgres_server: str) -> Iterator[Scene]:
    for one in opened_scene(postgres_server):
        yield one
        one.close()


@pytest.mark.parametrize("language", ["fr", "en"])
def test_a_provider_that_goes_down_during_the_sign_in_is_told_and_logged_and_the_password_still_works(scene: Scene, language: str) -> None:
    scene.provider.faults = {"token_down"}
    browser = scene.browser()
    browser.client.headers["accept-language"] = language
    page = browser.walk()
    scene.provider.faults = set()
    assert (page.status_code >= 500, AWAY[language] in page.text, 'name="password"' in page.text) == (True, True, True)
    assert scene.codes()[-1].startswith("provider_")
    known = {"login": "dr.b", "password": scene.stage.clinician("dr.b").password}
    assert browser.client.post("/sign-in", data=known).status_code == 303


@pytest.mark.parametrize("language", ["fr", "en"])
def test_a_provider_that_is_down_at_a_signature_is_told_beside_what_one_had_open_and_logged(
    scene: Scene, language: str, monkeypatch: pytest.MonkeyPatch
) -> None:
    app: Any = scene.stage.replicas[0].app
    elsewhere = app.control.state.parts.elsewhere
    with httpx.Client(base_url=scene.stage.base, headers={"accept-language": language}, timeout=20) as browser:
        browser.cookies.set("garant_session", scene.stage.clinician("dr.a").token)
        monkeypatch.setattr(elsewhere, "_documents", Down())
        page = browser.get("/sign-in/oidc/step-up?next=/queue")
    assert (page.status_code, AWAY[language] in page.text) == (502, True)
    act = scene.stage.entries("auth_failed")[-1]["detail"]["act"]
    assert act == "step_up:provider_unreachable"


class Down:
    """The provider's documents while nobody answers."""

    async def metadata(self, _source: object) -> object:
        """Nobody answers."""
        from gateway.errors import UpstreamFailed  # noqa: PLC0415

        message = "The provider could not be reached."
        raise UpstreamFailed(message, code="provider_unreachable")
