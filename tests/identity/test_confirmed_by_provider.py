"""Password and provider are both offered: who never uses the one-time password is confirmed too, and it is no way in afterwards."""

from __future__ import annotations

import re
from typing import TYPE_CHECKING, Any

import httpx
import pytest

from tests.identity.provider_stage import Browser, Scene, opened_scene
from tests.signoff.cases import new_case

if TYPE_CHECKING:
    from collections.abc import Iterator

KNOW, SAW = {"i_know_this_person": True}, {"i_saw_them_sign_in": True}
CHOSE = {"i_saw_them_choose_their_password": True}


@pytest.fixture(scope="module")
def scene(postgres_server: str) -> Iterator[Scene]:
    for opened in opened_scene(postgres_server):
        yield opened
        opened.close()


def made(scene: Scene, login: str) -> tuple[str, str]:
    """An account by hospital IT: its id, and the one-time password that IT knows."""
    wish = {"login": login, "name": "Dr New", "profession": "doctor", "roles": ["clinician"]}
    answer: dict[str, Any] = scene.stage.api(scene.stage.clinician("it"), "POST", "/people", wish).json()
    return str(answer["person"]["id"]), str(answer["one_time_password"])


def confirming(scene: Scene, person: str, **words: bool) -> httpx.Response:
    return scene.stage.api(scene.stage.clinician("dr.a"), "POST", f"/people/{person}/confirm", words)


def opening(who: Browser, scene: Scene) -> int:
    csrf = who.whoami().json()["csrf"]
    return who.client.post(f"/api/suggestions/{new_case(scene.stage)}/open", headers={"x-csrf-token": csrf}).status_code


def with_password(scene: Scene, login: str, password: str) -> httpx.Response:
    return httpx.post(f"{scene.stage.base}/api/session", json={"login": login, "password": password, "bearer": True}, timeout=20)


def test_who_was_seen_to_sign_in_with_the_provider_signs_and_the_one_time_password_is_no_way_in_any_more(scene: Scene) -> None:
    person, known = made(scene, "dr.one")
    doctor = scene.signed_in("dr.one")
    assert opening(doctor, scene) == 403
    waiting = with_password(scene, "dr.one", known).json()["token"]
    assert confirming(scene, person, **KNOW, **SAW).status_code == 200
    assert opening(doctor, scene) == 200
    assert with_password(scene, "dr.one", known).status_code == 401
    tried = {"current": known, "new": "seven herons over the canal"}
    left = httpx.post(f"{scene.stage.base}/api/password", json=tried, headers={"authorization": f"Bearer {waiting}"}, timeout=20)
    assert left.status_code == 401
    entry = scene.stage.entries("config_changed")[-1]["detail"]
    assert (entry["change"], entry["saw"], scene.stage.verified().ok) == ("person_confirmed", "provider", True)


def test_a_password_that_it_has_chosen_itself_ends_as_well(scene: Scene) -> None:
    """Hospital IT signs in as the doctor and chooses a password; the doctor, later, comes by the provider."""
    person, known = made(scene, "dr.two")
    token = with_password(scene, "dr.two", known).json()["token"]
    chosen = {"current": known, "new": "seven herons over the canal"}
    thief = httpx.post(f"{scene.stage.base}/api/password", json=chosen, headers={"authorization": f"Bearer {token}"}, timeout=20).json()
    scene.signed_in("dr.two")
    assert confirming(scene, person, **KNOW, **SAW).status_code == 200
    assert with_password(scene, "dr.two", "seven herons over the canal").status_code == 401
    kept = httpx.get(f"{scene.stage.base}/api/session", headers={"authorization": f"Bearer {thief['token']}"}, timeout=20)
    assert kept.status_code == 401


def test_nobody_is_confirmed_as_seen_who_has_not_signed_in_since(scene: Scene) -> None:
    person, _ = made(scene, "dr.three")
    answer = confirming(scene, person, **KNOW, **SAW)
    assert (answer.status_code, "has not signed in" in answer.json()["detail"]) == (409, True)
    scene.signed_in("dr.three")
    assert scene.stage.api(scene.stage.clinician("it"), "POST", f"/people/{person}/password").status_code == 200
    assert confirming(scene, person, **KNOW, **SAW).status_code == 409, "the sign-in was before the new password"


def test_nobody_is_confirmed_as_having_chosen_a_password_who_has_not(scene: Scene) -> None:
    person, _ = made(scene, "dr.four")
    scene.signed_in("dr.four")
    answer = confirming(scene, person, **KNOW, **CHOSE)
    assert (answer.status_code, answer.json()["code"]) == (409, "nothing_to_confirm")
    assert "in front of you" in answer.json()["detail"]


@pytest.mark.parametrize("words", [KNOW, KNOW | CHOSE | SAW, SAW])
def test_a_confirmation_says_one_thing_that_was_seen(scene: Scene, words: dict[str, bool]) -> None:
    person, _ = made(scene, f"dr.five.{len(words)}{'i_saw_them_sign_in' in words}")
    assert confirming(scene, person, **words).status_code == 422


def test_neither_it_nor_the_person_confirms_in_this_way(scene: Scene) -> None:
    person, _ = made(scene, "dr.six")
    own = scene.signed_in("dr.six")
    answer = own.client.post(f"/api/people/{person}/confirm", json=KNOW | SAW, headers={"x-csrf-token": own.whoami().json()["csrf"]})
    by_it = scene.stage.api(scene.stage.clinician("it"), "POST", f"/people/{person}/confirm", KNOW | SAW)
    assert (answer.status_code, by_it.status_code) == (403, 403)


def test_the_page_says_what_the_confirmation_does_to_the_password_in_both_languages(scene: Scene) -> None:
    person, known = made(scene, "dr.seven")
    doctor = scene.signed_in("dr.seven")
    colleague = scene.signed_in("dr.a")
    pages = {language: colleague.client.get(f"/account?lang={language}").text for language in ("fr", "en")}
    assert "cesse de fonctionner dès votre confirmation" in pages["fr"]
    assert "stops working with your confirmation" in pages["en"]
    [csrf, *_] = re.findall(r'name="csrf" value="([^"]+)"', pages["en"])
    ticked = {"csrf": csrf, "i_know_this_person": "yes"}
    address = f"/account/people/{person}/confirm"
    assert colleague.client.post(address, data=ticked).status_code == 400
    assert colleague.client.post(address, data={**ticked, "i_saw_them_sign_in": "yes"}).status_code == 303
    assert (opening(doctor, scene), with_password(scene, "dr.seven", known).status_code) == (200, 401)


def test_a_sign_in_with_the_provider_that_nobody_saw_ends_when_the_password_is_confirmed(scene: Scene) -> None:
    """Hospital IT ties an account to an identity of its own at the provider, and waits there until it is confirmed."""
    person, known = made(scene, "dr.eight")
    thief = scene.signed_in("dr.eight")
    token = with_password(scene, "dr.eight", known).json()["token"]
    chosen = {"current": known, "new": "seven herons over the canal"}
    httpx.post(f"{scene.stage.base}/api/password", json=chosen, headers={"authorization": f"Bearer {token}"}, timeout=20)
    thief = scene.signed_in("dr.eight")
    assert thief.whoami().status_code == 200
    assert confirming(scene, person, **KNOW, **CHOSE).status_code == 200
    assert thief.whoami().status_code == 401
    assert with_password(scene, "dr.eight", "seven herons over the canal").status_code == 201


def test_whoever_confirms_reads_whom_the_provider_lets_in(scene: Scene) -> None:
    person, _ = made(scene, "dr.nine")
    names = {"ehr_user": "fhir-user-of-somebody"}
    assert scene.stage.api(scene.stage.clinician("it"), "PUT", f"/people/{person}/names", names).status_code == 200
    page = scene.signed_in("dr.a").client.get("/account?lang=en").text
    assert ("lets in whoever is called so there" in page, "fhir-user-of-somebody, dr.nine" in page) == (True, True)
