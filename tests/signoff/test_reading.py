"""The limits of the right to sign hold for reading: every way to what was decided, walked by a clinician of another site."""

from __future__ import annotations

from typing import TYPE_CHECKING, Any
from uuid import uuid4

import httpx
import pytest

from tests.signoff.cases import new_case
from tests.stage import Stage, built, eventually

if TYPE_CHECKING:
    from collections.abc import Iterator


COMMENT = "canary words about this patient"
SHOWING = (
    "/api/suggestions/{suggestion}",
    "/api/suggestions/{suggestion}/open",
    "/api/suggestions/{suggestion}/signatures",
    "/api/suggestions/{suggestion}/colleagues",
    "/api/suggestions/{suggestion}/record.json",
    "/api/suggestions/{suggestion}/record.pdf",
    "/api/suggestions/{suggestion}/record.fhir.json",
    "/audit/case/{case}",
    "/review/{suggestion}",
    "/review/{suggestion}/hand-over",
    "/review/{suggestion}/media/{side}/{number}",
)
"""Every GET address of one case for people who are no readers of the log; a new one has to be named here, and is walked."""
NOT_OPEN = {"/api/suggestions/{suggestion}/open", "/review/{suggestion}/hand-over", "/review/{suggestion}/media/{side}/{number}"}
"""Addresses of a case that one has open: what was decided is not among it, so they end with it for everybody."""
OF_THE_LOG = "/log/"
LIMITS = {
    "other_site": "UPDATE people SET sites = ARRAY['north'] WHERE login = 'dr.b'",
    "other_profession": "UPDATE people SET profession = 'nurse' WHERE login = 'dr.b'",
    "person_unconfirmed": "UPDATE people SET unconfirmed_since = now(), unconfirmed_by = 'Dr it' WHERE login = 'dr.b'",
}
BACK = "UPDATE people SET sites = '{}', profession = 'doctor', unconfirmed_since = NULL, unconfirmed_by = '' WHERE login = 'dr.b'"


@pytest.fixture(scope="module")
def shared(postgres_server: str) -> Iterator[Stage]:
    """The log is published at once, so that a case's proof is there."""
    yield from built(postgres_server, extra="[publication]\ninterval_seconds = 0.1\n")


@pytest.fixture
def decided(stage: Stage) -> Iterator[dict[str, str]]:
    """A rejected case with a comment: its addresses' parts."""
    suggestion = new_case(stage)
    stage.clinician().decide(suggestion, "reject", reason="other", comment=COMMENT)
    case = stage.rows("SELECT case_id FROM suggestions WHERE id = $1", suggestion)[0]["case_id"]
    stage.clinician("dr.b")
    yield {"suggestion": suggestion, "case": str(case), "side": "input", "number": "0"}
    stage.rows(BACK)


def asked(stage: Stage, path: str, parts: dict[str, str], login: str = "dr.b", language: str = "en") -> httpx.Response:
    token = stage.clinician(login).token
    who = {"headers": {"authorization": f"Bearer {token}", "accept-language": language}}
    if not path.startswith(("/api", "/audit")):
        who = {"headers": {"accept-language": language}, "cookies": {"garant_session": token}}
    return httpx.get(stage.base + path.format(**parts), timeout=20, **who)  # type: ignore[arg-type]


def addresses(app: Any) -> set[str]:  # noqa: ANN401 - the application, with what FastAPI includes in it
    """The GET addresses of the application that name one case or suggestion."""
    routes = [route for part in app.routes for route in getattr(part, "effective_route_contexts", lambda part=part: (part,))()]
    found = {route.path for route in routes if "GET" in (getattr(route, "methods", None) or ())}
    return {path for path in found if "{suggestion}" in path or "{case}" in path}


def test_every_address_of_a_case_is_walked(stage: Stage) -> None:
    """So that nobody adds a way to read what these tests do not know."""
    app: Any = stage.replicas[0].app
    assert {path for path in addresses(app.control) if not path.startswith(OF_THE_LOG)} == set(SHOWING)


@pytest.mark.parametrize("path", SHOWING)
@pytest.mark.parametrize("code", LIMITS)
def test_a_clinician_whose_right_does_not_reach_it_reads_nothing_is_told_why_and_that_is_logged(
    stage: Stage, decided: dict[str, str], path: str, code: str
) -> None:
    stage.rows(LIMITS[code])
    answer = asked(stage, path, decided)
    assert (answer.status_code in {403, *({404, 409} if path in NOT_OPEN else ())}, COMMENT in answer.text) == (True, False)
    if path not in NOT_OPEN:
        told = "gave your account its way in" if code == "person_unconfirmed" else "You may not read this case"
        assert told in answer.text
        entry = stage.entries("denied")[-1]
        assert (entry["detail"]["code"], entry.get("suggestion")) == (code, decided["suggestion"])


@pytest.mark.parametrize("path", sorted(set(SHOWING) - NOT_OPEN))
def test_the_same_colleague_of_the_same_site_reads_it(stage: Stage, decided: dict[str, str], path: str) -> None:
    """The control."""
    assert eventually(lambda: asked(stage, path, decided).status_code == 200)


def test_it_is_told_in_french_and_says_whom_to_ask(stage: Stage, decided: dict[str, str]) -> None:
    stage.rows(LIMITS["other_site"])
    for path in ("/api/suggestions/{suggestion}/signatures", "/review/{suggestion}"):
        answer = asked(stage, path, decided, language="fr")
        assert "Vous ne pouvez pas lire ce dossier" in answer.text
        assert "Adressez-vous à un collègue de ce site" in answer.text


def test_who_signed_reads_what_they_signed_wherever_they_work_now(stage: Stage, decided: dict[str, str]) -> None:
    stage.rows("UPDATE people SET sites = ARRAY['north'] WHERE login = 'dr.a'")
    try:
        answer = asked(stage, "/api/suggestions/{suggestion}/signatures", decided, login="dr.a")
    finally:
        stage.rows("UPDATE people SET sites = '{}' WHERE login = 'dr.a'")
    assert (answer.status_code, answer.json()[0]["comment"]) == (200, COMMENT)


def test_the_quality_department_reads_everywhere(stage: Stage, decided: dict[str, str]) -> None:
    stage.clinician("quality")
    stage.rows("UPDATE people SET sites = ARRAY['north'] WHERE login = 'quality'")
    try:
        assert asked(stage, "/api/suggestions/{suggestion}/signatures?reason=complaint", decided, login="quality").status_code == 200
    finally:
        stage.rows("UPDATE people SET sites = '{}' WHERE login = 'quality'")


def test_a_case_that_waits_elsewhere_is_in_no_queue_and_opens_for_nobody_of_another_site(stage: Stage, decided: dict[str, str]) -> None:
    assert decided
    waiting = new_case(stage)
    who = stage.clinician("dr.b")
    stage.rows(LIMITS["other_site"])
    queue = stage.api(who, "GET", "/queue").json()
    assert (queue["total"], queue["facets"]["task"]) == (0, {})
    opened = stage.api(who, "POST", f"/suggestions/{waiting}/open", {})
    assert (opened.status_code, opened.json()["code"]) == (403, "other_site")
    assert stage.api(who, "GET", f"/suggestions/{waiting}/open").json()["code"] == "other_site"
    assert stage.entries("denied")[-1]["detail"]["code"] == "other_site"


def test_at_the_bedside_the_emergency_of_a_waiting_case_stays_open_to_every_clinician(stage: Stage, decided: dict[str, str]) -> None:
    """R17: where a case waits nothing was decided that could be read; releasing it shows its content to the caller alone."""
    assert decided
    waiting = {**decided, "suggestion": new_case(stage)}
    stage.rows(LIMITS["other_site"])
    page = asked(stage, "/review/{suggestion}", waiting)
    assert (page.status_code, f"/review/{waiting['suggestion']}/emergency" in page.text) == (200, True)
    path = f"/suggestions/{waiting['suggestion']}/break-glass"
    assert stage.api(stage.clinician("dr.b"), "POST", path, {"reason": "vital_risk"}).status_code == 200


def test_a_case_that_does_not_exist_says_so(stage: Stage) -> None:
    assert asked(stage, "/api/suggestions/{suggestion}/signatures", {"suggestion": str(uuid4())}).status_code == 404
