"""Refusals over HTTP follow Accept-Language: title and detail in French where a person asks for it, whatever refuses (RFC 9457)."""

from __future__ import annotations

import json
import socket
from typing import TYPE_CHECKING, Any
from urllib.parse import urlsplit

import httpx
import pytest
from fastapi import FastAPI

from gateway.api.problems import install
from gateway.errors import GarantError, Slowed
from tests.contracts.refusals import FAMILY
from tests.stage import Stage, built
from tests.web.browsing import signed_in

if TYPE_CHECKING:
    from collections.abc import Iterator

MEBIBYTE = 2**20
TOO_MUCH = {"json": {"login": "x", "password": "x" * MEBIBYTE}}
FROM_THE_FRAME: dict[str, tuple[str, str, dict[str, Any]]] = {
    "too large": ("POST", "/api/session", TOO_MUCH),
    "no such address": ("GET", "/api/nowhere", {}),
    "no such method": ("DELETE", "/api/queue", {}),
    "not as it should be": ("POST", "/api/session", {"json": {"login": 3}}),
    "not JSON": ("POST", "/api/session", {"content": b"{", "headers": {"content-type": "application/json"}}),
    "nobody": ("GET", "/api/queue", {}),
    "wrong password": ("POST", "/api/session", {"json": {"login": "nobody", "password": "x"}}),
}


@pytest.fixture(scope="module")
def stage(postgres_server: str) -> Iterator[Stage]:
    yield from built(postgres_server)


def refusal(kind: str) -> GarantError:
    one = FAMILY[kind]
    if one is Slowed:
        return Slowed("English words.", seconds=1, fr="Des mots français.")
    return one("English words.", fr="Des mots français.")


@pytest.mark.parametrize("kind", sorted(FAMILY))
@pytest.mark.parametrize("language", ["fr", "en"])
async def test_every_class_is_told_in_the_language_that_was_asked_for(kind: str, language: str) -> None:
    app, error = FastAPI(), refusal(kind)
    install(app)

    @app.get("/refused")
    async def refused() -> None:
        raise error

    transport = httpx.ASGITransport(app, raise_app_exceptions=False)
    async with httpx.AsyncClient(transport=transport, base_url="http://garant.test", headers={"accept-language": language}) as client:
        answer = await client.get("/refused")
    told = answer.json()
    title, detail = (error.title, error.message) if language == "en" else (error.title_fr, error.fr)
    assert (told["title"], told["detail"], told["code"]) == (title, detail, error.code)
    assert (answer.status_code, answer.headers["content-language"]) == (error.status, language)


def asked(stage: Stage, case: str, language: str) -> httpx.Response:
    method, path, more = FROM_THE_FRAME[case]
    headers = {"accept-language": language, **more.get("headers", {})}
    return httpx.request(method, stage.base + path, timeout=30, **{**more, "headers": headers})


@pytest.mark.parametrize("case", FROM_THE_FRAME)
def test_what_the_frame_refuses_is_told_in_french_and_in_english(stage: Stage, case: str) -> None:
    french, english = (asked(stage, case, language) for language in ("fr-FR,fr;q=0.9,en;q=0.5", "en"))
    assert (french.headers["content-language"], english.headers["content-language"]) == ("fr", "en")
    assert (french.status_code, french.json()["code"]) == (english.status_code, english.json()["code"])
    assert all(french.json()[part] != english.json()[part] for part in ("title", "detail"))


def test_what_is_wrong_with_a_part_is_told_in_french_too(stage: Stage) -> None:
    body = {"json": {"login": 3, "password": "x"}}
    answer = httpx.post(f"{stage.base}/api/session", headers={"accept-language": "fr"}, timeout=20, **body)  # type: ignore[arg-type]
    assert answer.json()["errors"] == [{"pointer": "/login", "reason": "un texte est attendu"}]


def stalled(base: str, head: str) -> str:
    """What is answered to a request whose body does not come."""
    parts = urlsplit(base)
    with socket.create_connection((str(parts.hostname), int(parts.port or 0)), timeout=20) as line:
        line.sendall(head.format(host=parts.netloc).replace("\n", "\r\n").encode())
        answer = b""
        while chunk := line.recv(65536):
            answer += chunk
    return answer.decode()


def test_a_body_that_stops_arriving_is_given_up_in_french(stage: Stage) -> None:
    head = "POST /api/session HTTP/1.1\nHost: {host}\nAccept-Language: fr\nContent-Length: 100\nConnection: close\n\n{{"
    answer = stalled(stage.base, head)
    assert "elle a été abandonnée" in json.loads(answer.partition("\r\n\r\n")[2])["detail"]


@pytest.fixture
def browser(stage: Stage) -> Iterator[httpx.Client]:
    with httpx.Client(base_url=stage.base, follow_redirects=True, headers={"accept-language": "fr"}, timeout=30) as client:
        yield client


@pytest.mark.parametrize(("language", "told"), [("fr", "raccourcissez ce que vous envoyez"), ("en", "shorten what you send")])
def test_a_form_that_is_too_large_is_refused_on_a_page_in_the_person_s_language(
    stage: Stage, browser: httpx.Client, language: str, told: str
) -> None:
    signed_in(stage, browser)
    browser.get(f"/queue?lang={language}")
    answer = browser.post("/preferences", data={"csrf": "x", "theme": "x" * (5 * MEBIBYTE)})
    assert (answer.status_code, told in answer.text, f'<html lang="{language}"' in answer.text) == (413, True, True)
    assert answer.headers["content-security-policy"]


def test_a_stranger_s_form_that_is_too_large_is_refused_on_a_page_too(browser: httpx.Client) -> None:
    answer = browser.post("/sign-in", data={"login": "x" * (5 * MEBIBYTE)})
    assert (answer.status_code, "raccourcissez" in answer.text, "<html" in answer.text) == (413, True, True)
