"""A gateway that signs people in with a provider, and a browser that walks there and back."""

from __future__ import annotations

import os
from dataclasses import dataclass, field
from typing import TYPE_CHECKING
from urllib.parse import urlsplit

import httpx

from tests.fakes.identity_provider import CLIENT, SECRET, IdentityProvider
from tests.stage import Stage, built

if TYPE_CHECKING:
    from collections.abc import Iterator

DEAD = "http://127.0.0.1:9/fhir"
CONFIGURATION = """
[identity]
methods = {methods}
[identity.oidc]
issuer = "{issuer}"
client_id = "{client}"
secret_env = "TEST_OIDC"
profile = "keycloak"
acr_values = ["eidas1"]
amr_values = ["otp", "hwk"]
name = {{ fr = "Compte du CHU", en = "Hospital account" }}
[[identity.launches]]
iss = "{issuer}"
client_id = "{client}"
secret_env = "TEST_OIDC"
case = "encounter"
[[identity.launches]]
iss = "{dead}"
client_id = "{client}"
"""


@dataclass(frozen=True)
class Scene:
    """Gateway and provider."""

    stage: Stage
    provider: IdentityProvider
    browsers: list[Browser] = field(default_factory=list)

    def browser(self) -> Browser:
        """Somebody's browser, in English, without any cookie."""
        self.browsers.append(Browser(self))
        return self.browsers[-1]

    def close(self) -> None:
        """Close every browser."""
        for browser in self.browsers:
            browser.client.close()
        self.browsers.clear()

    def codes(self) -> list[str]:
        """The codes of the refused sign-ins so far."""
        return [entry["detail"]["act"].partition(":")[2] for entry in self.stage.entries("auth_failed")]

    def signed_in(self, login: str) -> Browser:
        """A browser of somebody who signed in with the provider."""
        self.provider.claims = {"preferred_username": login}
        browser = self.browser()
        assert browser.walk().status_code == 200
        return browser


class Browser:
    """Walks redirects by hand, as the addresses of the test's gateway are not those it is configured with."""

    def __init__(self, scene: Scene) -> None:
        self.scene = scene
        self.client = httpx.Client(
            base_url=scene.stage.base, headers={"accept-language": "en", "user-agent": "Firefox on Linux"}, timeout=20
        )

    def leave(self, path: str) -> str:
        """Begin; the address at the provider."""
        answer = self.client.get(path)
        assert answer.status_code == 303, answer.text
        return answer.headers["location"]

    def return_address(self, there: str) -> str:
        """What the provider sends back with, as a path of the gateway."""
        with httpx.Client(timeout=20) as outside:
            back = urlsplit(outside.get(there).headers["location"])
        return f"{back.path}?{back.query}"

    def walk(self, path: str = "/sign-in/oidc") -> httpx.Response:
        """There and back."""
        return self.client.get(self.return_address(self.leave(path)))

    @property
    def session(self) -> str | None:
        """The session's cookie."""
        return self.client.cookies.get("garant_session")

    def whoami(self) -> httpx.Response:
        """Who the gateway takes us for."""
        return self.client.get("/api/session")


def opened_scene(server: str, methods: str = '["password", "oidc"]') -> Iterator[Scene]:
    """Gateway and provider, running; `methods`: as the configuration names them."""
    os.environ["TEST_OIDC"] = SECRET
    with IdentityProvider() as provider:
        text = CONFIGURATION.format(issuer=provider.issuer, client=CLIENT, dead=DEAD, methods=methods)
        for stage in built(server, extra=text, environ={"TEST_OIDC": SECRET}):
            yield Scene(stage, provider)
