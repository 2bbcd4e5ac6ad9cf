"""An establishment where everybody signs in with its provider: accounts are confirmed, and no password proves anything."""

from __future__ import annotations

import re
from typing import TYPE_CHECKING, Any

import pytest

from tests.identity.provider_stage import Browser, Scene, opened_scene
from tests.signoff.cases import new_case

if TYPE_CHECKING:
    from collections.abc import Iterator

    import httpx

WISH = {"login": "dr.new", "name": "Dr New", "profession": "doctor", "roles": ["clinician"]}


@pytest.fixture(scope="module")
def scene(postgres_server: str) -> Iterator[Scene]:
    for opened in opened_scene(postgres_server, '["oidc"]'):
        yield opened
        opened.close()


def asked(who: Browser, path: str, body: object = None) -> httpx.Response:
    return who.client.post(f"/api{path}", json=body, headers={"x-csrf-token": who.whoami().json()["csrf"]})


def opening(who: Browser, scene: Scene) -> tuple[int, str]:
    answer = asked(who, f"/suggestions/{new_case(scene.stage)}/open")
    return answer.status_code, answer.json().get("code", "")


def test_who_has_only_a_provider_identity_is_confirmed_on_a_colleague_s_page_and_signs(scene: Scene) -> None:
    """The control: nobody opens a case before."""
    made: dict[str, Any] = asked(scene.signed_in("it"), "/people", WISH).json()
    doctor, colleague = scene.signed_in("dr.new"), scene.signed_in("dr.a")
    assert opening(doctor, scene) == (403, "person_unconfirmed")
    page = colleague.client.get("/account").text
    [csrf, *_] = re.findall(r'name="csrf" value="([^"]+)"', page)
    assert ("Dr New" in page, "I saw them sign in with the establishment&#39;s service." in page, "choose their password" in page) == (
        True,
        True,
        False,
    )
    ticked = {"csrf": csrf, "i_know_this_person": "yes", "i_saw_them_sign_in": "yes"}
    assert colleague.client.post(f"/account/people/{made['person']['id']}/confirm", data=ticked).status_code == 303
    assert opening(doctor, scene) == (200, "")


def test_a_password_that_an_account_has_still_neither_confirms_nor_begins_anything(scene: Scene) -> None:
    """Hospital IT knows the one-time password; somebody's open session must not be strengthened by it."""
    doctor, known = scene.signed_in("dr.b"), scene.stage.one_time["dr.b"]
    tried = [
        asked(doctor, "/session/reauthenticate", {"proof": known}),
        asked(doctor, "/password", {"current": known, "new": "seven herons over the canal"}),
        asked(doctor, "/session", {"login": "dr.b", "password": known}),
    ]
    assert [(answer.status_code, answer.json()["code"]) for answer in tried] == [(403, "passwords_off")] * 3
    assert doctor.whoami().status_code == 200
