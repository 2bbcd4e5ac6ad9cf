"""What lies outside the configuration: addresses that are reached and secrets that open them. No default secret passes."""

from __future__ import annotations

import base64
import binascii
import re
from typing import TYPE_CHECKING, Final
from urllib.parse import SplitResult, urlsplit

from gateway.configuration.findings import Finding

if TYPE_CHECKING:
    from collections.abc import Iterator, Mapping

    from gateway.settings import Bucket, Settings

_WEAK: Final = frozenset({"secret", "password", "default", "admin", "test", "example", "garant", "xxx", "todo"})
_PLACEHOLDER: Final = re.compile(r"change.?(?:me|it)|placeholder|^<.*>$|^your[-_ ]|^\$\{.*\}$|^(?:0?123456789?0?|12345678)$")
LOOPBACK: Final = frozenset({"127.0.0.1", "localhost", "::1"})
_EVERYWHERE: Final = frozenset({"0.0.0.0", "::"})  # noqa: S104 - recognised, not listened on
_SHORTEST_SECRET: Final = 8
_FEWEST_CHARACTERS: Final = 4
_PORTS: Final = {"http": 80, "https": 443}
_HOST: Final = re.compile(r"[A-Za-z0-9](?:[A-Za-z0-9.:-]*[A-Za-z0-9])?")


def secrets(settings: Settings, environ: Mapping[str, str]) -> Iterator[Finding]:
    """Secrets that the environment lacks, or that are defaults, placeholders or unusable."""
    for n, system in enumerate(settings.systems):
        yield from secret(("systems", n, "upstream", "secret_env"), system.upstream.secret_env, environ)
    for n, bucket in enumerate(settings.publication.buckets):
        yield from _bucket(("publication", "buckets", n), bucket, environ)
    for n, webhook in enumerate(settings.webhooks):
        path, variable = ("webhooks", n, "secret_env"), webhook.secret_env
        found = list(secret(path, variable, environ))
        yield from found
        if variable is not None and not found and not _base64(environ[variable].removeprefix("whsec_")):
            yield Finding(path, f"{variable} is no Standard Webhooks secret", "set the receiver's secret: whsec_ and base64")


def _bucket(path: tuple[str | int, ...], bucket: Bucket, environ: Mapping[str, str]) -> Iterator[Finding]:
    if not environ.get(bucket.key_id_env):
        yield Finding((*path, "key_id_env"), f"the environment has no {bucket.key_id_env}", f"export {bucket.key_id_env} before the start")
    yield from secret((*path, "secret_env"), bucket.secret_env, environ)


def addresses(settings: Settings) -> Iterator[Finding]:
    """Addresses that are none, unencrypted, with credentials, or the gateway's own."""
    public = _split(settings.server.public_url)
    if public is None or public.scheme not in {"http", "https"} or not public.hostname:
        yield Finding(("server", "public_url"), "public_url is no web address", "write it like https://garant.example.org")
    else:
        yield from _encryption(settings, public)
    yield from _upstreams(settings)
    if not _HOST.fullmatch(settings.establishment.host):
        cause = "the host is part of the log's name and is no host name"
        yield Finding(("establishment", "host"), cause, "write it like garant.example.org, without scheme, path or spaces")


def secret(path: tuple[str | int, ...], variable: str | None, environ: Mapping[str, str]) -> Iterator[Finding]:
    """What is wrong with a secret that the environment has to hold."""
    if variable is None:
        return
    if variable not in environ:
        yield Finding(path, f"the environment has no {variable}", f"export {variable} before the start")
    elif _weak(environ[variable].strip().lower()):
        cause = f"{variable} holds a default or too short a secret"
        yield Finding(path, cause, "set the real secret, at least 8 characters; there are no default secrets")


def _weak(value: str) -> bool:
    short = len(value) < _SHORTEST_SECRET or len(set(value)) < _FEWEST_CHARACTERS
    return short or value in _WEAK or _PLACEHOLDER.search(value) is not None


def _base64(text: str) -> bool:
    try:
        return bool(base64.b64decode(text, validate=True))
    except (binascii.Error, ValueError):
        return False


def _encryption(settings: Settings, public: SplitResult) -> Iterator[Finding]:
    if public.scheme != "http":
        return
    if settings.profile == "production" and public.hostname not in LOOPBACK:
        fix = "use https, with the proxy or load balancer in front that ends TLS"
        yield Finding(("server", "public_url"), "public_url is not encrypted", fix)
    if settings.profile == "pilot" and settings.server.host not in LOOPBACK:
        cause = "the gateway listens beyond this machine without TLS"
        yield Finding(("server", "host"), cause, "put a TLS proxy in front, or listen on 127.0.0.1", "warning")


def own_doors(settings: Settings) -> set[tuple[str, int | None]]:
    """Host and port of the gateway itself, as it listens and as it is reached."""
    public = _split(settings.server.public_url)
    own = {door(public)} if public is not None else set()
    if settings.server.port:
        own.add((_same(settings.server.host), settings.server.port))
    return own


def door(url: SplitResult) -> tuple[str, int | None]:
    """Host and port of an address; all names of this machine are one."""
    return _same(url.hostname or ""), url.port or _PORTS.get(url.scheme)


def _upstreams(settings: Settings) -> Iterator[Finding]:
    own = own_doors(settings)
    for n, system in enumerate(settings.systems):
        path, url = ("systems", n, "upstream", "url"), urlsplit(str(system.upstream.url))
        if url.username or url.password:
            yield Finding(path, "the address holds credentials", "take them out and use secret_env")
        if door(url) in own:
            cause = "the AI system's address is the gateway's own: every call would run in a circle"
            yield Finding(path, cause, "write the AI system's address")


def _split(text: str) -> SplitResult | None:
    try:
        parts = urlsplit(text)
        _ = parts.port
    except ValueError:
        return None
    return parts


def _same(host: str) -> str:
    """One name for this machine, however it is written."""
    return "localhost" if host in LOOPBACK | _EVERYWHERE else host.lower()
