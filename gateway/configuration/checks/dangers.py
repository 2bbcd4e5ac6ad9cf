"""What is well-formed and would do harm: addresses that hide Garant's own, unencrypted calls, limits that cannot be reached."""

from __future__ import annotations

import re
from typing import TYPE_CHECKING, Final, Literal
from urllib.parse import urlsplit

from gateway.configuration.checks.cards import cards
from gateway.configuration.checks.reaching import LOOPBACK, door, own_doors
from gateway.configuration.findings import Finding

if TYPE_CHECKING:
    from collections.abc import Iterator, Mapping

    from gateway.settings import Settings

_OWN: Final = frozenset(
    {
        "", "account", "administration", "api", "audit", "call", "health", "holds", "impact", "launch", "log", "metrics", "next", "password",
        "preferences", "queue", "review", "sign-in", "sign-out", "static", "stops", "suggestions", "v1", "v2",
    }
)  # fmt: skip
_PATH: Final = re.compile(r"/[A-Za-z0-9._~!$&'()*+,;=:@/-]*")
_HEADER: Final = re.compile(r"[A-Za-z0-9!#$%&'*+.^_`|~-]+")


def dangers(settings: Settings, environ: Mapping[str, str]) -> Iterator[Finding]:
    """Every dangerous choice of a well-shaped configuration."""
    yield from _paths(settings)
    yield from _systems(settings, environ)
    yield from _hooks(settings)
    yield from cards(settings)
    if not settings.establishment.sites:
        yield Finding(("establishment", "sites"), "the establishment has no site", 'name at least one, like sites = ["main"]')


def _paths(settings: Settings) -> Iterator[Finding]:
    plain = {system.id for system in settings.systems if system.protocol == "json"}
    seen: dict[tuple[str, str], str] = {}
    for n, route in enumerate(settings.routes):
        if route.system not in plain or not route.path:
            continue
        if route.path.split("/")[1:2] and route.path.split("/")[1] in _OWN:
            cause = f"'{route.path}' is an address of Garant itself: it would take sign-in, health or other protocols out of service"
            yield Finding(("routes", n, "path"), cause, "serve the AI system at a path of its own, like /predict")
        elif not _PATH.fullmatch(route.path):
            yield Finding(
                ("routes", n, "path"), f"no call can reach '{route.path}'", "write the path alone, without query, spaces or escapes"
            )
        if seen.setdefault((route.task, route.path), route.system) != route.system:
            cause = f"'{route.path}' reaches two AI systems for the task '{route.task}'; only the first would ever be asked"
            yield Finding(("routes", n, "path"), cause, "give each AI system a path of its own")


def _systems(settings: Settings, environ: Mapping[str, str]) -> Iterator[Finding]:
    for n, system in enumerate(settings.systems):
        upstream, place = system.upstream, ("systems", n, "upstream")
        if upstream.url.scheme == "http" and upstream.url.host not in LOOPBACK:
            cause = f"patients' data would travel to '{system.id}' unencrypted"
            if upstream.secret_env:
                cause = f"patients' data and a secret would travel to '{system.id}' unencrypted"
            severe: Literal["error", "warning"] = "error" if settings.profile == "production" else "warning"
            yield Finding((*place, "url"), cause, "use https, or a TLS proxy on this machine", severe)
        if not _HEADER.fullmatch(upstream.secret_header):
            yield Finding((*place, "secret_header"), f"'{upstream.secret_header}' is no header's name", 'write it like "authorization"')
        if not environ.get(upstream.secret_env or "", "x").isprintable():
            cause = f"{upstream.secret_env} holds a line break or another control character, so every call would fail"
            yield Finding((*place, "secret_env"), cause, "export the secret alone, without the line break at its end")
        if max(upstream.connect_seconds, upstream.first_byte_seconds) > upstream.total_seconds:
            cause = "total_seconds is over before the limit for connecting or for the first byte is"
            yield Finding((*place, "total_seconds"), cause, "make total_seconds the largest of the limits", "warning")


def _hooks(settings: Settings) -> Iterator[Finding]:
    own = own_doors(settings)
    for n, webhook in enumerate(settings.webhooks):
        if door(urlsplit(str(webhook.url))) in own:
            yield Finding(
                ("webhooks", n, "url"), "the webhook's address is the gateway's own: nobody would be told", "write the receiver's address"
            )
