"""Somebody at a browser: signs in, opens, signs; and what the browser saw while they did."""

from __future__ import annotations

import threading
from dataclasses import dataclass, field
from typing import TYPE_CHECKING, Any
from urllib.parse import urlsplit

from axe_playwright_python.sync_playwright import Axe

if TYPE_CHECKING:
    import httpx
    from playwright.sync_api import Browser, BrowserContext, ConsoleMessage, Page, Request

    from tests.stage import Stage

LOCALES = {"fr": "fr-FR", "en": "en-GB"}
RULES = {"runOnly": ["wcag2a", "wcag2aa", "wcag21a", "wcag21aa", "wcag22aa", "best-practice"]}


@dataclass
class Visit:
    """One browser window of one person.

    Args:
        strangers: requests to another origin; there must be none.
        complaints: what the console said of errors and of the content security policy.
    """

    stage: Stage
    context: BrowserContext
    page: Page
    language: str
    strangers: list[str] = field(default_factory=list)
    complaints: list[str] = field(default_factory=list)

    @classmethod
    def begin(cls, browser: Browser, stage: Stage, language: str, theme: str, *, script: bool) -> Visit:
        """A new window with nothing remembered."""
        scheme: Any = theme
        context = browser.new_context(
            base_url=stage.base,
            locale=LOCALES[language],
            color_scheme=scheme,
            java_script_enabled=script,
            viewport={"width": 1366, "height": 768},
        )
        context.set_default_timeout(10_000)
        visit = cls(stage, context, context.new_page(), language)
        context.on("request", visit._requested)
        context.on("console", visit._said)
        return visit

    def end(self) -> None:
        """Close the window; nothing strange may have happened."""
        self.context.close()
        assert (self.strangers, self.complaints) == ([], [])

    def sign_in(self, login: str = "dr.a") -> Page:
        """Sign in by the form, with the password that the person has chosen."""
        password = self.stage.clinician(login).password
        self.page.goto("/")
        self.page.locator("input[name=login]").fill(login)
        self.page.locator("input[name=password]").fill(password)
        self.page.keyboard.press("Enter")
        self.page.wait_for_url("**/queue**" if login.startswith("dr") else "**")
        return self.page

    def violations(self) -> list[str]:
        """What axe-core finds on the page as it is now."""
        found = Axe().run(self.page, options=RULES).response["violations"]
        return [f"{one['id']}: {node['target']} {node['html'][:160]}" for one in found for node in one["nodes"]]

    def _requested(self, request: Request) -> None:
        if urlsplit(request.url).netloc != urlsplit(self.stage.base).netloc and not request.url.startswith("data:"):
            self.strangers.append(request.url)

    def _said(self, message: ConsoleMessage) -> None:
        if message.type == "error" and "status of 4" not in message.text:
            self.complaints.append(message.text)


@dataclass
class Waiting:
    """A call that is held until somebody signs, on a thread of its own."""

    answers: list[httpx.Response]
    thread: threading.Thread

    @classmethod
    def call(cls, stage: Stage, task: str = "diagnosis", replica: int = 0) -> Waiting:
        """Call and wait."""
        answers: list[httpx.Response] = []
        thread = threading.Thread(target=lambda: answers.append(stage.chat(task, replica=replica)), daemon=True)
        thread.start()
        return cls(answers, thread)

    def answer(self, seconds: float = 15.0) -> httpx.Response:
        """The answer, once it came."""
        self.thread.join(seconds)
        assert self.answers, f"no answer within {seconds:g} s"
        return self.answers[0]
