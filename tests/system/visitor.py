"""Somebody at a browser: signs in, opens, signs; and what the browser saw while they did."""

from __future__ import annotations

from dataclasses import dataclass, field
from typing import TYPE_CHECKING, Any
from urllib.parse import urlsplit

from axe_playwright_python.base import AXE_SCRIPT as AXE

if TYPE_CHECKING:
    from collections.abc import Mapping

    from playwright.sync_api import Browser, BrowserContext, ConsoleMessage, Page, Request

    from tests.stage import Stage
    from tests.system.ward import Waiting

SCREEN = {"width": 1366, "height": 768}
LOCALES = {"fr": "fr-FR", "en": "en-GB"}
RULES: Mapping[str, object] = {
    "runOnly": ["wcag2a", "wcag2aa", "wcag21a", "wcag21aa", "wcag22aa", "best-practice"],
    "resultTypes": ["violations"],
}
COOKIE = "garant_session"


@dataclass
class Visit:
    """One browser window of one person.

    Args:
        base: the address of the replica that answers.
        friends: hosts that a page may lead to, and whose own pages are not ours to watch.
        strangers: requests to another origin; there must be none.
        complaints: what the console said of errors and of the content security policy.
        cut: the test cuts the line, so that failed requests are expected.
    """

    stage: Stage
    context: BrowserContext
    page: Page
    language: str
    base: str
    friends: frozenset[str] = frozenset()
    strangers: list[str] = field(default_factory=list)
    complaints: list[str] = field(default_factory=list)
    cut: bool = False

    @classmethod
    def begin(
        cls,
        browser: Browser,
        stage: Stage,
        language: str,
        theme: str,
        *,
        script: bool,
        base: str = "",
        friends: frozenset[str] = frozenset(),
    ) -> Visit:
        """A new window with nothing remembered."""
        scheme: Any = theme
        base = base or stage.base
        context = browser.new_context(
            base_url=base,
            locale=LOCALES[language],
            color_scheme=scheme,
            reduced_motion="reduce",
            java_script_enabled=script,
            viewport=SCREEN,  # type: ignore[arg-type]
        )
        context.set_default_timeout(10_000)
        visit = cls(stage, context, context.new_page(), language, base, friends)
        context.on("request", visit._requested)
        context.on("console", visit._said)
        return visit

    def end(self) -> None:
        """Close the window; nothing strange may have happened."""
        self.context.close()
        assert not self.strangers + self.complaints, (self.strangers, self.complaints)

    def sign_in(self, login: str = "dr.a") -> Page:
        """Sign in by the form, with the password that the person has chosen."""
        self.page.goto("/")
        self.page.locator("input[name=login]").fill(login)
        self.page.locator("input[name=password]").fill(self.password(login))
        self.page.keyboard.press("Enter")
        self.page.wait_for_url("**/queue**" if login.startswith("dr") else "**")
        return self.page

    def come(self, login: str = "dr.a", path: str = "/queue") -> Page:
        """Be signed in already, and open a page."""
        self.stage.clinician(login)
        self.context.add_cookies([{"name": COOKIE, "value": self.stage.people[login].token, "url": self.base}])
        self.page.goto(path)
        return self.page

    def password(self, login: str = "dr.a") -> str:
        """What this person signs with."""
        return self.stage.clinician(login).password

    def open_case(self, waiting: Waiting, login: str = "dr.a") -> Page:
        """Open a case from the queue with its own button, and wait until the guard against double presses is over."""
        page = self.come(login)
        page.locator(f"form[action='/review/{waiting.id}/open'] button").click()
        page.wait_for_url(f"**/review/{waiting.id}**")
        self.armed()
        return page

    def at_case(self, waiting: Waiting, login: str = "dr.a") -> Page:
        """The page of a case that this person opened just now."""
        opened = self.stage.api(self.stage.clinician(login), "POST", f"/suggestions/{waiting.id}/open", {})
        assert opened.status_code == 200, opened.text
        self.come(login, f"/review/{waiting.id}")
        self.armed()
        return self.page

    def armed(self) -> None:
        """Wait until the guard of the page is over."""
        self.page.locator(".case:not(.arming)").wait_for()

    def themed(self, theme: str) -> Page:
        """The page as it is, in another theme: by the system's choice, or as if it was chosen in the preferences."""
        chosen: Any = theme if theme in {"light", "dark"} else None
        if chosen:
            self.page.emulate_media(color_scheme=chosen)
        else:
            self.page.evaluate("theme => { document.documentElement.dataset.theme = theme; }", theme)
        return self.page

    def violations(self, *rules: str) -> list[str]:
        """What axe-core finds on the page as it is now, by all rules or by these alone."""
        if not self.page.evaluate("'axe' in window"):
            self.page.evaluate(AXE)
        asked = {**RULES, **({"runOnly": {"type": "rule", "values": list(rules)}} if rules else {})}
        found = self.page.evaluate("rules => axe.run(rules).then(found => found.violations)", asked)
        return [f"{one['id']}: {node['target']} {node['html'][:160]}" for one in found for node in one["nodes"]]

    def _requested(self, request: Request) -> None:
        asked, asking = urlsplit(request.url), urlsplit(request.frame.url)
        ours = asked.netloc in self.friends | {urlsplit(self.base).netloc} or asked.scheme in {"data", "about"}
        if not ours and asking.netloc not in self.friends:
            self.strangers.append(request.url)

    def _said(self, message: ConsoleMessage) -> None:
        left = message.text.endswith("net::ERR_FAILED")  # a request under way when its page was left; a forbidden one is in `strangers`
        expected = left or "status of 4" in message.text or (self.cut and "net::ERR_" in message.text)
        theirs = bool(self.friends) and urlsplit(message.location["url"]).netloc != urlsplit(self.base).netloc
        if message.type == "error" and not expected and not theirs:
            self.complaints.append(message.text)
