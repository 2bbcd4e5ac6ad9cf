"""How people prove who they are: what a configuration has to offer so that somebody can sign in, and sign with two factors (R5)."""

from __future__ import annotations

from ipaddress import ip_address, ip_network
from typing import TYPE_CHECKING, Final
from urllib.parse import urlsplit

from gateway.configuration.checks.reaching import secret
from gateway.configuration.findings import Finding
from gateway.identity.methods import accepted
from gateway.identity.trust.proxies import network

if TYPE_CHECKING:
    from collections.abc import Iterator, Mapping

    from gateway.settings import Settings

_LOOPBACK: Final = frozenset({"127.0.0.1", "localhost", "::1"})


def identifying(settings: Settings, environ: Mapping[str, str]) -> Iterator[Finding]:
    """Every problem of `[identity]`, and of policies that ask for what it does not offer."""
    methods = settings.identity.methods
    if settings.profile == "production" and set(methods) <= {"password"}:
        cause = "production needs two factors for signatures, and this configuration has passwords only"
        yield Finding(("profile",), cause, 'add "passkey" or "oidc" to identity.methods, or use profile = "pilot"')
    elif not set(methods) & {"password", "oidc"}:
        cause = "nobody could sign in: passkeys sign decisions, they begin no session"
        yield Finding(("identity", "methods"), cause, 'add "password" or "oidc"')
    if ("oidc" in methods) != (settings.identity.oidc is not None):
        cause = '"oidc" among the methods and the table [identity.oidc] need each other'
        yield Finding(("identity", "methods"), cause, "write both or neither")
    yield from _proxies(settings)
    yield from _proofs(settings)
    yield from _passkeys(settings)
    yield from _providers(settings, environ)


def _proxies(settings: Settings) -> Iterator[Finding]:
    for n, written in enumerate(settings.identity.trusted_proxies):
        place = ("identity", "trusted_proxies", n)
        try:
            found = network(written)
        except ValueError:
            yield Finding(place, f"'{written}' is neither an address nor a network", _mended(written))
            continue
        if found.prefixlen == 0:
            cause = "everybody would be believed about where they come from, so nobody could be slowed down"
            yield Finding(place, cause, "name the proxies alone")


def _mended(written: str) -> str:
    """What to write instead; of a network with host bits, the network that holds the address."""
    try:
        meant = ip_network(written.strip(), strict=False)
    except ValueError:
        return 'write an address like "10.20.30.4" or a network like "10.20.0.0/16"'
    return f'write an address, or a network without host bits, here perhaps "{meant}"'


def _proofs(settings: Settings) -> Iterator[Finding]:
    offered = settings.identity.methods
    for n, policy in enumerate(settings.policies):
        missing = [method for method in policy.reauthenticate_with if method not in offered]
        place = ("policies", n, "reauthenticate_with")
        if missing:
            cause = f"signatures would rest on {', '.join(missing)}, which identity.methods does not offer"
            yield Finding(place, cause, f"name some of: {', '.join(offered)}")
        elif policy.reauthenticate_with and not accepted(policy, settings):
            yield Finding(place, "in production a password alone signs nothing", 'name "passkey" or "oidc"')


def _passkeys(settings: Settings) -> Iterator[Finding]:
    if "passkey" not in settings.identity.methods:
        return
    address = urlsplit(settings.server.public_url)
    if _is_number(address.hostname or ""):
        fix = "use a host name: https://garant.example.org, or http://localhost:8080 for a trial"
        yield Finding(("server", "public_url"), "browsers make no passkeys for an IP address", fix)
    elif address.scheme != "https" and address.hostname != "localhost":
        yield Finding(
            ("server", "public_url"), "browsers make passkeys under https only", "use https, or http://localhost:8080 for a trial"
        )


def _providers(settings: Settings, environ: Mapping[str, str]) -> Iterator[Finding]:
    identity = settings.identity
    if identity.oidc is not None:
        yield from secret(("identity", "oidc", "secret_env"), identity.oidc.secret_env, environ)
        yield from _encrypted(("identity", "oidc", "issuer"), str(identity.oidc.issuer))
    seen: set[str] = set()
    for n, launch in enumerate(identity.launches):
        iss = str(launch.iss).rstrip("/")
        yield from secret(("identity", "launches", n, "secret_env"), launch.secret_env, environ)
        yield from _encrypted(("identity", "launches", n, "iss"), iss)
        if iss in seen:
            yield Finding(("identity", "launches", n, "iss"), f"'{iss}' stands here twice", "keep one of the two")
        seen.add(iss)


def _encrypted(place: tuple[str | int, ...], url: str) -> Iterator[Finding]:
    parts = urlsplit(url)
    if parts.scheme != "https" and parts.hostname not in _LOOPBACK:
        yield Finding(place, "people's identity would come unencrypted", "write the address with https")


def _is_number(host: str) -> bool:
    try:
        ip_address(host)
    except ValueError:
        return False
    return True
