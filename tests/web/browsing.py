"""How the pages' tests browse: a client with cookies, forms filled from the page that is on screen."""

from __future__ import annotations

import re
import threading
from html import unescape
from typing import TYPE_CHECKING
from uuid import uuid4

if TYPE_CHECKING:
    import httpx

    from tests.stage import Stage

POINTER = "/choices/0/message/content"
NAMES = ("csrf", "lease", "shown_sha256")


def field(page: httpx.Response, name: str) -> str:
    """The value of a hidden field."""
    found = re.search(rf'name="{re.escape(name)}" value="([^"]*)"', page.text)
    assert found, page.text[:3000]
    return unescape(found[1])


def form(page: httpx.Response, **more: str) -> dict[str, str]:
    """The hidden fields of the decision form, with what a person fills in."""
    return {name: field(page, name) for name in NAMES} | more


def signed_in(stage: Stage, browser: httpx.Client, login: str = "dr.a") -> httpx.Response:
    """Sign in as somebody."""
    doctor = stage.clinician(login)
    page = browser.post("/sign-in", data={"login": login, "password": doctor.password})
    assert page.status_code == 200
    return page


def held(stage: Stage, task: str = "refusing", question: object = "") -> tuple[str, list[httpx.Response], threading.Thread]:
    """A call that waits for its signature: the suggestion, what its caller got so far, its thread."""
    answers: list[httpx.Response] = []
    body = {"model": "reader", "messages": [{"role": "user", "content": question or uuid4().hex}]}
    thread = threading.Thread(target=lambda: answers.append(stage.post(task, "/v1/chat/completions", body)), daemon=True)
    thread.start()
    return stage.clinician().waiting(task), answers, thread


def opened(browser: httpx.Client, suggestion: str) -> httpx.Response:
    """The case page, after its button was pressed."""
    return browser.post(f"/review/{suggestion}/open", data={"csrf": field(browser.get("/queue"), "csrf")})


def released(stage: Stage, suggestion: str) -> httpx.Response:
    """What the caller gets of a suggestion now, by its address."""
    return stage.get(f"/suggestions/{suggestion}")
